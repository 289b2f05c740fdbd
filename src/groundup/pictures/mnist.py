"""From a grey picture to MNIST's form, one small stage after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from groundup.pictures.ink import Grey, Mask, find_ink, grow, stroke_width
from groundup.pictures.pieces import choose_pieces, find_pieces

SIDE = 28  # of the whole picture
INNER = 20  # of the box that the ink is scaled into
WORKING_SIDE = 1024  # pictures with a longer side are shrunk first
SOFT = 0.05  # ink below this is not counted into the bounding box
THIN_STROKE = 1.5  # pixels of the final picture; 96 of 100 of MNIST's digits have wider strokes
USUAL_STROKE = 2.2  # pixels of the final picture; what thinner strokes are widened to


@dataclass(frozen=True)
class Prepared:
    """A digit in MNIST's form.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (28, 28)
        0 is background, 255 is full ink.
    box : tuple of int
        Where the digit was found: left, top, right, bottom, in pixels of the original picture; right and bottom are
        the first column and row after it.
    """

    pixels: NDArray[np.uint8]
    box: tuple[int, int, int, int]


def to_mnist(grey: Grey) -> Prepared:
    """Find the one digit in a picture and give it MNIST's form.

    Parameters
    ----------
    grey : ndarray of float32, shape (height, width)
        0 is black, 1 is white; the digit may be the darker or the lighter part.

    Returns
    -------
    Prepared
        The digit, and where it was.

    Raises
    ------
    PictureError
        If nothing in the picture stands out from its background.
    """
    small, factor = shrink(grey)
    ink, mask = find_ink(small)
    labels, boxes = find_pieces(mask)
    digit, (left, top, right, bottom) = cut_out(ink, np.isin(labels, choose_pieces(boxes, mask.shape)))
    pixels = centre(fit(thicken(digit)))
    height, width = grey.shape
    box = (left * factor, top * factor, min(right * factor, width), min(bottom * factor, height))
    return Prepared(np.round(pixels * 255).astype(np.uint8), box)


def shrink(grey: Grey) -> tuple[Grey, int]:
    """Return the picture with no side above `WORKING_SIDE`, and the whole factor that it was shrunk by."""
    factor = -(-max(grey.shape) // WORKING_SIDE)
    return (grey, 1) if factor == 1 else (np.asarray(Image.fromarray(grey).reduce(factor)), factor)


def resize(picture: Grey, height: int, width: int) -> Grey:
    """Scale by averaging over areas: every new pixel is the mean of what lies under it."""
    return np.asarray(_overlap(picture.shape[0], height) @ picture @ _overlap(picture.shape[1], width).T, np.float32)


def _overlap(old: int, new: int) -> Grey:
    """Return the share of new pixel i that old pixel j covers, shape (new, old); every row sums to 1."""
    edges = np.arange(new + 1) * (old / new)  # in old pixels
    pixels = np.arange(old)
    ends = np.minimum(edges[1:, None], pixels + 1)
    starts = np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(ends - starts, 0) * (new / old), dtype=np.float32)


def cut_out(ink: Grey, chosen: Mask) -> tuple[Grey, tuple[int, int, int, int]]:
    """Return the chosen pieces with their soft edges and nothing else, and their box in `ink`'s pixels."""
    reach = 1 + round(stroke_width(ink * chosen))
    left, top, right, bottom = _box(chosen)
    left, top = max(left - reach, 0), max(top - reach, 0)
    around = np.s_[top : bottom + reach, left : right + reach]
    alone = ink[around] * grow(chosen[around], reach)
    box = _box(chosen[around] | (alone > SOFT))
    digit = alone[box[1] : box[3], box[0] : box[2]]
    return digit, (left + box[0], top + box[1], left + box[2], top + box[3])


def _box(mask: Mask) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what is True; right and bottom are the first column and row after it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def thicken(digit: Grey) -> Grey:
    """Widen strokes that would be too thin in the final picture to look like MNIST's."""
    if stroke_width(digit) * INNER / max(digit.shape) >= THIN_STROKE:
        return digit
    fine = 8  # work at eight times the final size
    digit = _pool(digit, max(1, max(digit.shape) // (fine * INNER)))
    scale = fine * INNER / max(digit.shape)
    digit = resize(digit, *(max(1, round(side * scale)) for side in digit.shape))
    missing = max(0.0, (USUAL_STROKE * fine - stroke_width(digit)) / 2)  # on either side of the stroke
    whole = int(missing)
    grown = grow(np.pad(digit, whole + 1), whole)
    return grown + np.float32(missing - whole) * (grow(grown, 1) - grown)


def _pool(digit: Grey, cell: int) -> Grey:
    """Shrink by the factor `cell`, keeping the largest ink of each cell, so that no thin line is lost."""
    height, width = (-(-side // cell) for side in digit.shape)
    whole = np.zeros((height * cell, width * cell), dtype=np.float32)
    whole[: digit.shape[0], : digit.shape[1]] = digit
    return np.asarray(whole.reshape(height, cell, width, cell).max(axis=(1, 3)))


def fit(digit: Grey) -> Grey:
    """Scale the longer side to `INNER` pixels."""
    scale = INNER / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    return resize(digit, height, width)


def centre(digit: Grey) -> Grey:
    """Place a digit in 28x28 pixels so that its centre of mass lies in the pixel right and below of the middle.

    That is where it lies in all of MNIST's pictures: in row and column 14, counted from 0.
    """
    height, width = digit.shape
    total = digit.sum()
    y = float(digit.sum(axis=1) @ np.arange(height)) / total
    x = float(digit.sum(axis=0) @ np.arange(width)) / total
    # The digit stays whole, however far from its middle the centre of mass is.
    top = min(max(round(SIDE / 2 - y), 0), SIDE - height)
    left = min(max(round(SIDE / 2 - x), 0), SIDE - width)
    picture = np.zeros((SIDE, SIDE), dtype=np.float32)
    picture[top : top + height, left : left + width] = digit
    return picture
