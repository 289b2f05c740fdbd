"""The comparator: what is equal passes on every backend; whatever is corrupted fails, and is named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from recordings import NETWORK, SETUP, changed, noise, reference, without

from groundup import backends
from groundup.backends.interpreter import Interpreter
from groundup.errors import RecordingError
from groundup.layers import Linear
from groundup.layers.activations import ReLU
from groundup.losses import CrossEntropy
from groundup.models.recipes import RECIPES
from groundup.network import Network
from groundup.optimizers import SGD, Adam, AdamW
from groundup.verify.comparison import diff
from groundup.verify.memstate import Batch, Recording, Setup, record, replay
from groundup.verify.small_networks import SMALL_NETWORKS
from random_networks import convolutional, perceptron

A = reference()
SINGLE = replay(A, "numpy", "float32")
NAMES = list(A.values)


def assert_first(a: Recording, b: Recording, name: str, words: str = "") -> None:
    difference = diff(a, b)
    assert not difference.holds
    assert difference.first is not None
    assert difference.first.name == name
    assert words in difference.first.problem


# --- What is equal ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL_NETWORKS)
@pytest.mark.parametrize("backend", backends.available())
def test_every_layer_and_loss_on_every_backend(backend: str, name: str) -> None:
    network, loss = SMALL_NETWORKS[name]
    first = record(Setup(network, loss), noise(network, steps=2, count=3))
    for precision in backends.get(backend).precisions:
        made = replay(first, backend, precision)
        difference = diff(first, made)
        assert difference.first is None
        assert difference.compared == len(made.values)
        assert made.compiler or list(made.values) == list(first.values)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(),
        SGD(momentum=0.9, nesterov=True, weight_decay=0.01, clip_norm=0.2),
        SGD(momentum=0.5, dampening=0.5, clip_norm=1000),
        Adam(),
        Adam(amsgrad=True, weight_decay=0.1),
        AdamW(clip_norm=0.1),
    ],
    ids=str,
)
@pytest.mark.parametrize("lockstep", [False, True])
def test_every_optimizer_for_some_steps(optimizer: Any, lockstep: bool) -> None:
    first = reference(Setup(NETWORK, CrossEntropy(), optimizer, 0.01), steps=5)
    difference = diff(first, replay(first, "numpy", "float32", lockstep=lockstep))
    assert difference.first is None
    assert difference.holds


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_random_networks_in_single_precision(make: Callable[[int], Network], seed: int) -> None:
    network = make(seed)
    first = record(Setup(network, optimizer=SGD(momentum=0.9), learning_rate=0.01), noise(network))
    assert diff(first, replay(first, "numpy", "float32")).first is None


@pytest.mark.parametrize("name", ["lenet5", "tensorvalue", "neurons-16", "cnn"])
def test_named_networks_in_single_precision(name: str) -> None:
    chosen = RECIPES[name]()
    setup = Setup(chosen.network, chosen.loss, chosen.optimizer, chosen.learning_rate)
    first = record(setup, noise(chosen.network, steps=2, count=3))
    assert diff(first, replay(first, "numpy", "float32")).first is None


def test_tolerances_are_narrow() -> None:
    for name in ("step/2/output/4", "step/2/gradient/0.weight", "step/2/0.weight", "step/2/velocity/2.bias"):
        typical = float(np.abs(A.values[name]).max())
        for other, relative in ((A, 1e-11), (SINGLE, 5e-3)):
            place = tuple(int(i) for i in np.unravel_index(int(np.abs(A.values[name]).argmax()), A.values[name].shape))
            spoilt = changed(other, name, lambda value, at=place, by=typical * relative: _add(value, at, by))
            assert_first(A, spoilt, name, "B leaves the float64 reference")


def _add(value: Any, place: Any, by: float) -> Any:
    value[place] += by
    return value


def test_a_recording_of_half_a_step_more() -> None:
    longer = reference(steps=3)
    names = [row.name for row in diff(A, longer).rows if row.problem]
    assert "step/3/loss" in names
    assert all(name.startswith("step/3/") for name in names)
    assert_first(longer, A, "step/3/inputs", "B lacks it")


# --- Corrupted ----------------------------------------------------------------------------------------------------


COMPUTED = [name for name in NAMES if name.startswith("step/") and A.values[name].size]


@pytest.mark.parametrize("b", [A, SINGLE], ids=["float64", "float32"])
@pytest.mark.parametrize("name", COMPUTED)
def test_one_wrong_value(name: str, b: Recording) -> None:
    def change(value: Any) -> Any:
        flat = value.reshape(-1)
        flat[flat.size // 2] += 1
        return value

    spoilt = changed(b, name, change)
    assert_first(A, spoilt, name)
    row = next(row for row in diff(A, spoilt).rows if row.name == name)
    assert row.where == tuple(map(int, np.unravel_index(A.values[name].size // 2, A.values[name].shape)))
    assert row.absolute > 0.9


FLOATS = [name for name in COMPUTED if A.values[name].dtype.kind == "f"]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, np.nan) for name in FLOATS] + [(name, sign * np.inf) for name in FLOATS[-12:] for sign in (1, -1)],
)
def test_nan_and_infinity(name: str, value: float) -> None:
    def change(values: Any) -> Any:
        values[(0,) * values.ndim] = value
        return values

    assert_first(A, changed(A, name, change), name, "B holds NaN or infinity")
    both = changed(A, name, change)
    assert name in [row.name for row in diff(both, both).rows if row.problem]


@pytest.mark.parametrize("name", [name for name in COMPUTED if not name.endswith(("pixels", "labels"))])
def test_a_missing_name(name: str) -> None:
    given = name.startswith("step/0/")
    if not given:
        assert_first(A, without(A, name), name, "B lacks it")
        rest = diff(A, without(A, name))
        assert rest.compared == len(rest.rows) - 1
        assert rest.first is not None
        assert [row.name for row in rest.rows if row.problem] == [name]  # what follows is not its fault
    else:
        assert diff(A, without(A, name)).holds  # it was given, so it was as A says
    if given:  # nothing can be computed without it
        with pytest.raises(RecordingError, match=name.replace(".", r"\.")):
            diff(without(A, name), A)
    else:
        assert_first(without(A, name), A, name, "A lacks it")


def test_an_extra_name() -> None:
    extra = replace(A, values=A.values | {"step/1/output/7": np.zeros(3)})
    assert_first(A, extra, "step/1/output/7", "B has it, but the network has no such value")
    assert_first(extra, A, "step/1/output/7", "A has it")
    assert_first(extra, extra, "step/1/output/7", "A and B have it")
    strange = replace(A, values=A.values | {"odd": np.zeros(3)})
    assert_first(A, strange, "odd")


@pytest.mark.parametrize("name", COMPUTED)
def test_another_shape(name: str) -> None:
    assert_first(A, changed(A, name, lambda value: value[..., np.newaxis]), name, "B has shape")


@pytest.mark.parametrize("name", COMPUTED)
def test_another_type(name: str) -> None:
    assert_first(A, changed(A, name, lambda value: value.astype(np.float32)), name, "B has type float32 instead of")
    wrong = changed(A, name, lambda value: value.astype(np.int16))
    assert_first(A, wrong, name, "B has type int16 instead of")


def test_a_transposed_weight() -> None:
    assert_first(A, changed(A, "step/1/2.weight", np.transpose), "step/1/2.weight", "B leaves the float64 reference")
    # of a layer that is not square, the shape says it
    assert_first(A, changed(A, "step/1/0.weight", np.transpose), "step/1/0.weight", "B has shape (36, 12) instead of")


def test_a_corrupted_a_is_told_from_a_corrupted_b() -> None:
    wrong = changed(A, "step/1/output/2", lambda value: value + 1e-3)
    assert_first(wrong, A, "step/1/output/2", "A leaves the float64 reference")
    assert_first(wrong, wrong, "step/1/output/2", "A and B leave the float64 reference")
    row = diff(wrong, wrong).first
    assert row is not None
    assert row.absolute == 0
    assert row.share > 1e6


def test_other_data() -> None:
    other = record(SETUP, [Batch(255 - batch.pixels, batch.labels) for batch in noise(NETWORK)])
    assert_first(A, other, "step/1/pixels")


# --- Wrong programs -----------------------------------------------------------------------------------------------


def wrong_program(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, wrong: Any, *, lockstep: bool) -> Recording:
    """What a program with a mistake records; the mistake is gone when it is compared."""
    with monkeypatch.context() as patched:
        patched.setattr(kind, method, wrong)
        return replay(A, "numpy", "float64", lockstep=lockstep)


def _forward_without_bias(self: Any, params: Any, x: Any, training: bool = False) -> Any:
    return x @ params["weight"].T, x


def _forward_transposed(self: Any, params: Any, x: Any, training: bool = False) -> Any:
    weight = params["weight"]
    return x @ (weight if weight.shape[0] == weight.shape[1] else weight.T) + params["bias"], x


def _one_bias_gradient(self: Any, params: Any, x: Any, dy: Any) -> Any:
    return {"weight": dy.T @ x, "bias": np.full(dy.shape[1], np.sum(dy))}


def _always_one(self: Any, params: Any, y: Any, dy: Any) -> Any:
    return dy, {}


def _uphill(self: Any, gradients: Any, learning_rate: float) -> None:
    for name, gradient in gradients.items():
        self.params[name], self.moments[name] = self.optimizer.update(
            self.params[name], -gradient, self.moments[name], learning_rate, self.steps
        )


@pytest.mark.parametrize(
    ("kind", "method", "wrong", "first"),
    [
        (Linear, "forward", _forward_without_bias, "step/2/output/0"),  # at first all biases are 0
        (Linear, "forward", _forward_transposed, "step/1/output/2"),
        (Linear, "parameter_gradients", _one_bias_gradient, "step/1/gradient/4.bias"),
        (ReLU, "backward", _always_one, "step/1/gradient/2.weight"),
        (Interpreter, "_update", _uphill, "step/1/0.weight"),
    ],
)
@pytest.mark.parametrize("lockstep", [False, True])
def test_the_first_name_is_where_the_mistake_is(
    monkeypatch: pytest.MonkeyPatch, kind: type, method: str, wrong: Any, first: str, lockstep: bool
) -> None:
    assert_first(A, wrong_program(monkeypatch, kind, method, wrong, lockstep=lockstep), first)


def test_lockstep_separates_a_mistake_from_its_consequences(monkeypatch: pytest.MonkeyPatch) -> None:
    def names(lockstep: bool) -> set[str]:
        wrong = wrong_program(monkeypatch, Linear, "parameter_gradients", _one_bias_gradient, lockstep=lockstep)
        return {row.name.partition("/gradient/")[2] for row in diff(A, wrong).rows if row.problem and "/2/" in row.name}

    biases = {"0.bias", "2.bias", "4.bias"}
    assert names(lockstep=True) - {""} <= biases
    assert names(lockstep=True) & biases
    assert names(lockstep=False) - {""} > biases


def test_lockstep_feeds_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = wrong_program(monkeypatch, Interpreter, "_update", _uphill, lockstep=True)
    found = [row.name for row in diff(A, wrong).rows if row.problem]
    assert found
    assert not [name for name in found if "/output/" in name or "/gradient/" in name]


def test_lockstep_begins_with_the_state_of_the_reference() -> None:
    stepped = replay(A, "numpy", "float32", lockstep=True)
    moved = changed(stepped, "step/1/0.weight", lambda value: value + 1)
    assert [row.name for row in diff(A, moved).rows if row.problem] == ["step/1/0.weight"]  # nobody goes on with it
    other = replace(A, values=A.values | {"step/1/0.weight": A.values["step/1/0.weight"] + 1})
    assert "step/2/output/0" in [row.name for row in diff(other, stepped).rows if row.problem]


def test_each_side_has_its_own_arithmetic() -> None:
    far = replay(A, "numpy", "float64")
    name, rounded = "step/1/output/2", A.values["step/1/output/2"].astype(np.float32).astype(np.float64)
    for a, b, words in (
        (A, changed(far, name, lambda value: rounded), "B leaves the float64 reference"),
        (changed(far, name, lambda value: rounded), SINGLE, "A leaves the float64 reference"),
    ):
        assert_first(a, b, name, words)


def test_two_problems_of_one_value() -> None:
    name = "step/1/output/2"
    both = diff(without(A, name), changed(A, name, np.transpose)).first
    assert both is not None
    assert both.problem == "A lacks it; B has shape (12, 6) instead of (6, 12)"
    assert_first(without(A, name), without(A, name), name, "A and B lack it")


# --- What cannot be compared --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("step/1/pixels", np.zeros((6, 1, 35), np.uint8), "no batch"),
        ("step/1/labels", np.zeros((5,), np.uint8), "no batch"),
        ("step/1/labels", np.zeros((6,), np.float64), "must be bytes"),
        ("step/0/0.weight", np.zeros((12, 35)), "has shape"),
        ("step/0/0.weight", np.zeros((12, 36), bool), "holds bool"),
    ],
)
def test_unusable_references(name: str, value: Any, words: str) -> None:
    with pytest.raises(RecordingError, match=words):
        diff(replace(A, values=A.values | {name: value}), A)


def test_a_reference_needs_a_setup_and_a_known_precision() -> None:
    with pytest.raises(RecordingError, match="no setup"):
        diff(replace(A, setup=None), A)
    with pytest.raises(RecordingError, match="no tolerance is known for the precision 'float8'"):
        diff(A, replace(A, precision="float8"))


def test_a_reference_that_would_fill_the_memory_is_refused() -> None:
    setup = copy.copy(SETUP)
    object.__setattr__(setup, "network", Network([Linear(36, 2**40)]))
    with pytest.raises(RecordingError, match="too many"):
        diff(replace(A, setup=setup), A)


def test_nothing_compared_does_not_hold() -> None:
    empty = replace(A, values={name: value for name, value in A.values.items() if name.startswith("step/0/")})
    assert not diff(empty, replace(empty, values={})).holds
