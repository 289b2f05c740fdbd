"""Where a piece of ink may be two digits that touch."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.pictures.ink import Grey, Mask, stroke_width

HEIGHT = 48  # pixels of the piece in which cuts are sought
SLANT = 0.02  # what a step aside costs, in pixels of ink: a straight cut is better than one as good
STROKES = 2.0  # a cut goes through no more ink than this many strokes have,
MOST = 0.5  # and through no more than this share of the height: parts of bars and lines look like ones
APART = 0.2  # of the height, at least, between two cuts, and between a cut and the piece's sides
NARROW = 0.7  # of the height: what is narrower is one digit


def find_cuts(mask: Mask) -> NDArray[np.int64]:
    """Divide a piece by cuts from its top to its bottom that go through little ink.

    A cut goes down by one pixel at a time, straight or aslant, and is the one with the least ink of all that end where
    it ends. It is found by dynamic programming.

    Returns
    -------
    ndarray of int64, shape (height, width)
        For each pixel of the piece the number of cuts on its left: 0, 1, ...
    """
    height, width = mask.shape
    if width < NARROW * height:
        return np.zeros(mask.shape, dtype=np.int64)
    size = max(2, round(width * HEIGHT / height)), HEIGHT
    ink = np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
    costs, steps = _cheapest(ink)
    most = min(STROKES * stroke_width(ink), MOST * HEIGHT)
    regions = np.zeros(ink.shape, dtype=np.int64)
    for end in _valleys(costs, most):
        regions += np.arange(size[0]) >= _path(steps, end)[:, None]
    return np.asarray(cv2.resize(regions.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST), np.int64)


def _cheapest(ink: Grey) -> tuple[Grey, NDArray[np.int64]]:
    """Return the ink on the cheapest way to each pixel of the last row, and each pixel's step from the one above."""
    steps = np.zeros(ink.shape, dtype=np.int64)
    total = np.full(ink.shape[1] + 2, np.inf, dtype=np.float32)  # a pixel on either side where there is no way
    total[1:-1] = ink[0]
    for row in range(1, len(ink)):
        ways = np.array([total[:-2] + SLANT, total[1:-1], total[2:] + SLANT])
        steps[row] = ways.argmin(axis=0) - 1
        total[1:-1] = ink[row] + ways.min(axis=0)
    return total[1:-1], steps


def _path(steps: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """Return the column of a cut in each row."""
    columns = np.empty(len(steps), dtype=np.int64)
    for row in range(len(steps) - 1, -1, -1):
        columns[row] = end
        end += steps[row, end]
    return columns


def _valleys(costs: Grey, most: float) -> list[int]:
    """Return where the costs are lowest, the lowest first, none close to another or to the sides, none above `most`."""
    apart = max(1, round(APART * HEIGHT))
    left = costs.copy()
    left[:apart], left[-apart:] = np.inf, np.inf
    found = []
    while left.size and left.min() <= most:
        end = int(np.argmin(left))
        found.append(end)
        left[max(0, end - apart) : end + apart + 1] = np.inf
    return found
