"""Ruled lines: found where ink goes straight through the whole picture, and taken away between the strokes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.pictures.ink import Mask

Runs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # of ink: columns, tops, lengths

SEARCH_SIDE = 400  # pixels of the picture in which lines are sought
SMALL = 64  # nobody rules a picture with a side shorter than this
SLOPES = np.array(sorted(np.linspace(-0.1, 0.1, 41), key=abs))  # of lines, down for across; of equals the flattest
COVERED = 0.97  # of a line is ink, from one side of the picture to another
LONG = 0.5  # of the picture's width, at least: a turned sheet's line may end at the picture's top or bottom
THINNER = 0.6  # a single line is thinner than this share of the strokes: it may be the bar of a seven


def find_lines(mask: Mask, stroke: float) -> Mask:
    """Return the pixels that belong to ruled lines alone, and not to strokes that cross them.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        All ink, the faintest too.
    stroke : float
        The width in pixels of the strokes.
    """
    if min(mask.shape) < SMALL:
        return np.zeros_like(mask)
    return _along_rows(mask, stroke) | _along_rows(np.ascontiguousarray(mask.T), stroke).T


def _along_rows(mask: Mask, stroke: float) -> Mask:
    """Return the pixels of the lines that go from the left side to the right."""
    found = np.zeros_like(mask)
    lines: list[Runs] = []
    for start, end in _straight_through(mask):
        line = _pixels(mask, start, end)
        if all(abs(np.median(line[1]) - np.median(other[1])) > 1 for other in lines):  # a thick line is found twice
            lines.append(line)
    if len(lines) == 1 and np.median(lines[0][2]) > THINNER * stroke:
        return found
    for columns, tops, lengths in lines:
        thin = lengths <= 2 * np.median(lengths)  # a run of ink that is longer belongs to a stroke that crosses
        for down in range(int(lengths[thin].max(initial=0))):
            rows = tops + down
            here = thin & (down < lengths)
            found[rows[here], columns[here]] = True
    return found


def _straight_through(mask: Mask) -> list[tuple[float, float]]:
    """Return the rows of each line at the left and at the right side."""
    height, width = mask.shape
    scale = min(1.0, SEARCH_SIDE / max(mask.shape))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = (cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0).astype(np.float32)
    small = np.asarray(cv2.dilate(small, np.ones((3, 1), np.uint8)), np.float32)  # paper is never quite flat
    covered = np.empty((len(SLOPES), size[1]), np.float32)
    for index, slope in enumerate(SLOPES):
        shear = np.array([[1, 0, 0], [slope, 1, -slope * size[0] / 2]], np.float32)
        turned = cv2.warpAffine(small, shear, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        inside = cv2.warpAffine(np.ones_like(small), shear, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        covered[index] = turned.sum(axis=1) / np.maximum(inside.sum(axis=1), LONG * size[0])
    lines = []
    while (best := float(covered.max())) >= COVERED:
        index, row = divmod(int(covered.argmax()), covered.shape[1])
        peak = np.flatnonzero(covered[index] >= best - 0.02)
        row = round(float(np.median(peak[np.abs(peak - row) <= 3])))
        rise = float(SLOPES[index]) * size[0] / 2
        lines.append(((row - rise) / scale, (row + rise) / scale))
        covered[:, max(0, row - 4) : row + 5] = 0
    return lines


def _pixels(mask: Mask, start: float, end: float) -> Runs:
    """Return the columns where there is ink on a line, and there the run of ink across it: its top and its length."""
    height, width = mask.shape
    reach = max(3, round(3 * max(mask.shape) / SEARCH_SIDE))
    middle = np.round(np.linspace(start, end, width)).astype(np.int64)
    offsets = np.array(sorted(range(-reach, reach + 1), key=abs))
    rows = middle + offsets[:, None]
    inked = np.zeros(rows.shape, dtype=bool)
    inside = (rows >= 0) & (rows < height)
    inked[inside] = mask[rows[inside], np.broadcast_to(np.arange(width), rows.shape)[inside]]
    columns = np.flatnonzero(inked.any(axis=0))
    nearest = rows[inked.argmax(axis=0), np.arange(width)][columns]
    tops, bottoms = nearest.copy(), nearest.copy()
    for _ in range(4 * reach):
        tops -= (tops > 0) & mask[tops - 1, columns]
        bottoms += (bottoms < height - 1) & mask[np.minimum(bottoms + 1, height - 1), columns]
    return columns, tops, bottoms + 1 - tops
