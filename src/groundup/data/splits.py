"""Dividing a data set: a part to validate on, folds to cross-validate with. Every class keeps its share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from groundup import randomness
from groundup.data.datasets import Dataset
from groundup.errors import DataError, ParameterError


def split(dataset: Dataset, validation: int | float, seed: int) -> tuple[Dataset, Dataset]:
    """Divide a data set into a part to train on and a part to validate on, with the same mix of classes.

    Each class's share of either part is exact to one picture. Both parts keep the order of the data set.

    Parameters
    ----------
    dataset : Dataset
        What to divide, N pictures.
    validation : int or float
        How many pictures to validate on (an int, 0 to N - 1), or which fraction (a float, 0 <= validation < 1).
    seed : int
        Chooses the pictures; the same seed chooses the same ones.

    Returns
    -------
    train, validation : Dataset
        The two parts.

    Raises
    ------
    DataError
        If nothing would be left to train on, or `validation` is negative.
    """
    total = len(dataset)
    fraction = isinstance(validation, float)
    in_range = 0 <= validation < (1 if fraction else total)
    count = (round(validation * total) if fraction else int(validation)) if in_range else total
    if count >= total:
        raise DataError(
            f"{dataset.name}: cannot hold out {validation} of {total} pictures; "
            f"give a number from 0 to {total - 1} or a fraction below 1"
        )
    # Evenly spaced picks from the pictures in the order of their classes: every class gives its share.
    picks = (2 * np.arange(count) + 1) * total // (2 * count) if count else np.arange(0)
    held_out = np.zeros(total, dtype=bool)
    held_out[_by_class(dataset.labels, seed)[picks]] = True
    return (
        dataset.subset(np.flatnonzero(~held_out), dataset.name),
        dataset.subset(np.flatnonzero(held_out), f"{dataset.name}/validation"),
    )


def validation_split(train: Dataset, held_out: float) -> tuple[Dataset, Dataset]:
    """Divide training pictures into those to train on and those to validate on.

    The choice depends on the pictures and their number alone, never on a training's seed: so models of several seeds
    are measured on the same pictures, and there are some that none of a committee's members has learned.

    Parameters
    ----------
    train : Dataset
        All of them.
    held_out : float
        A share below 1, or a whole number of pictures.

    Returns
    -------
    train, validation : Dataset
        The two parts.

    Raises
    ------
    DataError
        If nothing would be left to train on.
    """
    return split(train, held_out if held_out < 1 else int(held_out), seed=0)


def stratified_folds(labels: NDArray[np.uint8], folds: int, seed: int) -> list[NDArray[np.int64]]:
    """Divide pictures into folds of nearly equal size with nearly the same mix of classes.

    Two folds differ by at most one picture, in all and in each class.

    Parameters
    ----------
    labels : ndarray of uint8, shape (N,)
        The class of each picture.
    folds : int
        How many, from 2 to N.
    seed : int
        Chooses the pictures; the same seed chooses the same ones.

    Returns
    -------
    list of ndarray of int64
        The indices of each fold's pictures, ascending; every index is in one fold.

    Raises
    ------
    ParameterError
        If `folds` is out of range.
    """
    if not 2 <= folds <= len(labels):
        raise ParameterError(
            f"cannot make {folds} folds of {len(labels)} pictures; give a number from 2 to {len(labels)}"
        )
    # Dealt like cards, from the pictures in the order of their classes.
    order = _by_class(labels, seed)
    return [np.sort(order[first::folds]) for first in range(folds)]


def _by_class(labels: NDArray[np.uint8], seed: int) -> NDArray[np.int64]:
    """Return all indices, class after class, at random within each class."""
    shuffled = np.array(randomness.permutation(len(labels), seed, "split"))
    return shuffled[np.argsort(labels[shuffled], kind="stable")]
