"""What is no digit, drawn with the same hands and pens: letters, signs, parts of words, scribbles and solid shapes.

Letters that can be taken for digits are left out: B, D, G, I, J, L, O, Q, S, U, Y, Z, b, c, g, i, j, l, o, q, s, u,
y, z.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from groundup.data.strokes import pen
from groundup.data.strokes.curves import sample
from groundup.data.strokes.printing import printed
from groundup.data.strokes.skeletons import STYLES
from groundup.data.strokes.variations import draw_curve

LETTERS = (
    "0,100 35,0! 70,100 / 15,62 56,62",  # A
    "62,20 42,0 12,18 0,50 12,84 42,100 64,80",  # C
    "60,0 0,0! 0,100! 62,100 / 0,50 48,50",  # E
    "62,12 36,0 6,22 26,46 40,47! 8,60 4,88 36,100 64,84",  # E, round
    "60,0 0,0! 0,100 / 0,48 46,48",  # F
    "0,0 0,100 / 62,0 62,100 / 0,50 62,50",  # H
    "0,0 0,100 / 58,0 2,54! 60,100",  # K
    "0,100 8,0! 40,70! 72,0! 80,100",  # M
    "0,100 0,0! 62,100! 62,0",  # N
    "0,100 0,0! 40,4 56,24 40,48 0,52",  # P
    "0,100 0,0! 40,4 54,24 40,46 0,52! 60,100",  # R
    "0,0 76,0 / 38,0 38,100",  # T
    "0,0 32,100! 64,0",  # V
    "0,0 22,100! 44,30! 66,100! 88,0",  # W
    "0,0 62,100 / 62,0 0,100",  # X
    "6,18 34,0 58,18 58,100 / 58,44 20,44 2,70 16,98 42,94 58,76",  # a, as printed
    "60,0 60,100 / 60,46 30,38 2,68 26,98 60,80",  # d
    "4,52 64,50! 58,16 30,4 4,34 6,76 36,98 64,84",  # e
    "60,10 40,0 28,24 28,100 / 4,40 54,40",  # f
    "0,0 0,100 / 0,56 30,40 52,60 54,100",  # h
    "0,0 0,100 / 46,36 4,66! 50,100",  # k
    "0,30 0,100 / 0,44 24,30 40,48 40,100 / 40,44 64,30 82,48 82,100",  # m
    "0,6 0,100 / 0,30 30,4 60,30 62,100",  # n
    "0,50 0,0! 34,4 54,26 34,50 0,44 / 0,0 0,100",  # p
    "0,0 10,90 34,94 42,30! 50,90 76,94 88,0",  # w
    "0,0 50,100 / 50,0 26,50",  # a crooked x
    "62,0 0,0! 36,50! 0,100! 62,100",  # Sigma
    "0,100 0,0! 64,0! 64,100",  # Pi
    "50,0 50,100 / 50,18 14,24 4,50 14,76 50,82 86,76 96,50 86,24 50,18",  # Phi
    "50,0 50,100 / 4,0 8,44 50,60 92,44 96,0",  # Psi
    "0,100 28,100! 8,44 26,6 50,0 74,6 92,44 72,100! 100,100",  # Omega
    "0,0 0,100! 62,0! 62,100",  # a mirrored N
    "64,100 64,0! 24,4 10,24 24,46 64,52! 4,100",  # a mirrored R
    "0,0 0,100! 90,100! 90,0 / 45,0 45,100",  # Sha
    "45,0 45,100 / 0,0 42,50! 0,100 / 90,0 48,50! 90,100",  # Zhe
)

SIGNS = (
    "0,50 100,50",  # minus
    "0,50 50,46 100,50",
    "0,30 100,30 / 0,70 100,70",  # equals
    "0,50 100,50 / 50,0 50,100",  # plus
    "0,0 100,100 / 100,0 0,100",  # times
    "26,0 16,100 / 66,0 56,100 / 0,32 84,32 / 0,68 84,68",  # number
    "50,0 50,100 / 4,24 96,76 / 96,24 4,76",  # asterisk
    "0,20 16,2 44,2 56,22 42,44 28,60 28,76 / 27,97 29,100",  # question mark
    "70,100 10,24 26,0 46,16 10,60 4,84 28,100 70,50",  # ampersand
    "62,60 44,40 30,60 44,76 60,62 66,40! 66,70 90,66 96,36 50,0 4,50 40,100 90,90",  # at
    "0,60 24,30 50,50 76,70 100,40",  # tilde
    "60,0 0,50! 60,100",  # less
    "0,100 32,0! 64,100",  # circumflex
    "40,0 0,0! 0,100! 40,100",  # bracket
    "50,50 20,10 0,50 20,90 50,50 80,10 100,50 80,90 50,50",  # infinity
    "0,50 100,50 / 70,20 100,50! 70,80",  # arrow
    "50,100 50,0 / 20,30 50,0! 80,30",  # arrow up
    "0,60 25,100! 80,0",  # tick
    "0,0 200,0! 200,100! 0,100! 0,0",  # rectangle; a square might be an angular zero
    "50,0 100,90! 0,90! 50,0",  # triangle
    "0,0 100,0! 50,90! 0,0",  # triangle on its tip
    "50,0 90,50! 50,100! 10,50! 50,0",  # diamond
    "50,30 30,0 2,14 10,50 50,100! 90,50 98,14 70,0 50,30",  # heart
    "50,0 80,100! 0,36! 100,36! 20,100! 50,0",  # star
    "0,100 0,40! 50,0! 100,40! 100,100! 0,100",  # house
    "50,0 10,14 0,50 14,86 50,100 86,86 100,50 86,14 50,0 / 30,34 31,38 / 68,34 69,38 / 26,64 50,80 74,64",  # face
    "50,0 10,14 0,50 14,86 50,100 86,86 100,50 86,14 50,0 / 50,0 50,100 / 0,50 100,50",  # wheel
    "50,0 10,14 0,50 14,86 50,100 86,86 100,50 86,14 50,0 / 16,16 84,84 / 84,16 16,84",
    "50,50 60,44 62,58 46,64 36,46 54,28 76,44 72,74 42,84 18,60 24,22 60,6 94,34 94,76 60,100",  # spiral
    "0,20 100,20! 100,80! 0,80! 0,20 / 50,0 50,100",  # a Chinese sign
    "0,0 100,0! 100,100! 0,100! 0,0 / 50,0 50,100 / 0,50 100,50",
    "50,0 50,100 / 0,30 100,30 / 50,30 6,84 / 50,30 94,84",
    "50,0 40,50 6,100 / 44,40 94,100 / 4,34 96,34",
    "0,20 100,20 / 0,50 100,50 / 0,80 100,80",  # lines
    "0,0 20,100! 40,0! 60,100! 80,0! 100,100",  # zigzag
    "0,50 12,20 25,50 38,80 50,50 62,20 75,50 88,80 100,50",  # wave
    "0,100 0,0! 100,0 / 34,0 34,100 / 67,0 67,100 / 100,0 100,100 / 0,50 100,50",  # grid
)

WORD_LENGTHS = (2, 5)  # letters or digits in a part of a word: least, and one more than most
WORD_GAPS = (-15, 16)  # between two of them, in hundredths of their height
WORD_PEN = 0.5  # the pen's width, as a share of the usual: the letters are small in their picture
SCRIBBLE_POINTS = (6, 15)  # that the pen passes: least, and one more than most
VARIATIONS = 4  # of each part of a word, and of each scribble
CORNERS = (3, 4, 5, 6, 40)  # of solid shapes; forty make a disc
PROPORTIONS = (-0.25, 0.9)  # of solid shapes: logarithm of the width over the height; a tall one might be a one
WOBBLE, WOBBLES = 0.06, (2, 3, 5)  # of a solid shape's edge: as a share of its radius, and how often around
PRINTED = "ACEFHKMNPRTVWXadefhkmnprtvwx&#@%?*+="


def draw(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw what is no digit, in a random order: pictures (count, 28, 28), 255 is full ink on 0."""
    kinds = rng.choice(len(KINDS), size=count, p=[share for share, _ in KINDS])
    images = np.empty((count, pen.FRAME, pen.FRAME), np.uint8)
    for kind, (_, drawn) in enumerate(KINDS):
        mine = np.flatnonzero(kinds == kind)
        images[mine] = drawn(len(mine), rng)
    return images


def _letters(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return _any_of(LETTERS, count, rng)


def _signs(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return _any_of(SIGNS, count, rng)


def _any_of(paths: Sequence[str], count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    chosen = rng.integers(len(paths), size=count)
    images = np.empty((count, pen.FRAME, pen.FRAME), np.uint8)
    for index in np.unique(chosen):
        mine = np.flatnonzero(chosen == index)
        images[mine] = draw_curve(sample(paths[index]), len(mine), rng)
    return images


def _words(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return _a_few_each(word, count, rng, WORD_PEN)


def _scribbles(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return _a_few_each(scribble, count, rng, 1.0)


def _a_few_each(
    path: Callable[[np.random.Generator], str], count: int, rng: np.random.Generator, pen_width: float
) -> NDArray[np.uint8]:
    images = np.empty((count, pen.FRAME, pen.FRAME), np.uint8)
    for first in range(0, count, VARIATIONS):
        here = images[first : first + VARIATIONS]
        here[:] = draw_curve(sample(path(rng)), len(here), rng, pen_width)
    return images


def word(rng: np.random.Generator) -> str:
    """Return the path of a few letters and digits beside each other."""
    left, strokes = 0, []
    for _ in range(rng.integers(*WORD_LENGTHS)):
        digit = STYLES[rng.integers(len(STYLES))].path
        path = LETTERS[rng.integers(len(LETTERS))] if rng.random() < 0.5 else digit
        points = [point.partition(",")[::2] for point in path.split() if point != "/"]
        across = [int(x) for x, _ in points]
        moved = iter(f"{x + left - min(across)},{y}" for x, (_, y) in zip(across, points, strict=True))
        strokes.append(" ".join("/" if point == "/" else next(moved) for point in path.split()))
        left += max(across) - min(across) + int(rng.integers(*WORD_GAPS))
    return " / ".join(strokes)


def scribble(rng: np.random.Generator) -> str:
    """Return the path of a pen that goes anywhere."""
    points = rng.integers(0, 101, size=(rng.integers(*SCRIBBLE_POINTS), 2))
    passed = [f"{x},{y}" + "!" * (rng.random() < 0.3) for x, y in points.tolist()]
    return " ".join(passed).removesuffix("!")


def _solid(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Fill polygons and discs that reach their box's edges: pictures (count, 28, 28)."""
    corners = rng.choice(CORNERS, size=(count, 1, 1))
    turned = rng.uniform(0, 2 * np.pi, size=(count, 1, 1))
    phases = rng.uniform(0, 2 * np.pi, size=(count, 1, len(WOBBLES)))
    wobble = WOBBLE * rng.standard_normal((count, 1, len(WOBBLES)))

    def radius(angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far the edge is from the middle, (N, ., .), in these directions."""
        sector = 2 * np.pi / corners
        edge = np.cos(sector / 2) / np.cos(np.mod(angle + turned, sector) - sector / 2)
        waves = zip(WOBBLES, np.moveaxis(phases, -1, 0)[..., None], np.moveaxis(wobble, -1, 0)[..., None], strict=True)
        return np.asarray(edge + sum(height * np.sin(each * angle + phase) for each, phase, height in waves))

    aspect = np.exp(rng.uniform(*PROPORTIONS, size=(count, 1, 1)))
    around = np.linspace(0, 2 * np.pi, 180)
    outline = [radius(around) * aspect * np.cos(around), radius(around) * np.sin(around)]  # x and y, (N, 1, 180)
    low, high = (np.stack([function(each, axis=2) for each in outline]) for function in (np.min, np.max))
    unit = (high - low).max(axis=0)[..., None] / pen.BOX
    centres = np.arange(pen.BOX) + 0.5 - pen.BOX / 2
    x = (centres * unit + (low + high)[0, ..., None] / 2) / aspect
    y = centres[:, None] * unit + (low + high)[1, ..., None] / 2
    covered = np.clip(0.5 + (radius(np.arctan2(y, x)) - np.hypot(x, y)) / unit, 0, 1)
    return pen.centre(np.rint(255 * covered).astype(np.uint8))


def _printed(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return printed(PRINTED, count, rng)[0]


KINDS: tuple[tuple[float, Callable[[int, np.random.Generator], NDArray[np.uint8]]], ...] = (
    (0.25, _letters),
    (0.25, _signs),
    (0.15, _words),
    (0.1, _scribbles),
    (0.1, _solid),
    (0.15, _printed),
)
"""What is drawn, and how often."""
