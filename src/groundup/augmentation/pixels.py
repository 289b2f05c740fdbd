"""Augmentation on NumPy arrays, many pictures at a time, in integers alone: so C++ comes to the very same bytes.

Coordinates are in 1/65536 of a pixel, weights in 1/256. A shift to the right rounds down, also below zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.augmentation.settings import Augmentation, FixedPoint, check_sides, fixed_point

Pixels = NDArray[np.uint8]
Integers = NDArray[Any]  # int32 where pictures are large, int64 where products are

CHUNK = 64
"""Pictures at a time: what is computed of them stays in the caches."""

ONE = 1 << 16
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Draw(IntEnum):
    """The counters at which a picture reads its random numbers."""

    SHIFT_DOWN = 0
    SHIFT_RIGHT = 1
    ROTATION = 2
    SCALE_HEIGHT = 3
    SCALE_WIDTH = 4
    SHEAR = 5
    THICKNESS = 6
    BLUR = 7
    CONTRAST = 8
    NOISE = 9
    OCCLUDED_HEIGHT = 10
    OCCLUDED_WIDTH = 11
    OCCLUDED_TOP = 12
    OCCLUDED_LEFT = 13
    NODES = 16
    """From here on, the grid's: displacements down, row by row, then displacements to the right."""
    PIXELS = 1 << 32
    """From here on, the noise of each pixel."""


def augmented(pixels: Pixels, augmentation: Augmentation, key: int, first: int = 0) -> Pixels:
    """Return pictures, each deformed in its own way.

    Parameters
    ----------
    pixels : array (N, height, width) of uint8
        Pictures, which stay as they are.
    augmentation : Augmentation
        How strongly.
    key : int
        Gives every random number, together with a picture's number: see `groundup.randomness.key`.
    first : int
        The number of the first picture in its batch.

    Raises
    ------
    DataError
        If a side is longer than 4096 pixels, or `pixels` has other than three axes.
    """
    check_sides(pixels.shape)
    settings, result = fixed_point(augmentation), np.empty_like(pixels)
    for start in range(0, len(pixels), CHUNK):
        some = pixels[start : start + CHUNK]
        numbers = np.arange(first + start, first + start + len(some), dtype=np.uint64)
        keys = drawn(np.uint64(key), numbers)[:, np.newaxis]  # (N, 1)
        result[start : start + CHUNK] = _augmented(some, settings, keys)
    return result


def drawn(keys: Any, counters: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64 random bits for each key and counter, broadcast: SplitMix64, see `groundup.randomness`."""
    state: NDArray[np.uint64] = (counters + np.uint64(1)) * GOLDEN + keys
    state ^= state >> np.uint64(30)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state


def _augmented(pixels: Pixels, settings: FixedPoint, keys: NDArray[np.uint64]) -> Pixels:
    """Do one stage after another; those without strength are left out."""
    counters = np.arange(Draw.NODES, dtype=np.uint64)
    draws = (drawn(keys, counters) >> np.uint64(40)).astype(np.int64).T[:, :, np.newaxis, np.newaxis]  # (16, N, 1, 1)
    if settings.thickness:
        pixels = thickened(pixels, _either_way(draws[Draw.THICKNESS], settings.thickness))
    if settings.shift or settings.half_turn or settings.scale or settings.shear or settings.elastic:
        rows, columns = _affine(draws, settings, *pixels.shape[1:])
        if settings.elastic:
            down, right = _displacements(keys, settings, *pixels.shape[1:])
            rows, columns = rows + (down << 4), columns + (right << 4)
        pixels = sampled(pixels, rows, columns)
    if settings.blur:
        pixels = blurred(pixels, _up_to(draws[Draw.BLUR], settings.blur))
    if settings.contrast or settings.noise:
        pixels = _contrasted(pixels, draws, settings, keys)
    return _occluded(pixels, draws, settings.occlusion) if settings.occlusion else pixels


def _up_to(draws: Integers, strength: int) -> Integers:
    """Return amounts from 0 up to the strength, from 24 random bits."""
    return draws * strength >> 24


def _either_way(draws: Integers, strength: int) -> Integers:
    """Return amounts between -strength and strength."""
    return (draws - (1 << 23)) * strength >> 23


def _parts(amounts: Integers, largest: int) -> Iterator[NDArray[np.int32]]:
    """Split amounts into passes of at most `largest` each; who needs none any more has a 0."""
    while amounts.any():
        yield np.minimum(amounts, largest).astype(np.int32)
        amounts = np.maximum(amounts - largest, 0)


# -- stroke thickness ------------------------------------------------------------------------------------------------


def thickened(pixels: Pixels, amounts: Integers) -> Pixels:
    """Move each pixel towards the largest or smallest of itself and its four neighbours, a pixel's width a pass.

    Parameters
    ----------
    pixels : array (N, height, width) of uint8
        Pictures.
    amounts : array (N, 1, 1) of int64
        By how much each stroke's edges move outwards, in 1/65536 of a pixel; below zero, strokes become thinner.
    """
    thicker = amounts > 0
    for part in _parts(np.abs(amounts) >> 8, 256):
        around = _neighbours(pixels)
        largest, smallest = np.maximum.reduce(around), np.minimum.reduce(around)
        here = pixels.astype(np.int32)
        change = np.where(thicker, largest - here, here - smallest) * part + 128 >> 8
        pixels = np.where(thicker, here + change, here - change).astype(np.uint8)
    return pixels


def _neighbours(pixels: Pixels) -> list[Pixels]:
    """Return each pixel itself, above, below, left and right."""
    _, height, width = pixels.shape
    framed = np.pad(pixels, ((0, 0), (1, 1), (1, 1)))
    places = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    return [framed[:, row : row + height, column : column + width] for row, column in places]


# -- sampling at other places ----------------------------------------------------------------------------------------


def _affine(draws: Integers, settings: FixedPoint, height: int, width: int) -> tuple[Integers, Integers]:
    """Return where each pixel is sampled: rows and columns (N, height, width).

    With t = tan(angle / 2), the cosine is (1 - t²) / (1 + t²) and the sine 2t / (1 + t²).
    """
    half = _either_way(draws[Draw.ROTATION], settings.half_turn)
    square = half * half
    over = (1 << 48) // ((1 << 32) + square)
    cosine, sine = ((1 << 32) - square >> 16) * over >> 16, 2 * half * over >> 16
    tall = ONE + _either_way(draws[Draw.SCALE_HEIGHT], settings.scale)
    wide = ONE + _either_way(draws[Draw.SCALE_WIDTH], settings.scale)
    lean = _either_way(draws[Draw.SHEAR], settings.shear)
    down = _either_way(draws[Draw.SHIFT_DOWN], settings.shift)
    right = _either_way(draws[Draw.SHIFT_RIGHT], settings.shift)
    rows = _line(cosine * tall + sine * lean >> 16, sine * wide >> 16, down, height, width, height)
    columns = _line(cosine * lean - sine * tall >> 16, cosine * wide >> 16, right, height, width, width)
    return rows, columns


def _line(by_row: Integers, by_column: Integers, moved: Integers, height: int, width: int, side: int) -> Integers:
    """Return a coordinate of the sampled place, which changes by so much a row and a column, around the centre."""
    start = (side - 1 << 15) - (by_row * (height - 1) + by_column * (width - 1) >> 1) + moved
    rows, columns = np.ogrid[:height, :width]
    line: Integers = (start + by_row * rows).astype(np.int32) + (by_column * columns).astype(np.int32)
    return line


def sampled(pixels: Pixels, rows: Integers, columns: Integers) -> Pixels:
    """Return pictures sampled at other places, bilinearly; outside is black.

    Parameters
    ----------
    pixels : array (N, height, width) of uint8
        Pictures.
    rows, columns : array (N, height, width) of int32
        Where each pixel of the result is sampled, in 1/65536 of a pixel.
    """
    count, height, width = pixels.shape
    framed = np.pad(pixels, ((0, 0), (1, 2), (1, 2))).astype(np.uint32)
    stride = width + 3
    corners = framed[:, :-1, :-1] | framed[:, :-1, 1:] << 8 | framed[:, 1:, :-1] << 16 | framed[:, 1:, 1:] << 24
    corners = np.pad(corners, ((0, 0), (0, 0), (0, 1))).reshape(count, -1)  # of one stride with `framed`
    rows, columns = np.clip(rows, -ONE, height << 16), np.clip(columns, -ONE, width << 16)
    places = ((rows >> 16) + 1) * stride + (columns >> 16) + 1
    four = np.take_along_axis(corners, places.reshape(count, -1), axis=1).reshape(places.shape)
    low, right = rows >> 8 & 255, columns >> 8 & 255
    one, two, three, last = ((four >> shift & 255).astype(np.int32) for shift in (0, 8, 16, 24))
    above, below = one * (256 - right) + two * right, three * (256 - right) + last * right
    result: Pixels = (above * (256 - low) + below * low + 32768 >> 16).astype(np.uint8)
    return result


# -- elastic deformation ---------------------------------------------------------------------------------------------


def _displacements(keys: NDArray[np.uint64], settings: FixedPoint, height: int, width: int) -> list[Integers]:
    """Return displacements down and to the right, each (N, height, width), in 1/4096 pixel."""
    row_nodes, row_weights = spline(height, settings.grid_step)
    column_nodes, column_weights = spline(width, settings.grid_step)
    shape = (2, int(row_nodes[-1]) + 4, int(column_nodes[-1]) + 4)
    counters = np.arange(Draw.NODES, Draw.NODES + np.prod(shape), dtype=np.uint64)
    draws = (drawn(keys, counters) >> np.uint64(40)).astype(np.int64)
    nodes = _either_way(draws, settings.elastic).astype(np.int32).reshape(-1, *shape)
    lines = sum(nodes[..., column_nodes + tap] * column_weights[tap] for tap in range(4)) >> 12
    both = sum(lines[:, :, row_nodes + tap] * row_weights[tap][:, np.newaxis] for tap in range(4)) >> 12
    return [both[:, 0], both[:, 1]]


def spline(side: int, grid_step: int) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Return each pixel's first node along a side (side,), and the weights of four from there (4, side).

    The uniform cubic B-spline, in 1/4096; a pixel lies k/256 of the way from its second node to its third.
    """
    place = np.arange(side) * grid_step
    k = place >> 8 & 255
    rest = 256 - k
    first, last = rest**3 // (6 << 12), k**3 // (6 << 12)
    second = (3 * k**3 - 6 * k**2 * 256 + (4 << 24)) // (6 << 12)
    weights = np.stack([first, second, (1 << 12) - first - second - last, last])
    return place >> 16, weights.astype(np.int32)


# -- what a camera does ----------------------------------------------------------------------------------------------


def blurred(pixels: Pixels, deviations: Integers) -> Pixels:
    """Blur by a, 1 - 2a, a along both axes, which adds a variance of 2a; a is 1/4 at most, a variance of 1/2 a pass.

    Parameters
    ----------
    pixels : array (N, height, width) of uint8
        Pictures.
    deviations : array (N, 1, 1) of int64
        The standard deviation of each picture's blur, in 1/65536 of a pixel.
    """
    _, height, width = pixels.shape
    for part in _parts(deviations * deviations >> 16, ONE // 2):
        side = part >> 9
        framed = np.pad(pixels, ((0, 0), (1, 1), (1, 1))).astype(np.int32)
        across = framed[:, :, 1 : width + 1] * (256 - 2 * side) + (framed[:, :, :width] + framed[:, :, 2:]) * side
        both = across[:, 1 : height + 1] * (256 - 2 * side) + (across[:, :height] + across[:, 2:]) * side
        pixels = (both + 32768 >> 16).astype(np.uint8)
    return pixels


def _contrasted(pixels: Pixels, draws: Integers, settings: FixedPoint, keys: NDArray[np.uint64]) -> Pixels:
    """Change the contrast and add noise. The sum of four even numbers is nearly normal."""
    gain = ONE + _either_way(draws[Draw.CONTRAST], settings.contrast)
    levels = (pixels * gain.astype(np.int32) + 32768) >> 16
    if settings.noise:
        height, width = pixels.shape[1:]
        bits = drawn(keys, np.arange(Draw.PIXELS, Draw.PIXELS + height * width, dtype=np.uint64))
        quarters = (bits >> np.uint64(shift) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48))
        numbers = np.int32(-2 * 65535) + sum(each.astype(np.int32) for each in quarters)
        amount = _up_to(draws[Draw.NOISE], settings.noise).astype(np.int32)
        levels = levels + ((numbers.reshape(pixels.shape) >> 4) * amount + (1 << 19) >> 20)
    result: Pixels = np.clip(levels, 0, 255).astype(np.uint8)
    return result


def _occluded(pixels: Pixels, draws: Integers, strength: int) -> Pixels:
    """Cover a rectangle with black."""
    _, height, width = pixels.shape
    tall = _up_to(draws[Draw.OCCLUDED_HEIGHT], strength) * height + 32768 >> 16
    wide = _up_to(draws[Draw.OCCLUDED_WIDTH], strength) * width + 32768 >> 16
    top, left = (
        draws[draw] * (side - covered + 1) >> 24
        for draw, side, covered in ((Draw.OCCLUDED_TOP, height, tall), (Draw.OCCLUDED_LEFT, width, wide))
    )
    rows, columns = np.ogrid[:height, :width]
    covered = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
    return np.where(covered, np.uint8(0), pixels)
