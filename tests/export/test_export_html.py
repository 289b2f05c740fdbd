"""The exported page, in a real browser: its answers are ours, and a digit drawn by hand is read."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported import EVERY_KIND, blobs, model

from groundup.errors import ConfigurationError, ModelError
from groundup.export import html
from groundup.layers import Conv2d, Flatten, Linear, Softmax
from groundup.models.committee import Committee
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.network import Network
from groundup.pictures import to_mnist
from groundup.pictures.mnist import centre, fit

Strokes = Sequence[Sequence[tuple[float, float]]]
DIGITS: dict[str, Strokes] = {
    "0": [[(0.5, 0.12), (0.3, 0.25), (0.26, 0.5), (0.32, 0.78), (0.5, 0.88), (0.68, 0.76), (0.73, 0.5), (0.68, 0.24),
           (0.5, 0.12)]],
    "1": [[(0.52, 0.12), (0.5, 0.5), (0.49, 0.88)]],
    "3": [[(0.3, 0.2), (0.5, 0.13), (0.68, 0.22), (0.66, 0.38), (0.48, 0.47), (0.68, 0.56), (0.72, 0.72), (0.52, 0.86),
           (0.28, 0.78)]],
    "4": [[(0.36, 0.14), (0.3, 0.5), (0.7, 0.5)], [(0.66, 0.14), (0.62, 0.88)]],
    "7": [[(0.28, 0.16), (0.72, 0.16), (0.55, 0.5), (0.46, 0.88)]],
}  # fmt: skip


class Opened:
    """A page in the browser, and everything that it said or asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1200, "height": 900}} | options))
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def answer(self) -> str:
        """Return what the page says, after it has drawn all that was to be drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return str(self.page.get_by_test_id("answer").inner_text())

    def draw(self, strokes: Strokes) -> None:
        """Draw with the mouse."""
        mouse = self.page.mouse
        for stroke in strokes:
            first, *others = [self.at(point) for point in stroke]
            mouse.move(*first)
            mouse.down()
            for place in others:
                mouse.move(*place, steps=5)
            mouse.up()

    def at(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return where on the page a point of the pad is, both from 0 to 1."""
        box = self.page.get_by_test_id("pad").bounding_box()
        return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open a recogniser's page; in the end, it must have said nothing and asked for nothing."""
    pages: list[Opened] = []

    def open_page(recogniser: Recogniser, store: str = "float16", **options: Any) -> Opened:
        path = tmp_path / f"{len(pages)}.html"
        assert html.write(recogniser, path, "test", store) == path.stat().st_size
        pages.append(Opened(browser, path, **options))
        return pages[-1]

    yield open_page
    for number, each in enumerate(pages):
        each.context.close()
        assert each.said == []
        assert each.asked == [(tmp_path / f"{number}.html").as_uri()]


@pytest.fixture(scope="module")
def shared(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page for tests that only call its functions: opening one takes longer than all that they do."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    html.write(EVERY_KIND["linear"], path)
    opened = Opened(browser, path)
    yield opened.page
    opened.context.close()
    assert opened.said == []
    assert opened.asked == [path.as_uri()]


def inside(recogniser: Recogniser, store: str = "float16") -> list[str]:
    """Return the two texts of a recogniser's page that hold the model: its description, and the weights in base64."""
    page = html.page(recogniser, store=store)
    found = re.findall(r'<script id="(?:model|weights)"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert len(found) == 2
    return found


def in_page(recogniser: Recogniser, store: str) -> Recogniser:
    """Return the recogniser with its arrays rounded as the page has them."""
    if isinstance(recogniser, Committee):
        return replace(recogniser, members=tuple(in_page(each, store) for each in recogniser.members))
    assert isinstance(recogniser, Model)
    return replace(recogniser, state=html.stored(recogniser.state, store))


@pytest.mark.parametrize(
    ("name", "store"), [*((name, "float16") for name in EVERY_KIND), ("convolution", "int8"), ("committee", "int8")]
)
def test_the_forward_pass_is_ours(shared: Any, name: str, store: str) -> None:
    recogniser, pixels = EVERY_KIND[name], blobs(6)
    theirs = shared.evaluate(
        """([description, weights, pictures]) => {
            const read = readModel(JSON.parse(description), weights);
            return pictures.map((pixels) => [...predict(read, pixels)]);
        }""",
        [*inside(recogniser, store), pixels.reshape(len(pixels), -1).tolist()],
    )
    ours = in_page(recogniser, store).predict(pixels, backend="numpy")
    assert ours.std() > 0.01
    np.testing.assert_allclose(theirs, ours, atol=1e-4)
    np.testing.assert_allclose(theirs, recogniser.predict(pixels, backend="numpy"), atol=0.05)  # rounding is harmless


def test_every_layers_output_is_ours(shared: Any) -> None:
    made = EVERY_KIND["convolution"]
    assert isinstance(made, Model)
    (pixels,) = blobs(1, seed=3)
    outputs = shared.evaluate(
        """([description, weights, pixels]) => {
            const outputs = forward(readModel(JSON.parse(description), weights), 0, pixels);
            return outputs.map(({shape, values}) => ({shape, values: [...values]}));
        }""",
        [*inside(made), pixels.ravel().tolist()],
    )
    rounded = in_page(made, "float16")
    assert isinstance(rounded, Model)
    for theirs, (_, ours) in zip(outputs, rounded.activations(pixels)[1:], strict=True):
        assert tuple(theirs["shape"]) == ours.shape
        np.testing.assert_allclose(theirs["values"], ours.ravel(), rtol=1e-4, atol=1e-4)


def test_digits_drawn_by_mouse_are_read(opened: Callable[..., Opened]) -> None:
    on = opened(Recogniser.load("cnn"))
    for digit, strokes in DIGITS.items():
        assert on.answer() == "Nothing is drawn yet."
        on.draw(strokes)
        assert on.answer().startswith(f"{digit} It is")
        assert on.page.locator("#bars .best").inner_text().startswith(digit)
        on.page.get_by_test_id("clear").click()


def test_touch_undo_clear_and_keys(opened: Callable[..., Opened]) -> None:
    on = opened(Recogniser.load("fast99"), viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert on.page.evaluate("document.documentElement.scrollWidth") == 390
    touch = on.context.new_cdp_session(on.page)
    (seven,) = DIGITS["7"]
    for number, point in enumerate(seven):
        x, y = on.at(point)
        kind = "touchMove" if number else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert on.answer().startswith("7")
    assert on.page.evaluate("scrollY") == 0  # the finger drew and did not scroll
    on.draw([[(0.4, 0.5), (0.6, 0.5)]])
    assert on.page.evaluate("pad.strokes.length") == 2
    on.page.get_by_test_id("undo").click()
    assert on.page.evaluate("pad.strokes.length") == 1
    on.page.get_by_test_id("clear").click()
    assert on.answer() == "Nothing is drawn yet."
    assert on.page.get_by_test_id("undo").is_disabled()
    on.draw([[(0.4, 0.5), (0.6, 0.5)], [(0.4, 0.6), (0.6, 0.6)]])
    on.page.keyboard.press("Control+z")
    assert on.page.evaluate("pad.strokes.length") == 1
    on.page.keyboard.press("Escape")
    assert on.answer() == "Nothing is drawn yet."


def test_a_dot_and_strokes_over_the_edge(opened: Callable[..., Opened]) -> None:
    on = opened(EVERY_KIND["linear"])
    x, y = on.at((0.5, 0.5))
    on.page.mouse.click(x, y)
    assert "It is" in on.answer()
    on.draw([[(0.5, 0.5), (1.4, 0.5), (0.5, 0.6)]])
    assert "It is" in on.answer()


def test_the_digits_form_is_as_python_makes_it(shared: Any) -> None:
    for digit, size in (("0", 1.0), ("1", 0.8), ("3", 0.6), ("4", 0.2), ("7", 0.05)):
        strokes = [[(0.1 + size * x * 0.8, 0.9 - size * (1 - y) * 0.8) for x, y in stroke] for stroke in DIGITS[digit]]
        side, values, pixels = shared.evaluate(
            """(strokes) => {
                const ink = drawn(strokes, usualPen(strokes));
                return [ink.width, [...ink.values.map((value) => 255 * value)], [...toMnist(strokes)]];
            }""",
            strokes,
        )
        ink, theirs = np.array(values, np.float32).reshape(side, side) / 255, np.reshape(pixels, (28, 28))
        rows, columns = np.nonzero(ink > 0.05)
        box = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert np.abs(theirs - np.round(centre(fit(box / box.max())) * 255)).max() <= 1
        if size > 0.5:  # and all of it, from the picture alone; of a small one, the soft edges are a good part
            assert np.abs(theirs - to_mnist(1 - ink).pixels).mean() < 4


def test_halves_are_rounded_as_python_does(shared: Any) -> None:
    values = [0.5, 1.5, 2.5, 10.5, 11.5, 0.49, 3.51, -0.5, -1.5]
    theirs = shared.evaluate("(values) => values.map(rounded)", values)
    assert theirs == [round(value) for value in values]


def test_pixels_are_shown_and_layers_drawn(opened: Callable[..., Opened]) -> None:
    on = opened(EVERY_KIND["committee"], color_scheme="dark")
    assert on.page.evaluate("document.documentElement.dataset.theme") == "dark"
    on.draw(DIGITS["3"])
    on.answer()
    seen = """() => [...seen.getContext("2d").getImageData(0, 0, 28, 28).data].filter((_, place) => place % 4 === 3)"""
    shown, pixels = on.page.evaluate(seen), on.page.evaluate("[...toMnist(pad.strokes)]")
    assert np.array_equal(shown, pixels)
    assert on.page.locator("#layers li").count() == 4
    on.page.get_by_label("Which member").select_option("1")
    on.answer()
    names = on.page.locator("#layers .name").all_inner_texts()
    assert [name.split("(")[0] for name in names][:2] == ["0 Conv2d", "1 MaxPool2d"]
    drawn = "() => [...document.querySelectorAll('#layers canvas')].every((each) => each.width > 1)"
    assert on.page.evaluate(drawn)
    on.page.get_by_label("Switch between").click()
    assert on.page.evaluate("document.documentElement.dataset.theme") == "light"


def test_names_cannot_break_out_of_their_place(opened: Callable[..., Opened]) -> None:
    names = ("</script><script>alert(1)</script>", "<b>", "&amp;", "{{weights}}", *"456789")
    on = opened(replace(model(Network([Linear(784, 10)])), class_names=names))
    on.draw(DIGITS["1"])
    on.answer()
    assert tuple(each.split("\n")[0] for each in on.page.locator("#bars li").all_inner_texts()) == names


def test_bars_begin_at_one_place_however_long_their_names_are(opened: Callable[..., Opened]) -> None:
    names = ("a circle", "b", *map(str, range(8)))
    on = opened(replace(model(Network([Linear(784, 10)])), class_names=names))
    tracks = on.page.locator("#bars .track")
    assert len({tracks.nth(number).bounding_box()["x"] for number in range(10)}) == 1


def test_the_sizes_are_as_promised() -> None:
    made = model(Network([Linear(784, 100), Linear(100, 10), Softmax()]))
    sizes = {store: len(html.page(made, store=store)) for store in html.STORED_TYPES}
    weights = 784 * 100 + 100 * 10
    assert sizes["float16"] - sizes["int8"] == pytest.approx(weights * 4 / 3, rel=0.02)  # a byte each, in base64
    assert "https://" not in html.page(made)


def test_bytes_keep_each_rows_own_step() -> None:
    values = np.array([[1.0, -0.5, 0.0], [1000.0, 3.0, -999.0], [0.0, 0.0, 0.0]], np.float32)
    back = html.stored({"weight": values, "bias": values[0]}, "int8")
    assert np.abs(back["weight"] - values).max(axis=1) == pytest.approx([0, 0, 0], abs=4)
    assert np.abs(back["weight"][0] - values[0]).max() < 0.004
    assert np.array_equal(back["bias"], values[0])


def test_what_no_page_can_be_made_of(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"28x28 pixels, but the network takes inputs of shape \(1, 14, 14\)"):
        html.page(model(Network([Conv2d(1, 2, 3), Flatten(), Linear(288, 10)], (1, 14, 14))))
    with pytest.raises(ConfigurationError, match="float16 or int8, not float8"):
        html.page(EVERY_KIND["linear"], store="float8")
    huge = replace(
        model(Network([Linear(784, 10)])), state={"0.weight": np.full((10, 784), 1e6), "0.bias": np.zeros(10)}
    )
    with pytest.raises(ConfigurationError, match=r"0/0\.weight holds numbers that are too large for float16"):
        html.write(huge, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_weights_lie_at_multiples_of_four() -> None:
    made = model(Network([Conv2d(1, 3, 3), Flatten(), Linear(2028, 10)], (1, 28, 28)))
    written = html.page(made)
    weights = base64.b64decode(written.split('type="text/plain">')[1].split("<")[0])
    assert len(weights) == 27 * 2 + 2 + 3 * 4 + 20280 * 2 + 10 * 4
