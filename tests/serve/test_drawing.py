"""A drawing as text, ink and SVG; and what is read in it."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from groundup.errors import PictureError
from groundup.models.recogniser import Recogniser

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from groundup.serve import drawing, reading
from groundup.serve.drawing import HEIGHT, WIDTH, Stroke

SEVEN = [(200, 120), (420, 120), (300, 480)]
TWO = [(560, 180), (640, 120), (720, 170), (700, 270), (560, 450), (740, 450)]


def stroke(corners: list[tuple[int, int]], width: int = 40) -> Stroke:
    """A stroke through `corners`, straight from one to the next."""
    places = np.arange(0, len(corners) - 1 + 1e-9, 0.05)
    across, down = (np.interp(places, range(len(corners)), side) for side in zip(*corners, strict=True))
    points = np.round(np.column_stack([across, down])).astype(np.int64)
    return Stroke(points, np.full(len(points), width))


@pytest.fixture(scope="module")
def model() -> Recogniser:
    return Recogniser.load("cnn")


@st.composite
def strokes(draw: st.DrawFn) -> Stroke:
    size = draw(st.integers(1, 30))
    numbers = st.tuples(st.integers(0, WIDTH), st.integers(0, HEIGHT), st.integers(1, drawing.WIDEST))
    table = np.array(draw(st.lists(numbers, min_size=size, max_size=size)))
    return Stroke(table[:, :2], table[:, 2] if draw(st.booleans()) else np.full(size, table[0, 2]))


@given(st.lists(strokes(), max_size=5))
def test_text_holds_every_point(drawn: list[Stroke]) -> None:
    again = drawing.read(drawing.write(drawn))
    assert len(again) == len(drawn)
    for one, other in zip(drawn, again, strict=True):
        np.testing.assert_array_equal(one.points, other.points)
        np.testing.assert_array_equal(one.widths, other.widths)


@given(st.text(alphabet=drawing.LETTERS + ".", max_size=60) | st.text(max_size=20))
def test_any_text_is_strokes_on_the_pad_or_refused(text: str) -> None:
    try:
        found = drawing.read(text)
    except PictureError:
        return
    for points, widths in found:
        assert (points >= 0).all()
        assert (points <= (WIDTH, HEIGHT)).all()
        assert ((widths >= 1) & (widths <= drawing.WIDEST)).all()
    assert drawing.ink(found).shape == (HEIGHT // 2, WIDTH // 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A" * (drawing.MOST_LETTERS + 1), "too long"),
        ("wE!", "not a drawing"),
        ("wEg", "cut short"),
        ("wEwH", "not a stroke"),
        (".", "not a stroke"),
        ("g" * 10 + "A", "not a drawing"),
    ],
)
def test_what_is_no_drawing_is_refused(text: str, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        drawing.read(text)


def test_a_number_is_read_from_left_to_right(model: Recogniser) -> None:
    found = reading.of_drawing([stroke(TWO), stroke(SEVEN)], model.predict)
    assert [int(one.probabilities.argmax()) for one in found.digits] == [7, 2]
    assert found.newest == 0  # the seven was drawn last
    left, top, right, bottom = found.boxes[0]
    assert left * WIDTH == pytest.approx(200 - 20, abs=6)
    assert right * WIDTH == pytest.approx(420 + 20, abs=6)
    assert top * HEIGHT == pytest.approx(120 - 20, abs=6)
    assert bottom * HEIGHT == pytest.approx(480 + 20, abs=6)


def test_a_ring_around_a_number_is_left_out(model: Recogniser) -> None:
    turn = np.linspace(0, 2 * np.pi, 30)
    ring = np.round(np.column_stack([470 + 440 * np.cos(turn), 300 + 280 * np.sin(turn)])).astype(int)
    number = [stroke(TWO), stroke(SEVEN)]
    alone = reading.of_drawing(number, model.predict)
    ringed = reading.of_drawing([*number, stroke([(x, y) for x, y in ring.tolist()], width=12)], model.predict)
    assert ringed.boxes == alone.boxes
    assert [one.probabilities.argmax() for one in ringed.digits] == [7, 2]


def test_a_dot_is_nothing(model: Recogniser) -> None:
    assert not reading.of_drawing([Stroke(np.array([[300, 300]]), np.array([40]))], model.predict).digits
    assert not reading.of_drawing([], model.predict).digits


def test_svg_shows_what_the_ink_shows() -> None:
    text = drawing.svg([stroke(SEVEN)])
    assert text.startswith("<svg")
    assert 'stroke-width="40"' in text
    pressed = Stroke(np.array([[10, 10], [50, 50], [90, 50]]), np.array([10, 20, 30]))
    assert drawing.svg([pressed]).count("<path") == 2


def test_a_picture_from_a_browser_is_read(model: Recogniser) -> None:
    ink = drawing.ink([stroke(SEVEN)])
    file = io.BytesIO()
    Image.fromarray(np.round(255 * (1 - ink)).astype(np.uint8)).save(file, "JPEG")
    url = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    found = reading.of_data_url(url, model.predict)
    assert [int(one.probabilities.argmax()) for one in found.digits] == [7]


def large() -> str:
    file = io.BytesIO()
    Image.new("1", (reading.MOST_PIXELS + 1, 4)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://elsewhere.example/picture.png", "not a picture"),
        ("data:text/html;base64,AAAA", "not a picture"),
        ("data:image/png;base64,AAAA", "not a picture"),
        ("data:image/png;base64,?", "damaged"),
        ("data:image/png;base64," + "A" * reading.MOST_LETTERS, "not made small"),
        (large(), "too big"),
    ],
)
def test_what_is_no_small_picture_is_refused(url: str, words: str, model: Recogniser) -> None:
    with pytest.raises(PictureError, match=words):
        reading.of_data_url(url, model.predict)
