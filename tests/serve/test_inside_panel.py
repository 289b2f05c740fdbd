"""What the tab Inside says about a unit, without a browser."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from groundup.inspection.units import explain
from groundup.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Softmax,
    Tanh,
)
from groundup.models.committee import Committee
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.network import Network, Normalization
from groundup.serve.inside import words
from groundup.serve.inside.look import INPUT, Look
from groundup.serve.inside.panel import described

LINEAR = Network([Linear(81, 12), BatchNorm(12), ReLU(), Dropout(0.5), Linear(12, 10), Softmax()])
CONVOLUTIONAL = Network(
    [
        Conv2d(1, 3, 3, padding=1),
        Residual([Conv2d(3, 3, 3, padding=1), Tanh()]),
        MaxPool2d(2),
        AvgPool2d(2),
        Conv2d(3, 4, 1),
        Flatten(),
        Linear(16, 10),
    ],
    (1, 9, 9),
    Normalization(100.0, 80.0),
)
GLOBAL = Network([Conv2d(1, 5, 3), GlobalAvgPool(), Linear(5, 10)], (1, 9, 9))


def recogniser(network: Network) -> Model:
    generator = np.random.default_rng(1)
    state = {name: generator.uniform(0.1, 1, shape) for name, shape in network.state_shapes().items()}
    return Model(network, state)


def look(found: Recogniser, chosen: tuple[str, tuple[int, ...]] | None = None) -> Look:
    pixels = np.random.default_rng(2).integers(0, 256, (9, 9)).astype(np.uint8)
    visitor: Any = SimpleNamespace(recogniser=found, pixels=pixels, label=None)
    made = Look(visitor, chosen)
    made.take(made.work())
    return made


@pytest.mark.parametrize("network", [LINEAR, CONVOLUTIONAL, GLOBAL], ids=["linear", "convolutional", "global"])
def test_what_is_told_of_every_unit_is_its_arithmetic(network: Network) -> None:
    looking = look(recogniser(network))
    for sheet in looking.sheets[1:]:
        for index in range(0, int(np.prod(sheet.shape)), 7):
            unit = sheet.unit(index)
            assert unit is not None
            assert sheet.index(unit) == index
            looking.chosen = (sheet.place, unit)
            told = described(looking)
            assert told is not None
            found = explain(looking.model, looking.pixels, sheet.place, unit)
            assert told["value"] == found.unit.output
            assert [link["output"] for link in told["chain"]] == [each.output for each in found.chain]
            first = found.chain[0]
            if first.weights is not None:
                rest = told["rest"]["sum"] if told["rest"] else 0.0
                assert sum(row["product"] for row in told["rows"]) + rest == pytest.approx(first.products.sum())


@pytest.mark.parametrize("network", [LINEAR, CONVOLUTIONAL, GLOBAL], ids=["linear", "convolutional", "global"])
def test_an_input_leads_to_the_unit_that_gave_it(network: Network) -> None:
    looking = look(recogniser(network))
    normalization = network.normalization
    for sheet in looking.sheets[1:]:
        unit = sheet.unit(int(np.prod(sheet.shape)) - 1)
        assert unit is not None
        looking.chosen = (sheet.place, unit)
        told = described(looking)
        assert told is not None
        for row in told["rows"]:
            if row["go"] is None:
                assert row["input"] == 0
                continue
            place, source = row["go"]
            origin = looking.sheet(place)
            assert origin is not None
            value = looking.values(origin)[tuple(source)]
            if place == INPUT:
                value = (value * 255 - normalization.mean) / normalization.deviation
            assert row["input"] == pytest.approx(float(value), rel=1e-5)


def test_a_pixel_shows_what_the_network_is_given() -> None:
    looking = look(recogniser(CONVOLUTIONAL), (INPUT, (0, 3, 4)))
    told = described(looking)
    assert told is not None
    assert told["value"] == looking.pixels[3, 4]
    assert told["chain"][0]["output"] == pytest.approx((float(looking.pixels[3, 4]) - 100) / 80)


def test_a_maximum_shows_which_input_won() -> None:
    told = described(look(recogniser(CONVOLUTIONAL), ("2", (1, 2, 2))))
    assert told is not None
    winners = [row for row in told["rows"] if row["winner"]]
    assert [row["input"] for row in winners] == [told["value"]]


@pytest.mark.parametrize("chosen", [("9", (0,)), ("0", (0, 99, 0)), ("0", (0,))])
def test_a_unit_that_this_network_has_not_is_forgotten(chosen: tuple[str, tuple[int, ...]]) -> None:
    looking = look(recogniser(CONVOLUTIONAL), chosen)
    assert looking.chosen is None
    assert described(looking) is None


def test_of_a_committee_the_first_network_is_shown_and_that_is_said() -> None:
    first, second = recogniser(LINEAR), recogniser(LINEAR)
    looking = look(Committee((first, second)))
    assert looking.model is first
    assert "committee of 2" in looking.remark()
    assert look(first).remark() == ""


@pytest.mark.parametrize(
    "layer", {type(each): each for network in (LINEAR, CONVOLUTIONAL, GLOBAL) for each in network.layers}.values()
)
def test_every_layer_is_explained_in_a_sentence(layer: Layer) -> None:
    assert words.sentence(layer).endswith(".")
