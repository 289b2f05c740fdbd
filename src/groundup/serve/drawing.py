"""A drawing: strokes of a pen, as a short text for an address, as ink for the network, and as SVG.

The text is made of letters that need no escaping in an address. Each stroke is a list of integers: twice the width of
the pen, plus 1 if the pen was pressed harder and softer; then for each point how far it lies to the right of the last
one and how far below it, and, of a pen that tells its pressure, how much wider the stroke is. An integer is written as
digits of 5 bits, the lowest first, its sign in the lowest bit, each digit a letter; all but the last have bit 6 set. A
dot stands between strokes. `drawing_pad.js` writes the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup.errors import PictureError
from groundup.pictures.ink import Grey

WIDTH, HEIGHT = 960, 640
"""Of the pad, in its own units."""
MOST_LETTERS = 12_000
"""Of a drawing's text; a digit takes about 200."""
WIDEST = 160
"""Of a pen, in the pad's units."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_VALUES = {letter: value for value, letter in enumerate(LETTERS)}
_MORE = 32  # a digit with this bit is followed by another

SHRINK = 2  # units of the pad to a pixel of the ink
_SHIFT = 4  # OpenCV takes coordinates in sixteenths of a pixel


class Stroke(NamedTuple):
    """What the pen drew without being lifted.

    Parameters
    ----------
    points : ndarray of int64, shape (N, 2)
        Right and down, in the pad's units; at least one.
    widths : ndarray of int64, shape (N,)
        Of the stroke at each point.
    """

    points: NDArray[np.int64]
    widths: NDArray[np.int64]


def read(text: str) -> list[Stroke]:
    """Return the strokes of a drawing's text; what lies beyond the pad is moved to its edge.

    Raises
    ------
    PictureError
        If it is no drawing's text, or one too long.
    """
    if len(text) > MOST_LETTERS:
        raise PictureError(f"the drawing is too long: {len(text):,} letters; at most {MOST_LETTERS:,}")
    return [_stroke(list(_integers(part)), part) for part in text.split(".")] if text else []


def _integers(text: str) -> Iterator[int]:
    value, bits = 0, 0
    for letter in text:
        digit = _VALUES.get(letter)
        if digit is None or bits > 20:
            raise PictureError(f"not a drawing: {text[:40]!r}")
        value |= (digit & (_MORE - 1)) << bits
        bits += 5
        if not digit & _MORE:
            yield -(value >> 1) if value & 1 else value >> 1
            value, bits = 0, 0
    if bits:
        raise PictureError(f"a drawing that is cut short: {text[:40]!r}")


def _stroke(values: Sequence[int], text: str) -> Stroke:
    numbers = 3 if values and values[0] & 1 else 2
    if len(values) < 1 + numbers or (len(values) - 1) % numbers:
        raise PictureError(f"not a stroke of a drawing: {text[:40]!r}")
    table = np.cumsum(np.array(values[1:], np.int64).reshape(-1, numbers), axis=0)
    widths = values[0] // 2 + (table[:, 2] if numbers == 3 else np.zeros(len(table), np.int64))
    return Stroke(np.clip(table[:, :2], 0, (WIDTH, HEIGHT)), np.clip(widths, 1, WIDEST))


def write(strokes: Sequence[Stroke]) -> str:
    """Return a drawing's text, which `read` reads."""
    return ".".join("".join(map(_letters, _values(stroke))) for stroke in strokes)


def _values(stroke: Stroke) -> list[int]:
    pressed = bool((stroke.widths != stroke.widths[0]).any())
    first = int(stroke.widths[0])
    table = np.column_stack([stroke.points, stroke.widths - first]) if pressed else stroke.points
    return [2 * first + pressed, *np.diff(table, axis=0, prepend=0).ravel().tolist()]


def _letters(value: int) -> str:
    """Return an integer as digits of 5 bits."""
    rest = -2 * value + 1 if value < 0 else 2 * value
    letters = ""
    while rest >= _MORE:
        letters += LETTERS[rest % _MORE + _MORE]
        rest //= _MORE
    return letters + LETTERS[rest]


def ink(strokes: Sequence[Stroke], shrink: int = SHRINK) -> Grey:
    """Return a drawing as ink, 0 none and 1 full, shape (HEIGHT / shrink, WIDTH / shrink), with smooth edges."""
    canvas = np.zeros((HEIGHT // shrink, WIDTH // shrink), np.uint8)
    for points, widths in strokes:
        places = np.round(points * (1 << _SHIFT) / shrink).astype(np.int32)
        thick = np.maximum(np.round(widths / shrink), 1).astype(int).tolist()
        if len(set(thick)) == 1:
            ends = places if len(places) > 1 else np.repeat(places, 2, axis=0)
            cv2.polylines(canvas, [ends], False, 255, thick[0], cv2.LINE_AA, _SHIFT)
        else:
            for start, end, width in zip(places[:-1].tolist(), places[1:].tolist(), thick[1:], strict=True):
                cv2.line(canvas, start, end, 255, width, cv2.LINE_AA, _SHIFT)
    return np.divide(canvas, 255, dtype=np.float32)


def svg(strokes: Sequence[Stroke]) -> str:
    """Return a drawing as an SVG picture: black strokes on white, as smooth as on the pad."""
    paths = "".join(line for stroke in strokes for line in _paths(stroke))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        f'<g fill="none" stroke="black" stroke-linecap="round" stroke-linejoin="round">{paths}</g></svg>\n'
    )


def _paths(stroke: Stroke) -> Iterator[str]:
    """Give a path for the stroke, or, where the pressure changed, one for each of its pieces."""
    points, widths = stroke.points.tolist(), stroke.widths.tolist()
    if len(set(widths)) == 1:
        yield f'<path stroke-width="{widths[0]}" d="{_curve(points)}"/>'
        return
    for start, end, width in zip(points[:-1], points[1:], widths[1:], strict=True):
        yield f'<path stroke-width="{width}" d="M{start[0]} {start[1]}L{end[0]} {end[1]}"/>'


def _curve(points: list[list[int]]) -> str:
    """Return a path through the middles between points, bent towards the points."""
    (x, y), (last_x, last_y) = points[0], points[-1]
    middles = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in pairwise(points)]
    bends = "".join(f"Q{p} {q} {m:g} {n:g}" for (p, q), (m, n) in zip(points[1:-1], middles[1:], strict=True))
    return f"M{x} {y}{bends}L{last_x} {last_y}"
