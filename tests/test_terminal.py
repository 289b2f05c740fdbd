"""Pictures and bars as text."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from rich.text import Text

from groundup.terminal import bar, half_blocks, side_by_side, signed_colours, sparkline, wants_colour

pixels = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(pixels)
def test_colours_are_the_pixels(picture: NDArray[np.uint8]) -> None:
    """Rich, which reads such codes itself, finds every pixel in its place."""
    drawn = Text.from_ansi(half_blocks(picture, colour=True))
    lines = drawn.split("\n")
    assert len(lines) == (len(picture) + 1) // 2
    for row, line in enumerate(lines):
        assert line.plain == "▀" * picture.shape[1]
        for span in line.spans:
            for column in range(span.start, span.end):
                upper = span.style.color.get_truecolor()
                lower = span.style.bgcolor.get_truecolor()
                assert tuple(upper) == 3 * (picture[2 * row, column],)
                below = picture[2 * row + 1, column] if 2 * row + 1 < len(picture) else 0
                assert tuple(lower) == 3 * (below,)


def test_a_run_of_equal_pixels_has_one_code() -> None:
    assert half_blocks(np.zeros((2, 50), np.uint8), colour=True).count("\x1b[38") == 1


def test_red_green_blue() -> None:
    picture = np.array([[[1, 2, 3]], [[4, 5, 6]]], np.uint8)
    assert half_blocks(picture, colour=True) == "\x1b[38;2;1;2;3;48;2;4;5;6m▀\x1b[0m"


@given(pixels)
def test_without_colours_it_is_plain_text(picture: NDArray[np.uint8]) -> None:
    lines = half_blocks(picture, colour=False).split("\n")
    assert [len(line) for line in lines] == [picture.shape[1]] * ((len(picture) + 1) // 2)
    assert not re.search(r"[^ .:\-=+*#%@]", "".join(lines))


def test_the_ramp_runs_from_black_to_white() -> None:
    ramp = np.repeat(np.arange(0, 256, 17, dtype=np.uint8)[None], 2, axis=0)
    text = half_blocks(ramp, colour=False)
    assert text[0] == " "
    assert text[-1] == "@"
    assert sorted(text, key=" .:-=+*#%@".index) == list(text)


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, ""), (1, "████"), (0.5, "██"), (1 / 32, "▏"), (0.28, "█▏"), (2, "████")]
)
def test_bar(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


def test_sparkline() -> None:
    assert sparkline([0, 1, 2, 7]) == "▁▂▃█"
    assert sparkline([3.0]) == "▁"
    assert sparkline([1.0, float("nan"), 2.0]) == "▁ █"
    assert sparkline([float("inf")]) == " "


def test_side_by_side() -> None:
    assert side_by_side("aa\nbb\ncc", "x", gap=1) == "aa\nbb x\ncc"
    assert side_by_side("aa", "x\ny\nz", gap=1) == "   x\naa y\n   z"


def test_signed_colours() -> None:
    colours = signed_colours(np.array([[0, 2.0, -2.0, 1.0, np.nan]]))
    assert colours.shape == (1, 5, 3)
    white, blue, red, pale, nothing = colours[0].astype(int)
    assert white.tolist() == [255, 255, 255]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert (pale > blue).all()
    assert nothing.tolist() == [0, 0, 0]
    assert (signed_colours(np.zeros((2, 2))) == 255).all()


def test_colour_is_wanted_only_where_it_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert wants_colour(Screen())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Screen())
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(Screen())
