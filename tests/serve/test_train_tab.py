"""The tab Train, in a browser: a network is trained from the page, paused, stepped, changed, broken and mended."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from groundup.models.model import Model

WAIT = 120_000
"""Milliseconds: the machine may be busy."""

QUICK = "?tab=train&pictures=1000&pace=0"


def find(page: Any, name: str) -> Any:
    return page.get_by_test_id(name)


def until(page: Any, name: str, pattern: str) -> str:
    """Wait until an element's text matches, and return it."""
    page.wait_for_function(
        "([name, pattern]) => { const it = document.querySelector(`[data-testid=${name}]`);"
        " return it && it.checkVisibility() && new RegExp(pattern).test(it.textContent); }",
        arg=[name, pattern],
        timeout=WAIT,
    )
    return str(find(page, name).inner_text())


def step_number(page: Any) -> int:
    found = re.search(r"step ([\d,]+)", find(page, "train-status").inner_text())
    assert found
    return int(found[1].replace(",", ""))


def slide(page: Any, name: str, steps: int) -> None:
    """Move a slider by so many places with the arrow keys."""
    find(page, name).locator("[tabindex]").focus()
    for _ in range(abs(steps)):
        page.keyboard.press("ArrowRight" if steps > 0 else "ArrowLeft")


@pytest.mark.parametrize("query", ["?tab=train", "?tab=train&theme=dark"])
def test_a_network_is_trained_from_the_page_and_used_in_all_tabs(visit: Any, query: str) -> None:
    page = visit(query)
    find(page, "train-start").click()
    until(page, "train-status", "^Finished")
    status = find(page, "train-status").inner_text()
    accuracy = re.search(r"([\d.]+)% right on validation", status)
    assert accuracy
    assert float(accuracy[1]) > 90
    assert find(page, "train-loss").locator("svg path").count() > 3
    assert find(page, "train-layers").locator("tbody tr").count() == 2
    assert find(page, "train-filters").get_attribute("src").startswith("data:image/png")
    find(page, "train-use").click()
    page.get_by_text("All tabs look at this network now.").wait_for()
    assert (
        "784-32-10, trained here" in find(page, "model").locator("..").inner_text()
        or page.get_by_text("784-32-10, trained here").count()
    )


def test_what_was_trained_can_be_kept(visit: Any, tmp_path: Any) -> None:
    page = visit(QUICK)
    find(page, "train-epoch").click()
    until(page, "train-status", "^Paused.*epoch 1.00")
    with page.expect_download() as download:
        find(page, "train-save").click()
    path = tmp_path / "model.safetensors"
    download.value.save_as(path)
    model = Model.load(path)
    assert model.network.parameters()["0.weight"] == (32, 784)
    assert json.loads(json.dumps(model.training["history"]))[0]["epoch"] == 1


def test_pause_steps_and_changes_while_it_trains(visit: Any) -> None:
    page = visit(QUICK.replace("pace=0", "pace=20") + "&backend=numpy")
    find(page, "train-start").click()
    until(page, "train-status", "^Training.*step")
    find(page, "train-start").click()
    until(page, "train-status", "^Paused")
    paused = step_number(page)
    page.wait_for_timeout(600)
    assert step_number(page) == paused
    find(page, "train-step").click()
    until(page, "train-status", f"^Paused.*step {paused + 1:,} ")

    find(page, "train-start").click()
    until(page, "train-status", "^Training")
    slide(page, "train-learning_rate", -2)
    until(page, "train-learning_rate-value", "^0.02$")
    slide(page, "train-dropout", 2)
    slide(page, "train-batch_size", -1)
    until(page, "train-status", r"^Training.*learning rate 0\.0(2|1\d)")
    page.wait_for_url("**learning_rate=0.02**batch_size=50**")
    find(page, "train-start").click()
    until(page, "train-status", "^Paused")
    find(page, "train-anew").click()
    until(page, "train-status", "^Nothing is trained yet")


def test_a_learning_rate_of_1000_is_explained_and_rolled_back(visit: Any) -> None:
    page = visit(QUICK + "&recipe=deriv8&learning_rate=0.2&batch_size=100")
    find(page, "train-epoch").click()
    until(page, "train-status", "^Paused.*epoch 1.00")
    slide(page, "train-learning_rate", 11)
    until(page, "train-learning_rate-value", "^1000$")
    find(page, "train-start").click()
    words = until(page, "train-diagnosis", "The loss became")
    assert re.search(r"In step 1\d, layer [02], Linear", words)
    assert "Try a learning rate of" in words
    until(page, "train-status", "^Paused.*epoch 1.00")
    find(page, "train-calm").click()
    until(page, "train-status", "^(Training|Finished).*epoch ([2-9]|1[.][1-9])")
    assert not find(page, "train-diagnosis").is_visible()


def test_the_backends_race(visit: Any) -> None:
    page = visit("?tab=train&network=784-10")
    find(page, "race-start").click()
    page.wait_for_function(
        "() => document.querySelector('[data-testid=race-start]').textContent.includes('Race')"
        " && document.querySelectorAll('[data-testid=race-losses] tr').length == 6",
        timeout=WAIT,
    )
    for name in ("scalar", "lists", "numpy"):
        assert "pictures a second" in find(page, f"lane-{name}").inner_text()
    assert "differ by at most" in find(page, "race-words").inner_text()


def test_the_address_brings_it_all_back(visit: Any) -> None:
    page = visit("?tab=train&network=784-40-10&recipe=lenet5&backend=lists&pictures=500&seed=7&momentum=0.5")
    assert find(page, "train-sizes").input_value() == "784-40-10"
    assert find(page, "train-seed").input_value() == "7"
    assert "as lenet5" in find(page, "train-recipe-words").inner_text()
    assert page.get_by_text("500", exact=True).is_visible()
    assert find(page, "train-momentum-value").inner_text() == "0.5"


@pytest.mark.parametrize("network", ["784-999999-10", "100-10", "../../etc/passwd.toml", "784-10-"])
def test_what_is_no_network_is_refused(visit: Any, network: str) -> None:
    page = visit(f"?tab=train&network={network}")
    until(page, "train-status", "^Nothing is trained yet")
    find(page, "train-network").click(force=True)
    page.get_by_role("option", name="other sizes").click()
    find(page, "train-sizes").fill(network)
    assert until(page, "network-trouble", "784")
    find(page, "train-sizes").fill("784-20-10")
    find(page, "network-trouble").wait_for(state="hidden")
    page.wait_for_url("**network=784-20-10**")


def test_a_training_ends_with_its_visitor(visit: Any) -> None:
    before = trainings()
    page = visit(QUICK.replace("pace=0", "pace=2"))
    find(page, "train-start").click()
    until(page, "train-status", "^Training.*step")
    assert len(trainings() - before) == 1
    page.context.close()
    last = time.monotonic() + WAIT / 1000
    while trainings() - before:
        assert time.monotonic() < last, "the training goes on without its visitor"
        time.sleep(0.2)


def trainings() -> set[int]:
    """Return the numbers of the processes that the playground has for its visitors."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
    ours = {os.getpid()}
    while grown := {number for number, parent in parents.items() if parent in ours} - ours:
        ours |= grown
    found = set()
    for number in ours:
        with suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes():
                found.add(number)
    return found


def test_on_a_phone(visit: Any) -> None:
    page = visit(QUICK, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    find(page, "train-epoch").tap()
    until(page, "train-status", "^Paused.*epoch 1.00")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
