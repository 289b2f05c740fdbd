from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from groundup import pictures
from groundup.data import picture_folders
from groundup.data.datasets import DIGITS, Dataset
from groundup.errors import DataError

Parts = tuple[Dataset, Dataset]


def save(part: Dataset, folder: Path) -> None:
    """Save every picture in the folder of its class, under a name that sorts by index."""
    for index, (image, label) in enumerate(zip(part.images, part.labels, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{index:03}.png")


def by_label(part: Dataset) -> Dataset:
    return part.subset(np.argsort(part.labels, kind="stable"), part.name)


def test_pictures_of_28x28_are_taken_as_they_are(tmp_path: Path, parts: Parts, capsys) -> None:
    save(parts[0], tmp_path / "train")
    save(parts[1], tmp_path / "test")
    (tmp_path / "train" / "0" / "notes.txt").write_text("not a picture")
    (tmp_path / "train" / "0" / ".hidden.png").write_text("not a picture")
    (tmp_path / "train" / "empty").mkdir()
    data = picture_folders.read(tmp_path)
    assert data is not None
    assert data.origin == f"the folder of pictures {tmp_path}"
    for found, part in zip((data.train, data.test), parts, strict=True):
        assert np.array_equal(found.images, by_label(part).images)
        assert np.array_equal(found.labels, by_label(part).labels)
        assert found.class_names == DIGITS
    assert capsys.readouterr().out == ""


def test_one_part_is_divided_and_says_so(tmp_path: Path, parts: Parts) -> None:
    save(parts[0], tmp_path)
    data = picture_folders.read(tmp_path)
    assert data is not None
    assert (len(data.train), len(data.test)) == (36, 4)
    assert "a tenth (4 pictures) is held out" in data.origin


def test_missing_digits_are_still_digits(tmp_path: Path, parts: Parts) -> None:
    train = parts[0]
    save(train.subset(np.flatnonzero(train.labels > 6), "few"), tmp_path)
    data = picture_folders.read(tmp_path)
    assert data is not None
    assert set(data.train.labels.tolist()) == {7, 8, 9}


def test_other_names_are_classes_in_their_order(tmp_path: Path, parts: Parts) -> None:
    save(parts[0], tmp_path)
    for digit in DIGITS[2:]:
        for picture in (tmp_path / digit).iterdir():
            picture.unlink()
    (tmp_path / "0").rename(tmp_path / "zebra")
    (tmp_path / "1").rename(tmp_path / "ant")
    data = picture_folders.read(tmp_path)
    assert data is not None
    assert data.train.class_names == ("ant", "zebra")


def test_other_sizes_are_brought_into_mnist_s_form(tmp_path: Path) -> None:
    page = np.full((120, 90), 250, np.uint8)
    page[30:95, 40:52] = 10
    (tmp_path / "1").mkdir()
    for index in range(10):
        Image.fromarray(page).save(tmp_path / "1" / f"{index}.png")
    data = picture_folders.read(tmp_path)
    assert data is not None
    expected = pictures.to_mnist(pictures.read_picture(tmp_path / "1" / "0.png")).pixels
    assert np.array_equal(data.train.images[0], expected)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "broken.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(DataError, match=r"broken\.png: "):
        picture_folders.read(tmp_path)


def test_a_class_of_the_test_part_alone_is_refused(tmp_path: Path, parts: Parts) -> None:
    save(parts[0], tmp_path / "train")
    save(parts[1], tmp_path / "test")
    (tmp_path / "test" / "0").rename(tmp_path / "test" / "zero")
    with pytest.raises(DataError, match="the training part has no class 'zero'"):
        picture_folders.read(tmp_path)


def test_an_empty_test_part_is_refused(tmp_path: Path, parts: Parts) -> None:
    save(parts[0], tmp_path / "train")
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match=r"test: no pictures in class folders"):
        picture_folders.read(tmp_path)


def test_a_folder_without_pictures_is_none(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    assert picture_folders.read(tmp_path) is None
