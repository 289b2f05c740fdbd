"""What is no digit is left out: letters, signs, scribbles; and digits of all kinds are not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray
from paper import Paper, photograph
from PIL import Image, ImageDraw, ImageFont

from command_line import groundup
from groundup.data import load, sources, strokes
from groundup.data.datasets import DIGITS
from groundup.data.strokes import printing
from groundup.errors import PictureError
from groundup.models import shipped
from groundup.models.configuration import Configuration
from groundup.models.model import Model
from groundup.models.recipes import recipe
from groundup.models.recogniser import Recogniser
from groundup.pictures import explanation, to_mnist
from groundup.pictures.digits import read_digits, read_page
from groundup.pictures.doubt import LEARNED_ODDS, USUAL_ODDS, detector, doubting, usual
from groundup.pictures.ink import Grey, find_ink
from groundup.pictures.reading import open_picture

Pixels = NDArray[np.uint8]

FONTS = ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono-Bold", "cmr10", "cmss10")
"""None of them did the detector learn from."""
LETTERS = "AEFHKMNPRTVWX"
SEGMENTS = {
    "a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2),
    "e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1),
}  # fmt: skip
SHOWN = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser.load(shipped.default())


@pytest.fixture(scope="module")
def tell() -> Recogniser:
    return detector()


def printed(text: str, font: str) -> Pixels:
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    picture = Image.new("L", (80 + 100 * len(text), 200), 255)
    ImageDraw.Draw(picture).text((50, 20), text, font=ImageFont.truetype(str(file), 120), fill=0)
    return np.asarray(picture)


def display(digit: int) -> Pixels:
    picture = np.full((240, 200), 255, np.uint8)
    for segment in SHOWN[digit]:
        ends = np.array(SEGMENTS[segment]).reshape(2, 2) * (80, 80) + (60, 40)
        cv2.line(picture, ends[0].tolist(), ends[1].tolist(), 0, 12)
    return picture


def test_it_learned_from_other_fonts() -> None:
    assert not set(FONTS) & set(printing.FONTS)


def believed(tell: Recogniser, pixels: Pixels) -> float:
    """Return the share that is taken for digits."""
    return float(np.mean(usual(tell.predict(pixels)[:, 0]) >= 0.5))


def test_mnists_digits_are_digits(tell: Recogniser, mnist_folder: Path) -> None:
    assert believed(tell, load(mnist_folder).test.images) > 0.998


def test_drawn_digits_are_digits_and_others_are_not(tell: Recogniser) -> None:
    assert believed(tell, strokes.make(2000, 11)[0]) > 0.99
    assert believed(tell, strokes.make_machine_made(1000, 11)[0]) > 0.97
    assert believed(tell, strokes.make_others(2000, 11)) < 0.1


@pytest.mark.parametrize("font", FONTS)
def test_printed_letters_are_none(tell: Recogniser, font: str) -> None:
    pixels = np.stack([to_mnist(printed(letter, font) / np.float32(255)).pixels for letter in LETTERS])
    assert believed(tell, pixels) == 0


@pytest.mark.parametrize("font", FONTS)
def test_printed_digits_are_read(recogniser: Recogniser, font: str) -> None:
    found = [read_digits(printed(str(digit), font), recogniser) for digit in range(10)]
    assert [[len(row) for row in rows] for rows in found] == [[1]] * 10
    assert [rows[0][0].digit for rows in found] == list(range(10))


def test_digits_on_displays_are_read(recogniser: Recogniser) -> None:
    found = [read_digits(display(digit), recogniser) for digit in range(10)]
    assert [[len(row) for row in rows] for rows in found] == [[1]] * 10
    assert [rows[0][0].digit for rows in found] == list(range(10))


@pytest.mark.parametrize("width", [14, 24, 34])
@pytest.mark.parametrize("flag", [(14, 24), (29, 50), (50, 60), (87, 50)], ids=["short", "flat", "steep", "long"])
def test_ones_with_flags_are_read(recogniser: Recogniser, flag: tuple[int, int], width: int) -> None:
    """As most of the world writes and prints them; MNIST's writers did not."""
    down, left = flag
    picture = np.full((240, 200), 255, np.uint8)
    cv2.polylines(picture, [np.array([(110 - left, 40 + down), (110, 40), (110, 200)])], False, 0, width)
    ((digit,),) = read_digits(picture, recogniser)
    assert digit.digit == 1


@pytest.mark.parametrize("width", [8, 14, 24])
@pytest.mark.parametrize("crossed", [False, True])
def test_sevens_are_no_ones(recogniser: Recogniser, crossed: bool, width: int) -> None:
    picture = np.full((240, 200), 255, np.uint8)
    cv2.polylines(picture, [np.array([(50, 40), (140, 40), (90, 200)])], False, 0, width)
    if crossed:
        cv2.line(picture, (75, 120), (150, 120), 0, width)
    ((digit,),) = read_digits(picture, recogniser)
    assert digit.digit == 7


@pytest.mark.parametrize("text", ["A", "HX", "WHAT"])
def test_a_picture_of_letters_holds_no_digit(recogniser: Recogniser, text: str) -> None:
    with pytest.raises(PictureError, match="nothing in the picture looks like a digit"):
        read_digits(printed(text, "DejaVuSans"), recogniser)


def test_letters_beside_digits_are_left_out(recogniser: Recogniser) -> None:
    (row,) = read_digits(printed("A 37 K 5", "DejaVuSans"), recogniser)
    assert [digit.digit for digit in row] == [3, 7, 5]
    assert all(left.box[2] <= right.box[0] for left, right in pairwise(row))


def disc(side: int, radius: float, picture: Pixels | None = None) -> Pixels:
    """Return a black disc in the middle of a white picture; its radius is a share of the side."""
    white = np.full((side, side), 255, np.uint8) if picture is None else picture
    return np.asarray(cv2.circle(white, (side // 2, side // 2), round(radius * side), 0, -1, cv2.LINE_AA), np.uint8)


@pytest.mark.parametrize("radius", [0.05, 0.1, 0.2, 0.3, 0.4])
@pytest.mark.parametrize("side", [100, 400, 1200])
def test_a_disc_is_no_ring_however_large(recogniser: Recogniser, side: int, radius: float) -> None:
    picture = disc(side, radius)
    found = find_ink(np.asarray(picture, np.float32) / 255)
    assert np.mean(found.mask == (picture < 128)) > 0.99
    for each in (picture, 255 - picture):
        with pytest.raises(PictureError, match="nothing in the picture looks like a digit"):
            read_digits(each, recogniser)


@pytest.mark.parametrize("half", [0.1, 0.2, 0.3, 0.4])
def test_a_square_is_no_digit(recogniser: Recogniser, half: float) -> None:
    picture = np.full((400, 400), 255, np.uint8)
    picture[round(400 * (0.5 - half)) : round(400 * (0.5 + half)), round(400 * (0.5 - half)) : -60] = 0
    with pytest.raises(PictureError, match="nothing in the picture looks like a digit"):
        read_digits(picture, recogniser)


def test_a_digit_beside_a_disc_is_read(recogniser: Recogniser) -> None:
    digit = printed("7", FONTS[0])[:180, :180]
    picture = np.hstack([digit, disc(180, 0.4)])
    assert [[one.digit for one in row] for row in read_digits(picture, recogniser)] == [[7]]


def shaded() -> Grey:
    """Return a page with a stroke of 180 times 8 pixels and a shadow with soft edges, (300, 300)."""
    shadow = np.zeros((300, 300), np.float32)
    shadow[90:210, 60:180] = 0.55
    paper = 0.85 * (1 - cv2.GaussianBlur(shadow, (0, 0), 10))
    paper[60:240, 250:258] *= 0.25
    return np.asarray(paper, np.float32)


def test_a_shadow_with_soft_edges_is_no_solid_shape() -> None:
    assert np.count_nonzero(find_ink(shaded()).mask) == 180 * 8


def test_handwriting_above_digits_is_left_out(recogniser: Recogniser) -> None:
    digits, labels = strokes.make(10, 3)
    letters = strokes.make_others(400, 5)
    sure = letters[usual(detector().predict(letters)[:, 0]) < 0.01][:4]
    rows = [list(sure / np.float32(255)), list(digits[:5] / np.float32(255))]
    found = read_digits(photograph(rows, Paper(noise=0.01, shade=0.2), seed=0), recogniser)
    assert [digit.digit for digit in found[-1]] == labels[:5].tolist()
    assert len(found) == 1


def test_command_line(tmp_path: Path) -> None:
    Image.fromarray(printed("H", "DejaVuSans")).save(tmp_path / "letter.png")
    Image.fromarray(printed("7 H", "DejaVuSans")).save(tmp_path / "both.png")
    done = groundup("predict", tmp_path / "letter.png", tmp_path / "both.png", "--json")
    assert done.code == 1
    letter, both = done.json["pictures"]
    assert letter["error"] == "nothing in the picture looks like a digit"
    assert (both["rows"], both["error"]) == (["7"], None)


def test_a_recogniser_of_other_things_is_not_doubted(recogniser: Recogniser) -> None:
    assert isinstance(recogniser, Model)
    other = replace(recogniser, class_names=tuple("abcdefghij"))
    assert doubting(other, detector().predict) is None
    assert other.class_names != DIGITS
    ((answer, _, _),) = read_digits(printed("H", "DejaVuSans"), other)[0]
    assert answer == int(other.predict(to_mnist(printed("H", "DejaVuSans") / np.float32(255)).pixels[None]).argmax())


def test_the_odds_are_those_of_what_it_learned_from() -> None:
    digits = 60_000 + sources.DRAWN["strokes"][0] + sources.MACHINE_MADE
    assert digits / sources.DRAWN["others"][0] == pytest.approx(LEARNED_ODDS)


def test_what_is_more_usual_is_more_probable() -> None:
    even = LEARNED_ODDS / (LEARNED_ODDS + USUAL_ODDS)
    np.testing.assert_allclose(usual(np.array([0, even, 1])), [0, 0.5, 1])
    grid = np.linspace(0.01, 0.99, 99)
    odds = usual(grid) / (1 - usual(grid))
    np.testing.assert_allclose(odds, grid / (1 - grid) * USUAL_ODDS / LEARNED_ODDS)


def test_rows_without_digits_go_and_the_order_stays() -> None:
    picture = open_picture(photograph([[one / np.float32(255) for one in strokes.make(6, 0)[0]]], Paper(), seed=0))

    def classify(pixels: Pixels) -> NDArray[Any]:
        return np.full((len(pixels), 10), 0.1) + 0.9 * np.eye(10)[0]

    whole = read_page(picture, classify).rows[0]
    assert [one.is_digit for one in whole] == [1] * len(whole)
    digits = {one.prepared.pixels.tobytes() for one in whole[3:]}

    def the_last_three(pixels: Pixels) -> NDArray[Any]:
        return np.array([float(each.tobytes() in digits) for each in pixels])

    page = read_page(picture, classify, the_last_three)
    assert [one.prepared.box for one in page.rows[0]] == [one.prepared.box for one in whole[3:]]
    assert [one.prepared.box for one in page.left_out] == [one.prepared.box for one in whole[:3]]
    boxes = np.asarray(explanation._boxes(page))
    for index, one in enumerate(whole):
        left, top, right, _ = one.prepared.box
        edge = boxes[top - 1, left : right - 1]
        assert (edge == (explanation.DROPPED if index < 3 else explanation.COLOURS[0])).all()
    with pytest.raises(PictureError, match="nothing in the picture looks like a digit"):
        read_page(picture, classify, lambda pixels: np.zeros(len(pixels)))


@pytest.mark.parametrize("font", FONTS[:1] + FONTS[-1:])
@pytest.mark.parametrize(
    ("text", "number"), [("Room 42", "42"), ("Word 58", "58"), ("42 Room", "42"), ("5 cm", "5"), ("take 5 at", "5")]
)
def test_letters_that_look_like_digits_go_with_their_word(
    recogniser: Recogniser, font: str, text: str, number: str
) -> None:
    (row,) = read_digits(printed(text, font), recogniser)
    assert "".join(str(one.digit) for one in row) == number


def test_the_detector_was_trained_as_its_recipe_says(tell: Recogniser) -> None:
    assert tell.class_names == sources.KINDS
    trained = Configuration.from_table(tell.training["configuration"])
    chosen = {name: getattr(trained, name) for name in ("seed", "data_sha256", "backend", "precision")}
    assert trained == replace(recipe(sources.DIGITS_OR_NOT), **chosen)
    assert len(tell.training["history"]) == trained.epochs


def test_the_detector_reproduces_its_test_accuracy(tell: Recogniser, mnist_folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv(sources.VARIABLE, str(mnist_folder))
    digits = load("mnist").test.images
    others = strokes.make_others(sources.DRAWN["others"][1], sources.DRAWN_SEEDS[1])
    right = [tell.predict(digits).argmax(axis=1) == 0, tell.predict(others).argmax(axis=1) == 1]
    assert np.concatenate(right).mean() == pytest.approx(tell.training["test_accuracy"], abs=2e-4)
