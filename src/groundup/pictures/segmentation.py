"""Which pieces of ink, or parts of pieces, make up one digit: the best of all ways to read a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundup.pictures.cuts import find_cuts
from groundup.pictures.ink import Mask
from groundup.pictures.pieces import Pieces, box_of, united

Span = tuple[int, int]  # of a row's parts: the first, and the first after it

MOST_PARTS = 8  # of one digit
NEAR = 0.12  # pieces further apart than this share of a digit's height are never one digit
MIN_PART = 0.5  # of a piece's height: what is lower is not cut off
LOW = 0.55  # what is lower than this share of its row is hardly a digit
WIDE = 0.9  # what is wider than this share of its height is often two
CUT = 1.0  # what a cut costs, as a logarithm of probability
LEFT_OUT = 3.0  # what it costs to leave a low piece out
OUT = 0.3  # only what is lower than this share of its row may be left out


@dataclass(frozen=True)
class Parts:
    """The parts that pieces were divided into, each with a number.

    Parameters
    ----------
    labels : ndarray of int32, shape (height, width)
        0 where there is none, else 1 + the index of the part.
    boxes : ndarray of int64, shape (parts, 4)
        Left, top, right, bottom of each part.
    pieces : ndarray of int64, shape (parts,)
        The piece that each part belongs to.
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.int64]
    pieces: NDArray[np.int64]


def divide(pieces: Pieces, chosen: NDArray[np.intp]) -> Parts:
    """Divide each of the chosen pieces where it may be two digits that touch."""
    labels = np.zeros_like(pieces.labels)
    boxes, owners = [], []
    for piece in chosen:
        left, top, right, bottom = pieces.boxes[piece]
        window = np.s_[top:bottom, left:right]
        mask = pieces.labels[window] == piece + 1
        for part in high_parts(mask, find_cuts(mask)):
            boxes.append(box_of(part) + np.array([left, top, left, top]))
            owners.append(piece)
            labels[window][part] = len(boxes)
    return Parts(labels, np.array(boxes, dtype=np.int64).reshape(-1, 4), np.array(owners, dtype=np.int64))


def high_parts(mask: Mask, regions: NDArray[np.int64]) -> list[Mask]:
    """Return the parts of a piece in its regions, each part together with the low ones that follow it.

    Low parts, and those before the first that is high, are no digits: only ends of strokes.
    """
    least = MIN_PART * len(mask)
    parts: list[Mask] = []
    for region in range(regions.max() + 1):
        part = mask & (regions == region)
        if parts and (not _is_high(parts[0], least) or not _is_high(part, least)):
            parts[-1] = parts[-1] | part
        else:
            parts.append(part)
    return parts


def _is_high(part: Mask, least: float) -> bool:
    """Say whether a part reaches over so many rows."""
    rows = np.flatnonzero(part.any(axis=1))
    return len(rows) > 0 and rows[-1] + 1 - rows[0] >= least


def possible_spans(parts: Parts, row: Sequence[int], height: float) -> list[Span]:
    """Return the spans (start, end) of a row's parts that may be one digit."""
    found = []
    for start in range(len(row)):
        for end in range(start + 1, min(start + MOST_PARTS, len(row)) + 1):
            if end > start + 1 and not _are_near(parts, row[start : end - 1], row[end - 1], height):
                break
            found.append((start, end))
    return found


def _are_near(parts: Parts, before: Sequence[int], part: int, height: float) -> bool:
    left, _, right, _ = united(parts.boxes[list(before)])
    gap = max(parts.boxes[part, 0] - right, left - parts.boxes[part, 2])
    return bool(gap <= NEAR * height or parts.pieces[part] == parts.pieces[before[-1]])


def cost(parts: Parts, row: Sequence[int], span: Span, height: float, probability: float) -> float:
    """Return what it costs to take a span for one digit: the logarithm of its improbability.

    To the recogniser's probability comes what is known of the shapes of digits; the recogniser cannot know it, as all
    digits are of one size for it.
    """
    start, end = span
    left, top, right, bottom = united(parts.boxes[list(row[start:end])])
    paid = -math.log(max(probability, 1e-6))
    paid += 10 * max(0.0, LOW - (bottom - top) / height)
    paid += max(0.0, (right - left) / (bottom - top) - WIDE)
    cut = end < len(row) and parts.pieces[row[end]] == parts.pieces[row[end - 1]]
    return float(paid + CUT * cut)


def best_spans(parts: Parts, row: Sequence[int], height: float, probabilities: dict[Span, float]) -> list[Span]:
    """Return the spans that read the whole row at the lowest cost, by dynamic programming (Viterbi)."""
    paid = [0.0] + [math.inf] * len(row)
    came: list[tuple[int, bool]] = [(0, False)] * (len(row) + 1)
    for end in range(1, len(row) + 1):
        ways = [
            (paid[start] + cost(parts, row, (start, end), height, probability), start, True)
            for (start, stop), probability in probabilities.items()
            if stop == end
        ]
        low = parts.boxes[row[end - 1], 3] - parts.boxes[row[end - 1], 1] < OUT * height
        if low:
            ways.append((paid[end - 1] + LEFT_OUT, end - 1, False))
        paid[end], start, taken = min(ways)
        came[end] = (start, taken)
    spans, end = [], len(row)
    while end > 0:
        start, taken = came[end]
        if taken:
            spans.append((start, end))
        end = start
    return spans[::-1]
