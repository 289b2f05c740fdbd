"""Published bugs, injected: each is named at the right tensor, or by its symptom."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from recordings import noise

from groundup import backends
from groundup.backends.scalar import Value
from groundup.errors import DataError, StateError
from groundup.initializers import Constant, HeUniform, Initializer, Normal, Zeros
from groundup.layers import LeakyReLU, Linear, ReLU, Sigmoid, Softmax
from groundup.losses import CrossEntropy, Loss, MeanSquaredError
from groundup.network import Network, Normalization
from groundup.optimizers import SGD
from groundup.verify import pitfalls
from groundup.verify.comparison import Difference, diff
from groundup.verify.gradcheck import gradcheck
from groundup.verify.memstate import Batch, Recording, Setup, record, replay

NETWORK = Network([Linear(36, 12), ReLU(), Linear(12, 10)])
RIGHT = Setup(NETWORK)
RAW = Normalization(mean=0, deviation=1)


def batches(steps: int = 2) -> list[Batch]:
    return noise(NETWORK, steps, count=8)


def difference(right: Setup, wrong: Setup) -> Difference:
    return diff(record(right, batches()), record(wrong, batches()))


def wrong_names(right: Setup, wrong: Setup, step: int = 1) -> list[str]:
    prefix = f"step/{step}/"
    rows = difference(right, wrong).rows
    return [row.name.removeprefix(prefix) for row in rows if row.problem and row.name.startswith(prefix)]


def failed(network: Network, loss: Loss | None = None) -> list[str]:
    return [check.parameter for check in gradcheck(network, loss) if not check.holds]


def begun_with(state: Mapping[str, Sequence[float]], network: Network = NETWORK) -> Recording:
    """Return a recording that begins with another state."""
    given = record(Setup(network), batches())
    values = {f"step/0/{name}": np.reshape(state[name], network.parameters()[name]) for name in state}
    return replay(replace(given, values=given.values | values), "numpy", "float64")


def begun_from(initializer: Initializer, network: Network = NETWORK) -> Recording:
    return begun_with(network.initial_state(0, initializer), network)


# --- A wrong line in a layer or a loss -----------------------------------------------------------------------------


def test_the_right_ones_are_right() -> None:
    assert difference(RIGHT, RIGHT).holds
    assert failed(NETWORK) == []


def test_softmax_over_the_batch() -> None:
    right = Setup(Network([Linear(36, 10), Softmax()]), MeanSquaredError())
    wrong = replace(right, network=Network([Linear(36, 10), pitfalls.SoftmaxOverBatch()]))
    assert wrong_names(right, wrong)[:2] == ["output/1", "loss"]
    assert failed(wrong.network, wrong.loss) == ["0.weight", "0.bias"]
    values = record(wrong, batches()).values
    assert values["step/1/output/1"].sum() == pytest.approx(1)


def test_softmax_over_the_batch_is_right_for_one_picture() -> None:
    right = Setup(Network([Linear(36, 10), Softmax()]), MeanSquaredError())
    wrong = replace(right, network=Network([Linear(36, 10), pitfalls.SoftmaxOverBatch()]))
    single = noise(NETWORK, 2, count=1)
    assert diff(record(right, single), record(wrong, single)).holds


def test_one_gradient_for_all_biases_of_the_first_layer() -> None:
    wrong = Network([pitfalls.OneBiasGradient(36, 12), ReLU(), Linear(12, 10)])
    assert wrong_names(RIGHT, Setup(wrong)) == ["gradient/0.bias", "0.bias"]
    assert failed(wrong) == ["0.bias"]


def test_one_gradient_for_all_biases_of_the_last_layer() -> None:
    wrong = Network([Linear(36, 12), ReLU(), pitfalls.OneBiasGradient(12, 10)])
    assert wrong_names(RIGHT, Setup(wrong)) == ["gradient/2.bias", "2.bias"]
    assert failed(wrong) == ["2.bias"]


def test_relu_with_slope_one() -> None:
    wrong = Network([Linear(36, 12), pitfalls.ReLUSlopeOne(), Linear(12, 10)])
    assert wrong_names(RIGHT, Setup(wrong)) == ["gradient/0.weight", "gradient/0.bias", "0.weight", "0.bias"]
    assert failed(wrong) == ["0.weight", "0.bias"]


def test_a_gradient_of_the_wrong_sign() -> None:
    wrong = Setup(NETWORK, pitfalls.WrongSign())
    first = difference(RIGHT, wrong).first
    assert first is not None
    assert first.name == "step/1/gradient/2.weight"
    assert failed(NETWORK, pitfalls.WrongSign()) == list(NETWORK.parameters())
    values = record(wrong, batches(1) * 5).values
    losses = [float(values[f"step/{step}/loss"]) for step in range(1, 6)]
    assert losses == sorted(losses)
    assert losses[-1] > losses[0] + 0.1


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_the_logarithm_of_zero() -> None:
    right = Setup(Network(NETWORK.layers, normalization=Normalization(mean=0, deviation=0.01)))
    first = difference(right, replace(right, loss=pitfalls.LogOfProbability())).first
    assert first is not None
    assert (first.name, first.problem) == ("step/1/loss", "B holds NaN or infinity")
    assert np.isfinite(record(right, batches()).values["step/1/loss"])
    assert wrong_names(right, replace(right, loss=pitfalls.LogOfProbability())) == ["loss"]


def test_the_logarithm_of_a_moderate_probability() -> None:
    assert difference(RIGHT, Setup(NETWORK, pitfalls.LogOfProbability())).holds
    assert failed(NETWORK, pitfalls.LogOfProbability()) == []


# --- Wrong state and wrong sizes ------------------------------------------------------------------------------------


def test_one_random_number_for_all_biases() -> None:
    generator = np.random.RandomState(0)
    each, one = generator.uniform(-1, 1, 12).tolist(), [generator.uniform(-1, 1)] * 12
    first = diff(begun_with({"0.bias": each}), begun_with({"0.bias": one})).first
    assert first is not None
    assert first.name == "step/0/0.bias"


def test_units_that_begin_alike_stay_alike() -> None:
    values = begun_from(Constant(0.05)).values
    for step in (1, 2):
        assert np.ptp(values[f"step/{step}/0.weight"], axis=0).max() < 1e-12
        assert np.ptp(values[f"step/{step}/output/1"], axis=1).max() < 1e-12


def test_weights_for_too_few_inputs() -> None:
    reference = record(RIGHT, batches())
    short = reference.values["step/0/0.weight"][:, :30]
    first = diff(reference, replace(reference, values=reference.values | {"step/0/0.weight": short})).first
    assert first is not None
    assert (first.name, first.problem) == ("step/0/0.weight", "B has shape (12, 30) instead of (12, 36)")
    with pytest.raises(DataError, match=re.escape("do not fit the network's inputs of shape (30,)")):
        record(Setup(Network([Linear(30, 10)])), batches())
    state = NETWORK.initial_state(0) | {"0.weight": short}
    with pytest.raises(StateError, match=re.escape("0.weight has shape (12, 30) instead of (12, 36)")):
        backends.get("numpy").compile(NETWORK, CrossEntropy(), SGD(), 8, state=state)


def test_nine_classes() -> None:
    pictures = [Batch(batches(1)[0].pixels, np.arange(2, 10, dtype=np.uint8))]
    with pytest.raises(DataError, match="a picture of class 9, but the network tells only 9 classes apart"):
        record(Setup(Network([Linear(36, 9)])), pictures)
    reference = record(RIGHT, pictures)
    nine = reference.values["step/1/output/2"][:, :9]
    first = diff(reference, replace(reference, values=reference.values | {"step/1/output/2": nine})).first
    assert first is not None
    assert (first.name, first.problem) == ("step/1/output/2", "B has shape (8, 9) instead of (8, 10)")


# --- What is right, and does not learn ------------------------------------------------------------------------------


def test_sigmoids_saturate_without_normalisation() -> None:
    layers = [Linear(36, 12), Sigmoid(), Linear(12, 10)]
    flat = []
    for normalization in (Normalization(), RAW):
        y = record(Setup(Network(layers, normalization=normalization)), batches()).values["step/1/output/1"]
        flat.append(np.mean(y * (1 - y) < 0.01))
    assert flat[0] == 0
    assert flat[1] > 0.8
    first = difference(Setup(Network(layers)), Setup(Network(layers, normalization=RAW))).first
    assert first is not None
    assert first.name == "step/1/inputs"


def test_initial_weights_make_gradients_vanish_or_explode() -> None:
    layers = [layer for _ in range(4) for layer in (Linear(36, 36), ReLU())]
    deep = Network([*layers, Linear(36, 10)])

    def largest(initializer: Initializer) -> float:
        return float(np.abs(begun_from(initializer, deep).values["step/1/gradient/0.weight"]).max())

    assert 1e-3 < largest(HeUniform()) < 1
    assert largest(Zeros()) == 0
    assert largest(Normal(0.01)) < 1e-6
    assert largest(Normal(1.0)) > 10


@pytest.mark.parametrize(("activation", "silent"), [(ReLU(), True), (LeakyReLU(), False)], ids=str)
def test_dead_units_have_a_gradient_of_zero(activation: ReLU | LeakyReLU, silent: bool) -> None:
    network = Network([Linear(36, 12), activation, Linear(12, 10)])
    values = begun_with({"0.bias": [-100.0] * 12}, network).values
    assert (values["step/2/gradient/0.weight"] == 0).all() == silent


# --- A backward pass along every path -------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [0, 1, 5, 10])
def test_every_path_is_visited_and_the_gradient_is_right(times: int) -> None:
    gradients = []
    for walk in (Value.backward, pitfalls.backward_along_every_path):
        x = y = Value(3.0)
        for _ in range(times):
            y = y + y
        visits = walk(y)
        gradients.append(x.gradient)
    assert gradients == [2.0**times] * 2
    assert visits == 2 ** (times + 1) - 1


def test_the_gradients_along_every_path_are_products_of_derivatives() -> None:
    a, b = Value(3.0), Value(2.0)
    pitfalls.backward_along_every_path((a * b + a**2) * 5)
    assert (a.gradient, b.gradient) == (40, 15)
