"""The `numpy` backend: what a step does, what it names, what it keeps, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparing import assert_near
from groundup import backends, randomness
from groundup.backends.interpreter import check_names
from groundup.backends.numpy import FLUSH_EVERY, NumpyBackend, NumpyProgram, uniforms
from groundup.backends.program import NOTHING, Progress
from groundup.errors import DataError, ParameterError, StateError
from groundup.layers import BatchNorm, Dropout, Flatten, Linear, ReLU, Residual
from groundup.losses import CrossEntropy
from groundup.network import Network, Normalization
from groundup.optimizers import SGD, Adam, AdamW, Optimizer
from groundup.training.loop import shuffled
from small_data import PIXELS, pictures

NETWORK = Network(
    [Flatten(), Linear(PIXELS, 12), BatchNorm(12), ReLU(), Dropout(0.3), Residual([Linear(12, 12)]), Linear(12, 10)],
    (1, 6, 6),
    Normalization(40.0, 80.0),
)
SIMPLE = Network([Linear(PIXELS, 10)])
DATA = pictures(50, 3)


def program(
    network: Network = NETWORK, optimizer: Optimizer | None = None, batch: int = 10, precision: str = "float32"
) -> NumpyProgram:
    return NumpyBackend().compile(network, CrossEntropy(), optimizer or SGD(0.9), batch, precision, seed=5)


def train(made: NumpyProgram, steps: int = 3, rate: float = 0.05) -> None:
    for number in range(steps):
        part = slice(number * 10 % 50, number * 10 % 50 + 10)
        made.step(DATA.images[part], DATA.labels[part], rate)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_get() -> None:
    assert isinstance(backends.get("numpy"), NumpyBackend)
    assert backends.get().name in backends.available()
    with pytest.raises(ParameterError, match=r"backend 'abacus' is unknown; there are auto, .*numpy"):
        backends.get("abacus")
    with pytest.raises(ParameterError, match="backend numpy has the precisions float32 and float64, not float16"):
        program(precision="float16")


def test_progress_adds_up() -> None:
    assert NOTHING.plus(Progress(1, 10, 2.5, 3)).plus(Progress(2, 5, 0.5, 4)) == Progress(3, 15, 3.0, 7)


def test_trace_names_everything_in_order_of_execution() -> None:
    made = program()
    names = list(made.trace(DATA.images[:10], DATA.labels[:10], 0.05))
    learned = list(NETWORK.parameters())
    outputs = [f"output/{index}" for index in range(len(NETWORK.layers))]
    assert names[: len(outputs) + 2] == ["inputs", *outputs, "loss"]
    gradients = names[len(outputs) + 2 : len(outputs) + 2 + len(learned)]
    assert set(gradients) == {f"gradient/{name}" for name in learned}
    layers = [int(name.removeprefix("gradient/").partition(".")[0]) for name in gradients]
    assert layers == sorted(layers, reverse=True)  # backward
    kept = names[len(outputs) + 2 + len(learned) :]
    assert kept == [*NETWORK.state_shapes(), *(f"velocity/{name}" for name in learned), "steps"]


def test_trace_is_a_step_and_its_values_stay() -> None:
    stepped, traced = program(), program()
    train(stepped, 3)
    for number in range(3):
        values = traced.trace(DATA.images[number * 10 :][:10], DATA.labels[number * 10 :][:10], 0.05)
        before = {name: value.tobytes() for name, value in values.items()}
    assert same(stepped.state(), traced.state())
    train(traced)
    assert before == {name: value.tobytes() for name, value in values.items()}


OPTIMIZERS: list[Optimizer] = [SGD(), SGD(0.9, nesterov=True, clip_norm=0.5), Adam(epsilon=1e-3), AdamW(epsilon=1e-3)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=[type(each).__name__ for each in OPTIMIZERS])
def test_trace_against_pytorch(optimizer: Optimizer) -> None:
    twins = pytest.importorskip("pytorch", reason="compares with PyTorch: install groundup[oracles]")
    torch = twins.torch
    made = program(optimizer=optimizer, precision="float64")
    twin = twins.sequential(NETWORK)
    begin = made.state()
    twins.load(twin, {name: begin[name] for name in NETWORK.state_shapes()})
    match optimizer:
        case SGD():
            theirs = torch.optim.SGD(twin.parameters(), 0.05, optimizer.momentum, nesterov=optimizer.nesterov)
        case AdamW():
            theirs = torch.optim.AdamW(twin.parameters(), 0.05, eps=1e-3, weight_decay=optimizer.weight_decay)
        case _:
            theirs = torch.optim.Adam(twin.parameters(), 0.05, eps=1e-3)
    for number in range(5):
        images, labels = DATA.images[number * 10 :][:10], DATA.labels[number * 10 :][:10]
        ours = made.trace(images, labels, 0.05)
        key = randomness.key(5, "mask", "4.mask", number + 1)
        drawn = np.array(randomness.uniforms(10 * 12, key)).reshape(10, 12)
        twin[4].mask = torch.tensor((drawn >= 0.3) / 0.7)
        x = torch.tensor((images - 40.0) / 80.0).reshape(10, 1, 6, 6)
        assert_near(ours["inputs"], x)
        for index, module in enumerate(twin.train()):
            x = module(x)
            assert_near(ours[f"output/{index}"], x.detach(), what=f"output/{index}")
        loss = torch.nn.CrossEntropyLoss()(x, torch.tensor(labels.astype(np.int64)))
        theirs.zero_grad()
        loss.backward()
        assert_near(ours["loss"], loss.detach())
        if optimizer.clip_norm:
            torch.nn.utils.clip_grad_norm_(twin.parameters(), optimizer.clip_norm)
        for name, gradient in twins.gradients(twin).items():
            assert_near(ours[f"gradient/{name}"], gradient, what=name)
        theirs.step()
        for name, value in twins.state(twin).items():
            assert_near(ours[name], value, 1e-8, what=name)


def test_a_step_reports_loss_and_right_answers() -> None:
    made = program(SIMPLE)
    outputs = made.predict(DATA.images[:10]).astype(np.float64)
    logarithms = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    progress = made.step(DATA.images[:10], DATA.labels[:10], 0.1)
    assert (progress.steps, progress.examples) == (1, 10)
    assert progress.loss == pytest.approx(-logarithms[np.arange(10), DATA.labels[:10]].sum(), rel=1e-5)
    assert progress.correct == int((outputs.argmax(axis=1) == DATA.labels[:10]).sum())


def test_it_learns() -> None:
    made = program(SIMPLE)
    losses = []
    for _ in range(20):
        made.epoch(
            DATA.images, DATA.labels, np.arange(50), [0.1] * 5, lambda done: losses.append(done.loss / 10) is not None
        )
    assert losses[-1] < 0.2 * losses[0]


@given(st.integers(0, 300), st.integers(0, 2**64 - 1))
def test_uniforms_are_the_published_ones(count: int, key: int) -> None:
    drawn = uniforms(count, key)
    assert drawn.dtype == np.float32
    assert drawn.tolist() == randomness.uniforms(count, key)


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5, 0.9])
def test_masks_are_those_of_any_backend(rate: float) -> None:
    made = program(precision="float64")
    mask = made.mask((7, 3, 5), rate, 2**63 + 11)
    drawn = np.array(randomness.uniforms(105, 2**63 + 11)).reshape(7, 3, 5)
    assert mask.dtype == np.float64
    assert np.array_equal(mask, np.where(drawn >= rate, 1 / (1 - rate), 0))


def test_what_is_drawn_equal_to_the_rate_is_kept() -> None:
    rate = randomness.uniforms(20, 2**63 + 11)[7]
    assert program().mask((20,), rate, 2**63 + 11)[7] > 0


@given(st.integers(0, 500), st.integers(0, 2**40), st.integers(0, 1000))
def test_the_order_of_pictures_is_that_of_any_backend(count: int, seed: int, epoch: int) -> None:
    assert shuffled(count, seed, epoch).tolist() == randomness.permutation(count, seed, "order", epoch)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, Adam(amsgrad=True)])
def test_state_goes_on_exactly(precision: str, optimizer: Optimizer) -> None:
    through, stopped = (program(optimizer=optimizer, precision=precision) for _ in range(2))
    train(stopped, 4)
    kept = stopped.state()
    assert all(value.dtype == (precision if name != "steps" else "int64") for name, value in kept.items())
    assert set(kept) == {
        *NETWORK.state_shapes(),
        *(f"{moment}/{name}" for moment in optimizer.moments for name in NETWORK.parameters()),
        "steps",
    }
    train(stopped, 3)  # what `state` gave must not change with it
    resumed = program(optimizer=optimizer, precision=precision)
    resumed.load_state(kept)
    assert same(resumed.state(), kept)
    train(through, 4)
    train(through, 2)
    train(resumed, 2)
    assert same(resumed.state(), through.state())


def test_steps_are_counted_beyond_what_float32_can() -> None:
    made = program()
    made.load_state(made.state() | {"steps": np.int64(2**24 + 1)})
    assert int(made.state()["steps"]) == 2**24 + 1


def test_state_without_moments_begins_them_anew() -> None:
    made = program()
    train(made)
    weights = {name: made.state()[name] for name in NETWORK.state_shapes()}
    made.load_state(weights)
    kept = made.state()
    assert float(kept["steps"]) == 0
    assert not any(kept[name].any() for name in kept if name.startswith("velocity/"))
    assert all(np.array_equal(kept[name], weights[name]) for name in weights)


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing() -> None:
    made = program()
    train(made)
    before = made.state()
    good = dict(before)
    less = {name: value for name, value in good.items() if name != "velocity/1.bias"}
    for broken, because in (
        ({name: value for name, value in good.items() if name != "6.bias"}, "6.bias is missing; it has 1.weight"),
        (less, "velocity/1.bias is missing"),
        (good | {"9.weight": good["1.weight"]}, "9.weight is unknown"),
        (good | {"6.weight": good["6.weight"].T}, r"6.weight has shape \(12, 10\) instead of \(10, 12\)"),
        (good | {"6.weight": good["6.weight"].ravel()}, r"6.weight has shape \(120,\) instead of \(10, 12\)"),
        (good | {"velocity/6.bias": np.zeros(9)}, r"velocity/6.bias has shape \(9,\) instead of \(10,\)"),
        (good | {"6.bias": [0.0] * 10}, r"6.bias has shape None instead of \(10,\)"),
    ):
        with pytest.raises(StateError, match=because):
            made.load_state(broken)
        assert same(made.state(), before)


def test_standard_library_arrays_are_states_too() -> None:
    state = NETWORK.initial_state(5)
    check_names(state, NETWORK.state_shapes())
    made = program()
    assert all(np.array_equal(made.state()[name].ravel(), np.float32(state[name])) for name in state)
    with pytest.raises(StateError, match=r"6.bias has shape \(9,\) instead of \(10,\)"):
        check_names(state | {"6.bias": state["6.bias"][:9]}, NETWORK.state_shapes())


def rarely_lit() -> tuple[np.ndarray, np.ndarray]:
    """Return pictures whose pixels are lit in the first batch only."""
    images = DATA.images.copy()
    images[10:] = 0
    return images, DATA.labels


def run_rarely_lit(made: NumpyProgram, steps: int = 1400) -> np.ndarray:
    images, labels = rarely_lit()
    for number in range(steps):
        part = slice(0, 10) if number == 0 else slice(10, 20)
        made.step(images[part], labels[part], 0.01)
    return np.abs(made.state()["velocity/0.weight"])


def test_no_velocity_decays_into_subnormal_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    smallest = np.finfo(np.float32).smallest_normal
    steps = 15 * FLUSH_EVERY
    velocity = run_rarely_lit(program(SIMPLE), steps)
    assert not np.any((velocity > 0) & (velocity < smallest))
    monkeypatch.setattr(NumpyProgram, "_flush", lambda self: None)
    velocity = run_rarely_lit(program(SIMPLE), steps)
    assert np.any((velocity > 0) & (velocity < smallest))


def test_the_flush_changes_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed, plain = program(SIMPLE), program(SIMPLE)
    run_rarely_lit(flushed)
    monkeypatch.setattr(NumpyProgram, "_flush", lambda self: None)
    run_rarely_lit(plain)
    assert np.array_equal(flushed.state()["0.weight"], plain.state()["0.weight"])


def test_epoch_stops_when_told() -> None:
    made, seen = program(SIMPLE), []
    made.epoch(DATA.images, DATA.labels, np.arange(50), [0.1] * 5, lambda done: seen.append(done) or len(seen) == 2)
    assert len(seen) == 2
    assert int(made.state()["steps"]) == 2


def test_epoch_is_its_steps_with_their_rates_and_order() -> None:
    order, rates = shuffled(50, 1, 0), [0.1, 0.2, 0.05]
    whole, single, seen = program(batch=20), program(batch=20), []
    whole.epoch(DATA.images, DATA.labels, order, rates, lambda done: seen.append(done.examples) is not None)
    for number, rate in enumerate(rates):
        batch = order[number * 20 : (number + 1) * 20]
        single.step(DATA.images[batch], DATA.labels[batch], rate)
    assert seen == [20, 20, 10]  # the last batch is what is left
    assert same(whole.state(), single.state())


def test_a_batch_larger_than_the_data_is_all_of_it() -> None:
    made, seen = program(SIMPLE, batch=1000), []
    made.epoch(DATA.images, DATA.labels, np.arange(50), [0.1], lambda done: seen.append(done.examples) is not None)
    assert seen == [50]


@pytest.mark.parametrize("shape", [(5, 7, 6), (5, 28, 28), (5, 0, 0), (5, 35)])
def test_pictures_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    made = program()
    with pytest.raises(DataError, match=r"pictures of .* pixels do not fit the network's inputs of shape \(1, 6, 6\)"):
        made.predict(np.zeros(shape, np.uint8))
    with pytest.raises(DataError):
        made.step(np.zeros(shape, np.uint8), np.zeros(5, np.uint8), 0.1)


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1203])
def test_prediction_does_not_depend_on_its_batches(count: int) -> None:
    made, images = program(precision="float64"), pictures(1203, 8).images[:count]
    outputs = made.predict(images)
    assert outputs.shape == (count, 10)
    for place in {0, count // 2, count - 1} if count else set():
        assert np.allclose(made.predict(images[place : place + 1])[0], outputs[place], rtol=1e-12)


def test_prediction_changes_nothing() -> None:
    made = program()
    train(made)
    before = made.state()
    made.predict(DATA.images)
    made.activations(DATA.images[:2])
    assert same(made.state(), before)


def test_precision_is_that_of_all_arithmetic() -> None:
    single, double = program(SIMPLE), program(SIMPLE, precision="float64")
    values = [made.trace(DATA.images[:10], DATA.labels[:10], 0.1) for made in (single, double)]
    for trace, kind in zip(values, ("float32", "float64"), strict=True):
        assert {value.dtype.name for name, value in trace.items() if name != "steps"} == {kind}
    weights = np.array(SIMPLE.initial_state(5)["0.weight"]).reshape(10, PIXELS)
    exact = [
        math.fsum(weight * (pixel / 255) for weight, pixel in zip(row, DATA.images[0].ravel(), strict=True))
        for row in weights.tolist()
    ]
    assert np.allclose(values[1]["output/0"][0], exact, rtol=1e-13, atol=1e-15)
    error = np.abs(values[0]["output/0"][0] - exact).max()
    assert 1e-12 < error < 1e-5


def test_inputs_are_normalised_bytes() -> None:
    random_network = Network([Linear(PIXELS, 10)], normalization=Normalization(33.3, 78.6))
    made = program(random_network, precision="float64")
    assert np.allclose(made.inputs(DATA.images), (DATA.images.reshape(50, -1) - 33.3) / 78.6, rtol=1e-13, atol=1e-14)
    assert np.array_equal(program(SIMPLE).inputs(np.full((1, 6, 6), 255, np.uint8)), np.ones((1, 36), np.float32))


def test_another_seed_begins_and_drops_differently() -> None:
    backend = NumpyBackend()
    one, other = (backend.compile(NETWORK, CrossEntropy(), SGD(), 10, seed=seed) for seed in (1, 2))
    assert not np.array_equal(one.state()["1.weight"], other.state()["1.weight"])
    other.load_state(one.state())
    train(one, 1)
    train(other, 1)
    assert not np.array_equal(one.state()["6.weight"], other.state()["6.weight"])  # the masks differ


def test_masks_differ_from_step_to_step() -> None:
    made = program(Network([Dropout(0.5), Linear(PIXELS, 10)], (PIXELS,)))
    first, second = (made.trace(DATA.images[:10], DATA.labels[:10], 0.0)["output/0"] for _ in range(2))
    assert np.any(first != second)
    assert np.all((first == second) | (first == 0) | (second == 0))
