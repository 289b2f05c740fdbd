"""The sheet of paper in a photo that shows the table, too, or the window in a picture of a screen.

A sheet is large, straight-sided and of one piece once its ink is filled in; its edge is hard, there is ink in its
middle, and around it there is none. So it is told from what looks like one: the lit part of a page that has a hard
shadow, a box of a form, a thick zero.

A torn or a curled sheet has no straight sides, a panel on a screen may have print around it, and a pen may lie on the
table. Only what can be read on such a sheet tells it from other things: `any_sheet` is for pictures in which nothing
convinces otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.pictures.ink import (
    BACKGROUND_SIDE,
    DARK,
    MIN_CONTRAST,
    Grey,
    Mask,
    close,
    gradient_length,
    grey_size,
    has_hard_edge,
    shrink_to,
)

SMALLEST = 100  # pixels of the shorter side of a picture that shows a table
DARKEST = 0.05  # where it is darker than this, brightness is noise
SHADES = 12  # between the darkest and the lightest, at each of which a sheet is looked for
LEAST, MOST = 0.1, 0.98  # of the picture that a sheet covers
CONVEX = 0.96  # of its convex hull that it covers
RECTANGULAR = 0.7  # of the smallest rectangle around it that the hull covers
FULL = 0.92  # of its hull that is no hole in it
TOLERANCE, STRAIGHT = 0.02, 0.96  # of the hull a polygon covers whose sides are off by this share of its length
STROKE = 1 / 12  # how wide ink on a sheet may be, as a share of the picture's shorter side
SMOOTH = 0.1  # by how much the light's logarithm changes within two pixels of a small picture, at most, in a shadow
STEP = 0.1  # in the light's logarithm, between a sheet and the table, at least
STEEP = 2 / 3  # of that step is within two pixels of a small picture, where the edge is hard
BLURRED = 0.4  # of that step is, where the edge is not soft
RIM = 0.015  # of the picture's shorter side: how wide the sheet's soft edge is
RING = 0.08  # so wide is what is compared on both sides of the edge
MIDDLE = 0.1  # of its shorter side away from its edge a sheet's middle begins
FEW = 0.001  # of a sheet's middle is covered by the thinnest writing
BARE = 0.7  # compared to the sheet's ink, how dark the darkest places of the table are, at most
ROUGH = 0.85  # of its convex hull a sheet of any form covers
OPEN = 0.6  # of it is no hole in it: a panel may be all but filled by its digit
WRITTEN = 0.15  # of the paper's light is missing in the ink on it

Shape = NDArray[np.uint8]
"""A mask of 0 and 1."""


class Surface(NamedTuple):
    """A picture in which a sheet is sought that is lighter than the table; all of shape (height, width)."""

    light: Grey
    """The logarithm of brightness: a shadow takes the same from it on both sides of the sheet's edge."""
    paper: Grey
    """The same without strokes."""
    missing: Grey
    """The share of the paper's light that strokes take."""
    gradient: Grey
    """Of the paper; the steepest nearby, since a shape's edge may be off by a pixel."""


Outlines = Callable[[Mask], Iterator[Shape]]
"""Yields the shapes in a mask that may be sheets."""


def without_table(grey: Grey) -> Grey:
    """Return the picture as if its sheet went on over all of it.

    Parameters
    ----------
    grey : ndarray of float32, shape (height, width)
        0 is black, 1 is white.

    Returns
    -------
    ndarray of float32, shape (height, width)
        Where there is something else than the sheet, as bright as the nearest part of it. The same picture, if it
        shows no table.
    """
    return _spread(grey, _straight_sheet)


def any_sheet(grey: Grey) -> Grey:
    """Return the picture as if its sheet, of any form and whatever lies around it, went on over all of it.

    Parameters and the returned array are those of `without_table`.
    """
    return _spread(grey, _rough_sheet)


def _spread(grey: Grey, find: Callable[[Grey], Mask]) -> Grey:
    """Return the picture as if its sheet, lighter or darker than the rest, went on over all of it."""
    small = shrink_to(grey, BACKGROUND_SIDE)
    if min(small.shape) < SMALLEST:
        return grey
    light = np.log(np.maximum(small, DARKEST))
    sheet = max(find(light), find(-light), key=np.count_nonzero)
    if not sheet.any():
        return grey
    outside = _nearest(np.asarray(cv2.medianBlur(small, 5), np.float32), sheet)
    inside = cv2.resize(sheet.astype(np.float32), grey_size(grey), interpolation=cv2.INTER_LINEAR) > 0.5
    return np.where(inside, grey, cv2.resize(outside, grey_size(grey), interpolation=cv2.INTER_LINEAR))


def _nearest(values: Grey, where: Mask) -> Grey:
    """Return for every pixel the value of the nearest one of those that `where` says."""
    _, labels = cv2.distanceTransformWithLabels(
        (~where).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labelled = np.zeros(int(labels.max()) + 1, np.float32)
    labelled[labels[where]] = values[where]
    return np.asarray(labelled[labels])


def _straight_sheet(light: Grey) -> Mask:
    """Return where the largest straight-sided sheet is, without its soft edge; nowhere if none is."""
    surface = _surface(light)
    for shapes in _shapes(surface, _straight_shapes):
        sheets = [each for each in shapes if _stands_out(each, surface, STEEP) and _is_written_on(each, surface)]
        if sheets:
            return _inside(max(sheets, key=np.count_nonzero), surface)
    return np.zeros(light.shape, np.bool_)


def _rough_sheet(light: Grey) -> Mask:
    """Return where the largest sheet of any form is, without its soft edge; nowhere if none is."""
    surface = _surface(light)
    sheets = (
        _inside(each, surface)
        for shapes in _shapes(surface, _rough_shapes)
        for each in shapes
        if _stands_out(each, surface, BLURRED) and _darkest_in(each, surface) > WRITTEN and not _is_open(each, surface)
    )
    return max(sheets, key=np.count_nonzero, default=np.zeros(light.shape, np.bool_))


def _surface(light: Grey) -> Surface:
    """Tell the paper from the strokes on it."""
    paper = close(light, STROKE)
    missing = np.asarray((1 - np.exp(light - paper)) * np.minimum(np.exp(paper) / DARK, 1), np.float32)
    gradient = np.asarray(cv2.dilate(gradient_length(paper), _square(0, light)), np.float32)
    return Surface(light, paper, missing, gradient)


def _shapes(surface: Surface, outlines: Outlines) -> Iterator[Iterator[Shape]]:
    """Yield the shapes that hard edges enclose, and then those that are lighter than what is around them.

    Where the sheet is as dark in a shadow as the table in the light, no level divides them; but no hard edge divides
    the sheet.
    """
    paper = surface.paper
    smooth = outlines(gradient_length(paper) < SMOOTH)
    yield (np.asarray(cv2.dilate(shape, _square(0, shape)), np.uint8) for shape in smooth)
    levels = np.linspace(paper.min(), paper.max(), SHADES + 2)[1:-1]
    yield (shape for level in levels for shape in outlines(paper > level))


def _straight_shapes(mask: Mask) -> Iterator[Shape]:
    """Yield the hulls of connected shapes that are large and straight-sided."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        hull = cv2.convexHull(outline)
        area = cv2.contourArea(hull)
        width, height = cv2.minAreaRect(hull)[1]
        polygon = cv2.approxPolyDP(hull, TOLERANCE * cv2.arcLength(hull, closed=True), closed=True)
        if (
            LEAST * mask.size < area < MOST * mask.size
            and area > RECTANGULAR * width * height
            and cv2.contourArea(polygon) > STRAIGHT * area
            and cv2.contourArea(outline) > CONVEX * area
        ):
            shape = np.asarray(cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), hull, 1), np.uint8)
            if np.mean(mask[shape > 0]) > FULL:  # a form's cells have straight sides as well
                yield shape


def _rough_shapes(mask: Mask) -> Iterator[Shape]:
    """Yield the connected shapes that are large and whole, as they are."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        area = cv2.contourArea(outline)
        if LEAST * mask.size < area < MOST * mask.size and area > ROUGH * cv2.contourArea(cv2.convexHull(outline)):
            shape = np.asarray(cv2.fillPoly(np.zeros(mask.shape, np.uint8), [outline], 1), np.uint8)
            if np.mean(mask[shape > 0]) > OPEN:
                yield shape


def _inside(shape: Shape, surface: Surface) -> Mask:
    """Return a shape without its soft edge, and without the table in the notches of a torn one.

    What is as dark as the table, begins at the edge, and ends within a stroke's width of it, is a notch.
    """
    labels, at_edge, deep = _dark_pieces(shape, surface)
    notches = np.setdiff1d(at_edge, deep)
    return np.asarray(cv2.erode(shape * ~np.isin(labels, notches), _square(RIM, shape)) > 0)


def _is_open(shape: Shape, surface: Surface) -> bool:
    """Say whether what is as dark as the table leads from the edge deep into a shape, as between joined digits."""
    _, at_edge, deep = _dark_pieces(shape, surface)
    return len(np.intersect1d(at_edge, deep)) > 0


def _dark_pieces(shape: Shape, surface: Surface) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return the labels of what is as dark in a shape as around it, and which are at its edge, and which deep in it."""
    depth = _depth(shape)
    middle = depth > min(STROKE * min(shape.shape), depth.max() / 2)
    within, around = _sides(shape, surface.paper)
    dark = (shape > 0) & (surface.light < _nearest(surface.paper, middle) - (within - around) / 2)
    labels = np.asarray(cv2.connectedComponents(dark.astype(np.uint8))[1], np.int32)
    return labels, np.unique(labels[dark & (depth < 2)]), np.unique(labels[dark & middle])


def _depth(shape: Shape) -> Grey:
    """Return how far it is to a shape's edge, or to the picture's."""
    framed = cv2.copyMakeBorder(shape, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1], np.float32)


def _sides(shape: Shape, paper: Grey) -> tuple[float, float]:
    """Return how light it is along a shape's edge, within and around it."""
    rim, wide = _square(RIM, shape), _square(RING, shape)
    inner = (cv2.erode(shape, rim) > 0) & (cv2.erode(shape, wide) == 0)
    outer = (cv2.dilate(shape, rim) == 0) & (cv2.dilate(shape, wide) > 0)
    if not inner.any() or not outer.any():
        return 0.0, 0.0
    return float(np.median(paper[inner])), float(np.median(paper[outer]))


def _stands_out(shape: Shape, surface: Surface, steep: float) -> bool:
    """Say whether a shape is lighter along its edge than what is around it, and `steep` of that within two pixels."""
    within, around = _sides(shape, surface.paper)
    step = within - around
    return step > STEP and has_hard_edge(shape, surface.gradient, steep * step)


def _is_written_on(shape: Shape, surface: Surface) -> bool:
    """Say whether there is ink in a shape's middle, and none around it."""
    # Beside a hard edge a closing fills what is no ink, so what is around begins a stroke's width away.
    around = surface.missing[cv2.dilate(shape, _square(STROKE, shape)) == 0]
    ink = _darkest_in(shape, surface)
    return ink > MIN_CONTRAST and (not around.size or float(np.quantile(around, 1 - FEW / 2)) < BARE * ink)


def _darkest_in(shape: Shape, surface: Surface) -> float:
    """Return which share of the paper's light the darkest strokes in a shape's middle take."""
    depth = _depth(shape)
    begins = min(MIDDLE * min(cv2.boundingRect(shape)[2:]), depth.max() / 2)  # a slanted strip is nowhere deep
    return float(np.quantile(surface.missing[depth > begins], 1 - FEW))


def _square(reach: float, shape: Grey | Shape) -> Shape:
    """Return what shapes are grown and shrunk by: so far in all directions, as a share of the shorter side."""
    return np.ones((2 * max(1, round(reach * min(shape.shape))) + 1,) * 2, np.uint8)
