"""Pictures and bars as text, for a terminal."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

RAMP = " .:-=+*#%@"
COLUMNS = "▁▂▃▄▅▆▇█"
GAP = 2  # columns between two pictures
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def wants_colour(stream: TextIO) -> bool:
    """Say whether colours may be written to `stream`: it is a terminal, and the user has not set ``NO_COLOR``.

    Source: https://no-color.org
    """
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def half_blocks(pixels: NDArray[np.uint8], colour: bool) -> str:
    """Draw a picture as text, two rows of pixels in a line.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width) or (height, width, 3)
        Grey or red, green, blue: 0 is drawn black, 255 white.
    colour : bool
        Whether to write 24-bit colour codes: then every pixel is half a character, in its own colour. Without them,
        every character shows the mean of its two pixels, from a blank (black) to ``@`` (white).

    Returns
    -------
    str
        ceil(height / 2) lines of `width` characters, joined by newlines.
    """
    rows = np.zeros((pixels.shape[0] + pixels.shape[0] % 2, pixels.shape[1], 3), dtype=np.uint8)
    rows[: pixels.shape[0]] = pixels.reshape(*pixels.shape[:2], -1)
    pairs = np.stack([rows[::2], rows[1::2]], axis=2)  # (lines, width, 2, 3)
    if colour:
        return "\n".join(_coloured_line(line.reshape(-1, 6).tolist()) for line in pairs)
    levels = np.round(pairs.mean(axis=(2, 3)) * (len(RAMP) - 1) / 255).astype(int)
    return "\n".join("".join(RAMP[level] for level in line) for line in levels)


def _coloured_line(pairs: list[list[int]]) -> str:
    """Return one line of half blocks; a colour is only written where it changes."""
    parts = []
    before = None
    for pair in pairs:
        if pair != before:
            red, green, blue, *below = pair
            parts.append(f"\x1b[38;2;{red};{green};{blue};48;2;{below[0]};{below[1]};{below[2]}m")
            before = pair
        parts.append("▀")
    return "".join(parts) + "\x1b[0m"


def signed_colours(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return numbers as colours: white for zero, blue above it and red below, nan black.

    Parameters
    ----------
    values : ndarray of float, shape (height, width)
        The largest magnitude among them takes the full colour.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Red, green, blue.
    """
    known = np.nan_to_num(values, nan=0.0)
    share = (known / (np.abs(known).max(initial=0) or 1.0))[..., None]
    full = np.where(share > 0, (33, 102, 172), (178, 24, 43))
    colours = 255 + np.abs(share) * (full - 255)
    return np.where(np.isnan(values)[..., None], 0, colours).round().astype(np.uint8)


def bar(share: float, width: int) -> str:
    """Draw a share in 0..1 as a bar of at most `width` characters, exact to an eighth of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8]


def sparkline(values: Sequence[float]) -> str:
    """Draw numbers as small columns, a character each: the lowest ``▁``, the highest ``█``, blank if not finite."""
    finite = [value for value in values if math.isfinite(value)]
    low = min(finite, default=0.0)
    spread = max(finite, default=0.0) - low or 1.0
    steps = len(COLUMNS) - 1
    return "".join(COLUMNS[round((value - low) / spread * steps)] if math.isfinite(value) else " " for value in values)


def grouped(number: float) -> str:
    """Write a number of any magnitude with about three digits, thousands apart: ``0.42``, ``31``, ``29,000``."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def side_by_side(left: str, right: str, gap: int = 3) -> str:
    """Put two texts beside each other, `gap` blanks apart, the shorter one centred vertically.

    All lines of `left` must be equally wide on the screen.
    """
    first, second = left.split("\n"), right.split("\n")
    width = len(re.sub(r"\x1b\[[0-9;]*m", "", first[0]))  # colour codes take no room
    height = max(len(first), len(second))
    first, second = _centred(first, " " * width, height), _centred(second, "", height)
    return "\n".join((a + " " * gap + b).rstrip(" ") for a, b in zip(first, second, strict=True))


def _centred(lines: list[str], blank: str, height: int) -> list[str]:
    above = (height - len(lines)) // 2
    return [blank] * above + lines + [blank] * (height - len(lines) - above)


def per_row(side: int, width: int) -> int:
    """Return how many pictures, `side` pixels wide, `in_rows` draws in a line of `width` characters."""
    return max(1, (width + GAP) // (side + GAP))


def in_rows(images: NDArray[np.uint8], captions: Sequence[str], width: int, colour: bool) -> str:
    """Draw pictures beside each other, each below its caption, in as many rows as it takes.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, height, width)
        0 is drawn black, 255 white.
    captions : sequence of str
        One line for each picture; what is longer than the picture is wide is cut off.
    width : int
        Characters in a line; at least one picture stands in a row.
    colour : bool
        As in `half_blocks`.
    """
    side = images.shape[2]
    in_row = per_row(side, width)
    rows = []
    for start in range(0, len(images), in_row):
        apart = np.pad(images[start : start + in_row], ((0, 0), (0, 0), (0, GAP)))
        names = [caption[:side].center(side + GAP) for caption in captions[start : start + in_row]]
        rows.append("".join(names).rstrip() + "\n" + half_blocks(np.hstack(list(apart))[:, :-GAP], colour))
    return "\n".join(rows)


def distribution(class_names: Sequence[str], probabilities: Sequence[float], width: int = 24) -> str:
    """Draw the probability of each class as a bar, a line each: name, percent, bar."""
    longest = max(map(len, class_names))
    pairs = zip(class_names, probabilities, strict=True)
    return "\n".join(f"{name:>{longest}} {share:>6.1%} {bar(share, width)}".rstrip() for name, share in pairs)
