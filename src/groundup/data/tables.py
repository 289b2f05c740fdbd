"""A data set as comma-separated values: Kaggle's form, a label and 784 pixels in every row."""

from __future__ import annotations

import gzip
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

import numpy as np
from numpy.typing import NDArray

from groundup.data.datasets import DIGITS, Data, Dataset
from groundup.data.splits import split
from groundup.errors import DataError

SIDE = 28
PIXELS = SIDE * SIDE
HELD_OUT = 0.1  # The fraction that is set apart as the test part where there is only one part.
HELD_OUT_SEED = 0


def read_file(path: Path) -> Data:
    """Read a CSV file; a stratified tenth of its pictures, always the same ones, becomes the test part.

    Raises
    ------
    DataError
        As `read_table` does.
    """
    images, labels = read_table(path)
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    return hold_out(Dataset(images, labels, name), f"the file {path}")


def read_folder(folder: Path) -> Data | None:
    """Read ``train.csv`` and ``test.csv`` (or names that end so); None if the folder has no such training file.

    Kaggle's own ``test.csv`` has no labels and is not used: a tenth of the training file is held out instead.

    Raises
    ------
    DataError
        As `read_table` does; and if there is more than one such file.
    """
    paths = {part: sorted(folder.glob(f"*{part}.csv")) for part in ("train", "test")}
    for part, found in paths.items():
        if len(found) > 1:
            raise DataError(
                f"{folder}: more than one file of the {part} part: {', '.join(path.name for path in found)}"
            )
    if not paths["train"]:
        return None
    name, origin = folder.resolve().name, f"the folder {folder}"
    train = Dataset(*read_table(paths["train"][0]), f"{name}/train")
    if paths["test"] and _has_labels(paths["test"][0]):
        test = Dataset(*read_table(paths["test"][0]), f"{name}/test")
        return Data(name, origin, train, test)
    return hold_out(Dataset(train.images, train.labels, name), origin)


def hold_out(dataset: Dataset, origin: str) -> Data:
    """Divide one part into two: a stratified tenth, always the same, is the test part."""
    train, test = split(dataset, HELD_OUT, HELD_OUT_SEED)
    return Data(
        name=dataset.name,
        origin=f"{origin}; it has one part, of which a tenth ({len(test):,} pictures) is held out as the test part",
        train=Dataset(train.images, train.labels, f"{dataset.name}/train", dataset.class_names),
        test=Dataset(test.images, test.labels, f"{dataset.name}/test", dataset.class_names),
    )


def read_table(path: Path, label_column: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read rows of one label and 784 pixels.

    Parameters
    ----------
    path : Path
        A CSV file, gzipped if its name ends in ``.gz``. A first row that does not begin with a number is a header.
    label_column : int
        0 or -1: where the label stands.

    Returns
    -------
    images : ndarray of uint8, shape (N, 28, 28)
    labels : ndarray of uint8, shape (N,)

    Raises
    ------
    DataError
        If the file cannot be read, a row has another number of columns, or a value is no integer from 0 to 255 (a
        pixel) or to 9 (a label).
    """
    with _reading(path):
        header = not any(character.isdigit() for character in _first_row(path)[0])
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "loadtxt: input contained no data")
                table = np.loadtxt(
                    path, np.int16, comments=None, delimiter=",", skiprows=int(header), ndmin=2, encoding="utf-8"
                )
        except ValueError as error:
            raise DataError(f"{path}: {_first_fault(path, header, label_column) or error}") from error
    if not table.size:
        raise DataError(f"{path}: there is no row of pixels")
    most = _most(label_column)
    if table.shape[1] != len(most) or np.any((table < 0) | (table > most)):
        raise DataError(f"{path}: {_first_fault(path, header, label_column)}")
    values = table.astype(np.uint8)
    pixels = np.delete(values, label_column, axis=1)
    return pixels.reshape(-1, SIDE, SIDE), values[:, label_column].copy()


def _most(label_column: int) -> list[int]:
    """Return the largest value of each column."""
    most = [255] * (PIXELS + 1)
    most[label_column] = len(DIGITS) - 1
    return most


def _first_fault(path: Path, header: bool, label_column: int) -> str | None:
    """Say what is wrong with the first wrong line; None if its fault is not in what it says."""
    most = _most(label_column)
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            fields = line.split(",")
            if (number == 1 and header) or not line.strip():
                continue
            if len(fields) != len(most):
                return f"line {number}: {len(fields)} columns; a label and {PIXELS} pixels are {len(most)}"
            for column, (field, largest) in enumerate(zip(fields, most, strict=True), 1):
                if not field.strip().isdecimal() or int(field) > largest:
                    return f"line {number}, column {column}: {field.strip()!r} is not an integer from 0 to {largest}"
    return None


def _has_labels(path: Path) -> bool:
    """Say whether the first row has more than the pixels."""
    with _reading(path):
        return len(_first_row(path)) != PIXELS


def _first_row(path: Path) -> list[str]:
    """Return the first row's fields."""
    with _open(path) as file:
        line = file.readline()
    if not line.strip():
        raise DataError(f"{path}: line 1: empty; expected a label and {PIXELS} pixels, or a header")
    return line.split(",")


def _open(path: Path) -> TextIO:
    """Open a text file, gzipped if its name says so."""
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8"))
    return path.open(encoding="utf-8")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Show on stderr that a table is being read, and turn what can go wrong into an error for people."""
    from rich.console import Console

    try:
        with Console(stderr=True).status(f"Reading {path.name}"):
            yield
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start}: not text in UTF-8: {error.reason}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: damaged or cut off gzip: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
