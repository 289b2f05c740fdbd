from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundup.data import idx, idx_folders
from groundup.data.datasets import Dataset
from groundup.errors import DataError

Parts = tuple[Dataset, Dataset]


def write_named(folder: Path, parts: Parts, pattern: str, test: str) -> None:
    for part, role in zip(parts, ("train", test), strict=True):
        idx.write(folder / pattern.format(part=role, content="images", rank=3), part.images)
        idx.write(folder / pattern.format(part=role, content="labels", rank=1), part.labels)


def assert_equal(found: Parts, parts: Parts) -> None:
    for one, other in zip(found, parts, strict=True):
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.labels, other.labels)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("pattern", "test", "prefix"),
    [
        ("{part}-{content}-idx{rank}-ubyte", "t10k", ""),
        ("{part}-{content}.idx{rank}-ubyte", "t10k", ""),
        ("digits-{part}-{content}-idx{rank}-ubyte", "test", "digits-"),
    ],
)
def test_the_usual_names_are_found(
    tmp_path: Path, parts: Parts, pattern: str, test: str, prefix: str, ending: str
) -> None:
    write_named(tmp_path, parts, pattern + ending, test)
    (tmp_path / "readme.txt").write_text("not a data set")
    found = idx_folders.read(tmp_path, "name", prefix)
    assert_equal(found, parts)
    assert [part.name for part in found] == ["name/train", "name/test"]


def test_emnist_is_turned_upright(tmp_path: Path, parts: Parts) -> None:
    train, test = parts
    lying = tuple(Dataset(part.images.transpose(0, 2, 1), part.labels, part.name) for part in (train, test))
    write_named(tmp_path, (lying[0], lying[1]), "emnist-digits-{part}-{content}-idx{rank}-ubyte", "test")
    found = idx_folders.read(tmp_path, "emnist-digits", "emnist-digits-")
    assert_equal(found, parts)
    assert found[0].images.flags.c_contiguous


def test_of_qmnist_s_numbers_the_first_is_the_label(tmp_path: Path, parts: Parts) -> None:
    for part, role in zip(parts, ("train", "test"), strict=True):
        numbers = np.full((len(part), 8), 1000, dtype=np.int32)
        numbers[:, 0] = part.labels
        idx.write(tmp_path / f"qmnist-{role}-images-idx3-ubyte.gz", part.images)
        idx.write(tmp_path / f"qmnist-{role}-labels-idx2-int.gz", numbers)
    assert_equal(idx_folders.read(tmp_path, "qmnist", "qmnist-"), parts)
    numbers[5, 0] = -3
    idx.write(tmp_path / "qmnist-test-labels-idx2-int.gz", numbers)
    with pytest.raises(DataError, match=r"idx2-int.gz: byte 172: label -3 of picture 5 is not one of 0 to 9"):
        idx_folders.read(tmp_path, "qmnist", "qmnist-")


def test_a_plain_file_is_preferred_to_its_gzipped_twin(tmp_path: Path, parts: Parts) -> None:
    idx_folders.write(tmp_path, *parts)
    idx.write(tmp_path / "train-images-idx3-ubyte", np.zeros((40, 28, 28), np.uint8))
    assert not idx_folders.read(tmp_path, "name")[0].images.any()


def test_what_is_written_is_read_back_the_same(tmp_path: Path, parts: Parts) -> None:
    assert not idx_folders.is_whole(tmp_path / "new")
    idx_folders.write(tmp_path / "new", *parts)
    assert idx_folders.is_whole(tmp_path / "new")
    assert_equal(idx_folders.read(tmp_path / "new", "name"), parts)


def test_a_missing_file_is_named(tmp_path: Path, parts: Parts) -> None:
    idx_folders.write(tmp_path, *parts)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"no file of test labels; the four are called \{train,t10k\}-"):
        idx_folders.read(tmp_path, "name")
    assert not idx_folders.is_whole(tmp_path)


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be listed: No such file"):
        idx_folders.find(tmp_path / "missing")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("train-images-idx3-ubyte.gz", np.zeros((40, 784), np.uint8), r"pictures must be uint8 .* shape \(40, 784\)"),
        ("train-images-idx3-ubyte.gz", np.zeros((40, 28, 28), np.float32), "pictures must be uint8 .* not float32"),
        ("train-images-idx3-ubyte.gz", np.zeros((39, 28, 28), np.uint8), "holds 39 pictures, but .* holds 40 labels"),
        ("train-labels-idx1-ubyte.gz", np.zeros(41, np.uint8), "holds 40 pictures, but .* holds 41 labels"),
        ("train-labels-idx1-ubyte.gz", np.zeros(40, np.int32), r"labels must be uint8 of shape \(N,\), not int32"),
        ("train-labels-idx1-ubyte.gz", np.zeros((40, 1), np.uint8), r"labels must be uint8 of shape \(N,\)"),
        ("t10k-labels-idx1-ubyte.gz", np.arange(20, dtype=np.uint8), "byte 18: label 10 of picture 10 is not one of 0"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, parts: Parts, name, values, message) -> None:
    idx_folders.write(tmp_path, *parts)
    idx.write(tmp_path / name, values)
    with pytest.raises(DataError, match=message) as caught:
        idx_folders.read(tmp_path, "name")
    assert str(tmp_path / name) in str(caught.value)
