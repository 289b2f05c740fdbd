"""Telling ink from background, and what can be measured and done on ink."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from groundup.errors import PictureError

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]
Level = TypeVar("Level", np.float32, np.bool_)

MIN_CONTRAST = 0.06  # between ink and background, in 0..1
CELLS = 8  # the background is measured in 8x8 cells


def find_ink(grey: Grey) -> tuple[Grey, Mask]:
    """Tell ink from background.

    The background is a smooth surface, so that light from one side does not count as ink. It is first taken from the
    picture's border, then from all that is not ink.

    Returns
    -------
    ink : ndarray of float32, shape (height, width)
        0 is background, 1 is a full stroke.
    mask : ndarray of bool, shape (height, width)
        Where there is more ink than background.

    Raises
    ------
    PictureError
        If nothing stands out from the background.
    """
    difference = grey - background(grey, _border(grey.shape), degree=1)
    # The ink is on the side of the long tail, whatever the picture's noise and shade.
    sign = np.float32(1 if np.sum(difference**3) > 0 else -1)
    mask = sign * difference > otsu(sign * difference)
    ink = sign * (grey - background(grey, ~grow(mask, 1), degree=2))
    threshold = otsu(ink)
    noise = 1.4826 * float(np.median(np.abs(ink[ink <= threshold])))  # the standard deviation, from the median one
    low = 2.5 * noise
    mask = ink > max(threshold, low)
    full = float(np.quantile(ink[mask], 0.75)) if mask.any() else 0.0
    if full < max(MIN_CONTRAST, 2 * low):
        raise PictureError("the picture is blank: nothing in it stands out from its background")
    return np.clip((ink - low) / (full - low), 0, 1), mask


def _border(shape: tuple[int, int]) -> Mask:
    """Return the mask of a picture's outermost pixels, a twentieth of its shorter side wide."""
    width = max(1, min(shape) // 20)
    border = np.ones(shape, dtype=bool)
    border[width:-width, width:-width] = False
    return border


def background(grey: Grey, where: Mask, degree: int) -> Grey:
    """Fit a polynomial in x and y to the medians of the picture's cells, each over its pixels `where`."""
    height, width = (-(-side // CELLS) * CELLS for side in grey.shape)
    values = np.full((height, width), np.nan, dtype=np.float32)
    values[: grey.shape[0], : grey.shape[1]] = np.where(where, grey, np.nan)
    cells = values.reshape(CELLS, height // CELLS, CELLS, width // CELLS).swapaxes(1, 2).reshape(CELLS**2, -1)
    cells.sort(axis=1)  # nan goes to the end
    counts = np.count_nonzero(~np.isnan(cells), axis=1)
    used = np.flatnonzero(counts)
    medians = cells[used, (counts[used] - 1) // 2]
    if len(used) < 2 * (degree + 1) * (degree + 2):  # too few for a surface that can be trusted
        return np.full_like(grey, np.median(medians) if len(used) else np.median(grey))
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    y, x = (used // CELLS + 0.5) / CELLS, (used % CELLS + 0.5) / CELLS
    weights = np.linalg.lstsq(np.stack([y**i * x**j for i, j in powers], axis=1), medians, rcond=None)[0]
    y, x = (np.arange(grey.shape[0])[:, None] + 0.5) / height, (np.arange(grey.shape[1]) + 0.5) / width
    surface = np.zeros(grey.shape)
    for weight, (i, j) in zip(weights, powers, strict=True):
        surface += weight * (y**i * x**j)
    return surface.astype(np.float32)


def otsu(values: Grey) -> float:
    """Return the threshold that splits values into the two classes with the largest variance between them.

    Source: N. Otsu, "A threshold selection method from gray-level histograms", 1979.
    """
    counts, edges = np.histogram(values, bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * centres)
    means_apart = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    between = below * above.astype(np.float64) * means_apart**2
    # Between two clear peaks all thresholds are equally good: the middle one is taken.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(edges[1:-1][best].mean())


def grow(values: NDArray[Level], radius: int) -> NDArray[Level]:
    """Dilate by about a disc: every pixel takes the largest value within `radius` pixels."""
    for step in range(radius):
        padded = np.pad(values, 1)
        across = np.maximum(np.maximum(padded[:, :-2], padded[:, 2:]), padded[:, 1:-1])
        source = across if step % 2 else padded[:, 1:-1]  # squares and diamonds by turns make an octagon
        values = np.maximum(np.maximum(source[:-2], source[2:]), across[1:-1])
    return values


def stroke_width(ink: Grey) -> float:
    """Return the mean width of the strokes in pixels: twice the area over the length of the edge."""
    mask = np.pad(ink > 0.5, 1)
    edges = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    # A slanting edge, cut into steps, is on average 4 / pi times as long.
    return float(2 * ink.sum() / max(edges * np.pi / 4, 1))
