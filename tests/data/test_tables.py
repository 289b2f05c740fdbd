from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from groundup.data import tables
from groundup.data.datasets import Dataset
from groundup.errors import DataError

HEADER = ",".join(["label", *(f"pixel{index}" for index in range(784))])
Parts = tuple[Dataset, Dataset]


def lines(part: Dataset) -> list[str]:
    rows = np.column_stack([part.labels, part.images.reshape(len(part), -1)])
    return [",".join(map(str, row)) for row in rows.tolist()]


def write_lines(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_rows_are_read_with_a_header_or_without(tmp_path: Path, parts: Parts, header: bool, newline: str) -> None:
    rows = [HEADER] * header + lines(parts[0])
    (tmp_path / "a.csv").write_bytes(newline.join(rows).encode())
    images, labels = tables.read_table(tmp_path / "a.csv")
    assert np.array_equal(images, parts[0].images)
    assert np.array_equal(labels, parts[0].labels)
    assert images.dtype == labels.dtype == np.uint8


def test_a_gzipped_table_is_read(tmp_path: Path, parts: Parts) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *lines(parts[1])]).encode()))
    assert np.array_equal(tables.read_table(tmp_path / "a.csv.gz")[0], parts[1].images)


def test_one_file_is_divided_and_says_so(tmp_path: Path, parts: Parts) -> None:
    data = tables.read_file(write_lines(tmp_path / "digits.csv", [HEADER, *lines(parts[0])]))
    assert (data.name, data.train.name, data.test.name) == ("digits", "digits/train", "digits/test")
    assert data.origin == (
        f"the file {tmp_path / 'digits.csv'}; it has one part, "
        "of which a tenth (4 pictures) is held out as the test part"
    )
    assert len(data.train) == 36
    again = tables.read_file(tmp_path / "digits.csv")
    assert np.array_equal(data.test.images, again.test.images)


def test_a_folder_with_both_parts(tmp_path: Path, parts: Parts) -> None:
    write_lines(tmp_path / "mnist_train.csv", lines(parts[0]))
    write_lines(tmp_path / "mnist_test.csv", lines(parts[1]))
    data = tables.read_folder(tmp_path)
    assert data is not None
    assert np.array_equal(data.train.images, parts[0].images)
    assert np.array_equal(data.test.labels, parts[1].labels)
    assert data.origin == f"the folder {tmp_path}"


def test_kaggle_s_test_file_has_no_labels_and_is_not_used(tmp_path: Path, parts: Parts) -> None:
    write_lines(tmp_path / "train.csv", [HEADER, *lines(parts[0])])
    write_lines(tmp_path / "test.csv", [HEADER.partition(",")[2], lines(parts[1])[0].partition(",")[2]])
    data = tables.read_folder(tmp_path)
    assert data is not None
    assert (len(data.train), len(data.test)) == (36, 4)
    assert "held out" in data.origin


def test_a_folder_without_tables_is_none(tmp_path: Path) -> None:
    assert tables.read_folder(tmp_path) is None


def test_a_folder_with_two_of_a_kind_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "a_train.csv", ["1"])
    write_lines(tmp_path / "train.csv", ["1"])
    with pytest.raises(DataError, match=r"more than one file of the train part: a_train.csv, train.csv"):
        tables.read_folder(tmp_path)


GOOD = ",".join(["7"] + ["0"] * 784)
LONG = gzip.compress((GOOD + "\n").encode() * 1000, mtime=0)  # more than is read with the first row


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([""], "line 1: empty"),
        ([HEADER], "there is no row of pixels"),
        ([GOOD + ",0"], "line 1: 786 columns; a label and 784 pixels are 785"),
        ([GOOD.partition(",")[2]], "line 1: 784 columns; a label and 784 pixels are 785"),
        ([HEADER, GOOD, "", GOOD + ",0"], "line 4: 786 columns; a label and 784 pixels are 785"),
        ([HEADER, GOOD, "10" + GOOD[1:]], "line 3, column 1: '10' is not an integer from 0 to 9"),
        ([GOOD[:-1] + "256"], "line 1, column 785: '256' is not an integer from 0 to 255"),
        ([GOOD[:-1] + "-1"], "line 1, column 785: '-1' is not an integer from 0 to 255"),
        ([GOOD, GOOD[:-1] + "70000"], "line 2, column 785: '70000' is not an integer from 0 to 255"),
        ([GOOD[:-1] + "x"], "line 1, column 785: 'x' is not an integer from 0 to 255"),
        ([GOOD[:-1]], "line 1, column 785: '' is not an integer from 0 to 255"),
        ([GOOD[:-1] + "0.5"], "line 1, column 785: '0.5' is not an integer from 0 to 255"),
        (["-1" + GOOD[1:]], "line 1, column 1: '-1' is not an integer from 0 to 9"),
    ],
)
def test_broken_tables_are_refused(tmp_path: Path, rows: list[str], message: str) -> None:
    path = write_lines(tmp_path / "a.csv", rows)
    with pytest.raises(DataError, match=message) as caught:
        tables.read_table(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("a.csv", b"\x89PNG\r\n", "byte 0: not text in UTF-8"),
        ("a.csv.gz", b"label,1\n", "damaged or cut off gzip: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(GOOD.encode(), mtime=0)[:-9], "damaged or cut off gzip"),
        ("a.csv.gz", LONG[:-6] + b"0" + LONG[-5:], "damaged or cut off gzip: CRC check failed"),
        ("a.csv.gz", gzip.compress(GOOD.encode(), mtime=0)[:10] + b"\xff" * 20, "damaged or cut off gzip"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path: Path, name: str, contents: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(contents)
    with pytest.raises(DataError, match=message):
        tables.read_table(tmp_path / name)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.csv: cannot be read: No such file"):
        tables.read_table(tmp_path / "a.csv")
