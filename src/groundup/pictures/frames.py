"""Frames around writing: the cells of a form, a box or a ring that somebody drew around a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.pictures.ink import Mask
from groundup.pictures.lines import find_lines
from groundup.pictures.pieces import Pieces, find_pieces

WRITING = 5  # times as high as a frame's line is wide: what is lower is no writing, but a dot in a zero
FILLED = 0.2  # of the height of a frame's hole is what stands in it, or else there is more than one of it
DEEP = 0.25  # of its shorter side away from its edge: so deep in a frame reaches what stands in it
RECTANGULAR = 0.8  # of the smallest rectangle around it that a frame of straight lines fills with its holes, at least
STRAIGHT = 0.75  # of its edge lies on straight lines; what touches it hides the rest


class Outlined(NamedTuple):
    """Pieces of ink with their outlines."""

    pieces: Pieces
    outlines: Sequence[NDArray[Any]]
    """Of pieces and of their holes: points (length, 1, 2) of column and row."""
    parents: NDArray[np.int32]
    """For each outline, which one is around it: that of a hole around a piece's, -1 around the outermost ones."""
    owners: NDArray[np.intp]
    """For each outline, the index of the piece that it belongs to."""
    widths: NDArray[np.float64]
    """For each piece, the mean width of its strokes in pixels: twice its area over the length of its edges."""

    def piece(self, index: int) -> tuple[tuple[slice, slice], Mask]:
        """Return where a piece is, and its pixels there."""
        left, top, right, bottom = self.pieces.boxes[index]
        here = slice(top, bottom), slice(left, right)
        return here, self.pieces.labels[here] == index + 1


def find_frames(faint: Mask, strong: Mask) -> Mask:
    """Return the pixels that belong to frames alone.

    A connected piece of ink is a frame if there is writing in one of its holes. Writing that touches a frame is one
    piece with it; so frames of straight lines are taken away from it first.

    Parameters
    ----------
    faint, strong : ndarray of bool, shape (height, width)
        All ink, the faintest too; and that of strokes.
    """
    frames = np.zeros_like(faint)
    outlined = _outline(faint)
    for index, outline in _rectangles(outlined):
        here, piece = outlined.piece(index)
        frames[here] |= _straight_frame(piece, outline - outlined.pieces.boxes[index, :2], outlined.widths[index])
    for mask in (strong, faint):
        rest = _outline(mask & ~frames)
        for index in np.flatnonzero(_encloses(rest, strong)).tolist():
            here, piece = rest.piece(index)
            frames[here] |= piece & ~_within(piece, strong[here], rest.widths[index])
    return frames


def _within(piece: Mask, strong: Mask, width: float) -> Mask:
    """Return the writing that faint ink alone joins to a frame: strong pieces of ink away from its outer edge."""
    outlines, _ = cv2.findContours(piece.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.pad(cv2.fillPoly(np.zeros(piece.shape, np.uint8), outlines, 1), 1)
    depth = cv2.distanceTransform(filled, cv2.DIST_L2, 3)[1:-1, 1:-1]
    parts = find_pieces(piece & strong)
    return (parts.labels > 0) & ~np.isin(parts.labels, parts.labels[depth < 2 * width])


def _outline(mask: Mask) -> Outlined:
    """Return the pieces of a mask that are high enough to be writing or frames, with their outlines."""
    pieces = find_pieces(mask)
    pieces = find_pieces(np.isin(pieces.labels, 1 + np.flatnonzero(pieces.heights > WRITING)))
    outlines, tree = cv2.findContours((pieces.labels > 0).astype(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    parents = np.asarray(tree[0, :, 3] if outlines else (), np.int32)
    owners = np.array([pieces.labels[tuple(outline[0, 0, ::-1])] - 1 for outline in outlines], np.intp)
    lengths = [cv2.arcLength(outline, closed=True) for outline in outlines]
    widths = 2 * pieces.areas / np.maximum(np.bincount(owners, lengths, len(pieces.areas)), 1)
    return Outlined(pieces, outlines, parents, owners, widths)


def _rectangles(outlined: Outlined) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the index and the outer outline of each piece that is worth the time of looking for straight lines."""
    for outline, parent, owner in zip(outlined.outlines, outlined.parents, outlined.owners, strict=True):
        outermost = parent < 0 or outlined.owners[parent] != owner
        if outermost and cv2.contourArea(outline) > RECTANGULAR * np.prod(cv2.minAreaRect(outline)[1]):
            yield int(owner), outline


def _straight_frame(piece: Mask, outline: NDArray[Any], width: float) -> Mask:
    """Return the pixels of a piece that are a frame of straight lines, and not the writing in it that touches them."""
    none = np.zeros_like(piece)
    filled = np.pad(cv2.fillPoly(none.astype(np.uint8), [outline], 1), 1)
    depth = cv2.distanceTransform(filled, cv2.DIST_L2, 3)[1:-1, 1:-1]
    deep = piece & (depth > DEEP * min(piece.shape))
    if not deep.any():  # nothing touches it
        return none
    lines = find_lines(piece, width)
    if not lines.any():
        return none
    top, bottom = np.quantile(np.nonzero(lines)[0], (0.1, 0.9)).astype(int)
    lines[top:bottom] |= find_lines(piece[top:bottom], width)  # what ends where the frame does, not where writing does
    if np.mean(lines[outline[:, 0, 1], outline[:, 0, 0]]) < STRAIGHT:
        return none
    rest = find_pieces(piece & ~lines)
    written = np.intersect1d(rest.labels[deep], 1 + np.flatnonzero(rest.heights > WRITING * width))
    return piece & ~np.isin(rest.labels, written) if len(written) else none


def _encloses(outlined: Outlined, strong: Mask) -> NDArray[np.bool_]:
    """Say of each piece whether there is writing in one of its holes."""
    pieces, outlines, parents, owners, widths = outlined
    inked = np.bincount(pieces.labels[strong], minlength=len(widths) + 1)[1:] > 0
    heights: dict[int, list[int]] = {}
    for hole, inner in zip(parents.tolist(), owners, strict=True):
        frame = owners[hole]
        if hole >= 0 and inner != frame and inked[inner] and pieces.heights[inner] > WRITING * widths[frame]:
            heights.setdefault(hole, []).append(int(pieces.heights[inner]))
    frames = np.zeros(len(widths), np.bool_)
    for hole, high in heights.items():
        frames[owners[hole]] |= len(high) > 1 or high[0] > FILLED * cv2.boundingRect(outlines[hole])[3]
    return frames
