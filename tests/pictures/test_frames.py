"""Boxes, cells and rings around digits are left out; what only looks like one, as a zero with a dot, is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from groundup.data import strokes
from groundup.pictures.digits import read_digits
from groundup.pictures.frames import find_frames
from groundup.pictures.ink import Mask
from groundup.pictures.pieces import find_pieces
from groundup.pictures.sheet import without_table

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
HEIGHT, CELL, LEFT, TOP = 320, 120, 100, 90  # of the picture, of a cell; the first cell's place


class Form:
    """A picture on which digits and frames are drawn, dark on light."""

    def __init__(self, cells: int) -> None:
        self.picture = Image.new("L", (2 * LEFT + cells * CELL, HEIGHT), 217)
        self.drawn = ImageDraw.Draw(self.picture)

    def write(self, text: str, size: int, down: int = 0) -> None:
        """Write one character in the middle of each cell, or so many pixels below."""
        font = ImageFont.truetype(str(FONT), size)
        for number, character in enumerate(text):
            place = (LEFT + (number + 0.5) * CELL, TOP + CELL / 2 + down)
            self.drawn.text(place, character, font=font, fill=40, anchor="mm")

    def cell(self, number: int, cells: int = 1, grow: int = 0) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom of some cells."""
        left = LEFT + number * CELL
        return left - grow, TOP - grow, left + cells * CELL + grow, TOP + CELL + grow

    def photograph(self) -> NDArray[np.uint8]:
        """Return the picture less sharp, in slanting light and with noise."""
        grey = np.asarray(self.picture, np.float32) / 255
        soft = cv2.GaussianBlur(grey * np.linspace(0.85, 1, grey.shape[1], dtype=np.float32), (0, 0), 1)
        noise = np.random.default_rng(0).normal(0, 0.012, soft.shape)
        return np.asarray(np.rint(255 * np.clip(soft + noise, 0, 1)), np.uint8)


def cells(form: Form, shade: int = 90, width: int = 3) -> None:
    for number in range(4):
        form.drawn.rectangle(form.cell(number), outline=shade, width=width)


def boxes(form: Form) -> None:
    for number in range(4):
        form.drawn.rectangle(form.cell(number, grow=-6), outline=90, width=3)


def box(form: Form) -> None:
    form.drawn.rectangle(form.cell(0, cells=4, grow=20), outline=60, width=4)


def ring(form: Form) -> None:
    form.drawn.ellipse(form.cell(0, cells=4, grow=60), outline=40, width=8)


def rings(form: Form) -> None:
    for number in range(4):
        form.drawn.ellipse(form.cell(number, grow=-3), outline=40, width=7)


def boxes_in_a_box(form: Form) -> None:
    boxes(form)
    box(form)


def read(picture: NDArray[np.uint8]) -> list[str]:
    return ["".join(str(one.digit) for one in row) for row in read_digits(picture)]


@pytest.mark.parametrize("draw", [cells, boxes, box, ring, rings, boxes_in_a_box])
def test_what_stands_in_frames_is_read(draw: Callable[[Form], None]) -> None:
    form = Form(4)
    form.write("3052", size=70)
    draw(form)
    picture = form.photograph()
    assert read(picture) == ["3052"]
    assert read(255 - picture) == ["3052"]


@pytest.mark.parametrize("down", [-18, 16])
@pytest.mark.parametrize("shade", [60, 165])
def test_digits_that_touch_their_cells(shade: int, down: int) -> None:
    form = Form(4)
    form.write("3052", 126, down)
    cells(form, shade, width=2)
    assert read(form.photograph()) == ["3052"]


def test_a_table_of_rows_is_read_in_order() -> None:
    picture = np.vstack([_row_of_cells("3052"), _row_of_cells("7418")])
    assert read(picture) == ["3052", "7418"]


def _row_of_cells(text: str) -> NDArray[np.uint8]:
    form = Form(4)
    form.write(text, size=80)
    cells(form)
    return form.photograph()


def masked(form: Form) -> Mask:
    return np.asarray(form.picture) < 128


def test_the_frame_alone_is_found() -> None:
    written, framed = Form(4), Form(4)
    for form in (written, framed):
        form.write("3052", size=70)
    boxes_in_a_box(framed)
    found = find_frames(masked(framed), masked(framed))
    assert np.array_equal(found, masked(framed) & ~masked(written))


@pytest.mark.parametrize("bent", [8, 16, 24, 36])
def test_a_box_with_a_bent_side_is_found_whole(bent: int) -> None:
    form = Form(1)
    form.write("5", size=60)
    written = masked(form)
    left, top, right, bottom = form.cell(0)
    corners = [(left, top), (right + bent, top), (right, bottom), (left, bottom), (left, top)]
    form.drawn.line(corners, fill=40, width=3)
    assert np.array_equal(find_frames(masked(form), masked(form)), masked(form) & ~written)


@pytest.mark.parametrize(("text", "whole"), [("3", True), ("3052", True), ("3052", False)])
def test_a_digit_that_faint_ink_alone_joins_to_the_ring_around_it_stays(text: str, whole: bool) -> None:
    form = Form(len(text))
    form.write(text, size=70)
    written = masked(form)
    form.drawn.ellipse(form.cell(0, cells=len(text), grow=20 * len(text)), outline=40, width=7)
    strong = masked(form)
    if not whole:
        strong[:, LEFT : LEFT + 2 * CELL] &= written[:, LEFT : LEFT + 2 * CELL]  # much of the ring is faint itself
    form.drawn.line((0, TOP + CELL / 2, LEFT + CELL, TOP + CELL / 2), fill=40, width=2)  # what is left of a rule
    faint = masked(form)
    assert len(find_pieces(faint).areas) == len(text)
    assert np.array_equal(find_frames(faint, strong) & strong, strong & ~written)


def test_some_digits_touch_their_cells_and_some_do_not() -> None:
    form = Form(4)
    form.write("3 5 ", size=70)
    form.write(" 0 2", 126, down=16)
    cells(form, 60, width=2)
    assert read(form.photograph()) == ["3052"]


def test_what_is_faint_is_no_writing() -> None:
    form = Form(1)
    form.write("5", size=70)
    strong = masked(form)
    form.drawn.rectangle(form.cell(0), outline=40, width=3)
    faint = masked(form)
    assert find_frames(faint, faint).any()
    assert not find_frames(faint, faint & ~strong).any()


def test_of_small_things_a_frame_holds_several() -> None:
    large, alone = Form(4), Form(4)
    for form, text in ((large, "55"), (alone, "5")):
        form.write(text, size=24)
        form.drawn.rectangle((20, 20, 660, 300), outline=40, width=3)
    assert find_frames(masked(large), masked(large)).any()
    assert not find_frames(masked(alone), masked(alone)).any()  # a speck in a large zero


@pytest.mark.parametrize("dot", [4, 11])
def test_a_dot_makes_no_frame_of_a_zero(dot: int) -> None:
    form = Form(1)
    form.drawn.ellipse((130, 60, 230, 260), outline=40, width=12)
    form.drawn.ellipse((180 - dot, 160 - 2 * dot, 180 + dot, 160 + 2 * dot), fill=40)
    assert not find_frames(masked(form), masked(form)).any()
    assert read(form.photograph()) == ["0"]


@pytest.mark.parametrize("lean", [0, 0.03, 0.1, 0.2])
@pytest.mark.parametrize("rise", [0, 14, 30])
def test_an_angular_eight_is_no_frame(rise: int, lean: float) -> None:
    form = Form(1)
    form.drawn.rectangle((110, 60, 210, 260), outline=40, width=12)
    form.drawn.line((116, 160 + rise, 204, 160 - rise), fill=40, width=12)
    leaning = form.picture.transform(form.picture.size, Image.Transform.AFFINE, (1, lean, -30, 0, 1, 0), fillcolor=217)
    mask = np.asarray(leaning) < 128
    assert not find_frames(mask, mask).any()


@pytest.mark.parametrize("thicker", [1, 15])
def test_digits_are_no_frames(thicker: int) -> None:
    pen = np.ones((thicker, thicker), np.uint8)
    for digit in (*strokes.make(300, 3)[0], *strokes.make_machine_made(300, 3)[0]):
        mask = cv2.dilate(cv2.resize(digit, (224, 224), interpolation=cv2.INTER_CUBIC), pen) > 128
        assert not find_frames(mask, mask).any()


def test_nothing_is_found_where_there_is_no_ink() -> None:
    empty = np.zeros((40, 60), np.bool_)
    assert not find_frames(empty, empty).any()


@pytest.mark.parametrize("size", [110, 140])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_boxes_full_of_ink_are_no_sheet(count: int, size: int) -> None:
    form = Form(count)
    form.write("3052"[:count], size)
    for number in range(count):
        form.drawn.rectangle(form.cell(number, grow=-4), outline=90, width=3)
    grey = np.asarray(form.photograph(), np.float32) / 255
    assert without_table(grey) is grey
