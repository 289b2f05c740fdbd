"""The sheet of paper in a photo that shows the table, too, or the window in a picture of a screen.

A sheet is large, straight-sided and of one piece once its ink is filled in; its edge is hard, there is ink in its
middle, and around it there is none. So it is told from what looks like one: the lit part of a page that has a hard
shadow, a box of a form, a thick zero.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.pictures.ink import (
    BACKGROUND_SIDE,
    DARK,
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
RIM = 0.015  # of the picture's shorter side: how wide the sheet's soft edge is
RING = 0.08  # so wide is what is compared on both sides of the edge
MIDDLE = 0.1  # of its shorter side away from its edge a sheet's middle begins
FEW = 0.001  # of a sheet's middle is covered by the thinnest writing
BARE = 0.7  # compared to the sheet's ink, how dark the darkest places of the table are, at most

Shape = NDArray[np.uint8]
"""A mask of 0 and 1."""


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
    small = shrink_to(grey, BACKGROUND_SIDE)
    if min(small.shape) < SMALLEST:
        return grey
    light = np.log(np.maximum(small, DARKEST))
    sheet = max(_sheet(light), _sheet(-light), key=np.count_nonzero)
    if not sheet.any():
        return grey
    _, nearest = cv2.distanceTransformWithLabels(
        (~sheet).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    brightness = np.zeros(int(nearest.max()) + 1, np.float32)
    brightness[nearest[sheet]] = cv2.medianBlur(small, 5)[sheet]
    inside = cv2.resize(sheet.astype(np.float32), grey_size(grey), interpolation=cv2.INTER_LINEAR) > 0.5
    return np.where(inside, grey, cv2.resize(brightness[nearest], grey_size(grey), interpolation=cv2.INTER_LINEAR))


def _sheet(light: Grey) -> Mask:
    """Return where the largest sheet is that is lighter than the table, without its soft edge; nowhere if none is.

    `light` is the logarithm of brightness: a shadow takes the same from it on both sides of the sheet's edge. Where
    the sheet is as dark in a shadow as the table in the light, no level divides them; but no hard edge divides the
    sheet. So shapes within hard edges are tried first.
    """
    paper = close(light, STROKE)
    steep = gradient_length(paper)
    near = np.asarray(cv2.dilate(steep, _square(0, light)), np.float32)  # a hull may be off by a pixel
    missing = np.asarray((1 - np.exp(light - paper)) * np.minimum(np.exp(paper) / DARK, 1), np.float32)
    levels = np.linspace(paper.min(), paper.max(), SHADES + 2)[1:-1]
    smooth = [np.asarray(cv2.dilate(shape, _square(0, light)), np.uint8) for shape in _straight_shapes(steep < SMOOTH)]
    lighter = (shape for level in levels for shape in _straight_shapes(paper > level))
    largest = np.zeros(light.shape, np.bool_)
    for shapes in (smooth, lighter):
        for shape in shapes:
            inside = cv2.erode(shape, _square(RIM, shape)) > 0
            larger = np.count_nonzero(inside) > np.count_nonzero(largest)
            if larger and _stands_out(shape, paper, near) and _is_written_on(shape, missing):
                largest = inside
        if largest.any():
            break
    return largest


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


def _stands_out(shape: Shape, paper: Grey, gradient: Grey) -> bool:
    """Say whether a shape is lighter along its edge than what is around it, and the edge hard."""
    rim, wide = _square(RIM, shape), _square(RING, shape)
    inner = (cv2.erode(shape, rim) > 0) & (cv2.erode(shape, wide) == 0)
    outer = (cv2.dilate(shape, rim) == 0) & (cv2.dilate(shape, wide) > 0)
    if not inner.any() or not outer.any():
        return False
    step = float(np.median(paper[inner]) - np.median(paper[outer]))
    return step > STEP and has_hard_edge(shape, gradient, STEEP * step)


def _is_written_on(shape: Shape, missing: Grey) -> bool:
    """Say whether there is ink in a shape's middle, and none around it; `missing` is the share of the paper's light."""
    framed = cv2.copyMakeBorder(shape, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    middle = missing[depth > MIDDLE * min(cv2.boundingRect(shape)[2:])]
    # Beside a hard edge a closing fills what is no ink, so what is around begins a stroke's width away.
    around = missing[cv2.dilate(shape, _square(STROKE, shape)) == 0]
    return not around.size or float(np.quantile(around, 1 - FEW / 2)) < BARE * float(np.quantile(middle, 1 - FEW))


def _square(reach: float, shape: Grey | Shape) -> Shape:
    """Return what shapes are grown and shrunk by: so far in all directions, as a share of the shorter side."""
    return np.ones((2 * max(1, round(reach * min(shape.shape))) + 1,) * 2, np.uint8)
