"""What the C++ program does beside its arithmetic, which `test_conformance` covers."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

from groundup import backends
from groundup.backends.program import Progress
from groundup.errors import DataError, NetworkError, ParameterError
from groundup.layers import BatchNorm, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU
from groundup.losses import CrossEntropy
from groundup.network import Network
from groundup.optimizers import SGD, Adam

pytestmark = pytest.mark.skipif(not backends.native_is_built(), reason=f"native is {backends.NOT_BUILT}")

CONVOLUTIONS = Network(
    [Conv2d(1, 5, 3), MaxPool2d(2), BatchNorm(5), ReLU(), Flatten(), Dropout(0.2), Linear(5 * 6 * 6, 10)], (1, 14, 14)
)
WIDE = Network([Linear(196, 400), ReLU(), Linear(400, 10)])  # so large that its products are shared out by panels


def program(network: Network, batch_size: int = 20, threads: int = 1, precision: str = "float32") -> Any:
    backend = backends.get("native", threads)
    return backend.compile(network, CrossEntropy(), Adam(), batch_size, precision, seed=3)


def digits(count: int, seed: int = 0) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    shape = (count, 14, 14)
    pixels = np.where(generator.random(shape) < 0.8, 0, generator.integers(0, 256, shape)).astype(np.uint8)
    return pixels, generator.integers(0, 10, count).astype(np.uint8)


def never(progress: Progress) -> bool:
    return False


def trained(network: Network, threads: int, precision: str = "float32") -> dict[str, Any]:
    made = program(network, threads=threads, precision=precision)
    pixels, labels = digits(95)
    made.epoch(pixels, labels, np.arange(95)[::-1], [0.01] * 5, never)
    return made.state() | {"predicted": made.predict(pixels)}


@pytest.mark.parametrize("precision", ["float32", "mixed"])
@pytest.mark.parametrize("network", [CONVOLUTIONS, WIDE], ids=["convolutions", "wide"])
def test_threads_change_nothing(network: Network, precision: str) -> None:
    alone = trained(network, 1, precision)
    for threads in (2, 5):
        together = trained(network, threads, precision)
        assert all(np.array_equal(alone[name], together[name]) for name in alone)


@pytest.mark.parametrize("network", [CONVOLUTIONS, WIDE], ids=["convolutions", "wide"])
def test_an_epoch_is_its_steps(network: Network) -> None:
    pixels, labels = digits(50)
    order = np.random.default_rng(1).permutation(50)
    epoch, steps = program(network), program(network)
    told: list[Progress] = []
    epoch.epoch(pixels, labels, order, [0.01, 0.02, 0.03], lambda progress: bool(told.append(progress)))
    done = [
        steps.step(pixels[order[at : at + 20]], labels[order[at : at + 20]], rate)
        for at, rate in ((0, 0.01), (20, 0.02), (40, 0.03))
    ]
    a, b = epoch.state(), steps.state()
    assert all(np.array_equal(a[name], b[name]) for name in b)
    assert sum(progress.steps for progress in told) == 3
    assert sum(progress.examples for progress in told) == 50
    assert sum(progress.correct for progress in told) == sum(progress.correct for progress in done)
    assert np.isclose(sum(progress.loss for progress in told), sum(progress.loss for progress in done))


def test_a_trace_is_a_step() -> None:
    pixels, labels = digits(20)
    traced, stepped = program(CONVOLUTIONS), program(CONVOLUTIONS)
    values = traced.trace(pixels, labels, 0.01)
    stepped.step(pixels, labels, 0.01)
    assert all(np.array_equal(values[name], value) for name, value in stepped.state().items())


def test_steps_and_traces_in_any_order_are_steps() -> None:
    pixels, labels = digits(20)
    mixed, stepped = program(CONVOLUTIONS), program(CONVOLUTIONS)
    for name in ("step", "trace", "step", "trace", "trace", "step"):
        getattr(mixed, name)(pixels, labels, 0.01)
        stepped.step(pixels, labels, 0.01)
    a, b = mixed.state(), stepped.state()
    assert all(np.array_equal(a[name], b[name]) for name in b)


def test_predictions_do_not_depend_on_their_company() -> None:
    pixels, _ = digits(700)
    made = program(CONVOLUTIONS)
    together = made.predict(pixels)
    assert made.predict(pixels[:0]).shape == (0, 10)
    for count in (1, 2, 3, 5, 241):
        assert np.allclose(made.predict(pixels[:count]), together[:count], rtol=1e-5, atol=1e-6)


def test_observe_stops_the_epoch() -> None:
    pixels, labels = digits(20)
    made = program(WIDE)
    told: list[Progress] = []

    def stop(progress: Progress) -> bool:
        told.append(progress)
        return True

    made.epoch(pixels, labels, np.tile(np.arange(20), 100_000), [0.001] * 100_000, stop)
    assert len(told) == 1
    assert made.steps == told[0].steps < 100_000


def told_losses(report_every: float, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setattr("groundup.backends.native.program.REPORT_EVERY", report_every)
    pixels, labels = digits(95)
    losses: list[float] = []
    made = backends.get("native", 1).compile(WIDE, CrossEntropy(label_smoothing=0.1), SGD(), 7)
    order = np.tile(np.arange(95), 20)
    made.epoch(pixels, labels, order, [0.01] * 272, lambda progress: bool(losses.append(progress.loss)))
    return losses


def test_the_sum_of_the_losses_does_not_depend_on_when_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    each, whole = told_losses(0.0, monkeypatch), told_losses(1e9, monkeypatch)
    assert (len(each), len(whole)) == (272, 1)
    assert sum(each[:100]) + sum(each[100:]) == sum(each) == whole[0]


def test_an_error_in_observe_comes_out() -> None:
    pixels, labels = digits(20)
    made = program(WIDE)

    def fail(progress: Progress) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.epoch(pixels, labels, np.tile(np.arange(20), 100_000), [0.001] * 100_000, fail)
    assert 0 < made.steps < 100_000


def test_python_runs_on_meanwhile() -> None:
    pixels, labels = digits(20)
    made = program(WIDE)
    counted, done = 0, threading.Event()

    def count() -> None:
        nonlocal counted
        while not done.wait(0.001):
            counted += 1

    thread = threading.Thread(target=count)
    thread.start()
    made.epoch(pixels, labels, np.tile(np.arange(20), 1000), [0.001] * 1000, never)
    done.set()
    thread.join()
    assert counted > 3


def test_a_forked_child_goes_on_alone() -> None:
    pixels, labels = digits(95)
    made = program(WIDE, threads=3)
    expected = made.predict(pixels)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        made.step(pixels[:20], labels[:20], 0.0)
        os._exit(0 if np.array_equal(made.predict(pixels), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(made.predict(pixels), expected)


@pytest.mark.parametrize("fault", ["label 10", "picture 0 or 20", "20 pictures, but 19", "13x14 pixels"])
def test_refuses_what_does_not_fit(fault: str) -> None:
    pixels, labels = digits(20)
    made = program(WIDE, batch_size=10)
    before = made.state()
    order = np.arange(20)
    if fault == "label 10":
        labels[7] = 10
    if fault == "picture 0 or 20":
        order[3] = 20
    if fault == "20 pictures, but 19":
        labels = labels[:19]
    if fault == "13x14 pixels":
        pixels = pixels[:, 1:]
    with pytest.raises(DataError, match=fault):
        made.epoch(pixels, labels, order, [0.1, 0.1], never)
    after = made.state()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_refuses_a_batch_larger_than_compiled_for() -> None:
    made = program(WIDE, batch_size=10)
    with pytest.raises(DataError, match="batch of 20 pictures, but the program was compiled for 10"):
        made.step(*digits(20), 0.1)


class Cube(Layer):
    """x³: a layer of somebody's own."""


def test_refuses_an_unknown_layer_by_name() -> None:
    with pytest.raises(NetworkError, match=r"does not know layer 1, Cube\(\)"):
        program(Network([Linear(196, 10), Cube()]))


def test_refuses_a_window_too_wide_for_its_places() -> None:
    program(Network([MaxPool2d(255), Flatten(), Linear(1, 10)], (1, 255, 255)))
    with pytest.raises(NetworkError, match=r"layer 0, MaxPool2d\(size=256\): native pools .* at most 255"):
        program(Network([MaxPool2d(256), Flatten(), Linear(1, 10)], (1, 256, 256)))


def test_refuses_an_unknown_precision() -> None:
    with pytest.raises(ParameterError, match=r"float32 and mixed|mixed and float32"):
        program(WIDE, precision="float64")


def test_empty_batch_changes_nothing_but_the_count() -> None:
    made = backends.get("native", 2).compile(WIDE, CrossEntropy(), SGD(), 10)
    pixels, labels = digits(0)
    before = made.state()
    assert made.step(pixels, labels, 0.1).examples == 0
    after = made.state()
    assert all(np.array_equal(before[name], after[name]) for name in before if name != "steps")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("network", [CONVOLUTIONS, WIDE], ids=["convolutions", "wide"])
def test_a_broken_weight_shows(network: Network, bad: float) -> None:
    made = program(network)
    state = made.state()
    name = next(iter(network.parameters()))
    state[name].flat[:] = bad
    made.load_state(state)
    pixels, labels = digits(20)
    assert not np.isfinite(made.step(pixels, labels, 0.1).loss)
    assert not np.isfinite(made.predict(pixels)).all()
