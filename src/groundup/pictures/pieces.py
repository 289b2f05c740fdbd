"""The connected pieces of ink, and which of them are writing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.pictures.ink import Grey, Mask

SPECK = 0.15  # a piece is a speck if its longer side is under this share of a digit's height
SOLID = 0.6  # a piece is a blot if a disc of this share of its longer side fits into it
FAINT = 0.6  # a piece with nowhere more ink than this, and lower than a digit, is what is left of a ruled line
FAINTEST = 0.4  # a digit, too, has more ink than this somewhere: what has less shows through from the other side


@dataclass(frozen=True)
class Pieces:
    """Connected pieces of a mask; pixels that touch at a corner are connected.

    Parameters
    ----------
    labels : ndarray of int32, shape (height, width)
        0 where there is none, else 1 + the index of the piece.
    boxes : ndarray of int64, shape (pieces, 4)
        Left, top, right, bottom of each piece; right and bottom are the first column and row after it.
    areas : ndarray of int64, shape (pieces,)
        Pixels of each piece.
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.int64]
    areas: NDArray[np.int64]

    @property
    def heights(self) -> NDArray[np.int64]:
        """Rows that each piece reaches over."""
        return self.boxes[:, 3] - self.boxes[:, 1]

    @property
    def widths(self) -> NDArray[np.int64]:
        """Columns that each piece reaches over."""
        return self.boxes[:, 2] - self.boxes[:, 0]


def united(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the box around boxes (N, 4)."""
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def box_of(mask: Mask) -> NDArray[np.int64]:
    """Return left, top, right, bottom of what is True; right and bottom are the first column and row after it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def find_pieces(mask: Mask) -> Pieces:
    """Label the connected pieces of a mask."""
    _, labels, table, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    left, top, width, height, area = table[1:].astype(np.int64).T
    return Pieces(np.asarray(labels, np.int32), np.stack([left, top, left + width, top + height], axis=1), area)


def choose_pieces(pieces: Pieces, ink: Grey) -> NDArray[np.intp]:
    """Return the indices of the pieces that are writing.

    Left out are specks, faint pieces, blots, and what hangs over the picture's border unless it is as high as a digit.
    """
    size = np.maximum(pieces.widths, pieces.heights)
    strongest = _strongest(pieces, ink)
    chosen = strongest > FAINT
    left, top, right, bottom = pieces.boxes.T
    inside = (left > 0) & (top > 0) & (right < ink.shape[1]) & (bottom < ink.shape[0])
    if size[chosen & inside].max(initial=0) < size[chosen].max(initial=0) / 4:
        inside = np.ones_like(inside)  # the picture is cut close around its digit
    height = usual_height(pieces, np.flatnonzero(chosen & inside))
    as_a_digit = (pieces.heights > height / 2) & (pieces.heights < 2 * height) & (pieces.widths < 2 * height)
    chosen |= (strongest > FAINTEST) & (pieces.heights > height / 2)
    chosen &= (inside | as_a_digit) & (size >= SPECK * height)
    index = np.flatnonzero(chosen)
    open_ = [i for i in index.tolist() if not _is_blot(pieces, i)]
    return np.array(open_ or index, dtype=np.intp)  # a picture of blots alone is left to the recogniser's doubt


def usual_height(pieces: Pieces, index: NDArray[np.intp]) -> float:
    """Return the height of a digit: the median of the pieces' heights, each counted by its ink.

    So specks, small print and a line do not outweigh digits.
    """
    if not len(index):
        return 0.0
    order = index[np.argsort(pieces.heights[index])]
    weights = np.cumsum(pieces.areas[order])
    return float(pieces.heights[order[np.searchsorted(weights, weights[-1] / 2)]])


def _strongest(pieces: Pieces, ink: Grey) -> Grey:
    """Return the largest amount of ink in each piece."""
    strongest = np.zeros(len(pieces.areas) + 1, dtype=np.float32)
    inked = pieces.labels > 0
    np.maximum.at(strongest, pieces.labels[inked], ink[inked])
    return strongest[1:]


def _is_blot(pieces: Pieces, index: int) -> bool:
    """Say whether the piece is solid, as no writing is."""
    left, top, right, bottom = pieces.boxes[index]
    alone = np.pad(pieces.labels[top:bottom, left:right] == index + 1, 1).astype(np.uint8)
    widest = 2 * float(cv2.distanceTransform(alone, cv2.DIST_L2, 3).max()) - 1
    return bool(widest > SOLID * max(right - left, bottom - top))
