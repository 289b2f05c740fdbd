"""Digits that the package draws itself, from strokes of a pen: data for a machine without any.

`make` draws them. `skeletons` are the ways in which people write, `curves` makes them smooth, `hand` varies them,
and `pen` puts them on paper. `make_others` draws what is no digit, with the same hands and pens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from groundup.data.strokes import others, pen
from groundup.data.strokes.curves import Curve, sample
from groundup.data.strokes.printing import printed
from groundup.data.strokes.skeletons import ANGULAR, STYLES, Style
from groundup.data.strokes.variations import draw_curve
from groundup.errors import DataError

__all__ = ["make", "make_machine_made", "make_others"]

BLOCK = 1000  # pictures that are drawn from one stream of random numbers; a multiple of ten


def make(count: int, seed: int, styles: Sequence[Style] = STYLES) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw handwritten digits.

    The same seed gives the same pictures; of two counts with one seed, the smaller gives the beginning of the larger.
    Ten successive pictures from a multiple of ten on are the ten digits in a random order.

    Parameters
    ----------
    count : int
        How many pictures, 0 or more.
    seed : int
        0 or more.
    styles : sequence of Style
        The ways in which they are written, at least one for each digit.

    Returns
    -------
    images : ndarray of uint8, shape (count, 28, 28)
        255 is full ink on 0. The digit fills a box of 20 x 20 pixels, and its centre of mass is the frame's centre,
        to the nearest pixel (but for the rare digit whose box would leave the frame).
    labels : ndarray of uint8, shape (count,)
        The digits.

    Raises
    ------
    DataError
        If `count` or `seed` is negative.
    """
    _check(count, seed)
    curves = [sample(style.path) for style in styles]
    images = np.empty((count, pen.FRAME, pen.FRAME), dtype=np.uint8)
    labels = np.empty(count, dtype=np.uint8)
    for start in range(0, count, BLOCK):
        # A whole block is always drawn, so that a picture does not depend on how many were asked for.
        block_images, block_labels = _block(curves, styles, np.random.default_rng([seed, start // BLOCK]))
        images[start : start + BLOCK] = block_images[: count - start]
        labels[start : start + BLOCK] = block_labels[: count - start]
    return images, labels


def make_machine_made(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw digits as machines make them: half of them printed, half as displays show them, with seven straight lines.

    Parameters
    ----------
    count : int
        How many pictures, 0 or more.
    seed : int
        0 or more.

    Returns
    -------
    images : ndarray of uint8, shape (count, 28, 28)
        In the form of the digits that `make` draws.
    labels : ndarray of uint8, shape (count,)
        The digits.

    Raises
    ------
    DataError
        If `count` or `seed` is negative.
    """
    shown, shown_labels = make(count // 2, seed, ANGULAR)
    printed_images, printed_labels = printed("0123456789", count - len(shown), np.random.default_rng(seed))
    labels = np.concatenate([shown_labels, printed_labels.astype(np.uint8)])
    return np.concatenate([shown, printed_images]), labels


def make_others(count: int, seed: int) -> NDArray[np.uint8]:
    """Draw letters, signs, parts of words, scribbles and solid shapes, none of which is a digit.

    Parameters
    ----------
    count : int
        How many pictures, 0 or more; the beginning of what a larger count would give.
    seed : int
        0 or more.

    Returns
    -------
    ndarray of uint8, shape (count, 28, 28)
        In the form of the digits that `make` draws.

    Raises
    ------
    DataError
        If `count` or `seed` is negative.
    """
    _check(count, seed)
    images = np.empty((count, pen.FRAME, pen.FRAME), dtype=np.uint8)
    for start in range(0, count, BLOCK):
        drawn = others.draw(BLOCK, np.random.default_rng([seed, start // BLOCK]))
        images[start : start + BLOCK] = drawn[: count - start]
    return images


def _check(count: int, seed: int) -> None:
    if count < 0 or seed < 0:
        raise DataError(f"strokes need a count and a seed of 0 or more, not count {count} and seed {seed}")


def _block(
    curves: list[Curve], styles: Sequence[Style], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw `BLOCK` pictures and their labels."""
    labels = rng.permuted(np.tile(np.arange(10, dtype=np.uint8), (BLOCK // 10, 1)), axis=1).reshape(-1)
    images = np.empty((BLOCK, pen.FRAME, pen.FRAME), dtype=np.uint8)
    chosen = np.empty(BLOCK, dtype=np.int64)
    digits = np.array([style.digit for style in styles])
    weights = np.array([style.weight for style in styles])
    for digit in range(10):
        ways = np.flatnonzero(digits == digit)
        share = weights[ways] / weights[ways].sum()
        chosen[labels == digit] = rng.choice(ways, size=BLOCK // 10, p=share)
    for index, curve in enumerate(curves):
        mine = np.flatnonzero(chosen == index)
        if len(mine):
            images[mine] = draw_curve(curve, len(mine), rng)
    return images, labels
