"""Reading rows of digits on all kinds of paper, with a recogniser that compares with the very digits that are drawn."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from paper import Paper, photograph
from PIL import Image

import groundup
from groundup.data import strokes
from groundup.errors import PictureError
from groundup.layers import Linear
from groundup.models.model import Model
from groundup.network import Network
from groundup.pictures import to_mnist
from groundup.pictures.cuts import find_cuts
from groundup.pictures.digits import read_digits, read_page, read_writing
from groundup.pictures.explanation import save_explanation
from groundup.pictures.ink import find_ink, is_light
from groundup.pictures.lines import find_lines
from groundup.pictures.pieces import find_pieces, usual_height
from groundup.pictures.reading import open_picture, shrunk
from groundup.pictures.rows import find_rows, slope
from groundup.pictures.writing import find_writing

Classify = Callable[[NDArray[np.uint8]], NDArray[Any]]


@pytest.fixture(scope="module")
def digits() -> NDArray[np.float32]:
    """One drawn digit of each class, (10, 28, 28), 1 is ink."""
    images, labels = strokes.make(200, 5)
    return np.stack([images[np.flatnonzero(labels == digit)[0]] for digit in range(10)]) / np.float32(255)


@pytest.fixture(scope="module")
def classify(digits: NDArray[np.float32]) -> Classify:
    """Softmax of the likeness to each digit: 1 for the same picture."""
    known = np.stack(
        [cv2.GaussianBlur(to_mnist(1 - digit).pixels.astype(float), (0, 0), 1).ravel() for digit in digits]
    )
    known /= np.linalg.norm(known, axis=1, keepdims=True)

    def probabilities(pixels: NDArray[np.uint8]) -> NDArray[Any]:
        smooth = np.stack([cv2.GaussianBlur(each.astype(float), (0, 0), 1).ravel() for each in pixels])
        likeness = smooth @ known.T / np.linalg.norm(smooth, axis=1, keepdims=True)
        scores = np.exp(30 * (likeness - 0.8))
        return np.asarray(scores / (scores.sum(axis=1, keepdims=True) + 1))

    return probabilities


def page(digits: NDArray[np.float32], text: list[str], paper: Paper, seed: int = 0) -> NDArray[np.uint8]:
    return photograph([[digits[int(letter)] for letter in row] for row in text], paper, seed)


def read(picture: NDArray[Any], classify: Classify) -> list[str]:
    rows = read_page(open_picture(picture), classify).rows
    return ["".join(str(one.probabilities.argmax()) for one in row) for row in rows]


TEXT = ["31415", "92653"]
PAPERS = {
    "white": Paper(),
    "tight": Paper(margin=0.05),
    "large": Paper(height=300),
    "small": Paper(height=20),
    "white on black": Paper(ink=1, sheet=0),
    "chalk": Paper(ink=0.9, sheet=0.15, noise=0.02),
    "pencil": Paper(ink=0.55, sheet=0.85, noise=0.02),
    "marker": Paper(pen=1.3),
    "ruled": Paper(rules="lines", rule_shade=0.5),
    "ruled, turned": Paper(rules="lines", rule_shade=0.5, turn=2),
    "graph": Paper(rules="graph", rule_shade=0.6),
    "dense graph": Paper(rules="graph", rules_apart=0.25),
    "shade": Paper(shade=0.6, noise=0.02),
    "shadow": Paper(shadow=0.5, noise=0.02),
    "phone": Paper(height=120, rules="lines", shade=0.4, shadow=0.3, noise=0.03, blur=1.5, quality=60),
    "noise": Paper(noise=0.08),
    "blurred": Paper(blur=2.5),
    "jpeg": Paper(quality=20),
    "turned": Paper(turn=6),
    "uneven": Paper(jitter=0.15),
    "close": Paper(gap=0.06),
}


@pytest.mark.parametrize("name", PAPERS)
def test_rows_on_all_kinds_of_paper(name: str, digits: NDArray[np.float32], classify: Classify) -> None:
    assert read(page(digits, TEXT, PAPERS[name]), classify) == TEXT


def test_every_digit_alone(digits: NDArray[np.float32], classify: Classify) -> None:
    for paper in (Paper(), Paper(rules="graph", shadow=0.4), Paper(margin=0.05, height=200)):
        assert [read(page(digits, [str(digit)], paper), classify) for digit in range(10)] == [
            [str(digit)] for digit in range(10)
        ]


def joined(digits: NDArray[np.float32], text: str) -> NDArray[np.uint8]:
    """Return a picture of digits that are one piece of ink, since a stroke leads from each to the next."""
    grey = page(digits, [text], Paper(gap=0.04, jitter=0))
    inked = np.flatnonzero((grey < 128).any(axis=0))
    for gap in np.flatnonzero(np.diff(inked) > 1):  # join what stands beside each other by a stroke
        ends = [(int(x), int(np.flatnonzero(grey[:, x] < 128).mean())) for x in inked[[gap, gap + 1]]]
        cv2.line(grey, *ends, 25, 3)
    assert len(find_pieces(find_ink(shrunk(grey / np.float32(255)).grey).mask).areas) == 1
    return grey


@pytest.mark.parametrize("text", ["00", "23", "80", "56", "3"])
def test_touching_digits_are_cut(text: str, digits: NDArray[np.float32], classify: Classify) -> None:
    grey = joined(digits, text)
    assert read(grey, classify) == [text]


@pytest.mark.parametrize(("halves", "count"), [(1.0, 2), (0.3, 1)])
def test_what_is_no_digit_is_divided_into_digits_but_not_into_what_is_none(
    halves: float, count: int, digits: NDArray[np.float32]
) -> None:
    def always_sure(pixels: NDArray[np.uint8]) -> NDArray[Any]:
        return np.full((len(pixels), 10), 0.002) + 0.98 * np.eye(10)[0]

    def no_wide_one(pixels: NDArray[np.uint8]) -> NDArray[Any]:
        heights = (pixels > 128).any(axis=2).sum(axis=1)
        return np.where(heights < 18, 0.0, halves)

    picture = open_picture(joined(digits, "56"))
    writing = find_writing(picture.grey)
    assert [len(row) for row in read_writing(writing, picture, always_sure).rows] == [1]
    assert [len(row) for row in read_writing(writing, picture, always_sure, no_wide_one).rows] == [count]


def test_boxes_are_in_the_original_s_pixels(digits: NDArray[np.float32], classify: Classify) -> None:
    grey = page(digits, ["7"], Paper(height=100, jitter=0))
    large = cv2.resize(grey, None, fx=14, fy=14, interpolation=cv2.INTER_NEAREST)
    small_box = read_page(open_picture(grey), classify).rows[0][0].prepared.box
    large_box = read_page(open_picture(large), classify).rows[0][0].prepared.box
    assert np.abs(np.array(large_box) - 14 * np.array(small_box)).max() < 50
    top, bottom = np.flatnonzero((grey < 128).any(axis=1))[[0, -1]]
    assert abs(small_box[1] - top) <= 2
    assert abs(small_box[3] - 1 - bottom) <= 2


def test_a_bar_apart_belongs_to_its_digit(digits: NDArray[np.float32], classify: Classify) -> None:
    grey = page(digits, ["10"], Paper(jitter=0, height=100))
    broken = grey.copy()
    gap = np.flatnonzero((grey < 128).any(axis=1))[0] + 25
    broken[gap : gap + 6] = grey[0, 0]  # a white stripe through both
    assert read(broken, classify) == ["10"]


def test_blots_specks_and_what_hangs_over_the_border_are_left_out(
    digits: NDArray[np.float32], classify: Classify
) -> None:
    grey = page(digits, TEXT, Paper())
    cv2.circle(grey, (30, 30), 12, 20, -1)
    grey[5:9, 200:203] = 0
    grey[:, :6] = 60  # the table beside the sheet
    assert read(grey, classify) == TEXT


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_blank(level: float, classify: Classify) -> None:
    noisy = np.clip(level + np.random.default_rng(0).normal(0, 0.02, (300, 200)), 0, 1).astype(np.float32)
    for grey in (noisy, np.full((60, 60), level, np.float32), np.full((1, 1), level, np.float32)):
        with pytest.raises(PictureError, match=r"blank|looks like a digit|no digits"):
            read(grey, classify)


def test_no_digits(classify: Classify) -> None:
    y, x = np.mgrid[:200, :200]
    with pytest.raises(PictureError, match=r"blank|no digits|looks like a digit"):
        read(((x // 4 + y // 4) % 2 * 255).astype(np.uint8), classify)
    with pytest.raises(PictureError, match="looks like a digit"):
        read(
            np.full((50, 50), 255, np.uint8) - 200 * np.eye(50, dtype=np.uint8), lambda pixels: pixels[:, :10, 0] * 0.0
        )


# --- What can be read from --------------------------------------------------------------------------------------------


def test_read_digits_takes_files_arrays_and_images(
    digits: NDArray[np.float32], classify: Classify, tmp_path: Path
) -> None:
    grey = page(digits, ["7"], Paper())
    known = np.stack([to_mnist(1 - digit).pixels.ravel() for digit in digits]) / 255.0
    weight = (known / np.linalg.norm(known, axis=1, keepdims=True)).astype(np.float32)
    model = Model(Network([Linear(784, 10)]), {"0.weight": weight, "0.bias": np.zeros(10, np.float32)})
    model.save(tmp_path / "model.safetensors")
    Image.fromarray(grey).save(tmp_path / "seven.png")
    colour = np.repeat(grey[..., None], 3, axis=2)
    transparent = np.dstack([np.zeros_like(colour), 255 - grey])
    white_pen = np.dstack([np.full_like(colour, 255), 255 - grey])
    sources = [
        tmp_path / "seven.png", str(tmp_path / "seven.png"), io.BytesIO((tmp_path / "seven.png").read_bytes()),
        Image.fromarray(grey), grey, grey / 255, colour, colour / 255, transparent, white_pen,
    ]  # fmt: skip
    for source in sources:
        ((digit,),) = read_digits(source, model)
        assert digit.digit == 7
        assert 0 < digit.probability <= 1
        assert len(digit.box) == 4
    assert read_digits(grey, tmp_path / "model.safetensors") == read_digits(grey, model)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 3, 2), np.uint8), r"shape \(3, 3, 2\)"),
        (np.zeros(5, np.uint8), r"shape \(5,\)"),
        (np.zeros((0, 4)), "shape"),
        (np.zeros((4, 4), np.int64), "int64"),
        (np.full((4, 4), 2.0), "from 0, black, to 1"),
        (np.full((4, 4), np.nan), "from 0, black, to 1"),
    ],
)
def test_arrays_that_are_no_pictures(array: NDArray[Any], message: str) -> None:
    with pytest.raises(PictureError, match=message):
        open_picture(array)


def test_streams_that_are_no_pictures() -> None:
    with pytest.raises(PictureError, match="empty"):
        open_picture(io.BytesIO())
    with pytest.raises(PictureError, match="not a picture"):
        open_picture(io.BytesIO(b"no picture"))


# --- The stages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "paper", [Paper(), Paper(shade=0.6), Paper(shadow=0.5), Paper(pen=1.3, margin=0.1), Paper(sheet=0.4, ink=0)]
)
def test_polarity(paper: Paper, digits: NDArray[np.float32]) -> None:
    grey = page(digits, ["808"], paper) / np.float32(255)
    assert not is_light(grey)
    assert is_light(1 - grey)


@pytest.mark.parametrize("strength", [0.5, 2, 4])
@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.35, 0.6)])
def test_polarity_in_the_light_of_a_flash(
    strength: float, centre: tuple[float, float], digits: NDArray[np.float32]
) -> None:
    grey = page(digits, ["808"], Paper()) / np.float32(255)
    down, across = (np.linspace(0, 1, side) - middle for side, middle in zip(grey.shape, centre, strict=True))
    flash = np.exp(-strength * (down[:, None] ** 2 + across**2))
    assert not is_light(np.asarray(grey * flash, np.float32))
    assert is_light(np.asarray((1 - grey) * flash, np.float32))


@pytest.mark.parametrize("height", [1, 2, 3, 6, 7, 30])
def test_polarity_of_flat_pictures(height: int) -> None:
    picture = np.full((height, 30), 0.8, np.float32)
    picture[:, 9:12] = 0.2
    for each in (picture, picture.T):
        assert not is_light(each)
        assert is_light(1 - each)


def test_polarity_of_digits_that_fill_the_picture(digits: NDArray[np.float32]) -> None:
    for digit in digits:
        rows, columns = np.flatnonzero(digit.max(axis=1) > 0.3), np.flatnonzero(digit.max(axis=0) > 0.3)
        tight = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert is_light(tight)
        assert not is_light(1 - tight)


def test_ruled_lines_are_found_and_the_strokes_across_them_are_kept() -> None:
    mask = np.zeros((200, 300), dtype=bool)
    for row in (40, 80, 120, 160):
        mask[row : row + 2] = True
    lines = mask.copy()
    mask[30:170, 100:112] = True  # a stroke across all of them
    found = find_lines(mask, 12.0)
    assert not found[:, 100:112].any()
    assert np.array_equal(found[:, :95], lines[:, :95])
    assert np.array_equal(find_lines(mask.T, 12.0), found.T)


def test_the_bar_of_a_seven_is_no_ruled_line() -> None:
    mask = np.zeros((100, 80), dtype=bool)
    mask[10:20] = True  # from side to side, in a picture cut close around it
    mask[20:, 60:70] = True
    assert not find_lines(mask, 10.0).any()


def test_rows_in_reading_order() -> None:
    boxes = np.array([[50, 12, 70, 52], [90, 70, 110, 110], [10, 8, 30, 48], [12, 75, 32, 115], [90, 10, 110, 50]])
    assert [row.tolist() for row in find_rows(boxes, 40.0)] == [[2, 0, 4], [3, 1]]
    climbing = boxes - np.outer(boxes[:, 0] * 0.2, [0, 1, 0, 1]).astype(np.int64)
    assert slope(climbing) == pytest.approx(-0.2, abs=0.1)
    assert [row.tolist() for row in find_rows(climbing, 40.0)] == [[2, 0, 4], [3, 1]]


@pytest.mark.parametrize(
    ("tops", "rows"),
    [
        ([0, 26, 4, 28, 2], [[0, 1, 2, 3, 4]]),  # up and down by two thirds of a digit
        ([0, 14, 28, 42, 56], [[0, 1, 2, 3, 4]]),  # down, and no slope can be told: the last three are lower
        ([0, 14, 28], [[0, 1, 2]]),
        ([0, 2, 38, 36], [[0, 1], [2, 3]]),  # hardly beside each other
    ],
)
def test_a_row_that_does_not_keep_its_line(tops: list[int], rows: list[list[int]]) -> None:
    boxes = np.array([[30 * index, top, 30 * index + 20, top + 40] for index, top in enumerate(tops)])
    assert [row.tolist() for row in find_rows(boxes, 40.0)] == rows


def test_rows_that_reach_into_each_other_stay_two_where_one_stands_above_the_other() -> None:
    boxes = np.array([[0, 0, 20, 40], [30, 4, 50, 44], [26, 30, 46, 70], [60, 32, 80, 72]])
    assert [row.tolist() for row in find_rows(boxes, 40.0)] == [[0, 1], [2, 3]]


def test_small_pieces_are_given_to_the_row_that_they_stand_in() -> None:
    boxes = np.array([[0, 0, 20, 40], [40, 0, 60, 40], [62, 4, 80, 9], [0, 60, 20, 100], [30, 95, 34, 99]])
    assert [row.tolist() for row in find_rows(boxes, 40.0)] == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("small", "given"),
    [
        ((44, -18, 60, -8), True),  # a bar above
        ((44, -30, 60, -16), False),  # further above: small print
        ((44, 36, 60, 46), True),  # the end of a stroke
        ((44, 42, 60, 48), False),  # a line under the number
        ((0, 18, 81, 22), False),  # a line through it
        ((0, 18, 79, 22), True),
    ],
)
def test_small_pieces_far_from_all_rows_or_wide_are_given_to_none(
    small: tuple[int, int, int, int], given: bool
) -> None:
    boxes = np.array([[0, 0, 20, 40], [40, 0, 60, 40], small])
    (row,) = find_rows(boxes, 40.0)
    assert (2 in row) == given


def test_specks_small_print_and_lines_do_not_outweigh_digits() -> None:
    page = np.zeros((300, 400), np.uint8)
    for left in (50, 150, 250):
        cv2.rectangle(page, (left, 50), (left + 40, 130), 1, 6)
    digits = int(np.ptp(np.flatnonzero(page.any(axis=1)))) + 1
    page[200:203, 20:380] = 1
    page[240, ::8] = 1
    for left in range(10, 390, 16):
        cv2.rectangle(page, (left, 260), (left + 8, 272), 1, 2)
    pieces = find_pieces(page > 0)
    assert len(pieces.areas) == 3 + 1 + 50 + 24
    assert usual_height(pieces, np.arange(len(pieces.areas))) == digits


def test_cuts_go_where_there_is_least_ink() -> None:
    mask = np.zeros((60, 110), dtype=bool)
    mask[5:55, 5:45] = True
    mask[5:55, 60:100] = True
    mask[13:47, 13:37] = mask[13:47, 68:92] = False
    mask[28:32, 45:60] = True  # a bridge between two zeros
    regions = find_cuts(mask[5:55, 5:100])
    assert regions[25, 2] == 0
    assert regions[25, 93] == regions.max() > 0
    assert regions[25, 38] < regions[25, 57]
    assert not find_cuts(mask[:, 5:40]).any()  # narrow: one digit


def test_every_stage_is_shown(digits: NDArray[np.float32], classify: Classify, tmp_path: Path) -> None:
    read_it = read_page(open_picture(page(digits, TEXT, Paper(rules="lines", rule_shade=0.5))), classify)
    save_explanation(read_it, [str(digit) for digit in range(10)], tmp_path / "stages.png")
    with Image.open(tmp_path / "stages.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 500
    with pytest.raises(ValueError, match=r"extension|format"):
        save_explanation(read_it, [str(digit) for digit in range(10)], tmp_path / "stages.nothing")
    assert [file.name for file in tmp_path.iterdir()] == ["stages.png"]


def test_it_is_a_package_s_error(tmp_path: Path) -> None:
    with pytest.raises(groundup.GroundupError, match="no such file"):
        read_digits(tmp_path / "missing.png")
