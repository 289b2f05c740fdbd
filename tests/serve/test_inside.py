"""The tab Inside in a real browser: what it shows is what `groundup.inspection` says."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from pages import PHONE, Visit, keep_screenshot, playground

from groundup.inspection.changes import smallest_change
from groundup.inspection.gradients import loss_gradients
from groundup.inspection.units import explain
from groundup.layers import BatchNorm, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU
from groundup.models.model import Model
from groundup.models.recipes import fully_connected
from groundup.network import Network, Normalization
from groundup.serve.inside.look import short

WAIT = 30_000
CONVOLUTIONAL = Network(
    [
        Conv2d(1, 8, 5, padding=2, bias=False),
        MaxPool2d(2),
        BatchNorm(8),
        ReLU(),
        Conv2d(8, 12, 3, padding=1),
        MaxPool2d(2),
        ReLU(),
        Flatten(),
        Dropout(0.3),
        Linear(12 * 7 * 7, 300),
        ReLU(),
        Linear(300, 10),
    ],
    (1, 28, 28),
    Normalization(33.3, 78.6),
)
LAST, WIDE = "11", "9"


def untrained(network: Network) -> Model:
    """Return a model whose numbers are all of training's beginning: it reads nothing, but computes as any does."""
    shapes = network.state_shapes()
    drawn = network.initial_state(3).items()
    return Model(network, {name: np.asarray(values, np.float32).reshape(shapes[name]) for name, values in drawn})


CNN = untrained(CONVOLUTIONAL)


def seven() -> np.ndarray:
    """Return a seven, drawn with a ruler."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[6:9, 8:20] = 255
    for row in range(9, 23):
        left = 19 - (row - 6) // 2
        pixels[row, left - 2 : left + 1] = 255
    return pixels


PIXELS = base64.urlsafe_b64encode(zlib.compress(seven().tobytes(), 9)).decode().rstrip("=")


def query(view: str, *more: str) -> str:
    return "&".join([f"?tab=inside&view={view}&pixels={PIXELS}", *more])


def written(value: float) -> str:
    """Return a number as the page writes it."""
    return f"{float(f'{value:.4g}'):g}".replace("-", "\N{MINUS SIGN}")


def colours(page: Any, layer: str) -> int:
    """Return how many different colours a layer's canvas has."""
    return int(
        page.locator(f"[data-layer='{layer}'] canvas").evaluate(
            """canvas => {
              const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
              return new Set(new Uint32Array(data.buffer)).size;
            }"""
        )
    )


def answer() -> int:
    """Return what the network takes the seven for."""
    return int(CNN.predict(seven()[np.newaxis])[0].argmax())


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A playground with a small convolutional network."""
    yield from _serving(CNN, tmp_path_factory.mktemp("convolutional"))


@pytest.fixture(scope="module")
def linear_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A playground with a linear network."""
    yield from _serving(untrained(Network(fully_connected(784, 30, 10))), tmp_path_factory.mktemp("linear"))


def _serving(model: Model, folder: Path) -> Iterator[str]:
    model.save(folder / "looked-into.safetensors")
    with playground("--model", str(folder / "looked-into.safetensors")) as found:
        yield found


def test_every_layer_shows_its_numbers(visit: Visit) -> None:
    page = visit(query("layers"))
    layers = page.locator("[data-testid=layers] [data-layer]")
    layers.nth(12).wait_for(timeout=WAIT)
    assert layers.count() == 1 + len(CNN.network.layers)
    page.wait_for_function("() => document.querySelector('[data-layer=\"0\"] .layer-note').textContent.includes('to')")
    outputs = dict(CNN.activations(seven()))
    for index, (layer, values) in enumerate(zip(CNN.network.layers, list(outputs.values())[1:], strict=True)):
        note = page.locator(f"[data-layer='{index}'] .layer-note").inner_text()
        if page.locator(f"[data-layer='{index}'] canvas").count():
            assert note.endswith(f"{short(float(values.min()))} to {short(float(values.max()))}"), layer
            assert colours(page, str(index)) > 3
        else:
            assert type(layer).__name__ in ("Flatten", "Dropout")
    assert page.get_by_test_id("inside-answer").inner_text().startswith(f"{answer()}, ")


def test_it_opens_on_a_test_digit_and_an_empty_pad_stays_empty(visit: Visit) -> None:
    page = visit("?tab=inside&model=fast99")
    answer = page.get_by_test_id("inside-answer")
    answer.filter(has_text="sure").wait_for(timeout=WAIT)
    page.wait_for_function("() => location.search.includes('pixels=')", timeout=WAIT)
    page.locator("[data-layer=input] .layer-note", has_text="0 to 1").wait_for(timeout=WAIT)
    page.locator(".pad-canvas:visible").focus()
    page.keyboard.press("Delete")
    answer.filter(has_text="Draw a digit").wait_for(timeout=WAIT)
    page.get_by_test_id("tab-draw").click()
    page.get_by_test_id("tab-inside").click()
    page.wait_for_timeout(1000)
    assert answer.inner_text() == "Draw a digit"


def test_drawing_changes_the_layers_at_once(visit: Visit) -> None:
    page = visit("?tab=inside&model=fast99")  # a trained one: the reader leaves out what no network takes for a digit
    answer = page.get_by_test_id("inside-answer")
    answer.filter(has_text="sure").wait_for(timeout=WAIT)
    note = page.locator("[data-testid=layers] .layer-note").last
    page.wait_for_timeout(500)
    before = note.inner_text()
    pad = page.locator(".pad-canvas").first.bounding_box()
    assert pad
    page.mouse.move(pad["x"] + pad["width"] / 2, pad["y"] + 30)
    page.mouse.down()
    page.mouse.move(pad["x"] + pad["width"] / 2, pad["y"] + pad["height"] - 30, steps=12)
    page.mouse.up()
    answer.filter(has_text="1, ").wait_for(timeout=WAIT)
    assert note.inner_text() != before


@pytest.mark.parametrize("unit", ["0-5-10-12", "3-2-3-3", "4-10-3-4", "10-40"])
def test_a_units_arithmetic_is_the_networks(visit: Visit, unit: str) -> None:
    page = visit(query("layers", f"unit={unit}"))
    place, *at = unit.split("-")
    found = explain(CNN, seven(), place, [int(index) for index in at])
    value = page.locator(".unit-value")
    value.wait_for(timeout=WAIT)
    assert value.inner_text() == written(found.unit.output)
    results = page.locator(".unit-chain li .unit-term b").all_inner_texts()
    assert results == [written(each.output) for each in found.chain]
    terms = page.locator(".unit-chain .unit-terms").all_inner_texts()
    for name, number in found.chain[0].terms:
        assert re.search(rf"{name}\s+{re.escape(written(number))}", " ".join(terms))


def test_pointing_shows_a_unit_and_its_inputs_lead_further(visit: Visit) -> None:
    page = visit(query("layers"))
    canvas = page.locator("[data-layer='0'] canvas")
    canvas.wait_for(timeout=WAIT)
    page.wait_for_timeout(500)
    canvas.hover(position={"x": 30, "y": 40})
    page.locator(".unit-title", has_text="Conv2d").wait_for(timeout=WAIT)
    canvas.click(position={"x": 30, "y": 40})
    where = page.locator(".unit-head .explained").inner_text()
    map_, row, column = map(int, re.findall(r"\d+", where)[1:])
    assert page.locator(".unit-value").inner_text() == written(
        explain(CNN, seven(), "0", (map_, row, column)).unit.output
    )
    captions = page.locator(".unit-pictures figcaption").all_inner_texts()
    widths = page.locator(".unit-pictures canvas").evaluate_all("all => all.map((canvas) => canvas.width)")
    assert widths[captions.index("sees this part")] == max(widths)  # 28 pixels wide; the window and its weights have 5
    page.locator(".unit-rows button").first.click()
    page.locator(".unit-title", has_text="Pixel").wait_for(timeout=WAIT)
    page.wait_for_function("() => location.search.includes('unit=input-0-')", timeout=WAIT)


def test_units_are_reached_by_keyboard(visit: Visit) -> None:
    page = visit(query("layers"))
    canvas = page.locator("[data-layer='11'] canvas")
    canvas.wait_for(timeout=WAIT)
    page.wait_for_timeout(500)
    canvas.focus()
    for expected, key in (
        ("unit 0", "ArrowRight"),
        ("unit 1", "ArrowRight"),
        ("unit 9", "End"),
        ("unit 8", "ArrowLeft"),
    ):
        page.keyboard.press(key)
        page.locator(".unit-head .explained", has_text=expected).wait_for(timeout=WAIT)
    assert page.locator(".unit-value").inner_text() == written(explain(CNN, seven(), LAST, (8,)).unit.output)


def test_a_linear_network_has_the_same_views(visit: Visit, linear_address: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(linear_address + query("layers", "unit=0-4"))
    page.locator(".unit-value").wait_for(timeout=WAIT)
    assert page.locator("[data-testid=layers] [data-layer]").count() == 4
    assert page.locator(".unit-pictures figure").count() == 4
    for view, name in (
        ("3d", "network3d"),
        ("weights", "weights"),
        ("reasons", "saliency"),
        ("gradients", "gradients"),
    ):
        page.get_by_test_id(f"view-{view}").click()
        page.get_by_test_id(name).wait_for(timeout=WAIT)
        page.wait_for_timeout(500)
    assert page.get_by_text("Each picture is one unit").count() == 1
    context.close()
    assert not complaints


def test_the_network_in_three_dimensions_tells_what_is_pointed_at(visit: Visit) -> None:
    page = visit(query("3d"))
    network = page.get_by_test_id("network3d")
    network.wait_for(timeout=WAIT)
    if page.locator(".network3d-broken").count():
        pytest.skip("this browser has no WebGL")
    page.wait_for_function("() => document.querySelector('.network3d').dataset.drawn > 1", timeout=60_000)
    page.locator(".network3d-best", has_text=str(answer())).wait_for(timeout=WAIT)
    canvas = network.locator("canvas")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".unit-title", has_text="Pixel").wait_for(timeout=WAIT)
    page.keyboard.press("PageUp")
    page.locator(".unit-title", has_text="Conv2d").wait_for(timeout=WAIT)
    page.wait_for_function("() => location.search.includes('unit=0-')", timeout=WAIT)
    drawn = int(network.get_attribute("data-drawn"))
    page.get_by_role("button", name="Turn left").click()
    page.wait_for_function(
        "drawn => document.querySelector('.network3d').dataset.drawn > drawn", arg=drawn, timeout=WAIT
    )
    labels = page.locator(".network3d-beside")
    few = labels.count()
    page.get_by_test_id("every-step").click()
    page.wait_for_function("few => document.querySelectorAll('.network3d-beside').length > few", arg=few, timeout=WAIT)
    assert labels.count() == 11  # the picture and every layer but Flatten and Dropout


def test_a_unit_in_three_dimensions_is_found_by_the_mouse(visit: Visit) -> None:
    page = visit(query("3d"))
    network = page.get_by_test_id("network3d")
    network.wait_for(timeout=WAIT)
    if page.locator(".network3d-broken").count():
        pytest.skip("this browser has no WebGL")
    page.wait_for_function("() => document.querySelector('.network3d').dataset.drawn > 1", timeout=60_000)
    label = page.locator(".network3d-class", has_text="7").bounding_box()
    assert label
    for below in range(8, 60, 6):  # the block stands below its label
        page.mouse.move(label["x"] + label["width"] / 2, label["y"] + label["height"] + below)
        page.wait_for_timeout(150)
        if page.locator(".network3d-tip", has_text="Linear, unit 7").is_visible():
            break
    page.locator(".unit-head .explained", has_text="layer 11, unit 7").wait_for(timeout=WAIT)
    assert page.locator(".unit-value").inner_text() == written(explain(CNN, seven(), LAST, (7,)).unit.output)


def test_weights_are_shown_page_by_page(visit: Visit) -> None:
    page = visit(query("weights"))
    page.get_by_test_id("weights").wait_for(timeout=WAIT)
    page.get_by_role("button", name="9 Linear").click()
    page.get_by_text("Units 0 to 84").wait_for(timeout=WAIT)
    page.locator(".q-pagination").get_by_role("button", name="2", exact=True).click()
    page.get_by_text("Units 85 to 169").wait_for(timeout=WAIT)
    canvas = page.get_by_test_id("weights").locator("canvas")
    page.wait_for_timeout(500)
    canvas.click(position={"x": 5, "y": 5})
    told = page.get_by_text("Unit 85, map 0, row")
    told.wait_for(timeout=WAIT)
    row, column = map(int, re.findall(r"row (\d+), column (\d+)", told.inner_text())[0])
    weight = CNN.state["9.weight"].reshape(300, 12, 7, 7)[85, 0, row, column]
    assert told.inner_text().endswith(short(float(weight)))


def test_what_would_change_the_answer_is_found(visit: Visit) -> None:
    page = visit(query("reasons"))
    button = page.get_by_test_id("find-change")
    page.get_by_text("the network's answer").wait_for(timeout=WAIT)
    button.click()
    told = page.get_by_test_id("change-told")
    page.get_by_text(f"{answer()} becomes").wait_for(timeout=60_000)
    expected = smallest_change(CNN, seven())
    assert expected is not None
    assert told.inner_text().startswith(
        f"{answer()} becomes {expected.after}: a change as large as {short(expected.distance)}"
    )
    assert page.get_by_test_id("change-after").is_visible()
    page.get_by_test_id("change-target").get_by_role("button", name=str(answer()), exact=True).click()
    button.click()
    page.get_by_text(f"The answer is {answer()} already.").wait_for(timeout=60_000)


def test_the_gradient_belongs_to_the_label_that_is_chosen(visit: Visit) -> None:
    page = visit(query("gradients"))
    for label in (7, 2):
        page.get_by_test_id("panel-inside").get_by_test_id("label").last.get_by_role(
            "button", name=str(label), exact=True
        ).click()
        found = loss_gradients(CNN, seven(), label)
        page.get_by_text(f"Loss, if this is a {label}: {short(found.loss)}").wait_for(timeout=WAIT)
        length = short(float(np.linalg.norm(found.outputs[WIDE])))
        by_weight = short(float(np.linalg.norm(found.parameters["9.weight"])))
        note = page.locator("[data-testid=gradients] [data-layer='9'] .layer-note")
        assert note.inner_text().startswith(f"length {length}, by weight {by_weight}")
    page.wait_for_function("() => location.search.includes('label=2')", timeout=WAIT)


def test_on_a_phone_a_tap_brings_the_arithmetic_up(visit: Visit) -> None:
    page = visit(query("layers"), **PHONE)
    canvas = page.locator("[data-layer='0'] canvas")
    canvas.wait_for(timeout=WAIT)
    page.wait_for_timeout(800)
    canvas.scroll_into_view_if_needed()
    canvas.tap(position={"x": 20, "y": 25})
    page.locator(".inside-unit-open .unit-title", has_text="Conv2d").wait_for(timeout=WAIT)
    sheet = page.locator(".inside-unit-open").bounding_box()
    assert sheet
    assert sheet["y"] + sheet["height"] <= 845
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Close").click()
    page.locator(".inside-unit-open").wait_for(state="detached", timeout=WAIT)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_fits_a_phone(visit: Visit, theme: str) -> None:
    page = visit(query("layers", f"theme={theme}"), **PHONE)
    page.get_by_test_id("inside-answer").filter(has_text="sure").wait_for(timeout=60_000)
    for view in ("3d", "weights", "reasons", "gradients"):
        page.get_by_test_id(f"view-{view}").click()
        page.wait_for_timeout(1500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        keep_screenshot(page, f"inside-phone-{view}-{theme}")


def test_an_address_that_names_what_is_not_there_is_no_trouble(visit: Visit) -> None:
    page = visit(query("nowhere", "unit=99-1-2"))
    page.locator("[data-layer='0'] .layer-note").wait_for(timeout=WAIT)
    assert page.locator(".unit-value").count() == 0
