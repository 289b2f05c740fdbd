"""Fifteen ways in which pictures of digits are spoilt: the kinds of MNIST-C, made from any data set.

After N. Mu and J. Gilmer, "MNIST-C: A Robustness Benchmark for Computer Vision" (2019), with the strengths of the
published data set, so that a digit remains readable for people. The random numbers are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.data.datasets import Dataset
from groundup.errors import ParameterError

Pictures = NDArray[np.float32]
"""Pictures (N, height, width), 0 background to 1 full ink."""

FRACTAL = 256
FRACTALS = 64


def corrupted(dataset: Dataset, kind: str, seed: int = 0) -> Dataset:
    """Return the data set with every picture corrupted; the same seed gives the same pictures.

    Parameters
    ----------
    dataset : Dataset
        Pictures of 28x28 pixels, or about that: strengths are in pixels.
    kind : str
        One of `KINDS`.
    seed : int
        Gives every random number.

    Raises
    ------
    ParameterError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise ParameterError(f"corruption {kind!r} is unknown; there are {', '.join(KINDS)}")
    generator = np.random.default_rng([seed, *kind.encode()])
    pictures: Pictures = np.divide(dataset.images, 255, dtype=np.float32)
    spoilt = np.clip(KINDS[kind](pictures, generator), 0, 1) if len(dataset) else pictures
    return replace(dataset, images=np.rint(spoilt * 255).astype(np.uint8), name=f"{dataset.name}/{kind}")


def _each(pictures: Pictures, change: Callable[[Pictures, int], Any]) -> Pictures:
    """Return every picture changed by `change(picture, its number)`."""
    return np.stack([change(picture, number) for number, picture in enumerate(pictures)]).astype(np.float32)


# --- Noise -----------------------------------------------------------------------------------------------------------


def shot_noise(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Count three photons for full ink."""
    return (generator.poisson(pictures * 3.0) / 3).astype(np.float32)


def impulse_noise(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Turn 17% of the pixels black or white: salt and pepper."""
    struck = generator.random(pictures.shape) < 0.17
    return np.where(struck, generator.integers(0, 2, pictures.shape), pictures).astype(np.float32)


# --- Blur ------------------------------------------------------------------------------------------------------------


def _blurred(picture: Pictures, deviation: float) -> Any:
    side = 2 * round(4 * deviation) + 1
    return cv2.GaussianBlur(picture, (side, side), deviation, borderType=cv2.BORDER_REPLICATE)


def glass_blur(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Blur, let every other pixel change places with a neighbour, twice, and blur again."""
    looked_at = _each(pictures, lambda picture, _: _blurred(picture, 0.7))
    count, height, width = looked_at.shape
    every = np.arange(count)
    for _ in range(2):
        for row in range(height - 1, 1, -1):
            for column in range(width - 1, 1, -1):
                struck = generator.random(count) < 0.5
                up, left = generator.integers(0, 2, (2, count)) * struck
                here, there = looked_at[:, row, column].copy(), looked_at[every, row - up, column - left]
                looked_at[every, row - up, column - left] = here
                looked_at[:, row, column] = there
    return _each(looked_at, lambda picture, _: _blurred(picture, 0.7))


def motion_blur(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Drag the ink up to ten pixels along a line, up to 45 degrees off the horizontal."""
    angles = generator.uniform(-np.pi / 4, np.pi / 4, len(pictures))
    steps = np.arange(21)
    weights = np.exp(-(steps**2) / (2 * 3.0**2))

    def drag(picture: Pictures, number: int) -> Any:
        kernel = np.zeros((41, 41))
        down, right = np.sin(angles[number]) * steps, np.cos(angles[number]) * steps
        np.add.at(kernel, (20 + np.rint(down).astype(int), 20 + np.rint(right).astype(int)), weights)
        return cv2.filter2D(picture, -1, kernel / weights.sum(), borderType=cv2.BORDER_REPLICATE)

    return _each(pictures, drag)


# --- Position and shape ----------------------------------------------------------------------------------------------


def _mapped(pictures: Pictures, matrices: NDArray[np.float64]) -> Pictures:
    """Return pictures whose pixel x shows what was at matrix @ x, both from the centre; matrices (N, 2, 2)."""
    height, width = pictures.shape[1:]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    whole = np.concatenate([matrices, (centre - matrices @ centre)[:, :, np.newaxis]], axis=2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return _each(pictures, lambda picture, number: cv2.warpAffine(picture, whole[number], (width, height), flags=flags))


def _signs(generator: np.random.Generator, *shape: int) -> NDArray[np.float64]:
    return generator.choice([-1.0, 1.0], shape)


def shear(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Slant by 0.4 radians, to either side."""
    angle = 0.4 * _signs(generator, len(pictures))
    one, none = np.ones_like(angle), np.zeros_like(angle)
    return _mapped(pictures, np.array([[one, -np.sin(angle)], [none, np.cos(angle)]]).transpose(2, 0, 1))


def scale(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Shrink to 70%."""
    return _mapped(pictures, np.tile(np.eye(2) / 0.7, (len(pictures), 1, 1)))


def rotate(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Turn by 0.4 radians, 23 degrees, to either side."""
    angle = 0.4 * _signs(generator, len(pictures))
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _mapped(pictures, turned.transpose(2, 0, 1))


def translate(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Shift by three pixels in both directions."""
    shifts = (3 * _signs(generator, len(pictures), 2)).astype(int)
    padded = np.pad(pictures, ((0, 0), (3, 3), (3, 3)))
    height, width = pictures.shape[1:]

    def shift(picture: Pictures, number: int) -> Any:
        down, right = 3 + shifts[number]
        return picture[down : down + height, right : right + width]

    return _each(padded, shift)


# --- Light and dirt --------------------------------------------------------------------------------------------------


def brightness(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Add half of full ink to every pixel."""
    return pictures + np.float32(0.5)


def stripe(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Invert the left and the right quarter."""
    quarter = pictures.shape[2] // 4
    striped = pictures.copy()
    for part in (slice(None, quarter), slice(-quarter, None)):
        striped[:, :, part] = 1 - striped[:, :, part]
    return striped


def fog(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Lay a plasma fractal over the picture, three times as strong as the ink, and darken to the old maximum."""
    fractals = [_plasma(generator) for _ in range(min(FRACTALS, len(pictures)))]
    height, width = pictures.shape[1:]
    tops, lefts = generator.integers(0, (FRACTAL - height + 1, FRACTAL - width + 1), (len(pictures), 2)).T

    def cover(picture: Pictures, number: int) -> Any:
        top, left, most = tops[number], lefts[number], picture.max()
        layer = fractals[number % len(fractals)][top : top + height, left : left + width]
        return (picture + 3 * layer) * (most / (most + 3))

    return _each(pictures, cover)


def _plasma(generator: np.random.Generator) -> NDArray[np.float64]:
    """Return a height map (256, 256) from 0 to 1, by the diamond-square algorithm on a torus."""
    heights = np.zeros((FRACTAL, FRACTAL))
    step, roughness = FRACTAL, 100.0

    def moved(total: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(total / 4 + roughness * generator.uniform(-roughness, roughness, total.shape))

    while step >= 2:
        half = step // 2
        corners = heights[::step, ::step]
        pairs = corners + np.roll(corners, -1, axis=0)
        heights[half::step, half::step] = moved(pairs + np.roll(pairs, -1, axis=1))
        middles = heights[half::step, half::step]
        beside = corners + np.roll(corners, -1, axis=1) + middles + np.roll(middles, 1, axis=0)
        heights[::step, half::step] = moved(beside)
        below = corners + np.roll(corners, -1, axis=0) + middles + np.roll(middles, 1, axis=1)
        heights[half::step, ::step] = moved(below)
        step, roughness = half, roughness / 1.4
    heights -= heights.min()
    return np.asarray(heights / heights.max())


def spatter(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Cover parts with drops of mud, a quarter as bright as ink."""
    liquid = generator.normal(0.65, 0.3, pictures.shape).astype(np.float32)

    def splash(picture: Pictures, number: int) -> Any:
        drops = _blurred((_blurred(liquid[number], 1.0) > 0.65).astype(np.float32), 1.5)
        drops = np.where(drops < 0.8, 0, drops)
        return picture * (1 - drops) + 63 / 255 * drops

    return _each(pictures, splash)


# --- Lines -----------------------------------------------------------------------------------------------------------


def _line(height: int, width: int, begin: tuple[float, float], end: tuple[float, float]) -> NDArray[np.float64]:
    """Return a soft line between two points (column, row) in a picture (height, width)."""
    (left, top), (right, bottom) = begin, end
    columns, rows = np.arange(width), np.arange(height)[:, np.newaxis]
    middle = top + (bottom - top) / (right - left) * (columns - left)
    distance = np.minimum(np.abs(rows - middle), 2.3 - 1e-10)
    ink = np.clip(np.log(1 - distance / 2.3) + 1, 0, 1)
    return np.where((columns >= np.floor(left)) & (columns < np.ceil(right)), ink, 0)


def dotted_line(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Draw a dotted line from the left edge to the right one."""
    height, width = pictures.shape[1:]
    ends = generator.integers(0, height - 1, (len(pictures), 2))
    dots = np.arange(width) // 2 % 2 == 1

    def draw(picture: Pictures, number: int) -> Any:
        begin, end = ends[number].tolist()
        return picture + dots * _line(height, width, (0, begin), (width - 1, end))

    return _each(pictures, draw)


def zigzag(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Draw a zigzag line across, its teeth two pixels high and two long."""
    height, width = pictures.shape[1:]
    begins = generator.integers(0, height - 1, len(pictures))
    ends = begins + generator.integers(-5, 5, len(pictures))

    def draw(picture: Pictures, number: int) -> Any:
        spoilt = picture.astype(np.float64)
        points = _teeth(2, float(begins[number]), width - 3, float(ends[number]))
        for begin, end in pairwise(points):
            if end[0] > begin[0]:
                spoilt = np.minimum(spoilt + _line(height, width, begin, end), 1)
        return spoilt

    return _each(pictures, draw)


def _teeth(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    """Return the corners (column, row) of a zigzag between two points."""
    length = np.hypot(right - left, bottom - top)
    along = np.array([0.0, *np.arange(2, length, 4), length])
    across = np.array([0.0, *(2.0 * (-1) ** np.arange(len(along) - 2)), 0.0])
    cosine, sine = (right - left) / length, (bottom - top) / length
    columns, rows = left + along * cosine - across * sine, top + along * sine + across * cosine
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


def canny_edges(pictures: Pictures, generator: np.random.Generator) -> Pictures:
    """Leave the outlines alone, one pixel wide."""

    def outlined(picture: Pictures, _: int) -> Any:
        smooth = np.rint(_blurred(picture, 1.0) * 255).astype(np.uint8)
        return cv2.Canny(smooth, 0.1 * 255, 0.2 * 255, L2gradient=True) / 255

    return _each(pictures, outlined)


KINDS: dict[str, Callable[[Pictures, np.random.Generator], Pictures]] = {
    "shot noise": shot_noise,
    "impulse noise": impulse_noise,
    "glass blur": glass_blur,
    "motion blur": motion_blur,
    "shear": shear,
    "scale": scale,
    "rotate": rotate,
    "brightness": brightness,
    "translate": translate,
    "stripe": stripe,
    "fog": fog,
    "spatter": spatter,
    "dotted line": dotted_line,
    "zigzag": zigzag,
    "canny edges": canny_edges,
}
