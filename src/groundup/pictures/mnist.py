"""From the ink of one digit to MNIST's form, one small stage after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.pictures.ink import Grey, Mask, stroke_width
from groundup.pictures.pieces import box_of, united
from groundup.pictures.reading import Picture, shrunk
from groundup.pictures.writing import find_writing

SIDE = 28  # of the whole picture
INNER = 20  # of the box that the ink is scaled into
FINE = 8  # strokes are widened and narrowed at this multiple of the final size
SOFT = 0.05  # ink below this is not counted into the bounding box
THIN_STROKE, THICK_STROKE = 1.5, 4.2  # pixels of the final picture; 96 of 100 of MNIST's digits are within
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
    """Give a picture of one digit MNIST's form: all writing in it is taken for that digit.

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
    picture = shrunk(grey)
    writing = find_writing(picture.grey)
    return prepare(writing.ink.ink, writing.pieces.labels, writing.chosen.tolist(), writing.pieces.boxes, picture)


def prepare(
    ink: Grey, labels: NDArray[np.int32], parts: Sequence[int], boxes: NDArray[np.int64], picture: Picture
) -> Prepared:
    """Give some parts of the ink, which make up one digit, MNIST's form.

    Parameters
    ----------
    ink : ndarray of float32, shape (height, width)
        0 is background, 1 is a full stroke.
    labels : ndarray of int32, shape (height, width)
        0 where there is no ink, else 1 + the index of the part.
    parts : sequence of int
        The digit's parts.
    boxes : ndarray of int64, shape (parts, 4)
        Left, top, right, bottom of each part.
    picture : Picture
        What the ink was found in; it knows the original's size.
    """
    left, top, right, bottom = united(boxes[list(parts)]).tolist()
    around = 2 + max(right - left, bottom - top) // 4  # where its soft edges may be
    left, top = max(left - around, 0), max(top - around, 0)
    window = np.s_[top : bottom + around, left : right + around]
    chosen = np.isin(labels[window], np.array(parts) + 1)
    digit, box = cut_out(ink[window], (labels[window] > 0) & ~chosen, chosen)
    pixels = centre(fit(with_usual_strokes(digit)))
    place = picture.in_original((left + box[0], top + box[1], left + box[2], top + box[3]))
    return Prepared(np.round(pixels * 255).astype(np.uint8), place)


def cut_out(ink: Grey, others: Mask, chosen: Mask) -> tuple[Grey, tuple[int, int, int, int]]:
    """Return the chosen ink with its soft edges and without others', and its box: left, top, right, bottom."""
    reach = 1 + round(stroke_width(ink * chosen) / 2)  # soft edges are narrower than strokes; further off is noise
    alone = ink * within(chosen, reach) * ~others
    box = left, top, right, bottom = tuple(box_of(chosen | (alone > SOFT)).tolist())
    full = float(np.quantile(alone[chosen], 0.75))  # a faint pen and a strong one look the same in the end
    return np.minimum(alone[top:bottom, left:right] / full, 1), box


def within(mask: Mask, distance: float) -> Mask:
    """Return where a mask (height, width) is no further than `distance` pixels; any distance takes the same time."""
    far = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(far <= distance)


def grow(ink: Grey, radius: int) -> Grey:
    """Dilate by a disc; a negative radius erodes."""
    side = 2 * abs(radius) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    changed = cv2.dilate(ink, disc) if radius > 0 else cv2.erode(ink, disc, borderValue=0.0)
    return np.asarray(changed, np.float32)


def with_usual_strokes(digit: Grey) -> Grey:
    """Widen or narrow strokes that would look unlike MNIST's in the final picture."""
    width = stroke_width(digit) * INNER / max(digit.shape)
    if THIN_STROKE <= width <= THICK_STROKE:
        return digit
    digit = _pool(digit, max(1, max(digit.shape) // (FINE * INNER)))
    scale = FINE * INNER / max(digit.shape)
    size = (max(1, round(digit.shape[1] * scale)), max(1, round(digit.shape[0] * scale)))
    digit = np.asarray(cv2.resize(digit, size, interpolation=cv2.INTER_LINEAR), np.float32)
    wanted = USUAL_STROKE if width < THIN_STROKE else THICK_STROKE
    change = round((wanted * FINE - stroke_width(digit)) / 2)  # on either side of the stroke
    if change == 0:
        return digit
    changed = grow(np.pad(digit, max(change, 0) + 1), change)
    if (changed > 0.5).any():
        left, top, right, bottom = box_of(changed > SOFT)
        return changed[top:bottom, left:right]
    return digit


def _pool(digit: Grey, cell: int) -> Grey:
    """Shrink by the factor `cell`, keeping the largest ink of each cell, so that no thin line is lost."""
    height, width = (-(-side // cell) for side in digit.shape)
    whole = np.zeros((height * cell, width * cell), dtype=np.float32)
    whole[: digit.shape[0], : digit.shape[1]] = digit
    return np.asarray(whole.reshape(height, cell, width, cell).max(axis=(1, 3)))


def fit(digit: Grey) -> Grey:
    """Scale the longer side to `INNER` pixels, by averaging over areas."""
    scale = INNER / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    return resize(digit, height, width)


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
