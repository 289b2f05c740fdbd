"""The tab Draw, in a browser: real mouse, touch, keys and files."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from groundup.models.recogniser import Recogniser

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from groundup.serve import drawing

Point = tuple[float, float]

DIGITS: dict[str, list[list[Point]]] = {
    "1": [[(0.5, 0.15), (0.5, 0.85)]],
    "2": [[(0.36, 0.3), (0.42, 0.18), (0.54, 0.16), (0.62, 0.28), (0.58, 0.45), (0.38, 0.8), (0.66, 0.8)]],
    "3": [[(0.38, 0.2), (0.52, 0.15), (0.6, 0.3), (0.48, 0.46), (0.62, 0.62), (0.54, 0.82), (0.36, 0.78)]],
    "4": [[(0.42, 0.15), (0.36, 0.52), (0.64, 0.52)], [(0.58, 0.18), (0.56, 0.88)]],
    "7": [[(0.36, 0.18), (0.64, 0.18), (0.48, 0.85)]],
    "0": [[(0.5, 0.15), (0.38, 0.3), (0.36, 0.6), (0.48, 0.84), (0.6, 0.68), (0.63, 0.35), (0.5, 0.15)]],
}


def draw(page: Any, strokes: list[list[Point]], across: float = 0.0, size: float = 1.0) -> None:
    """Draw strokes with the mouse; points are shares of the pad."""
    box = page.get_by_test_id("pad").bounding_box()

    def place(point: Point) -> Point:
        x, y = (0.5 + size * (side - 0.5) for side in point)
        return box["x"] + (x + across) * box["width"], box["y"] + y * box["height"]

    for first, *others in strokes:
        page.mouse.move(*place(first))
        page.mouse.down()
        for point in others:
            page.mouse.move(*place(point), steps=8)
        page.mouse.up()


def expect_answer(page: Any, text: str) -> None:
    """Wait until the page says `text`."""
    page.wait_for_function(
        "text => document.querySelector('[data-testid=answer]')?.innerText === text", arg=text, timeout=60_000
    )


def settle(page: Any) -> None:
    """Wait until all that was drawn is read, and the address is written."""
    page.wait_for_function("document.querySelector('.pad').dataset.state === 'read'", timeout=60_000)
    page.wait_for_timeout(600)


def strokes_on(page: Any) -> int:
    """Return how many strokes the address holds."""
    settle(page)
    found = page.evaluate("new URLSearchParams(location.search).get('draw') || ''")
    return len([part for part in found.split(".") if part])


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_drawn_with_the_mouse_is_read(visit: Any, digit: str) -> None:
    page = visit()
    draw(page, DIGITS[digit])
    settle(page)
    expect_answer(page, digit)
    best = page.locator(".bar-best")
    assert best.locator(".bar-name").inner_text() == digit
    assert float(best.get_attribute("data-share")) > 0.9


def test_a_whole_number_is_read_and_each_digit_can_be_looked_at(page: Any) -> None:
    for digit, across in (("7", -0.3), ("2", 0.0), ("4", 0.3)):
        draw(page, DIGITS[digit], across, size=0.75)
    settle(page)
    expect_answer(page, "724")
    assert page.locator(".bar-best .bar-name").inner_text() == "4"  # the one drawn last
    page.get_by_role("button", name="Look at the 7").click()
    page.wait_for_function("document.querySelector('.bar-best .bar-name').innerText === '7'")


def test_undo_redo_clear_and_their_keys(page: Any) -> None:
    draw(page, DIGITS["4"])
    expect_answer(page, "4")
    assert strokes_on(page) == 2
    page.get_by_test_id("undo").click()
    assert strokes_on(page) == 1
    page.get_by_test_id("redo").click()
    expect_answer(page, "4")
    page.get_by_test_id("clear").click()
    expect_answer(page, "?")
    assert strokes_on(page) == 0
    page.get_by_test_id("undo").click()
    expect_answer(page, "4")
    page.get_by_test_id("pad").focus()
    page.keyboard.press("Delete")
    expect_answer(page, "?")
    page.keyboard.press("Control+z")
    expect_answer(page, "4")


def test_what_is_known_already_changes_no_model(page: Any) -> None:
    example = page.get_by_test_id("example").first
    example.click()
    page.get_by_test_id(f"teach-{example.get_attribute('data-label')}").click()
    page.wait_for_function("/^It knew that already/.test(document.querySelector('[data-testid=lesson]').textContent)")
    page.wait_for_url("**label=**")
    assert not page.get_by_test_id("take-back").is_visible()
    assert page.get_by_text(", taught").count() == 0


def test_what_is_taken_back_while_the_pen_is_down_is_gone(page: Any) -> None:
    draw(page, DIGITS["1"])
    expect_answer(page, "1")
    page.get_by_test_id("pad").focus()
    for key in ("Space", "ArrowDown", "ArrowDown", "Control+z", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    assert strokes_on(page) == 1
    expect_answer(page, "1")


def test_the_keyboard_draws(page: Any) -> None:
    page.get_by_test_id("pad").focus()
    for _ in range(7):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect_answer(page, "1")


def test_a_finger_draws_and_the_page_stays_where_it_is(phone: Any) -> None:
    box = phone.get_by_test_id("pad").bounding_box()
    touch = phone.context.new_cdp_session(phone)

    def send(kind: str, *point: float) -> None:
        places = [{"x": box["x"] + point[0] * box["width"], "y": box["y"] + point[1] * box["height"]}] if point else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    send("touchStart", 0.35, 0.2)
    for share in np.linspace(0.35, 0.65, 12):
        send("touchMove", float(share), 0.2)
    for share in np.linspace(0, 1, 20):
        send("touchMove", 0.65 - 0.2 * float(share), 0.2 + 0.65 * float(share))
    send("touchEnd")
    expect_answer(phone, "7")
    assert phone.evaluate("window.scrollY") == 0
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_pen_draws_as_wide_as_it_is_pressed(page: Any) -> None:
    box = page.get_by_test_id("pad").bounding_box()
    pen = page.context.new_cdp_session(page)

    def send(kind: str, share: float, force: float) -> None:
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * (0.15 + 0.7 * share)}
        pen.send(
            "Input.dispatchMouseEvent",
            {
                "type": kind,
                "button": "left",
                "buttons": 1,
                "clickCount": 1,
                "pointerType": "pen",
                "force": force,
                **place,
            },
        )

    send("mousePressed", 0, 0.2)
    for share in np.linspace(0, 1, 15):
        send("mouseMoved", float(share), 0.2 + 0.6 * float(share))
    send("mouseReleased", 1, 0.8)
    settle(page)
    (drawn,) = drawing.read(page.evaluate("new URLSearchParams(location.search).get('draw')"))
    assert drawn.widths[-1] > 1.5 * drawn.widths[0]
    expect_answer(page, "1")


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_picture_is_pasted_or_dropped(page: Any, way: str) -> None:
    page.evaluate(
        """async way => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 400, height: 300 });
            const context = canvas.getContext("2d");
            context.fillStyle = "#eee";
            context.fillRect(0, 0, 400, 300);
            context.lineWidth = 18;
            context.beginPath();
            [[130, 60], [260, 60], [190, 250]].forEach((point) => context.lineTo(...point));
            context.stroke();
            const blob = await new Promise((found) => canvas.toBlob(found));
            const carried = new DataTransfer();
            carried.items.add(new File([blob], "seven.png", { type: "image/png" }));
            const event = way === "paste"
                ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true })
                : new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
            document.body.dispatchEvent(event);
        }""",
        way,
    )
    expect_answer(page, "7")


def test_a_scribble_is_no_digit(page: Any, mnist_folder: Path) -> None:
    wave = [(0.3 + 0.4 * share, 0.5 + 0.06 * float(np.sin(16 * share))) for share in np.linspace(0, 1, 40)]
    draw(page, [wave])
    expect_answer(page, "Not a digit?")
    page.get_by_text("More like a letter").wait_for()


def test_a_link_shows_the_same_drawing(visit: Any) -> None:
    page = visit()
    draw(page, DIGITS["2"])
    expect_answer(page, "2")
    assert strokes_on(page) == 1
    other = visit("?" + page.url.partition("?")[2])
    expect_answer(other, "2")
    other.wait_for_timeout(600)
    seen = [each.get_by_test_id("seen").evaluate("canvas => canvas.toDataURL()") for each in (page, other)]
    assert seen[0] == seen[1]


def test_two_visitors_draw_at_once(visit: Any) -> None:
    one, other = visit(), visit()
    draw(one, DIGITS["7"])
    draw(other, DIGITS["0"])
    expect_answer(one, "7")
    expect_answer(other, "0")


def test_a_picture_is_chosen_and_a_stroke_replaces_it(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "seven.png"
    paper = np.full((300, 420), 235, np.uint8)
    paper[60:80, 140:280] = 30
    for row in range(60, 240):
        left = 265 - (row - 60) // 2
        paper[row, left : left + 22] = 30
    Image.fromarray(paper).save(file)
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("picture").click()
    chooser.value.set_files(file)
    expect_answer(page, "7")
    draw(page, DIGITS["0"])
    expect_answer(page, "0")


def test_what_is_no_picture_is_explained(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("7")
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("picture").click()
    chooser.value.set_files(file)
    page.get_by_text("That is not a picture").wait_for()


def test_the_gallerys_digits_are_read(page: Any) -> None:
    example = page.get_by_test_id("example").nth(3)
    example.wait_for(timeout=60_000)
    label = example.get_attribute("data-label")
    example.click()
    expect_answer(page, label)
    first = page.get_by_test_id("example").first.locator("img").get_attribute("src")
    page.get_by_test_id("others").click()
    page.wait_for_function(
        "before => document.querySelector('[data-testid=example] img')?.getAttribute('src') !== before", arg=first
    )


def test_it_learns_a_correction_and_forgets_it_again(page: Any, mnist_folder: Path) -> None:
    draw(page, DIGITS["7"])
    expect_answer(page, "7")
    page.get_by_test_id("teach-1").click()
    page.get_by_text("steps of training").wait_for(timeout=120_000)
    expect_answer(page, "1")
    page.get_by_test_id("take-back").click()
    expect_answer(page, "7")


def test_drawing_and_model_are_kept_as_files(page: Any, tmp_path: Path) -> None:
    draw(page, DIGITS["7"])
    settle(page)
    kept = {}
    onnx = ["onnx"] if importlib.util.find_spec("onnx") else []
    for name in ("png", "svg", "pixels", "safetensors", "html", *onnx):
        page.get_by_test_id("keep").click()
        with page.expect_download(timeout=60_000) as download:
            page.get_by_test_id(f"keep-{name}").click()
        kept[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(kept[name])
        page.get_by_test_id("keep-svg").wait_for(state="hidden")
    with Image.open(kept["png"]) as picture:
        assert picture.size == (960, 640)
    assert kept["svg"].read_text().startswith("<svg")
    assert "<html" in kept["html"].read_text()
    with Image.open(kept["pixels"]) as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (28, 28)
    model = Recogniser.load(kept["safetensors"])
    assert int(model.predict(255 - pixels[None]).argmax()) == 7


def test_light_and_dark(visit: Any) -> None:
    page = visit(color_scheme="light")
    assert not page.evaluate("Quasar.Dark.isActive")
    page.get_by_test_id("theme").click()
    page.wait_for_function("Quasar.Dark.isActive")
    page.wait_for_url("**theme=dark**")
    draw(page, DIGITS["2"])
    expect_answer(page, "2")
    assert visit("?theme=dark", color_scheme="light").evaluate("Quasar.Dark.isActive")
