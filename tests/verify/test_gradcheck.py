"""Gradient checks: right gradients agree, wrong ones are named, kinks are told from mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from groundup import losses
from groundup.errors import ParameterError
from groundup.layers import (
    LAYERS,
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
    Sigmoid,
    Softmax,
    Tanh,
)
from groundup.losses import CrossEntropy, MeanSquaredError
from groundup.network import Network
from groundup.verify import gradcheck as module
from groundup.verify.gradcheck import Check, check_against_scalar, gradcheck
from groundup.verify.memstate import Batch
from groundup.verify.small_networks import SMALL_NETWORKS
from groundup.verify.tolerances import DIFFERENCE_ERROR
from random_networks import convolutional, perceptron


def wrong(name: str, samples: int = 20, backend: str = "numpy") -> dict[str, Check]:
    """The checks of a small network that do not hold, by parameter."""
    network, loss = SMALL_NETWORKS[name]
    checks = gradcheck(network, loss, name=name, samples=samples, backend=backend)
    return {check.parameter: check for check in checks if not check.holds}


def nested(layer: Layer) -> list[type]:
    return [type(layer), *(kind for inner in getattr(layer, "layers", ()) for kind in nested(inner))]


def test_the_small_networks_have_every_layer_and_loss() -> None:
    kinds = {kind for network, _ in SMALL_NETWORKS.values() for layer in network.layers for kind in nested(layer)}
    assert kinds == set(LAYERS.values())
    assert {type(loss) for _, loss in SMALL_NETWORKS.values()} == set(losses.LOSSES.values())


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_every_layer(name: str) -> None:
    assert not wrong(name)


@pytest.mark.parametrize("name", ["linear", "relu", "batch norm"])
def test_on_lists(name: str) -> None:
    assert not wrong(name, samples=3, backend="lists")


@pytest.mark.parametrize("make", [perceptron, convolutional])
@pytest.mark.parametrize("seed", range(6))
def test_random_networks(make: Callable[[int], Network], seed: int) -> None:
    checks = list(gradcheck(make(seed), samples=4))
    assert all(check.holds for check in checks)
    assert all(len(check.entries) == min(check.size, 4) for check in checks)


def test_the_errors_are_far_below_the_tolerance() -> None:
    errors = [
        entry.error
        for network, loss in SMALL_NETWORKS.values()
        for check in gradcheck(network, loss)
        for entry in check.entries
    ]
    assert len(errors) > 400
    assert max(errors) < DIFFERENCE_ERROR / 100


# --- Mistakes -----------------------------------------------------------------------------------------------------


def scaled_gradient(name: str, factor: float) -> Callable[[Any], Any]:
    def make(right: Any) -> Any:
        def parameter_gradients(self: Any, params: Any, x: Any, dy: Any) -> Any:
            grads = dict(right(self, params, x, dy))
            return grads | ({name: factor * grads[name]} if name in grads else {})

        return parameter_gradients

    return make


def scaled_input(factor: float) -> Callable[[Any], Any]:
    def make(right: Any) -> Any:
        def backward(self: Any, params: Any, residuals: Any, dy: Any) -> Any:
            dx, grads = right(self, params, residuals, dy)
            return factor * dx, grads

        return backward

    return make


def one_bias_gradient(right: Any) -> Any:
    def parameter_gradients(self: Any, params: Any, x: Any, dy: Any) -> Any:
        xp = dy.__array_namespace__()
        return {"weight": dy.T @ x, "bias": xp.broadcast_to(xp.sum(dy), (dy.shape[1],))}

    return parameter_gradients


def straight_through(right: Any) -> Any:
    return lambda self, params, residuals, dy: (dy, {})


def without_softmax_coupling(right: Any) -> Any:
    return lambda self, params, y, dy: (dy * y * (1 - y), {})


def without_batch_statistics(right: Any) -> Any:
    def backward(self: Any, params: Any, residuals: Any, dy: Any) -> Any:
        return right(self, params, residuals | {"training": False}, dy)

    return backward


def not_divided_by_the_batch(right: Any) -> Any:
    return lambda self, residuals: right(self, residuals) * 4


MISTAKES: list[tuple[type, str, Callable[[Any], Any], str, set[str]]] = [
    (Linear, "parameter_gradients", scaled_gradient("weight", -1), "linear", {"0.weight"}),
    (Linear, "parameter_gradients", scaled_gradient("weight", 2), "relu", {"0.weight", "2.weight"}),
    (Linear, "parameter_gradients", scaled_gradient("weight", 1.0001), "linear", {"0.weight"}),
    (Linear, "parameter_gradients", scaled_gradient("bias", 0.0), "linear", {"0.bias"}),
    (Linear, "parameter_gradients", one_bias_gradient, "linear", {"0.bias"}),
    (ReLU, "backward", straight_through, "relu", {"0.weight", "0.bias"}),
    (Tanh, "backward", straight_through, "tanh", {"0.weight", "0.bias"}),
    (Sigmoid, "backward", scaled_input(2), "sigmoid", {"0.weight", "0.bias", "2.weight", "2.bias"}),
    (Softmax, "backward", without_softmax_coupling, "softmax", {"0.weight", "0.bias"}),
    (BatchNorm, "backward", without_batch_statistics, "batch norm", {"0.weight", "0.bias"}),
    (Dropout, "backward", straight_through, "dropout", {"0.weight", "0.bias"}),
    (MaxPool2d, "backward", scaled_input(0.5), "max pool", {"0.weight"}),
    (AvgPool2d, "backward", scaled_input(4), "average pools", {"0.weight", "0.bias"}),
    (GlobalAvgPool, "backward", scaled_input(4), "average pools", {"0.weight", "0.bias", "3.weight", "3.bias"}),
    (Conv2d, "parameter_gradients", scaled_gradient("bias", 2), "convolution", {"0.bias"}),
    (Conv2d, "backward", scaled_input(-1), "convolution", {"0.weight", "0.bias"}),
    (Flatten, "backward", scaled_input(-1), "convolution", {"0.weight", "0.bias", "2.weight"}),
    (Residual, "backward", scaled_input(0.5), "residual", {"0.weight", "0.bias", "1.0.weight", "1.0.bias"}),
    (CrossEntropy, "backward", not_divided_by_the_batch, "linear", {"0.weight", "0.bias"}),
    (MeanSquaredError, "backward", not_divided_by_the_batch, "softmax", {"0.weight", "0.bias"}),
]


@pytest.mark.parametrize(
    ("kind", "method", "mistake", "name", "named"),
    MISTAKES,
    ids=[f"{i[0].__name__}-{n}" for n, i in enumerate(MISTAKES)],
)
def test_a_wrong_backward_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: type, method: str, mistake: Callable[[Any], Any], name: str, named: set[str]
) -> None:
    monkeypatch.setattr(kind, method, mistake(getattr(kind, method)))
    found = wrong(name)
    assert set(found) == named
    assert all(check.worst and check.worst.verdict == "differs" for check in found.values())
    network, loss = SMALL_NETWORKS[name]
    against = check_against_scalar(network, loss)  # it never calls a backward
    assert against is not None
    assert {row.name.rpartition("/")[2] for row in against.rows if row.problem and "/gradient/" in row.name} == named


def test_a_gradient_of_another_shape_or_nan_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Linear.parameter_gradients
    with monkeypatch.context() as patched:
        patched.setattr(Linear, "parameter_gradients", lambda *a: right(*a) | {"bias": np.zeros(3)})
        patched.setattr("groundup.verify.gradcheck.SGD", lambda: _Still())
        assert set(wrong("linear")) == {"0.bias"}
    monkeypatch.setattr(Linear, "parameter_gradients", lambda *a: right(*a) | {"bias": np.full(5, np.nan)})
    assert set(wrong("linear")) == {"0.bias"}


class _Still(module.SGD):
    def update(self, parameter: Any, gradient: Any, moments: Any, learning_rate: float, step: int) -> Any:
        return parameter, moments


# --- Kinks --------------------------------------------------------------------------------------------------------


def at(monkeypatch: pytest.MonkeyPatch, bias: float, pixels: int = 0) -> Check:
    """Check the bias of one neuron with a ReLU, whose input is that bias on black pictures."""
    network = Network([Linear(3, 1), ReLU(), Linear(1, 2)])
    black = Batch(np.full((4, 1, 3), pixels, np.uint8), np.array([0, 1, 0, 0], np.uint8))
    monkeypatch.setattr(module, "_pictures", lambda network: black)
    state = module._random_state

    def moved(network: Network) -> Any:
        made = state(network)
        made["0.bias"][0] = bias
        return made

    monkeypatch.setattr(module, "_random_state", moved)
    (check,) = gradcheck(network, parameters=("0.bias",))
    return check


@pytest.mark.parametrize("bias", [0.0, 1e-6, -1e-6, 3e-6, 7e-6, -7e-6])
def test_a_kink_within_the_step_is_not_counted(monkeypatch: pytest.MonkeyPatch, bias: float) -> None:
    check = at(monkeypatch, bias)
    assert check.kinks == 1
    assert check.worst is None
    assert not check.holds  # nothing is left that could hold


@pytest.mark.parametrize("bias", [1e-5, -1e-5, 0.1, -0.1])
def test_beside_a_kink_all_counts(monkeypatch: pytest.MonkeyPatch, bias: float) -> None:
    check = at(monkeypatch, bias)
    assert check.kinks == 0
    assert check.holds


def test_a_kink_does_not_excuse_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReLU, "backward", straight_through(ReLU.backward))
    check = at(monkeypatch, -1e-5)
    assert check.worst is not None
    assert check.worst.verdict == "differs"


def test_neither_curvature_nor_noise_is_a_kink(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Linear.parameter_gradients
    with monkeypatch.context() as patched:
        patched.setattr(Linear, "parameter_gradients", scaled_gradient("weight", 1.000003)(right))
        assert wrong("linear")["0.weight"].kinks == 0
    # A BatchNorm takes every bias away: the loss's slope is rounding errors, which jump however small the step.
    monkeypatch.setattr(Linear, "parameter_gradients", lambda *a: right(*a) | {"bias": right(*a)["bias"] + 1})
    assert wrong("batch norm")["0.bias"].kinks == 0


def test_a_tie_in_a_pool_is_a_kink(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network([Conv2d(1, 1, 1), MaxPool2d(2), Flatten(), Linear(1, 2)], (1, 2, 2))
    generator = np.random.default_rng(0)
    pixels = np.repeat(generator.integers(1, 255, (4, 1, 1)), 4, axis=2).astype(np.uint8)
    monkeypatch.setattr(module, "_pictures", lambda network: Batch(pixels, np.array([0, 1, 0, 0], np.uint8)))
    assert all(check.holds and check.kinks == 0 for check in gradcheck(network))  # all four cells move alike
    uneven = pixels.copy()
    uneven[:, :, 0] += 1
    assert all(check.holds for check in gradcheck(network))


def test_where_two_cells_cross_is_a_kink(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network([Conv2d(1, 1, 2), MaxPool2d(2), Flatten(), Linear(1, 2)], (1, 3, 3))
    pixels = np.zeros((4, 1, 9), np.uint8)
    pixels[:, 0, 4] = 200  # each cell of the pool's window sees it through another weight, and all are equal
    monkeypatch.setattr(module, "_pictures", lambda network: Batch(pixels, np.array([0, 1, 0, 0], np.uint8)))
    state = module._random_state

    def equal(network: Network) -> Any:
        made = state(network)
        made["0.weight"][:] = module.array("d", [0.5, 0.5, 0.5, 0.5])
        return made

    monkeypatch.setattr(module, "_random_state", equal)
    checks = {check.parameter: check for check in gradcheck(network)}
    assert checks["0.weight"].kinks == 4
    assert checks["0.bias"].holds
    assert checks["3.weight"].holds


# --- The rest -----------------------------------------------------------------------------------------------------


def test_chosen_parameters_and_samples() -> None:
    network, loss = SMALL_NETWORKS["relu"]
    checks = list(gradcheck(network, loss, parameters=("2.bias", "0.weight"), samples=7))
    assert [(check.parameter, check.size, len(check.entries)) for check in checks] == [
        ("0.weight", 153, 7),
        ("2.bias", 5, 5),
    ]
    places = [entry.where for entry in checks[0].entries]
    assert places == [entry.where for entry in next(gradcheck(network, loss, samples=7)).entries]  # the same each time
    assert len(set(places)) == 7


def test_unknown_parameters_and_networks_without_any() -> None:
    with pytest.raises(ParameterError, match=r"no parameter '9\.weight'; there are 0\.weight, 0\.bias"):
        list(gradcheck(SMALL_NETWORKS["linear"][0], parameters=("9.weight",)))
    with pytest.raises(ParameterError, match="no parameters"):
        list(gradcheck(Network([ReLU()], (3,))))


def test_large_networks_are_not_checked_against_scalar() -> None:
    assert check_against_scalar(Network([Linear(784, 100)])) is None
    assert check_against_scalar(Network([Linear(4, 2)]), backend="scalar") is None
    small = check_against_scalar(Network([Linear(4, 2)]))
    assert small is not None
    assert small.holds


def test_a_zero_gradient_agrees() -> None:
    (check,) = gradcheck(*SMALL_NETWORKS["batch norm"], parameters=("0.bias",))  # a BatchNorm takes every bias away
    assert check.holds
    assert all(math.isclose(entry.analytic, 0, abs_tol=1e-12) for entry in check.entries)
