"""The tab Mistakes: in a browser, and its parts by themselves."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pages import PHONE, Visit, parameters, playground
from small_playground import TEST, written

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from event_loops import run
from groundup.data import strokes
from groundup.data.datasets import Dataset
from groundup.errors import ModelError
from groundup.models.calibration import Coverage
from groundup.models.evaluation import Evaluation
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.serve import examiner
from groundup.serve.panels.confusion import matrix_html
from groundup.serve.panels.rejecting import told
from groundup.serve.panels.spoiling import strengths_from
from groundup.serve.worker import LostError

SLOW = 90_000  # milliseconds: on a busy machine, all digits are read, and a process starts


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A playground with a few hundred drawn digits."""
    with playground("--data", str(written(tmp_path_factory.mktemp("digits")))) as found:
        yield found


def opened(visit: Visit, query: str = "", **options: Any) -> Any:
    page = visit(f"?tab=mistakes&model=fast99{query}", **options)
    page.set_default_timeout(SLOW)
    page.wait_for_selector("[data-testid=confusion] table")
    return page


def test_a_cell_of_the_matrix_shows_its_digits(visit: Visit) -> None:
    page = opened(visit)
    cells = page.locator("[data-testid=confusion] [data-cell]")
    assert cells.count() == 100
    assert sum(int(text) for text in cells.all_inner_texts() if text.isdigit()) == TEST
    cell = page.locator("[data-cell='3-3']")
    count = int(cell.inner_text())
    cell.click()
    page.wait_for_selector(f"text=3, and read as 3: {count}")
    assert page.locator("[data-testid=cell-digits] button").count() == min(count, 24)
    assert "cell=3-3" in parameters(page)


def test_the_matrix_is_walked_by_keyboard(visit: Visit) -> None:
    page = opened(visit, "&cell=3-3")
    page.wait_for_selector("text=3, and read as 3")
    page.locator("[data-cell='3-3']").focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector("text=4, and read as 4")


def test_more_digits_of_a_cell(visit: Visit) -> None:
    page = opened(visit, "&cell=1-1")
    count = int(page.locator("[data-cell='1-1']").inner_text())
    page.get_by_test_id("more-digits").click()
    page.wait_for_function(f"document.querySelectorAll('[data-testid=cell-digits] button').length === {count}")


def test_a_digit_goes_to_the_pad_of_every_tab(visit: Visit) -> None:
    page = opened(visit, "&cell=7-7")
    page.locator("[data-testid=cell-digits] button").last.click()
    page.wait_for_selector("text=now on the pad")
    assert "pixels=" in parameters(page)
    page.get_by_test_id("tab-draw").click()
    page.wait_for_function("document.querySelector('[data-testid=answer]')?.textContent.trim() === '7'")


def test_a_map_of_each_layer(visit: Visit) -> None:
    page = opened(visit, "&layer=0")
    page.wait_for_selector("[data-testid=map] svg text")
    assert page.locator("[data-testid=map] svg text").count() >= TEST
    told = page.get_by_test_id("map-told").inner_text()
    assert told.startswith(f"{TEST} test digits. ")
    assert "784 numbers" in told
    page.get_by_test_id("map-method").get_by_text("t-SNE").click()
    page.wait_for_function("/side by side/.test(document.querySelector('[data-testid=map-told]')?.textContent)")
    assert "map=tsne" in parameters(page)
    page.locator("[data-testid=map] svg text").last.hover(force=True)
    page.wait_for_selector(".map-hover img")


def test_sliders_spoil_a_digit_and_point_at_its_curve(visit: Visit) -> None:
    page = opened(visit, "&spoil=rotation_20")
    page.wait_for_function("/At this rotation/.test(document.querySelector('[data-testid=robustness]')?.textContent)")
    page.locator("[data-testid=spoil-noise] .q-slider__track-container").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(200)  # the next step is from where the server says that the slider is
    page.wait_for_function(
        "/At this noise, about/.test(document.querySelector('[data-testid=robustness]')?.textContent)"
    )
    assert re.search(r"spoil=noise_0\.\d+\+rotation_20", parameters(page))


def test_a_threshold_and_its_coverage(visit: Visit) -> None:
    page = opened(visit, "&threshold=0.9")
    said = page.get_by_test_id("coverage").inner_text()
    match = re.match(rf"(\d+) of {TEST} digits are answered", said)
    assert match
    assert int(match[1]) < TEST
    assert page.locator("[data-testid=refused-digits] button").count() > 0


def test_the_threshold_that_is_offered_is_the_one_that_was_found(visit: Visit) -> None:
    page = opened(visit)
    page.get_by_role("button", name="none", exact=True).click()
    calibration = Recogniser.load("fast99").calibration
    assert calibration is not None
    threshold = calibration.threshold(0.0)
    assert threshold > 0.999  # surer than the slider has steps for
    page.wait_for_url(f"**threshold={threshold:g}")


@pytest.mark.parametrize(
    "query", ["&cell=x-y&layer=99&map=x&spoil=fog_1+noise_x&threshold=2", "&cell=3&layer=-1&threshold=nan"]
)
def test_what_an_address_cannot_mean_is_left_out(visit: Visit, query: str) -> None:
    page = opened(visit, query)
    page.wait_for_selector("[data-testid=map] svg text")


def test_another_model_makes_other_mistakes(visit: Visit) -> None:
    page = opened(visit)
    page.get_by_test_id("model").click()
    page.get_by_role("option", name="cnn").click()
    page.wait_for_function("/^cnn on/.test(document.querySelector('[data-testid=mistakes-data]')?.textContent)")


def test_a_phone_scrolls_downwards_only(visit: Visit) -> None:
    page = opened(visit, **PHONE)
    page.wait_for_selector("[data-testid=map] svg text")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# --- The parts -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return Dataset(*strokes.make(60, seed=1), "strokes")


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load("fast99")


def test_a_model_is_measured_once_for_all(digits: Dataset, model: Recogniser) -> None:
    async def both() -> list[Evaluation]:
        found = examiner.Examiner()
        return list(await asyncio.gather(found.evaluation(model, digits), found.evaluation(model, digits)))

    first, second = run(both())
    assert first is second
    assert first.accuracy == model.evaluate(digits).accuracy


def test_measurements_are_forgotten_at_last(
    digits: Dataset, model: Recogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examiner, "KEPT", 2)

    parts = [digits.subset(np.arange(count), "some") for count in (10, 20)]

    async def several() -> bool:
        found = examiner.Examiner()
        first = await found.evaluation(model, digits)
        for part in parts:
            await found.evaluation(model, part)
        return first is await found.evaluation(model, digits)

    assert not run(several())


def test_measurements_go_with_their_model(digits: Dataset) -> None:
    async def measured() -> int:
        found = examiner.Examiner()
        mine = Recogniser.load("fast99")
        await found.evaluation(mine, digits)
        assert len(found._kept) == 1
        del mine
        gc.collect()
        return len(found._kept)

    assert run(measured()) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL to send")
def test_a_process_that_is_lost_is_told_of_and_replaced(digits: Dataset, model: Model) -> None:
    async def lost() -> str:
        found = examiner.Examiner()
        measuring = asyncio.create_task(found.map(model, digits, 0, "pca"))
        while found._process is None or not found._process._processes:
            await asyncio.sleep(0.05)
        os.kill(next(iter(found._process._processes)), signal.SIGKILL)
        with pytest.raises(LostError, match="ended unexpectedly"):
            await measuring
        return (await found.map(model, digits, 0, "pca"))[1]

    assert "784 numbers" in run(lost())


def test_a_measurement_that_failed_is_made_again(digits: Dataset, model: Recogniser) -> None:
    letters = Dataset(digits.images, digits.labels, "letters", tuple("abcdefghij"))
    found = examiner.Examiner()
    for _ in range(2):
        with pytest.raises(ModelError, match="knows the classes"):
            run(found.evaluation(model, letters))


def test_who_leaves_takes_nothing_from_those_who_stay(digits: Dataset, model: Recogniser) -> None:
    async def one_leaves() -> Evaluation:
        found = examiner.Examiner()
        leaving = asyncio.create_task(found.evaluation(model, digits))
        await asyncio.sleep(0)
        leaving.cancel()
        return await found.evaluation(model, digits)

    assert run(one_leaves()).count == 60


def test_digits_come_from_all_over_a_data_set(digits: Dataset) -> None:
    some = examiner.spread(digits, 4)
    np.testing.assert_array_equal(some.labels, digits.labels[[0, 20, 39, 59]])
    assert len(examiner.spread(digits, 500)) == 60


def test_the_matrix_escapes_names() -> None:
    found = Evaluation.of(np.eye(2), np.array([0, 1], np.uint8), 0.0, ("<b>", '"'))
    table = matrix_html(found, (0, 0))
    assert "<b>" not in table
    assert "&lt;b&gt; read as &quot;: 0" in table


def test_coverage_in_words() -> None:
    labels = np.array([0, 0, 0, 0], np.uint8)
    found = Evaluation.of(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.45, 0.55]]), labels, 0.0, ("0", "1"))
    assert told(Coverage(0.6, 0.75, 1 / 3), found).startswith("3 of 4 digits are answered (75.00%), 1 of them wrongly")
    assert told(Coverage(0.6, 0.75, 1 / 3), found).endswith("1 are not, of which 1 would have been mistakes.")
    assert told(Coverage(0, 1, 0.5), found) == "All 4 digits are answered, 2 of them wrongly (50.00%)."


def test_strengths_of_an_address() -> None:
    assert strengths_from("noise_0.3 rotation_-20 fog_1 size_9 blur_x noise") == {"noise": 0.3, "rotation": -20}
