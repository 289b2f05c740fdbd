"""All writing in a picture: the stages from grey to pieces of ink."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.errors import PictureError
from groundup.pictures.frames import find_frames
from groundup.pictures.ink import Grey, Ink, Mask, find_ink, stroke_widest
from groundup.pictures.lines import find_lines
from groundup.pictures.pieces import Pieces, choose_pieces, find_pieces
from groundup.pictures.sheet import without_table

MOST_PIECES = 500  # more pieces of ink than these are no digits: grass, print, a screen's pixels


@dataclass(frozen=True)
class Writing:
    """What was found in a picture, stage by stage.

    Parameters
    ----------
    grey : ndarray of float32, shape (height, width)
        The picture: 0 is black, 1 is white.
    ink : Ink
        What stands out from the background, without ruled lines and frames.
    lines : ndarray of bool, shape (height, width)
        The ruled lines and frames that were taken away.
    pieces : Pieces
        The connected pieces of ink.
    chosen : ndarray of int
        The indices of the pieces that are writing.
    """

    grey: Grey
    ink: Ink
    lines: Mask
    pieces: Pieces
    chosen: NDArray[np.intp]


def find_writing(grey: Grey, sheet: Grey | None = None) -> Writing:
    """Find all writing in a picture.

    Parameters
    ----------
    grey : ndarray of float32, shape (height, width)
        0 is black, 1 is white.
    sheet : ndarray of float32, shape (height, width), optional
        The picture as if its sheet were all of it. Without it, a straight-sided sheet is looked for.

    Raises
    ------
    PictureError
        If there is none.
    """
    found = find_ink(without_table(grey) if sheet is None else sheet)
    lines = find_lines(found.faint, stroke_widest(found.mask))
    lines |= find_frames(found.faint & ~lines, found.mask)
    return without_lines(grey, found, lines)


def without_lines(grey: Grey, found: Ink, lines: Mask) -> Writing:
    """Return the writing in ink without ruled lines and frames, all (height, width); errors as for `find_writing`."""
    mask = found.mask & ~lines
    soft = cv2.dilate(lines.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # a line's edges are no ink either
    ink = replace(found, ink=found.ink * (mask | ~soft), mask=mask)
    pieces = find_pieces(mask)
    chosen = choose_pieces(pieces, ink.ink)
    if not len(chosen):
        raise PictureError("the picture is blank: nothing in it stands out from its background")
    if len(chosen) > MOST_PIECES:
        raise PictureError(f"no digits can be seen: there are {len(chosen)} pieces of ink in the picture")
    return Writing(grey, ink, lines, pieces, chosen)
