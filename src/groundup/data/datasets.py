"""Labelled pictures in memory: `Dataset` (one part) and `Data` (a training and a test part)."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundup.errors import DataError

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Dataset:
    """Labelled grey pictures, kept as the bytes that they were stored as.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, height, width)
        0 is background, 255 is full ink.
    labels : ndarray of uint8, shape (N,)
        The index into `class_names` of each picture's class.
    name : str
        What a person calls it, for example ``"mnist/test"``.
    class_names : tuple of str
        One name a class; the ten digits unless told.

    Raises
    ------
    DataError
        If the counts of pictures and labels differ, a shape or type is wrong, or a label names no class.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    name: str
    class_names: tuple[str, ...] = DIGITS

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        if self.images.ndim != 3 or self.images.dtype != np.uint8:
            raise DataError(
                f"{self.name}: pictures must be uint8 of shape (N, height, width), "
                f"not {self.images.dtype} of shape {self.images.shape}"
            )
        if self.labels.shape != (len(self.images),):
            raise DataError(f"{self.name}: {len(self.images)} pictures but labels of shape {self.labels.shape}")
        wrong = np.flatnonzero(self.labels >= len(self.class_names))
        if len(wrong):
            raise DataError(
                f"{self.name}: label {self.labels[wrong[0]]} of picture {wrong[0]} is none of the "
                f"{len(self.class_names)} classes 0 to {len(self.class_names) - 1}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def sha256(self) -> str:
        """Return a digest of pictures and labels: equal for equal data, wherever they came from."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()

    def counts(self) -> NDArray[np.int64]:
        """Return how many pictures each class has, shape (classes,)."""
        return np.bincount(self.labels, minlength=len(self.class_names))

    def subset(self, indices: NDArray[np.int64], name: str) -> Dataset:
        """Return the pictures at `indices`, shape (M,), in that order, as a data set called `name`."""
        return Dataset(self.images[indices], self.labels[indices], name, self.class_names)


@dataclass(frozen=True)
class Data:
    """A data set's two parts, and where they came from.

    Parameters
    ----------
    name : str
        Short name: ``"mnist"``, ``"fashion-mnist"``, ``"strokes"``, or the folder's or file's name.
    origin : str
        Where the bytes came from, as a phrase for people ("the folder /data/mnist", "a public mirror (…)").
    train, test : Dataset
        The part to learn from and the part to measure on.
    """

    name: str
    origin: str
    train: Dataset
    test: Dataset

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        train, test = self.train, self.test
        if train.images.shape[1:] != test.images.shape[1:]:
            raise DataError(
                f"{self.name}: training pictures are {train.images.shape[1:]}, test pictures {test.images.shape[1:]}"
            )
        if train.class_names != test.class_names:
            raise DataError(f"{self.name}: training classes are {train.class_names}, test classes {test.class_names}")


def pixel_statistics(images: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the mean and the standard deviation of all pixels, on the scale where 0 is background and 1 is full ink.

    Exact integer sums, in blocks: the pictures are never copied as floats, and the result does not depend on the
    machine's summation order.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, height, width)
        At least one picture.

    Raises
    ------
    DataError
        If there is no picture.
    """
    if not images.size:
        raise DataError("the mean of no pixels: there is no picture")
    histogram = sum(
        np.bincount(block.ravel(), minlength=256) for block in np.array_split(images, len(images) // 1024 + 1)
    )
    values = np.arange(256)
    total = int(histogram @ values)
    mean = total / images.size
    variance = (int(histogram @ values**2) * images.size - total * total) / images.size**2
    return mean / 255, math.sqrt(variance) / 255
