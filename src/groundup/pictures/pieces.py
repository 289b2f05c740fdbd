"""The connected pieces of ink, and which of them make up the digit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from groundup.pictures.ink import Mask

SPECK = 0.15  # a piece of ink is a speck if its longer side is under this share of the largest piece's


def find_pieces(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Label the connected pieces of a mask; pixels that touch at a corner are connected.

    Returns
    -------
    labels : ndarray of int64, shape (height, width)
        0 where the mask is False, else 1 + the index of the piece.
    boxes : ndarray of int64, shape (pieces, 4)
        Left, top, right, bottom of each piece; right and bottom are the first column and row after it.
    """
    height, width = mask.shape
    padded = np.pad(mask, ((0, 0), (1, 1))).ravel()  # a row's end never touches the next row's start
    steps = np.flatnonzero(padded[1:] != padded[:-1]) + 1
    starts, ends = steps[::2], steps[1::2]  # the runs of ink, row after row
    first = np.searchsorted(ends, starts + width + 2, side="left")  # the runs that each touches in the next row
    counts = np.maximum(np.searchsorted(starts, ends + width + 2, side="right") - first, 0)
    upper = np.repeat(np.arange(len(starts)), counts)
    lower = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - first, counts)
    piece = _join(len(starts), upper, lower)
    changes = np.zeros(padded.size + 1, dtype=np.int64)
    changes[starts], changes[ends] = piece + 1, -(piece + 1)
    labels = np.cumsum(changes)[:-1].reshape(height, width + 2)[:, 1:-1]
    rows, left, right = starts // (width + 2), starts % (width + 2) - 1, ends - 1 - starts // (width + 2) * (width + 2)
    boxes = np.tile([width, height, 0, 0], (piece.max(initial=-1) + 1, 1))
    for column, (values, extreme) in enumerate(
        ((left, np.minimum), (rows, np.minimum), (right, np.maximum), (rows + 1, np.maximum))
    ):
        extreme.at(boxes[:, column], piece, values)
    return labels, boxes


def _join(count: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a group number for each of `count` things, where thing a[i] belongs together with thing b[i]."""
    group = np.arange(count)
    while np.any(group[a] != group[b]):
        smaller = np.minimum(group[a], group[b])
        np.minimum.at(group, group[a], smaller)
        np.minimum.at(group, group[b], smaller)
        group = group[group]
    return np.unique(group, return_inverse=True)[1]


def choose_pieces(boxes: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return the labels of the pieces that make up the digit: no specks, nothing that hangs over the border."""
    left, top, right, bottom = boxes.T
    size = np.maximum(right - left, bottom - top)
    inside = (left > 0) & (top > 0) & (right < shape[1]) & (bottom < shape[0])
    if size[inside].max(initial=0) >= size.max() / 4:
        size = size * inside
    return np.flatnonzero(size >= SPECK * size.max()) + 1
