"""Digits that the package draws itself, from strokes of a pen: data for a machine without any.

`make` draws them. `skeletons` are the ways in which people write, `curves` makes them smooth, `hand` varies them,
and `pen` puts them on paper.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from groundup.data.strokes import hand, pen
from groundup.data.strokes.curves import Curve, sample
from groundup.data.strokes.skeletons import STYLES
from groundup.errors import DataError

__all__ = ["make"]

BLOCK = 1000  # pictures that are drawn from one stream of random numbers; a multiple of ten


def make(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw handwritten digits.

    The same seed gives the same pictures; of two counts with one seed, the smaller gives the beginning of the larger.
    Ten successive pictures from a multiple of ten on are the ten digits in a random order.

    Parameters
    ----------
    count : int
        How many pictures, 0 or more.
    seed : int
        0 or more.

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
    if count < 0 or seed < 0:
        raise DataError(f"strokes need a count and a seed of 0 or more, not count {count} and seed {seed}")
    curves = [sample(style.path) for style in STYLES]
    images = np.empty((count, pen.FRAME, pen.FRAME), dtype=np.uint8)
    labels = np.empty(count, dtype=np.uint8)
    for start in range(0, count, BLOCK):
        # A whole block is always drawn, so that a picture does not depend on how many were asked for.
        block_images, block_labels = _block(curves, np.random.default_rng([seed, start // BLOCK]))
        images[start : start + BLOCK] = block_images[: count - start]
        labels[start : start + BLOCK] = block_labels[: count - start]
    return images, labels


def _block(curves: list[Curve], rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw `BLOCK` pictures and their labels."""
    labels = rng.permuted(np.tile(np.arange(10, dtype=np.uint8), (BLOCK // 10, 1)), axis=1).reshape(-1)
    images = np.empty((BLOCK, pen.FRAME, pen.FRAME), dtype=np.uint8)
    chosen = np.empty(BLOCK, dtype=np.int64)
    digits = np.array([style.digit for style in STYLES])
    weights = np.array([style.weight for style in STYLES])
    for digit in range(10):
        styles = np.flatnonzero(digits == digit)
        share = weights[styles] / weights[styles].sum()
        chosen[labels == digit] = rng.choice(styles, size=BLOCK // 10, p=share)
    for index, curve in enumerate(curves):
        mine = np.flatnonzero(chosen == index)
        if len(mine):
            images[mine] = _draw(curve, len(mine), rng)
    return images, labels


def _draw(curve: Curve, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw `count` variations of a curve; return pictures (count, 28, 28)."""
    points = hand.bend(curve.points, count, rng)  # (N, P, 2)
    places, steps = curve.places @ points, curve.steps @ points  # (N, S, 2)
    radius = hand.press(curve, steps, rng)  # (N, S)
    places, radius, unit = pen.fit(places, radius)
    length = np.hypot(steps[..., 0], steps[..., 1]) * unit[:, None]
    softness = rng.uniform(*hand.SOFTNESS, size=count).astype(np.float32)
    roughness = hand.ROUGHNESS * rng.standard_normal((count, pen.BOX, pen.BOX), dtype=np.float32)
    return pen.centre(pen.ink(places, radius, length, softness, roughness))
