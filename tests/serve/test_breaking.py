"""The tab Break: in a browser, and its parts by themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import PHONE, Visit, parameters, playground
from small_playground import TEST, written

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from groundup.inspection.edits import Edits
from groundup.inspection.pitfall_trainings import Demonstration
from groundup.models.evaluation import Evaluation
from groundup.models.model import Model
from groundup.serve.panels.classroom import curves
from groundup.serve.panels.weight import unit_weights, weight_picture
from groundup.serve.tabs.breaking import class_bars

SLOW = 90_000  # milliseconds: on a busy machine, all digits are read, and a process starts


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A playground with a few hundred drawn digits."""
    with playground("--data", str(written(tmp_path_factory.mktemp("digits")))) as found:
        yield found


def opened(visit: Visit, query: str = "", **options: Any) -> Any:
    page = visit(f"?tab=breaking&model=fast99{query}", **options)
    page.set_default_timeout(SLOW)
    measured(page)
    return page


def measured(page: Any) -> float:
    """Wait until all test digits are read, and return the accuracy in percent."""
    page.wait_for_function(
        f"/right on all {TEST} /.test(document.querySelector('[data-testid=edited-accuracy]')?.textContent)"
    )
    return float(page.get_by_test_id("accuracy").inner_text().rstrip("%"))


def becomes(page: Any, told: str) -> None:
    page.wait_for_function(f"document.querySelector('[data-testid=accuracy]')?.textContent {told}")


def test_pruning_costs_accuracy_and_is_undone(visit: Visit) -> None:
    page = opened(visit)
    whole = page.get_by_test_id("accuracy").inner_text()
    slider = page.locator("[data-testid=edit-pruned] .q-slider__track-container")
    slider.focus()
    for _ in range(11):
        page.keyboard.press("PageUp")
        page.wait_for_timeout(200)  # the next step is from where the server says that the slider is
    becomes(page, f"!== '{whole}'")
    assert "edits=pruned_0.9" in parameters(page)
    page.get_by_test_id("edit-undo").click()
    becomes(page, f"=== '{whole}'")
    assert "edits=" not in parameters(page)


def test_reset_takes_all_back_and_can_be_undone(visit: Visit) -> None:
    page = opened(visit, "&edits=pruned_0.98+noise_0.5")
    broken = page.get_by_test_id("accuracy").inner_text()
    page.get_by_test_id("edit-reset").click()
    becomes(page, f"!== '{broken}'")
    page.get_by_test_id("edit-undo").click()
    becomes(page, f"=== '{broken}'")


def test_a_unit_falls_silent_and_wakes(visit: Visit) -> None:
    page = opened(visit)
    page.locator("[data-unit='7']").click()
    page.wait_for_selector("[data-unit='7'][aria-pressed=true]")
    page.wait_for_selector("text=1 of 256 are silent.")
    assert "edits=silent_7.weight_7" in parameters(page)
    page.locator("[data-unit='7']").click()
    page.wait_for_selector("[data-unit='7'][aria-pressed=false]")


def test_one_weight_is_chosen_in_its_picture_and_moved(visit: Visit) -> None:
    page = opened(visit)
    picture = page.get_by_test_id("weight-picture")
    box = picture.locator("img").bounding_box()
    picture.locator("img").click(position={"x": box["width"] * 0.9, "y": box["height"] * 0.1})
    index = page.locator("[data-testid=weight-index] input, input[data-testid=weight-index]").first
    page.wait_for_function("element => element.value === '4'", arg=index.element_handle())
    page.locator("[data-testid=weight-value] .q-slider__track-container").focus()
    page.keyboard.press("PageUp")
    page.wait_for_function("location.search.includes('number_0.weight_4_')")


def test_the_edited_model_serves_all_tabs_and_is_saved(visit: Visit, tmp_path: Path) -> None:
    page = opened(visit, "&edits=bits_3+silent_7.weight_5")
    with page.expect_download() as download:
        page.get_by_test_id("edit-save").click()
    download.value.save_as(tmp_path / "edited.safetensors")
    edited = Edits(bits=3, silent=(("7.weight", 5),)).applied(Model.load("fast99"))
    saved = Model.load(tmp_path / "edited.safetensors")
    for name, value in edited.state.items():
        np.testing.assert_array_equal(saved.state[name], value)
    page.get_by_test_id("edit-use-in-all-tabs").click()
    page.wait_for_selector("text=All tabs now use the edited model")
    assert (
        "fast99, edited" in page.locator(".page-model").inner_text() + page.locator(".page-model input").input_value()
    )
    page.get_by_test_id("tab-mistakes").click()
    page.wait_for_function(
        "/^fast99, edited on/.test(document.querySelector('[data-testid=mistakes-data]')?.textContent)"
    )


def test_a_bug_is_turned_on_and_watched(visit: Visit) -> None:
    page = opened(visit)
    page.get_by_test_id("bug-bias").click()
    page.wait_for_selector("[data-testid=findings]")
    assert "step/1/gradient/0.bias" in page.get_by_test_id("findings").inner_text()
    page.wait_for_selector("[data-testid=lesson-chart] svg path", state="attached")
    page.get_by_test_id("bug-softmax").click()
    page.wait_for_function("/sum to/.test(document.querySelector('[data-testid=findings]')?.textContent)")
    assert page.locator("[data-testid=bug-bias]").get_attribute("aria-checked") == "false"
    assert "bug=softmax" in parameters(page)
    page.get_by_test_id("bug-softmax").click()
    page.wait_for_selector("text=All is right: no bug is on.")


@pytest.mark.parametrize("edits", ["x", "silent_99.weight_0", "number_0.weight_0_nan", "pruned_7"])
def test_edits_that_cannot_be_made_are_refused_in_words(visit: Visit, edits: str) -> None:
    page = opened(visit, f"&edits={edits}")
    page.wait_for_function("document.querySelector('.complaint').textContent")


def test_what_one_breaks_stays_whole_for_others(visit: Visit) -> None:
    broken, whole = opened(visit, "&edits=pruned_0.99"), opened(visit)
    assert measured(broken) < measured(whole)


def test_a_phone_scrolls_downwards_only(visit: Visit) -> None:
    page = opened(visit, "&bug=sign", **PHONE)
    page.wait_for_selector("[data-testid=findings]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# --- The parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "unit"), [("0.weight", 3), ("3.weight", 31), ("7.weight", 255), ("9.weight", 9)])
def test_every_weight_of_a_unit_has_one_pixel(name: str, unit: int) -> None:
    model = Model.load("fast99")
    weights = unit_weights(model, name, unit)
    places, _ = weight_picture(weights)
    own = model.state[name][unit].ravel()
    np.testing.assert_array_equal(np.sort(places[(places >= 0)]), np.arange(own.size))
    np.testing.assert_array_equal(weights.ravel()[: own.size], own)


def test_a_curve_that_runs_away_leaves_the_picture() -> None:
    found = Demonstration({"right": [2.0, 1.0], "with the bug": [2.0, 1e30]}, [])
    chart = curves("sign", found)
    assert chart["yAxis"]["max"] == 4
    assert chart["series"][1]["data"] == [[1, 2.0], [2, 20.0]]


def test_a_curve_without_a_number_has_a_gap() -> None:
    found = Demonstration({"right": [2.0, 1.0], "with the bug": [2.0, math.nan]}, [])
    assert curves("logarithm", found)["series"][1]["data"] == [[1, 2.0], [2, None]]


def test_a_bar_for_each_class() -> None:
    found = Evaluation.of(np.eye(2)[[0, 0, 1]], np.array([0, 1, 1], np.uint8), 0.0, ("a", "<"))
    assert 'aria-label="a: 100.0%"' in class_bars(found)
    assert 'aria-label="&lt;: 50.0%"' in class_bars(found)
