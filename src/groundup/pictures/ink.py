"""Telling ink from background, and what can be measured and done on ink."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.errors import PictureError

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

MIN_CONTRAST = 0.06  # between ink and background, in 0..1
BACKGROUND_SIDE = 256  # the background is smooth: it is found in a picture with no longer side than this
REACHES = (1 / 2, 1 / 4, 1 / 8, 1 / 16)  # how wide ink may be, as shares of the picture's shorter side, tried in turn
SOLID = 0.2  # what is wider than this share of the shorter side may be a shadow, or a shape that is filled with ink
HARD = 0.8  # of a shape's edge must be hard: a shadow's is soft
SHARP = 1 / 4  # of the step between a solid shape and the paper is within two pixels of a small picture, at least
PARTS = 7  # of each of a picture's four sides, from whose brightness the background is guessed
CURVED = 0.15  # a curved surface is that near to the brightness of all parts, if it is the background
SOBEL_STEP = 4.0  # what Sobel's filter gives at a step of 1
CROSS, SQUARE = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.ones((5, 5), np.uint8)
DARK = 0.25  # where the paper is darker than this, what is left of it is noise, which must not be magnified
SMOOTHED_SIDE = 400  # pictures with a longer side have enough pixels across a stroke for their noise to be smoothed


@dataclass(frozen=True)
class Ink:
    """What stands out from a picture's background.

    Parameters
    ----------
    ink : ndarray of float32, shape (height, width)
        0 is background, 1 is a full stroke.
    mask : ndarray of bool, shape (height, width)
        Where there is more ink than background.
    faint : ndarray of bool, shape (height, width)
        Where there is a quarter as much: ruled lines, too.
    background : ndarray of float32, shape (height, width)
        The paper as it would be without ink: 0 is black, 1 is white.
    """

    ink: Grey
    mask: Mask
    faint: Mask
    background: Grey


def find_ink(grey: Grey) -> Ink:
    """Tell ink from background.

    The background is what a closing leaves: a stroke is narrower than the closing's square, so that it is filled from
    its sides, and shadows are wider, so that they stay. How wide the strokes are is not known. So wide squares are
    tried first, and narrower ones while what they find is as wide as they are: then it is a shadow. What is as wide,
    but has hard edges, is ink all the same: it is painted over before.

    Raises
    ------
    PictureError
        If nothing stands out from the background.
    """
    if max(grey.shape) > SMOOTHED_SIDE:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), max(grey.shape) / SMOOTHED_SIDE / 3), np.float32)
    light = is_light(grey)
    paper = 1 - grey if light else grey
    painted = _without_solids(paper)
    tried = []
    for reach in REACHES:
        background = background_of(painted, reach)
        ink: Grey = np.asarray((background - paper) / np.maximum(background, DARK), np.float32)
        width = stroke_widest(ink > edge_level(ink))
        tried.append((ink, width, background))
        if width < reach * min(grey.shape) / 2:
            break
    else:  # nothing is narrow: a thick pen in a small picture
        ink, width, background = tried[0]
    ink, mask, faint = _stretch(ink, edge_level(ink), width)
    return Ink(ink, mask, faint, 1 - background if light else background)


def is_light(grey: Grey) -> bool:
    """Say whether the ink is lighter than the background.

    The background is guessed from the picture's border. The ink is on the side on which the pixels at edges lie: a
    shadow has many pixels, but soft edges.
    """
    small = shrink_to(grey, 4 * BACKGROUND_SIDE)
    return bool(np.sum(steepness(small) * (small - _guess_background(small))) > 0)


def _guess_background(grey: Grey) -> Grey:
    """Return the surface to which the picture's border belongs.

    A flash, or a lens, leaves the corners darker than the middle. So the surface is curved, if one fits the border;
    else, as where ink or a shadow reaches the border, it is the plane through the medians of the four sides.
    """
    depth, parts = max(1, min(grey.shape) // 20), min(PARTS, *grey.shape)
    sides = grey[:depth], grey[-depth:], grey[:, :depth].T, grey[:, -depth:].T
    medians = np.array([[np.median(part) for part in np.array_split(side, parts, axis=1)] for side in sides])
    along, end = (np.arange(parts) + 0.5) / parts - 0.5, np.full(parts, 0.5)
    terms = np.stack(_terms(np.stack([-end, end, along, along]), np.stack([along, along, -end, end])), axis=-1)
    factors = np.linalg.lstsq(terms.reshape(medians.size, -1), medians.ravel())[0]
    if np.abs(terms @ factors - medians).max() > CURVED:
        top, bottom, left, right = np.median(medians, axis=1)
        factors = np.array([(top + bottom + left + right) / 4, bottom - top, right - left, 0, 0, 0])
    down, across = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in grey.shape)
    pairs = zip(factors.astype(np.float32), _terms(down[:, None], across), strict=True)
    return np.asarray(sum(factor * term for factor, term in pairs), np.float32)


def _terms(y: NDArray[Any], x: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the terms of a surface of second order."""
    return [np.ones_like(x), y, x, x * y, y**2, x**2]


def background_of(paper: Grey, reach: float) -> Grey:
    """Return the picture without what is darker and narrower than `reach`, and smooth."""
    closed = close(shrink_to(paper, BACKGROUND_SIDE), reach)
    smooth = cv2.blur(closed, (5, 5), borderType=cv2.BORDER_REPLICATE)  # a closing leaves steps
    return np.asarray(cv2.resize(smooth, grey_size(paper), interpolation=cv2.INTER_LINEAR), np.float32)


def close(paper: Grey, reach: float) -> Grey:
    """Return the picture without what is darker and narrower than `reach`, a share of its shorter side.

    Beyond the border the picture goes on as it ends, so that the paper between ink and border is nothing narrow.
    """
    side = max(3, round(reach * min(paper.shape))) | 1
    padded = cv2.copyMakeBorder(paper, side, side, side, side, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return np.asarray(closed[side:-side, side:-side], np.float32)


def _without_solids(paper: Grey) -> Grey:
    """Return the paper without solid shapes, as it is around each."""
    small = shrink_to(paper, BACKGROUND_SIDE)
    gradient = gradient_length(small)
    solid, painted = np.zeros(small.shape, np.uint8), small.copy()
    for shape in _wide_shapes(small < edge_level(small)):
        grown = cv2.dilate(shape, SQUARE) > 0  # its soft edge is not left on the paper
        level = float(np.median(small[grown & (shape == 0)]))
        step = level - float(np.median(small[shape > 0]))
        if has_hard_edge(shape, gradient, SHARP * step):
            solid[grown] = 1
            painted[grown] = level
    where, whole = (cv2.resize(each, grey_size(paper), interpolation=cv2.INTER_NEAREST) for each in (solid, painted))
    return np.where(where > 0, whole, paper)


def _wide_shapes(mask: Mask) -> Iterator[NDArray[np.uint8]]:
    """Yield the masks, 0 or 1, of connected shapes that are too wide for strokes.

    One that touches the picture's border is none: there the table begins on which the paper lies.
    """
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    for label, (left, top, width, height, _) in enumerate(boxes):
        inside = min(left, top) > 0 and left + width < mask.shape[1] and top + height < mask.shape[0]
        if label == 0 or not inside or min(width, height) < SOLID * min(mask.shape):
            continue
        shape = (labels == label).astype(np.uint8)
        if 2 * cv2.distanceTransform(shape, cv2.DIST_L2, 3).max() > SOLID * min(mask.shape):
            yield shape


def grey_size(grey: Grey) -> tuple[int, int]:
    """Return width and height, as OpenCV wants them."""
    return grey.shape[1], grey.shape[0]


def shrink_to(grey: Grey, side: int) -> Grey:
    """Return the picture with no side longer than `side`, by averaging over areas."""
    factor = side / max(grey.shape)
    if factor >= 1:
        return grey
    size = max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)


def steepness(grey: Grey) -> Grey:
    """Return the squared length of the gradient."""
    gradient = [cv2.Sobel(grey, cv2.CV_32F, *axes, borderType=cv2.BORDER_REPLICATE) for axes in ((1, 0), (0, 1))]
    return np.asarray(gradient[0] ** 2 + gradient[1] ** 2, np.float32)


def gradient_length(grey: Grey) -> Grey:
    """Return by how much the brightness changes from one pixel to the next but one, in the steepest direction."""
    return np.asarray(np.sqrt(steepness(grey)) / SOBEL_STEP, np.float32)


def has_hard_edge(shape: NDArray[np.uint8], gradient: Grey, least: float) -> bool:
    """Say whether the gradient is longer than `least` along most of the edge of a shape, a mask of 0 and 1."""
    edge = cv2.morphologyEx(shape, cv2.MORPH_GRADIENT, CROSS) > 0
    return float(np.mean(gradient[edge] > least)) > HARD


def edge_level(ink: Grey) -> float:
    """Return the level in the middle of the edges: the mean over the pixels, each weighted by how steep it is there.

    As Otsu's threshold it lies between ink and paper, also where a few thin strokes stand on a large sheet.
    """
    weights = steepness(ink) ** 2
    total = float(weights.sum())
    return float((weights * ink).sum()) / total if total > 0 else 1.0


def local_edge_level(ink: Grey, level: float, width: float) -> Grey:
    """Return for every pixel the level in the middle of the edges around it, so that no faint stroke is lost.

    It is nowhere below half of the whole picture's `level`: ruled lines, which are fainter than ink, have edges too.
    """
    weights = steepness(ink)
    window = (2 * round(2 * width) + 1,) * 2
    few = np.float32(0.001 * weights.max(initial=0) + 1e-9)  # where there are no edges, the whole picture's level holds
    local = (cv2.blur(weights * ink, window) + few * level) / (cv2.blur(weights, window) + few)
    return np.asarray(np.clip(local, level / 2, level), np.float32)


def stroke_widest(mask: Mask) -> float:
    """Return the width in pixels of the wide ones among the strokes."""
    distances = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1][mask]
    # Across a stroke the distance to the edge goes from 0 to half its width.
    return float(np.quantile(distances, 0.9)) / 0.45 if distances.size else 0.0


def _stretch(ink: Grey, level: float, width: float) -> tuple[Grey, Mask, Mask]:
    """Bring the background's noise to 0 and full strokes to 1; return the masks of strokes and of all that is faint."""
    paper = ink[ink <= level]
    middle = float(np.median(paper)) if paper.size else 0.0
    noise = 1.4826 * float(np.median(np.abs(paper - middle))) if paper.size else 0.0
    low = middle + 2.5 * noise
    strong = ink[ink > max(level, low)]
    full = float(np.quantile(strong, 0.75)) if strong.size else 0.0
    if full - low < max(MIN_CONTRAST, 2.5 * noise):
        raise PictureError("the picture is blank: nothing in it stands out from its background")
    mask = ink > np.maximum(local_edge_level(ink, level, width), low)
    faint = ink > max(level / 4, low)
    return np.clip((ink - low) / (full - low), 0, 1), mask, faint


def stroke_width(ink: Grey) -> float:
    """Return the mean width of the strokes in pixels: twice the area over the length of the edge."""
    mask = np.pad(ink > 0.5, 1)
    edges = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    # A slanting edge, cut into steps, is on average 4 / pi times as long.
    return float(2 * ink.sum() / max(edges * np.pi / 4, 1))
