"""A data set as pictures in class folders: ``0/``, ``1/``, ... or ``train/0/``, ``test/0/``, ..."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from groundup import pictures
from groundup.data.datasets import DIGITS, Data, Dataset
from groundup.data.tables import hold_out
from groundup.errors import DataError, PictureError

SIDE = 28
TEST_FOLDERS = ("test", "testing")
TRAIN_FOLDERS = ("train", "training")


def read(folder: Path) -> Data | None:
    """Read pictures, each in the folder of its class; None if the folder has no class folders with pictures.

    Pictures of 28x28 are taken as they are; others are brought into MNIST's form. Class folders called by digits give
    the ten digits; otherwise their sorted names are the classes. Without ``train`` and ``test`` folders a stratified
    tenth is held out as the test part.

    Raises
    ------
    DataError
        If a picture cannot be read, or the test part has a class that the training part has not.
    """
    train_folder = next((folder / name for name in ("train", "training") if (folder / name).is_dir()), None)
    test_folder = next((folder / name for name in ("test", "testing") if (folder / name).is_dir()), None)
    class_names = _class_names(train_folder or folder)
    if not class_names:
        return None
    name, origin = folder.resolve().name, f"the folder of pictures {folder}"
    if train_folder and test_folder:
        train = _read_part(train_folder, f"{name}/train", class_names)
        test = _read_part(test_folder, f"{name}/test", class_names)
        return Data(name, origin, train, test)
    return hold_out(_read_part(train_folder or folder, name, class_names), origin)


def _class_names(folder: Path) -> tuple[str, ...]:
    """Return the classes that the folders in `folder` stand for: the ten digits if all are called by digits."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and _pictures(path))
    return DIGITS if names and set(names) <= set(DIGITS) else tuple(names)


def _pictures(folder: Path) -> list[Path]:
    """Return the files in `folder` whose names end as a picture's; others (notes, thumbnails) are nobody's digit."""
    known = Image.registered_extensions()
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in known and not path.name.startswith("."))


def _read_part(folder: Path, name: str, class_names: tuple[str, ...]) -> Dataset:
    """Read every picture in the class folders of one part."""
    files: list[Path] = []
    labels: list[int] = []
    for class_folder in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = _pictures(class_folder)
        if not found:
            continue
        if class_folder.name not in class_names:
            raise DataError(f"{class_folder}: the training part has no class {class_folder.name!r}")
        files += found
        labels += [class_names.index(class_folder.name)] * len(found)
    if not files:
        raise DataError(f"{folder}: no pictures in class folders")
    images = np.empty((len(files), SIDE, SIDE), dtype=np.uint8)
    for index, file in enumerate(track(files, f"Reading {name}", console=Console(stderr=True), transient=True)):
        images[index] = _read_picture(file)
    return Dataset(images, np.array(labels, dtype=np.uint8), name, class_names)


def _read_picture(path: Path) -> NDArray[np.uint8]:
    """Return a picture as 28x28 bytes: as it is if it has that size, otherwise brought into MNIST's form."""
    try:
        grey = pictures.read_picture(path)
        if grey.shape == (SIDE, SIDE):
            return np.rint(grey * 255).astype(np.uint8)
        return pictures.to_mnist(grey).pixels
    except PictureError as error:
        raise DataError(str(error)) from error
