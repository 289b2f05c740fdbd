"""Which pieces of ink stand in one row, and in what order rows and pieces are read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALL = 0.5  # pieces lower than this share of a digit's height do not make a row; they are given to one
ABOVE = 0.5  # of a row's height: small pieces further above all rows are left out,
BELOW = 0.1  # those further below, as a line under a number is,
WIDE = 2.0  # and those that are wider than so many digits are high
SLOPES = 0.35  # rows that climb more steeply than this are not followed
OVER = 0.5  # of the narrower one of two pieces lies over the other, where one of them stands above the other
BESIDE = 0.2  # of the lower one of two neighbours is beside the other, where both stand in one row


def find_rows(boxes: NDArray[np.int64], height: float) -> list[NDArray[np.intp]]:
    """Return the indices of each row's pieces, from left to right; the rows from top to bottom.

    Small pieces that are far away from all rows, or wider than parts of digits are, belong to none.

    Parameters
    ----------
    boxes : ndarray of int64, shape (pieces, 4)
        Left, top, right, bottom.
    height : float
        Of a usual digit.
    """
    large = np.flatnonzero(boxes[:, 3] - boxes[:, 1] >= SMALL * height)
    if not len(large):
        large = np.arange(len(boxes))
    level = boxes.astype(np.float64)
    middles = (level[:, 0] + level[:, 2]) / 2
    level[:, (1, 3)] -= (slope(boxes[large]) * middles)[:, None]
    rows: list[list[int]] = []
    for index in large[np.argsort(level[large, 1] + level[large, 3])]:
        if rows and _stands_in(level[index], level[rows[-1]]):
            rows[-1].append(int(index))
        else:
            rows.append([int(index)])
    rows = _joined(rows, level)
    spans = [np.median(level[row][:, (1, 3)], axis=0) for row in rows]
    small = np.setdiff1d(np.arange(len(boxes)), large)
    for index in small[boxes[small, 2] - boxes[small, 0] <= WIDE * height]:
        middle = (level[index, 1] + level[index, 3]) / 2
        away = [max((top - middle) / ABOVE, (middle - bottom) / BELOW) / (bottom - top) for top, bottom in spans]
        if min(away) < 1:
            rows[int(np.argmin(away))].append(int(index))
    return [np.array(sorted(row, key=lambda index: middles[index]), dtype=np.intp) for row in rows]


def slope(boxes: NDArray[np.int64]) -> float:
    """Return by how many pixels the rows sink in a pixel to the right: the median over pairs of neighbours."""
    left, top, right, bottom = boxes.T
    slopes = []
    for index in range(len(boxes)):
        overlap = np.minimum(bottom, bottom[index]) - np.maximum(top, top[index])
        beside = np.minimum(bottom - top, bottom[index] - top[index]) * 0.4 < overlap
        after = np.flatnonzero(beside & (left > (left[index] + right[index]) / 2))
        if len(after):
            near = after[np.argmin(left[after])]
            down, across = (bottom + top)[[near, index]], (right + left)[[near, index]]
            slopes.append((down[0] - down[1]) / (across[0] - across[1]))
    found = float(np.median(slopes)) if len(slopes) > 2 else 0.0  # two digits of unlike height are no slope
    return found if abs(found) < SLOPES else 0.0


def _joined(rows: list[list[int]], boxes: NDArray[np.float64]) -> list[list[int]]:
    """Join successive rows of boxes (pieces, 4) that are one: nobody writes on a straight line without a ruled one."""
    joined = rows[:1]
    for row in rows[1:]:
        if _are_one(boxes[joined[-1]], boxes[row]):
            joined[-1] = joined[-1] + row
        else:
            joined.append(row)
    return joined


def _are_one(upper: NDArray[np.float64], lower: NDArray[np.float64]) -> bool:
    """Say whether nothing of one row stands above the other, and neighbours of both are beside each other."""
    order = np.argsort(np.concatenate([upper, lower])[:, 0])
    left, top, right, bottom = np.concatenate([upper, lower])[order].T
    is_upper = order < len(upper)
    over = right[:-1] - left[1:]
    beside = np.minimum(bottom[1:], bottom[:-1]) - np.maximum(top[1:], top[:-1])
    lowest, narrowest = (np.minimum(size[1:], size[:-1]) for size in (bottom - top, right - left))
    met = is_upper[1:] != is_upper[:-1]
    return bool(np.all(over < OVER * narrowest) and np.all(beside[met] > BESIDE * lowest[met]))


def _stands_in(box: NDArray[np.float64], row: NDArray[np.float64]) -> bool:
    """Say whether a piece overlaps a row by half of the lower one of them."""
    top, bottom = np.median(row[:, (1, 3)], axis=0)
    overlap = min(bottom, box[3]) - max(top, box[1])
    return bool(overlap > 0.5 * min(bottom - top, box[3] - box[1]))
