"""Pictures of digits on paper, drawn with all that a photograph has: rules, shade, shadows, noise, blur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class Paper:
    """What digits are written on, and with what, and how it is photographed.

    Lengths are shares of a digit's height; shades are 0 for black and 1 for white.
    """

    height: int = 60  # of a digit in pixels
    gap: float = 0.35  # between digits; below 0 they touch
    rows_apart: float = 0.6
    margin: float = 0.8
    jitter: float = 0.05  # of places and sizes
    pen: float = 1.0  # widens strokes above 1, narrows them below
    ink: float = 0.1
    sheet: float = 0.95
    rules: str = "none"  # or "lines" or "graph"
    rule_shade: float = 0.75
    rules_apart: float = 0.7
    shade: float = 0.0  # by how much one corner is darker
    shadow: float = 0.0  # by how much a part is darker, with an edge
    turn: float = 0.0  # degrees
    blur: float = 0.0  # pixels
    noise: float = 0.0
    quality: int = 100  # of the JPEG


def photograph(rows: Sequence[Sequence[Grey]], paper: Paper, seed: int) -> NDArray[np.uint8]:
    """Return a grey picture (height, width) uint8 of rows of digits (28, 28), 1 is ink."""
    rng = np.random.default_rng(seed)
    coverage = _written(rows, paper, rng)
    sheet = np.full(coverage.shape, paper.sheet, np.float32)
    _rule(sheet, paper, rng)
    picture = sheet * (1 - coverage) + paper.ink * coverage
    if paper.turn:
        height, width = picture.shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), paper.turn, 1)
        picture = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    picture = picture * _light(picture.shape, paper, rng)
    if paper.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), paper.blur)
    picture = picture + rng.normal(0, paper.noise, picture.shape)
    pixels = np.clip(picture * 255, 0, 255).round().astype(np.uint8)
    if paper.quality < 100:
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, paper.quality])[1], 0)
    return pixels


def _written(rows: Sequence[Sequence[Grey]], paper: Paper, rng: np.random.Generator) -> Grey:
    """Place the digits; the ink's box of each is `height` high."""
    margin = round(paper.margin * paper.height)
    lines = [[_digit(digit, paper, rng) for digit in row] for row in rows]
    gap, between = paper.gap * paper.height, paper.rows_apart * paper.height
    step = paper.height * (1 + 2 * paper.jitter) + between
    width = max(sum(digit.shape[1] + gap for digit in line) for line in lines)
    shape = round(2 * margin + step * len(rows) - between), round(2 * margin + width * (1 + paper.jitter) - min(gap, 0))
    page = np.zeros(shape, np.float32)
    for number, line in enumerate(lines):
        x = float(margin)
        for digit in line:
            y = round(margin + number * step + rng.uniform(0, 2) * paper.jitter * paper.height)
            height, across = digit.shape
            place = page[y : y + height, round(x) : round(x) + across]
            np.maximum(place, digit[: place.shape[0], : place.shape[1]], out=place)
            x += across + gap * (1 + rng.uniform(-1, 1) * paper.jitter)
    return page


def _digit(digit: Grey, paper: Paper, rng: np.random.Generator) -> Grey:
    """Enlarge a digit with sharp edges and the pen's width."""
    rows, columns = np.flatnonzero(digit.max(axis=1) > 0.2), np.flatnonzero(digit.max(axis=0) > 0.2)
    digit = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height = paper.height * (1 + rng.uniform(-1, 1) * paper.jitter)
    scale = height / len(digit)
    size = max(1, round(digit.shape[1] * scale)), max(1, round(height))
    large = cv2.resize(np.pad(digit, 1), size, interpolation=cv2.INTER_CUBIC)
    reach = round((paper.pen - 1) * 1.2 * scale)
    if reach:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(reach) + 1,) * 2)
        thinner = cv2.erode(large, disc) if reach < 0 else large
        large = cv2.dilate(np.pad(large, reach), disc) if reach > 0 else thinner
    return np.asarray(np.clip((large - 0.5) * max(scale / 2, 1) + 0.5, 0, 1), np.float32)


def _rule(sheet: Grey, paper: Paper, rng: np.random.Generator) -> None:
    step = paper.rules_apart * paper.height
    thick = max(1, round(0.025 * paper.height))
    for axis in {"none": (), "lines": (0,), "graph": (0, 1)}[paper.rules]:
        for start in np.arange(rng.uniform(0, step), sheet.shape[axis], step).astype(int):
            sheet[(slice(None),) * axis + (slice(start, start + thick),)] = paper.rule_shade


def _light(shape: tuple[int, ...], paper: Paper, rng: np.random.Generator) -> Grey:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = (y / shape[0] - 0.5) * np.sin(angle) + (x / shape[1] - 0.5) * np.cos(angle)
    light = 1 - paper.shade * (along + 0.7) / 1.4
    if paper.shadow:
        edge = along + 0.1 * np.sin(6 * (x / shape[1] - y / shape[0])) - rng.uniform(-0.2, 0.2)
        light *= 1 - paper.shadow / (1 + np.exp(-np.clip(edge * 60, -50, 50)))
    return np.asarray(light, np.float32)
