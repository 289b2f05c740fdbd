"""A data set as a folder of four IDX files: training and test pictures and their labels."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from groundup.data import idx
from groundup.data.datasets import DIGITS, Dataset
from groundup.errors import DataError

# "train-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte", "emnist-digits-test-images-idx3-ubyte", ...
FILE_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)-(?P<content>images|labels)[-.]idx[123]-(ubyte|int)(\.gz)?"
)
PARTS = {"train": "train", "t10k": "test", "test": "test"}
ROLES = ("train images", "train labels", "test images", "test labels")


def find(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the IDX data sets in a folder: for each prefix of the file names, the path of each role.

    The prefix is what stands before ``train`` or ``test``: empty for MNIST's own names. A file is preferred to its
    gzipped twin, because it is read faster.

    Raises
    ------
    DataError
        If the folder cannot be listed.
    """
    found: dict[str, dict[str, Path]] = {}
    try:
        # Backwards, so that a name without ".gz" comes after, and replaces, the same with it.
        paths = sorted(folder.iterdir(), reverse=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}") from error
    for path in paths:
        if match := FILE_NAME.fullmatch(path.name):
            role = f"{PARTS[match['part']]} {match['content']}"
            found.setdefault(match["prefix"], {})[role] = path
    return found


def read(folder: Path, name: str, prefix: str = "", class_names: tuple[str, ...] = DIGITS) -> tuple[Dataset, Dataset]:
    """Read the training and the test part of the data set whose file names begin with `prefix`; call it `name`.

    EMNIST's files, known by their prefix ``emnist-``, hold every picture transposed; it is turned upright.

    Raises
    ------
    DataError
        If a file is missing or cannot be read, the counts of pictures and labels differ, or a label names no class.
    """
    paths = find(folder).get(prefix, {})
    missing = [role for role in ROLES if role not in paths]
    if missing:
        raise DataError(
            f"{folder}: no file of {', '.join(missing)}; the four are called "
            f"{prefix}{{train,t10k}}-{{images-idx3,labels-idx1}}-ubyte, with .gz or without"
        )
    train = _read_part(paths["train images"], paths["train labels"], f"{name}/train", class_names)
    test = _read_part(paths["test images"], paths["test labels"], f"{name}/test", class_names)
    return train, test


def is_whole(folder: Path) -> bool:
    """Say whether `folder` is there and holds four IDX files without a prefix."""
    return folder.is_dir() and len(find(folder).get("", {})) == len(ROLES)


def write(folder: Path, train: Dataset, test: Dataset) -> None:
    """Write a data set as four gzipped IDX files with MNIST's names; `read` reads them back.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    for dataset, part in ((train, "train"), (test, "t10k")):
        idx.write(folder / f"{part}-images-idx3-ubyte.gz", dataset.images)
        idx.write(folder / f"{part}-labels-idx1-ubyte.gz", dataset.labels)


def _read_part(images_path: Path, labels_path: Path, name: str, class_names: tuple[str, ...]) -> Dataset:
    """Read one part from its two files."""
    images = np.asarray(idx.read(images_path))
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(
            f"{images_path}: pictures must be uint8 of shape (N, height, width), "
            f"not {images.dtype} of shape {images.shape}"
        )
    if images_path.name.startswith("emnist-"):
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    labels = _read_labels(labels_path, len(class_names))
    if len(images) != len(labels):
        raise DataError(f"{images_path} holds {len(images)} pictures, but {labels_path} holds {len(labels)} labels")
    return Dataset(images, labels, name, class_names)


def _read_labels(path: Path, classes: int) -> NDArray[np.uint8]:
    """Read labels, shape (N,); of QMNIST's eight numbers a picture the first is the label."""
    labels = np.asarray(idx.read(path))
    columns = 1
    if labels.ndim == 2 and labels.dtype == np.int32:
        columns = labels.shape[1]
        labels = labels[:, 0]
    elif labels.ndim != 1 or labels.dtype != np.uint8:
        raise DataError(f"{path}: labels must be uint8 of shape (N,), not {labels.dtype} of shape {labels.shape}")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        first = int(wrong[0])
        start = 4 + 4 * (1 if columns == 1 else 2)
        raise DataError(
            f"{path}: byte {start + first * columns * labels.itemsize}: label {labels[first]} of picture {first} "
            f"is not one of 0 to {classes - 1}"
        )
    return labels.astype(np.uint8, copy=False)
