"""A sheet on a table is read as if it went on over the whole picture; what only looks like one stays as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from groundup.data import strokes
from groundup.errors import PictureError
from groundup.pictures.digits import read_digits, read_page
from groundup.pictures.ink import Grey
from groundup.pictures.reading import open_picture
from groundup.pictures.sheet import any_sheet, without_table

SIDE = 600
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
TABLES = {
    "left": [(0, 0, 100, SIDE)],
    "left and above": [(0, 0, 80, SIDE), (0, 0, SIDE, 90)],
    "left and right": [(0, 0, 80, SIDE), (SIDE - 80, 0, SIDE, SIDE)],
    "all but below": [(0, 0, 80, SIDE), (SIDE - 80, 0, SIDE, SIDE), (0, 0, SIDE, 80)],
    "all around": [(0, 0, 110, SIDE), (SIDE - 110, 0, SIDE, SIDE), (0, 0, SIDE, 60), (0, SIDE - 60, SIDE, SIDE)],
}
"""Left, top, right and bottom of what is not covered by the sheet."""


def page(text: str = "5 2") -> Grey:
    """Return a white page with this text in its middle, (SIDE, SIDE)."""
    picture = Image.new("L", (SIDE, SIDE), 217)
    font = ImageFont.truetype(str(FONT), 170)
    ImageDraw.Draw(picture).text((SIDE / 2, SIDE / 2), text, font=font, fill=40, anchor="mm")
    return np.asarray(picture, np.float32) / 255


def photographed(picture: Grey, noise: float = 0.012) -> NDArray[np.uint8]:
    """Return the picture as a camera gives it: less sharp, and with noise."""
    soft = cv2.GaussianBlur(picture, (0, 0), 1) + np.random.default_rng(0).normal(0, noise, picture.shape)
    return np.asarray(np.rint(255 * np.clip(soft, 0, 1)), np.uint8)


def lying(outline: NDArray[np.float64], text: str = "52") -> Grey:
    """Return a dark wooden table, and on it a sheet with this outline (points, 2) and text in the middle."""
    where = cv2.fillPoly(np.zeros((SIDE, SIDE), np.uint8), [np.rint(outline).astype(np.int32)], 1) > 0
    wood, _ = on_table(page(text), "all around", 0.25, 0)
    return np.where(where, page(text), wood[:, :1])


def rectangle(points: int = 100) -> NDArray[np.float64]:
    """Return the outline of an upright sheet, (4 * points, 2) of column and row."""
    corners = np.array([[90, 110], [510, 110], [510, 490], [90, 490]], np.float64)
    steps = np.linspace(0, 1, points, endpoint=False)[:, None]
    pairs = zip(corners, np.roll(corners, -1, axis=0), strict=True)
    return np.concatenate([start + steps * (end - start) for start, end in pairs])


def torn(share: float) -> NDArray[np.float64]:
    """Return the outline of a sheet whose edges go in and out by this share of its side."""
    edge = rectangle(14)
    return edge + np.random.default_rng(0).uniform(-share, share, edge.shape) * 400


def curled() -> NDArray[np.float64]:
    """Return the outline of a page of an open book: above and below it is bent."""
    edge = rectangle()
    return edge + np.stack([np.zeros(len(edge)), 35 * np.sin(np.pi * (edge[:, 0] - 90) / 420)], axis=1)


def on_table(sheet: Grey, table: str, shade: float, turned: float) -> tuple[Grey, NDArray[np.bool_]]:
    """Return a sheet on a wooden table, turned by degrees, and where the table can be seen."""
    bare = np.zeros((SIDE, SIDE), np.float32)
    for left, top, right, bottom in TABLES[table]:
        bare[top:bottom, left:right] = 1
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), turned, 1)
    bare = np.asarray(cv2.warpAffine(bare, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.float32)
    grain = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 1, (SIDE, SIDE)), (0, 0), sigmaX=30, sigmaY=2)
    wood = shade * (1 + 0.1 * grain / grain.std())
    return np.asarray(sheet * (1 - bare) + wood * bare, np.float32), bare > 0.5


def read(picture: NDArray[np.uint8]) -> list[str]:
    return ["".join(str(one.digit) for one in row) for row in read_digits(picture)]


@pytest.mark.parametrize("turned", [0, 4])
@pytest.mark.parametrize("shade", [0.15, 0.45])
@pytest.mark.parametrize("table", TABLES)
def test_a_sheet_on_a_table_is_read(table: str, shade: float, turned: float) -> None:
    picture = photographed(on_table(page(), table, shade, turned)[0])
    assert read(picture) == ["52"]
    assert read(255 - picture) == ["52"]  # a slate on a bright table


@pytest.mark.parametrize("shadowed", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("table", TABLES)
def test_a_sheet_and_its_table_in_a_soft_shadow(table: str, shadowed: float) -> None:
    seen, _ = on_table(page(), table, 0.35, 2)
    down, across = np.mgrid[:SIDE, :SIDE] / SIDE
    light = 1 - 0.5 / (1 + np.exp(16 * (across + 0.4 * down - 0.2 - shadowed)))
    assert read(photographed(np.asarray(seen * light, np.float32))) == ["52"]


def test_a_table_in_the_corner() -> None:
    down, across = np.mgrid[:SIDE, :SIDE]
    picture = np.where(down + across < 200, np.float32(0.2), page())
    assert read(photographed(picture)) == ["52"]


def test_a_sheet_seen_from_the_side() -> None:
    seen, table = on_table(page(), "all around", 0.3, 0)
    corners = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], np.float32)
    leaning = corners + np.array([[70, 40], [-60, 20], [10, -10], [0, 0]], np.float32)
    view = cv2.getPerspectiveTransform(corners, leaning)
    picture = cv2.warpPerspective(seen, view, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    assert table.any()
    assert read(photographed(np.asarray(picture, np.float32))) == ["52"]


def test_the_table_is_as_bright_as_the_sheet_beside_it_and_the_sheet_untouched() -> None:
    down = np.linspace(0, 0.2, SIDE, dtype=np.float32)[:, None]
    seen, table = on_table(page() - down, "all around", 0.2, 3)
    found = without_table(seen)
    inside = cv2.erode((~table).astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    assert np.array_equal(found[inside], seen[inside])
    assert np.abs(found[table] - (page("") - down)[table]).max() < 0.06  # the shade goes on upwards and downwards


def test_nothing_changes_without_a_table() -> None:
    blank = np.full((SIDE, SIDE), 0.85, np.float32)
    for picture in (page(), blank, on_table(blank, "all around", 0.3, 0)[0], page()[::8, ::8]):
        assert without_table(picture) is picture


@pytest.mark.parametrize("thicker", [1, 25, 41])
def test_thick_digits_are_no_sheets(thicker: int) -> None:
    digits, _ = strokes.make(300, 3)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thicker, thicker))
    for digit in digits:
        large = cv2.dilate(cv2.resize(digit, (224, 224), interpolation=cv2.INTER_CUBIC), pen)
        light = np.asarray(large, np.float32) / 255
        for picture in (light, 1 - light):
            assert without_table(picture) is picture


@pytest.mark.parametrize("soft", [1, 4])
@pytest.mark.parametrize("slope", [-0.5, 0, 0.7])
def test_a_shadow_with_writing_in_it_is_no_table(slope: float, soft: float) -> None:
    down, across = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    dark = cv2.GaussianBlur((across + slope * down > 0).astype(np.float32), (0, 0), soft)
    picture = np.asarray(page("5  2") * (1 - 0.5 * dark), np.float32)
    assert without_table(picture) is picture
    assert read(photographed(picture)) == ["52"]


def lit(where: NDArray[np.bool_], soft: float, text: str = "52") -> Grey:
    """Return a page of which only this part is lit, with writing in its middle; the light's edge is soft."""
    light = cv2.GaussianBlur(where.astype(np.float32), (0, 0), soft)
    return np.asarray(page(text) * (0.4 + 0.6 * light), np.float32)


def test_light_of_other_forms_or_with_a_soft_edge_is_no_sheet() -> None:
    down, across = np.mgrid[:SIDE, :SIDE]
    window = (abs(across - 300) < 220) & (abs(down - 300) < 180)
    corner = (abs(across - 300) < 220) & ((down < 400) | (across < 240)) & (down > 180)
    triangle = (down > 60) & (down < 440) & (abs(across - 300) < 0.7 * (460 - down))
    hard = lit(window, 1)
    assert without_table(hard) is not hard  # but one that has all of it is taken for one
    for picture in (lit(window, 12), lit(corner, 1), lit(triangle, 1, "5")):
        assert without_table(picture) is picture


@pytest.mark.parametrize("gap", [20, 90])
def test_the_boxes_of_a_form_are_no_sheets_by_themselves(gap: int) -> None:
    form, written = page("") - np.float32(0.25), page("5")
    for left in (SIDE // 2 - gap // 2 - 240, SIDE // 2 + gap // 2):
        form[160:440, left : left + 240] = written[160:440, 180:420]
    assert read(photographed(form)) == ["55"]


@pytest.mark.parametrize("outline", [torn(0.02), torn(0.06), curled()], ids=["torn", "ragged", "curled"])
def test_a_sheet_of_any_form_is_read(outline: NDArray[np.float64]) -> None:
    picture = photographed(lying(outline))
    assert read(picture) == ["52"]
    assert read(255 - picture) == ["52"]


def test_a_pen_beside_the_sheet_is_no_writing() -> None:
    picture = lying(rectangle())
    cv2.line(picture, (60, 560), (420, 545), 0.05, 12)
    assert without_table(picture) is picture  # what is on the table might be writing, and the sheet a lit place
    assert read(photographed(picture)) == ["52"]


def test_of_two_sheets_the_larger_is_read() -> None:
    """Both are written on, and hard-edged; neither has straight sides."""
    seen = np.full((SIDE, SIDE), 0.2, np.float32)
    for text, scale, left, top in (("7", 0.4, 0, 0), ("52", 0.65, 200, 205)):
        sheet, size = page(text), round(scale * SIDE)
        where = cv2.fillPoly(np.zeros((SIDE, SIDE), np.uint8), [np.rint(curled()).astype(np.int32)], 1)
        small, on = (cv2.resize(each, (size, size), interpolation=cv2.INTER_AREA) for each in (sheet, where))
        here = seen[top : top + size, left : left + size]
        here[on > 0] = small[on > 0]
    assert read(photographed(seen)) == ["52"]


def test_a_small_picture_that_is_not_sharp() -> None:
    small = cv2.resize(on_table(page(), "all around", 0.15, 0)[0], (200, 200), interpolation=cv2.INTER_AREA)
    picture = np.asarray(cv2.GaussianBlur(small, (0, 0), 1.2), np.float32)
    assert without_table(picture) is picture  # its edge might be a shadow's
    assert read(np.asarray(np.rint(255 * picture), np.uint8)) == ["52"]


def test_a_panel_is_read_that_its_digit_nearly_fills_and_that_has_print_around() -> None:
    picture = np.full((SIDE, SIDE), 255, np.uint8)
    picture[100:500, 100:500] = 0
    cv2.polylines(picture, [np.array([[180, 185], [420, 185], [280, 440]])], False, 255, 60)
    for number, place in enumerate(range(120, 500, 80)):
        cv2.putText(picture, str(number), (place, 530), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 0, 2)
    assert read(picture) == ["7"]


def test_the_notches_of_a_torn_edge_are_no_ink_and_ink_at_the_edge_is_no_notch() -> None:
    outline = rectangle(25)
    outline[30] += [-25, 0]  # into the right edge
    seen = lying(outline, "5")
    cv2.line(seen, (300, 489), (300, 360), 0.15, 12)
    found = without_table(seen)
    assert found[186, 500] > 0.6 > seen[186, 500]
    assert found[478, 300] < 0.3


@pytest.mark.parametrize(("sure", "digits", "answer"), [(0.99, 1.0, "2"), (0.8, 1.0, "1"), (0.99, 0.2, "1")])
def test_a_sheet_is_read_instead_of_the_picture_where_that_convinces_more(
    sure: float, digits: float, answer: str
) -> None:
    """The picture is a one with half a chance; on the sheet the recogniser sees a two, `sure`, and perhaps no digit."""
    looks = 0

    def classify(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        nonlocal looks
        looks += 1
        likely = (0, 0.5, 0) if looks == 1 else (0, 0, sure)
        return np.tile(likely, (len(pixels), 1))

    def is_digit(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.full(len(pixels), 1.0 if looks == 0 else digits)

    picture = open_picture(photographed(lying(curled(), "5")))
    found = read_page(picture, classify, is_digit)
    assert np.array_equal(found.writing.grey, picture.grey)
    assert [[str(one.probabilities.argmax()) for one in row] for row in found.rows] == [[answer]]


def test_what_convinces() -> None:
    """Most of what was found must be digits, and most of the digits sure."""
    found = read_page(open_picture(photographed(page("5"))), lambda pixels: np.tile((0, 0.99), (len(pixels), 1)))
    ((sure,),) = found.rows
    unsure = replace(sure, probabilities=np.array([0.5, 0.4]))
    for digits, left_out, convincing in (
        ([sure], [], True), ([sure], [unsure], False), ([sure, sure], [unsure], True),
        ([sure, sure, unsure], [], True), ([sure, unsure, unsure], [], False),
    ):  # fmt: skip
        assert replace(found, rows=[digits], left_out=left_out).convincing == convincing


def test_a_picture_that_convinces_is_looked_at_once() -> None:
    looks: list[int] = []

    def classify(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        looks.append(len(pixels))
        return np.tile((0, 0.95), (len(pixels), 1))

    read_page(open_picture(photographed(lying(curled(), "5"))), classify)
    assert len(looks) == 1


@pytest.mark.parametrize("width", [40, 60, 75, 90])
@pytest.mark.parametrize("inset", [0, 30, 75])
def test_a_broad_slanted_line_is_no_sheet(width: int, inset: int) -> None:
    picture = np.full((SIDE, SIDE), 0.1, np.float32)
    cv2.line(picture, (inset, inset), (SIDE - inset, SIDE - inset), 0.9, width)
    for seen in (picture, 1 - picture):
        assert without_table(seen) is seen
        assert any_sheet(seen) is seen


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_anything_is_a_sheet_or_is_none(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(100, 160)), data.draw(st.integers(100, 200))
    shade = st.floats(0, 1, width=32)
    picture = np.full((height, width), data.draw(shade), np.float32)
    places = st.lists(st.tuples(st.integers(-30, width + 30), st.integers(-30, height + 30)), min_size=2, max_size=6)
    for points in data.draw(st.lists(places, max_size=5)):
        outline, thick = [np.array(points, np.int32)], data.draw(st.integers(0, 40))
        if thick:
            cv2.polylines(picture, outline, data.draw(st.booleans()), data.draw(shade), thick)
        else:
            cv2.fillPoly(picture, outline, data.draw(shade))
    for found in (without_table(picture), any_sheet(picture)):
        assert found.shape == picture.shape
        assert found.dtype == np.float32
        assert picture.min() <= found.min() <= found.max() <= picture.max()


def test_a_blank_sheet_on_a_table_holds_no_digit() -> None:
    picture, _ = on_table(np.full((SIDE, SIDE), 0.85, np.float32), "all around", 0.2, 5)
    with pytest.raises(PictureError, match="nothing in the picture looks like a digit"):
        read(photographed(picture))
