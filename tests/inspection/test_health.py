"""How layers do in training, and why a training fell apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from groundup import backends
from groundup.inspection.divergence import Leap, diagnose, diverged, first_fault, largest_leap, smaller_rate
from groundup.inspection.health import (
    LayerHealth,
    dead_units,
    findings,
    first_layer_pictures,
    histogram,
    layers_health,
    of_their_size,
    root_mean_square,
    update_ratio,
)
from groundup.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sigmoid
from groundup.losses import CrossEntropy
from groundup.models.model import Model
from groundup.network import Network
from groundup.optimizers import SGD
from small_data import PIXELS, SIDE, pictures

NETWORK = Network([Linear(PIXELS, 8), ReLU(), Linear(8, 10)])
DATA = pictures(40, 1)


def model(network: Network, **changed: Any) -> Model:
    state = {
        name: np.reshape(np.asarray(values, np.float32), network.state_shapes()[name])
        for name, values in network.initial_state(0).items()
    }
    return Model(network, state | changed)


def traced(network: Network, learning_rate: float, steps: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the state before the last of some steps, and its trace."""
    program = backends.get("numpy").compile(network, CrossEntropy(), SGD(), len(DATA))
    before = trace = program.state()
    with np.errstate(all="ignore"):
        for _ in range(steps):
            before, trace = program.state(), program.trace(DATA.images, DATA.labels, learning_rate)
    return before, trace


def test_sizes() -> None:
    assert root_mean_square([3.0, -3.0]) == 3
    assert math.isnan(root_mean_square([math.nan]))
    assert update_ratio([1.0, -1.0], [1.1, -1.1]) == pytest.approx(0.1)
    assert update_ratio([0.0], [1.0]) == math.inf
    assert update_ratio([0.0], [0.0]) == 0


def test_histogram_counts_every_finite_number() -> None:
    found = histogram([[0.0, 1.0, 1.0], [math.nan, math.inf, 0.5]], bins=2)
    assert found.counts == (1, 3)
    assert found.edges == (0, 0.5, 1)
    assert sum(histogram([2.0, 2.0]).counts) == 2
    assert sum(histogram([math.nan]).counts) == 0


def test_every_layer_with_weights_is_told() -> None:
    before, trace = traced(NETWORK, 0.5)
    first, last = layers_health(model(NETWORK), before, trace, DATA.images)
    assert (first.place, first.layer, last.place) == ("0", "Linear(36, 8)", "2")
    assert first.gradient == pytest.approx(float(np.sqrt((trace["gradient/0.weight"] ** 2).mean())))
    # One step of plain SGD changes weights by learning rate times gradient.
    assert first.update == pytest.approx(0.5 * first.gradient / root_mean_square(before["0.weight"]), rel=1e-4)
    assert first.units == 8
    assert last.units is last.dead is None


def test_a_unit_far_below_zero_is_dead() -> None:
    bias = np.zeros(8, np.float32)
    bias[[2, 5]] = -1000
    before, after = (dead_units(model(NETWORK, **{"0.bias": each}), DATA.images)["0"] for each in (0 * bias, bias))
    assert set(np.flatnonzero(after)) == set(np.flatnonzero(before)) | {2, 5}
    assert not before[[2, 5]].any()


@pytest.mark.parametrize("bias", [-1000, 1000])
def test_a_saturated_sigmoid_is_dead_at_both_ends(bias: float) -> None:
    network = Network([Linear(PIXELS, 4), Sigmoid(), Linear(4, 10)])
    found = dead_units(model(network, **{"0.bias": np.array([0, 0, bias, 0], np.float32)}), DATA.images)
    assert found["0"].tolist() == [False, False, True, False]


def test_a_channel_is_the_unit_of_a_convolution() -> None:
    network = Network([Conv2d(1, 3, 3), MaxPool2d(2), ReLU(), Flatten(), Linear(12, 10)], (1, SIDE, SIDE))
    found = dead_units(model(network, **{"0.bias": np.array([0, -1000, 0], np.float32)}), DATA.images)
    assert found["0"].tolist() == [False, True, False]
    assert first_layer_pictures(model(network), 2).shape == (2, 3, 3)


def test_first_layer_pictures() -> None:
    made = model(NETWORK)
    assert first_layer_pictures(made, 64).shape == (8, SIDE, SIDE)
    np.testing.assert_array_equal(first_layer_pictures(made, 64)[3].ravel(), made.state["0.weight"][3])
    blind = Network([Linear(7, 10)])
    assert not len(first_layer_pictures(model(blind), 64))


def layer(**values: Any) -> LayerHealth:
    usual: dict[str, Any] = {"weight": 0.1, "gradient": 0.01, "update": 0.001, "histogram": histogram([0.0])}
    return LayerHealth("0", "Linear(36, 8)", **(usual | values))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"units": 8, "dead": 8}, "All 8 units"),
        ({"units": 8, "dead": 3}, "3 of 8 units"),
        ({"update": 0.2}, "by 20% of their size"),
        ({"update": 1e-9}, "hardly move"),
        ({"gradient": 1e-6}, "fades"),
    ],
)
def test_what_is_not_well_is_said(values: dict[str, Any], words: str) -> None:
    (sentence,) = findings([layer(**values), layer()])
    assert words in sentence


def test_nothing_is_said_of_what_is_well() -> None:
    assert findings([layer(units=8, dead=1), layer()]) == []


def test_a_leap_is_found_at_its_layer() -> None:
    before, trace = traced(NETWORK, 1000.0)
    leap = largest_leap(NETWORK, before, trace)
    assert leap is not None
    ratios = {place: update_ratio(before[f"{place}.weight"], trace[f"{place}.weight"]) for place in ("0", "2")}
    assert leap.ratio == max(ratios.values()) == ratios[leap.place]
    assert first_fault(NETWORK, trace) is None  # the leap shows in the next step's outputs


def test_the_first_fault_in_order_of_execution_is_told() -> None:
    _, trace = traced(NETWORK, 1000.0, steps=4)
    fault = first_fault(NETWORK, trace)
    assert fault is not None
    assert fault.place == "0"
    assert "the outputs of layer 0, Linear(36, 8)" in fault.what
    broken = traced(NETWORK, 0.1)[1] | {"gradient/2.weight": np.full((10, 8), np.nan)}
    fault = first_fault(NETWORK, broken)
    assert fault is not None
    assert "the gradients of 2.weight" in fault.what
    assert math.isnan(fault.largest)
    fault = first_fault(NETWORK, traced(NETWORK, 0.1)[1] | {"loss": np.array(np.inf)})
    assert fault is not None
    assert fault.place is None
    assert first_fault(NETWORK, traced(NETWORK, 0.1)[1]) is None


@pytest.mark.parametrize(("loss", "expected"), [(math.nan, True), (math.inf, True), (23.1, True), (15.0, False)])
def test_what_counts_as_diverged(loss: float, expected: bool) -> None:
    assert diverged(loss, untrained=2.3) is expected


def test_a_diagnosis_says_why_where_and_what_to_do() -> None:
    before, trace = traced(NETWORK, 1000.0)
    _, later = traced(NETWORK, 1000.0, steps=4)
    found = diagnose(math.nan, 2.3, 7, 1000.0, largest_leap(NETWORK, before, trace), first_fault(NETWORK, later))
    assert "NaN" in found.what
    assert "In step 7, layer" in found.why
    assert "learning rate 1e+03" in found.why
    assert "Then the outputs of layer 0" in found.why
    assert found.learning_rate <= 100
    assert f"{found.learning_rate:g}" in found.advice


def test_a_loss_that_grew_little_by_little_has_no_step_to_blame() -> None:
    found = diagnose(30.0, 2.3, 700, 0.5, Leap("2", "Linear(8, 10)", 0.03, 0.1), None)
    assert "No step leapt" in found.why
    assert "3%, in step 700, at layer 2" in found.why
    assert diagnose(30.0, 2.3, 700, 0.5, None, None).learning_rate == 0.05


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.14, "14% of their size"),
        (0.0123, "1.2% of their size"),
        (0.992, "99% of their size"),
        (0.999, "0.999 times their size"),
        (12.3, "12.3 times their size"),
        (999.7, "1,000 times their size"),
    ],
)
def test_shares_in_words(value: float, words: str) -> None:
    assert of_their_size(value) == words


@pytest.mark.parametrize(
    ("ratio", "rate", "expected"),
    [(10.0, 1.0, 0.001), (0.02, 1.0, 0.1), (math.nan, 0.5, 0.05), (0.3, 100.0, 2.0), (1e30, 0.1, 1e-9)],
)
def test_the_recommended_rate(ratio: float, rate: float, expected: float) -> None:
    assert smaller_rate(rate, Leap("0", "Linear(36, 8)", ratio, 1.0)) == expected
