"""Mixed precision and compilers: right stand-ins pass, each wrong one fails, and where it is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import NETWORK, SETUP, changed, noise, reference, without

from groundup.backends.array import StandardArray
from groundup.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from groundup.losses import CrossEntropy
from groundup.network import Network
from groundup.optimizers import SGD, Adam, AdamW, Optimizer
from groundup.verify.balls import Ball, bfloat16
from groundup.verify.comparison import Difference, diff
from groundup.verify.memstate import Recording, Setup, record, replay
from groundup.verify.small_networks import SMALL_NETWORKS
from groundup.verify.tolerances import Rounding
from stand_in import RIGHT, WRONG, Products, StandIn, registered

A = reference()
MIXED = Rounding.between("mixed")
CONVOLUTIONAL = Network(
    [Conv2d(1, 4, 3, padding=1), ReLU(), MaxPool2d(2), Conv2d(4, 5, 3), ReLU(), Flatten(), Linear(20, 10)], (1, 8, 8)
)
SMALLEST = 2.0**-126


def compared(
    monkeypatch: pytest.MonkeyPatch,
    backend: StandIn,
    a: Recording = A,
    precision: str = "mixed",
    *,
    lockstep: bool = False,
) -> Difference:
    """What comes of a stand-in that is gone when it is compared."""
    with monkeypatch.context() as patched:
        registered(patched, backend)
        b = replay(a, backend.name, precision, lockstep=lockstep)
    return diff(a, b)


def problems(difference: Difference) -> list[tuple[str, str]]:
    return [(row.name, row.problem) for row in difference.rows if row.problem]


# --- Rounding to bfloat16 -------------------------------------------------------------------------------------------


def test_rounding_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="compares with PyTorch: install groundup[oracles]")
    upper = np.arange(2**16, dtype=np.uint32) << 16
    for lower in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF):
        single = (upper | np.uint32(lower)).view(np.float32)
        expected = torch.tensor(single).to(torch.bfloat16).to(torch.float64).numpy()
        finite = np.isfinite(expected)
        with np.errstate(invalid="ignore"):  # some of these bits are signalling NaN
            x = single.astype(np.float64)
        assert np.array_equal(bfloat16(x)[finite], expected[finite])
        assert np.array_equal(np.isnan(x), np.isnan(bfloat16(x)))


def test_rounding_knows_no_float32_on_the_way() -> None:
    middle = 1 + 2.0**-8  # between two neighbours, of which the even one is 1
    assert bfloat16(np.array([middle, middle + 2.0**-50, -middle, 3 * 2.0**-8 + 1])).tolist() == [
        1.0,
        1 + 2.0**-7,
        -1.0,
        1 + 2.0**-6,
    ]


@settings(max_examples=200)
@given(
    value=st.floats(-300, 300) | st.floats(-4 * SMALLEST, 4 * SMALLEST),
    radius=st.sampled_from([0.0, 2.0**-140, SMALLEST, 1e-9, 1e-3, 0.5, 10.0]),
    places=st.lists(st.floats(-1, 1), min_size=2, max_size=6),
    flushes=st.booleans(),
)
def test_operands_within_a_ball_stay_within_it(value: float, radius: float, places: list[float], flushes: bool) -> None:
    rounded = Ball([value], [radius], MIXED).as_operand()
    operands = bfloat16(np.array([value + place * radius for place in places]))
    if flushes:
        operands = np.where(np.abs(operands) < SMALLEST, 0.0, operands)
    assert np.all(np.abs(operands - rounded.value) <= rounded.radius)


def test_most_operands_are_exact() -> None:
    x = np.random.default_rng(0).normal(size=10_000)
    rounded = Ball(x, np.abs(x) * 1e-6, MIXED).as_operand()
    assert 0 < np.count_nonzero(rounded.radius) < 20
    assert np.array_equal(rounded.value, bfloat16(x))
    assert not Ball(x, 0.0, MIXED).as_operand().radius.any()
    assert Ball(x, 1e-3, Rounding.between("float32")).as_operand().radius.all()


def test_a_product_is_as_narrow_as_in_float32() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 9, 9))
    mixed = Ball(x, 0, MIXED) @ Ball(y, 0, MIXED)
    single = Ball(bfloat16(x), 0, Rounding.between("float32")) @ Ball(bfloat16(y), 0, Rounding.between("float32"))
    assert np.array_equal(mixed.value, single.value)
    assert np.array_equal(mixed.radius, single.radius)


# --- Right ones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL_NETWORKS)
@pytest.mark.parametrize("product", RIGHT)
def test_right_products_in_every_network(product: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, loss = SMALL_NETWORKS[name]
    a = record(Setup(network, loss), noise(network, steps=2, count=3))
    for precision in StandIn.precisions:
        found = compared(monkeypatch, StandIn(RIGHT[product]), a, precision)
        assert problems(found) == []
        assert found.compared == len(found.rows) == len(a.values)


OPTIMIZERS = [SGD(momentum=0.9, nesterov=True, clip_norm=0.2), Adam(amsgrad=True), AdamW(beta1=0.7, clip_norm=0.1)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("lockstep", [False, True])
def test_optimizers_for_some_steps(optimizer: Optimizer, lockstep: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    a = reference(Setup(NETWORK, CrossEntropy(), optimizer, 0.01), steps=8)
    found = compared(monkeypatch, StandIn(RIGHT["in lanes"]), a, lockstep=lockstep)
    assert problems(found) == []
    largest = max(row.relative for row in found.rows)
    assert largest > 1e-3  # mixed precision trains to other numbers than float64, and they are right


def test_a_rounding_decides_and_nobody_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup(CONVOLUTIONAL, optimizer=Adam(), learning_rate=0.01)  # makes a whole step of the slightest gradient
    found = compared(monkeypatch, StandIn(RIGHT["in lanes"]), reference(setup, steps=8))
    assert problems(found) == []
    assert max(row.relative for row in found.rows if row.name.startswith("step/8/output")) > 0.01


class Reciprocals(Products):
    """Divides by multiplying with the reciprocal, and has functions that are 2 units in the last place off."""

    def __getattr__(self, name: str) -> Any:
        right = super().__getattr__(name)
        if name not in ("exp", "log", "tanh", "sqrt"):
            return right
        exact = getattr(np, name)

        def off(x: StandardArray) -> StandardArray:
            y = exact(x.bare.astype(np.float64)).astype(np.float32)
            away = np.random.default_rng(y.size).choice([-np.inf, np.inf], y.shape).astype(np.float32)
            return StandardArray(np.where(y == 0, y, np.nextafter(y, away)), self)

        return off


def _divided(x: StandardArray, y: Any) -> StandardArray:
    divisor = getattr(y, "bare", y)
    return StandardArray(x.bare * (np.float32(1) / np.asarray(divisor, np.float32)), x.namespace)


def _rearranged(
    self: Adam, parameter: Any, gradient: Any, moments: Any, learning_rate: float, step: int
) -> tuple[Any, Any]:
    """Adam with both corrections in one factor, which is computed in float64."""
    xp = gradient.__array_namespace__()
    mean = self.beta1 * moments["mean"] + (1 - self.beta1) * gradient
    square = self.beta2 * moments["square"] + (1 - self.beta2) * (gradient * gradient)
    correction = math.sqrt(1 - self.beta2**step)
    rate = learning_rate * correction / (1 - self.beta1**step)
    update = mean * (1 / (xp.sqrt(square) + self.epsilon * correction))
    return parameter - rate * update, {"mean": mean, "square": square}


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softmax", "batch norm", "average pools"])
@pytest.mark.parametrize("precision", StandIn.precisions)
def test_other_ways_to_the_same_numbers(name: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, loss = SMALL_NETWORKS[name]
    a = record(Setup(network, loss, Adam(), 0.01), noise(network, steps=4, count=3))
    with monkeypatch.context() as patched:
        patched.setattr(Adam, "_adapted", _rearranged)
        patched.setattr(StandardArray, "__truediv__", _divided)
        backend = StandIn(RIGHT["in lanes"], namespace=Reciprocals)
        registered(patched, backend)
        b = replay(a, backend.name, precision)
    assert problems(diff(a, b)) == []


@pytest.mark.parametrize("optimizer", [SGD(), SGD(momentum=0.9, nesterov=True), Adam()], ids=str)
def test_pytorch_in_mixed_precision(optimizer: Optimizer) -> None:
    pytest.importorskip("torch", reason="compares with PyTorch: install groundup[oracles]")
    from groundup.verify.torch_recorder import TorchRecorder
    from pytorch import nn, optimizer_of, torch

    def rounded(x: Any) -> Any:
        return x.to(torch.bfloat16).to(x.dtype)

    class Product(torch.autograd.Function):  # type: ignore[misc]  # torch is imported by a function
        @staticmethod
        def forward(context: Any, x: Any, weight: Any) -> Any:
            context.save_for_backward(rounded(x), rounded(weight))
            return rounded(x) @ rounded(weight).T

        @staticmethod
        def backward(context: Any, *gradients: Any) -> Any:
            x, weight = context.saved_tensors
            dy = rounded(gradients[0])
            return dy @ weight, dy.T @ x

    class MixedLinear(nn.Linear):  # type: ignore[misc]  # as above
        def forward(self, x: Any) -> Any:
            return Product.apply(x, self.weight) + self.bias

    a = reference(Setup(NETWORK, optimizer=optimizer, learning_rate=0.01), steps=3)
    module = nn.Sequential(MixedLinear(36, 12), nn.ReLU(), MixedLinear(12, 12), nn.ReLU(), MixedLinear(12, 10))
    twin = optimizer_of(optimizer, module.parameters(), 0.01)
    with TorchRecorder(module, twin) as recorder:
        recorder.load_state(a.state(0))
        for step in range(1, a.steps + 1):
            pixels, labels = map(torch.tensor, a.batch(step))
            twin.zero_grad()
            loss = nn.functional.cross_entropy(module(pixels.flatten(1) / 255), labels.long())
            loss.backward()
            twin.step()
            recorder.end_step(loss)
    made = recorder.recording()
    assert problems(diff(a, replace(made, precision="mixed"))) == []
    assert diff(a, made).first is not None  # it is no float32


# --- Wrong ones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [NETWORK, CONVOLUTIONAL], ids=["perceptron", "convolutional"])
@pytest.mark.parametrize("product", WRONG)
def test_wrong_products(product: str, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    a = reference(Setup(network), steps=1)
    for lockstep in (False, True):
        found = compared(monkeypatch, StandIn(WRONG[product]), a, lockstep=lockstep)
        assert found.first is not None
        assert (found.first.name, found.first.problem) == ("step/1/output/0", "B leaves the float64 reference")


def _bare_weight_gradient(self: Linear, params: Any, x: Any, dy: Any) -> dict[str, Any]:
    return {"weight": StandardArray(dy.bare.T @ x.bare, dy.namespace), "bias": _over_batch(dy)}


def _bare_input_gradient(self: Linear, params: Any, x: Any, dy: Any) -> tuple[Any, dict[str, Any]]:
    return StandardArray(dy.bare @ params["weight"].bare, dy.namespace), self.parameter_gradients(params, x, dy)


def _rounded_bias_gradient(self: Linear, params: Any, x: Any, dy: Any) -> dict[str, Any]:
    rounded = StandardArray(bfloat16(dy.bare).astype(np.float32), dy.namespace)
    return {"weight": dy.T @ x, "bias": _over_batch(rounded)}


def _over_batch(dy: Any) -> Any:
    return dy.__array_namespace__().sum(dy, axis=0)


@pytest.mark.parametrize(
    ("method", "wrong", "first"),
    [
        ("parameter_gradients", _bare_weight_gradient, "step/1/gradient/4.weight"),
        ("backward", _bare_input_gradient, "step/1/gradient/2.weight"),
        ("parameter_gradients", _rounded_bias_gradient, "step/1/gradient/4.bias"),
    ],
)
def test_wrong_backward_passes(
    method: str, wrong: Callable[..., Any], first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Linear, method, wrong)
        registered(patched, StandIn())
        b = replay(A, "stand-in", "mixed")
    found = diff(A, b)
    assert found.first is not None
    assert found.first.name == first


def test_one_precision_is_not_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        registered(patched, StandIn())
        made = {precision: replay(A, "stand-in", precision) for precision in StandIn.precisions}
    for said, done in (("mixed", "float32"), ("float32", "mixed")):
        assert diff(A, replace(made[done], precision=said)).first is not None
        assert diff(A, made[done]).first is None


# --- Compilers ------------------------------------------------------------------------------------------------------

HIDDEN = ("inputs", *(f"output/{index}" for index in range(4)))


@pytest.mark.parametrize("precision", StandIn.precisions)
@pytest.mark.parametrize("lockstep", [False, True])
@pytest.mark.parametrize("left_out", [HIDDEN, ("inputs",), ("output/0", "output/2"), ()], ids=len)
def test_a_compiler_may_leave_out_what_is_hidden(
    left_out: tuple[str, ...], lockstep: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = StandIn(RIGHT["in lanes"], left_out, compiler=True)
    found = compared(monkeypatch, backend, precision=precision, lockstep=lockstep)
    assert problems(found) == []
    assert found.holds
    missing = [row.name for row in found.rows if not row.compared]
    assert missing == [f"step/{step}/{name}" for step in (1, 2) for name in left_out]


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_every_fused_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, loss = SMALL_NETWORKS[name]
    a = record(Setup(network, loss), noise(network, steps=2, count=3))
    hidden = ("inputs", *(f"output/{index}" for index in range(len(network.layers) - 1)))
    for precision in StandIn.precisions:
        backend = StandIn(RIGHT["one by one"], hidden, compiler=True)
        found = compared(monkeypatch, backend, a, precision)
        assert problems(found) == []
        assert found.compared == len(found.rows) - 2 * len(hidden)


@pytest.mark.parametrize("left_out", ["inputs", "output/0", "output/3"])
def test_an_interpreter_may_not(left_out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(monkeypatch, StandIn(left_out=(left_out,)))
    assert problems(found) == [(f"step/{step}/{left_out}", "B lacks it") for step in (1, 2)]


OWED = ["output/4", "loss", "gradient/0.weight", "gradient/4.bias", "0.weight", "4.bias", "velocity/2.weight", "steps"]


@pytest.mark.parametrize("left_out", OWED)
def test_what_a_compiler_owes(left_out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(monkeypatch, StandIn(left_out=(left_out,), compiler=True))
    assert problems(found) == [(f"step/{step}/{left_out}", "B lacks it") for step in (1, 2)]


def test_a_compiler_is_judged_by_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        registered(patched, StandIn(compiler=True))
        made = replay(A, "stand-in", "mixed")
    assert made.compiler
    assert not A.compiler
    wrong = changed(made, "step/1/output/0", lambda value: value + 1)
    assert problems(diff(A, wrong))[0] == ("step/1/output/0", "B leaves the float64 reference")
    shaped = changed(made, "step/1/output/0", np.transpose)
    assert problems(diff(A, shaped)) == [("step/1/output/0", "B has shape (12, 6) instead of (6, 12)")]


@pytest.mark.parametrize("product", WRONG)
def test_a_mistake_in_a_hidden_layer_shows_later(product: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(monkeypatch, StandIn(WRONG[product], HIDDEN, compiler=True))
    assert found.first is not None
    assert found.first.name in ("step/1/output/4", "step/1/loss", "step/1/gradient/4.weight")


def test_a_compilers_recording_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        registered(patched, StandIn(left_out=HIDDEN, compiler=True))
        made = record(SETUP, noise(NETWORK), "stand-in", "mixed")
    assert problems(diff(made, A)) == problems(diff(made, made)) == []
    logits = without(made, "step/1/output/4")
    assert problems(diff(logits, A)) == [("step/1/output/4", "A lacks it")]
    assert problems(diff(logits, logits)) == [("step/1/output/4", "A and B lack it")]
