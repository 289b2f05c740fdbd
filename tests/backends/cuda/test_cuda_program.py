"""What the program on a GPU does beside its arithmetic, which `test_conformance` covers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cuda_device import substituted
from groundup import backends
from groundup.augmentation import Augmentation
from groundup.backends.cuda import storage
from groundup.backends.cuda.plan import MOST_ELEMENTS
from groundup.backends.cuda.program import CudaProgram
from groundup.backends.program import Progress
from groundup.errors import DataError, NetworkError, ParameterError, StateError
from groundup.layers import BatchNorm, Conv2d, Dropout, Flatten, Layer, Linear, ReLU
from groundup.losses import CrossEntropy, Loss
from groundup.network import Network
from groundup.optimizers import SGD, Adam, Optimizer

NETWORK = Network([Conv2d(1, 2, 3), BatchNorm(2), ReLU(), Flatten(), Dropout(0.2), Linear(32, 3)], (1, 6, 6))
RATES = [0.01, 0.02, 0.03, 0.02, 0.01]
BATCH = 4


@pytest.fixture(autouse=True)
def _device(monkeypatch: pytest.MonkeyPatch) -> None:
    substituted(monkeypatch)
    monkeypatch.setattr(storage, "STEPS_TOGETHER", 2)


def program(network: Network = NETWORK, **options: Any) -> CudaProgram:
    settings = {"loss": CrossEntropy(), "optimizer": Adam(), "batch_size": BATCH, "seed": 3} | options
    return backends.get("cuda").compile(network, **settings)


def digits(count: int = 18, seed: int = 0) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    pixels = np.where(generator.random((count, 6, 6)) < 0.6, 0, generator.integers(0, 256, (count, 6, 6)))
    return pixels.astype(np.uint8), generator.integers(0, 3, count).astype(np.uint8)


def never(progress: Progress) -> bool:
    return False


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_an_epoch_is_its_steps_and_steps_do_not_depend_on_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, labels = digits()
    order = np.random.default_rng(1).permutation(18)
    epoch, steps = program(), program()
    told: list[Progress] = []
    epoch.epoch(pixels, labels, order, RATES, lambda progress: bool(told.append(progress)))
    batches = [order[first : first + BATCH] for first in range(0, 18, BATCH)]
    done = [steps.step(pixels[at], labels[at], rate) for at, rate in zip(batches, RATES, strict=True)]
    assert same(epoch.state(), steps.state())
    assert sum(progress.steps for progress in told) == 5
    assert sum(progress.examples for progress in told) == 18
    assert sum(progress.correct for progress in told) == sum(progress.correct for progress in done)
    assert np.isclose(sum(progress.loss for progress in told), sum(progress.loss for progress in done))
    assert [progress.examples for progress in done] == [4, 4, 4, 4, 2]


def test_training_is_told_to_stop_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundup.backends.cuda.program.FIRST_STEPS", 2)
    pixels, labels = digits()
    whole, stopped = program(), program()
    whole.epoch(pixels, labels, np.arange(18), RATES, never)
    stopped.epoch(pixels, labels, np.arange(18), RATES, lambda progress: True)
    assert stopped.steps == 2
    resumed = program(state=stopped.state())
    resumed.epoch(pixels, labels, np.arange(18)[2 * BATCH :], RATES[2:], never)
    assert same(whole.state(), resumed.state())


def test_a_trace_is_a_step() -> None:
    pixels, labels = digits(3)
    traced, stepped = program(), program()
    values = traced.trace(pixels, labels, 0.1)
    progress = stepped.step(pixels, labels, 0.1)
    assert same({name: values[name] for name in stepped.state()}, stepped.state())
    assert values["inputs"].shape == (3, 1, 6, 6)
    assert np.isclose(values["loss"], progress.loss / 3)
    assert list(values)[:3] == ["inputs", "output/0", "output/1"]


def test_answers() -> None:
    pixels, labels = digits(11)
    made, numpy = program(precision="float32"), backends.get("numpy").compile(NETWORK, CrossEntropy(), Adam(), BATCH)
    made.epoch(pixels, labels, np.arange(11), RATES[:3], never)
    numpy.load_state(made.state())
    before = made.state()
    for count in (11, 1, 2, 0):
        np.testing.assert_allclose(made.predict(pixels[:count]), numpy.predict(pixels[:count]), rtol=1e-4, atol=1e-5)
    assert same(made.state(), before)
    made.step(pixels[:4], labels[:4], 0.1)
    assert not np.array_equal(made.predict(pixels), numpy.predict(pixels))  # they have the newest weights


def test_answers_in_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, _ = digits(11)
    at_once = program().predict(pixels)
    monkeypatch.setattr("groundup.backends.cuda.program.PREDICTION_BATCH", 4)
    assert np.array_equal(program().predict(pixels), at_once)


def test_a_data_set_that_was_changed_is_copied_again() -> None:
    pixels, labels = digits(8)
    made, fresh = program(), program()
    for each in (made, fresh):
        each.epoch(pixels, labels, np.arange(8), RATES[:2], never)
    pixels[:] = 255 - pixels
    made.epoch(pixels, labels, np.arange(8), RATES[:2], never)
    fresh.epoch(pixels.copy(), labels, np.arange(8), RATES[:2], never)
    assert same(made.state(), fresh.state())


def test_a_data_set_that_cannot_change_is_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, labels = digits(8)
    for array in (pixels, labels):
        array.setflags(write=False)
    copied: list[str] = []
    fit = storage.Storage.fit
    monkeypatch.setattr(
        storage.Storage, "fit", lambda self, buffer, values: copied.append(buffer.name) or fit(self, buffer, values)
    )
    made = program()
    for _ in range(2):
        made.epoch(pixels, labels, np.arange(8), RATES[:2], never)
    assert copied.count("pixels") == 1
    made.step(pixels[:2], labels[:2], 0.1)  # takes its place
    made.epoch(pixels, labels, np.arange(8), RATES[:2], never)
    assert copied.count("pixels") == 3


def test_more_pictures_than_before() -> None:
    """They do not fit into the memory of the former ones, and lie elsewhere then."""
    pixels, labels = digits()
    made, fresh = program(), program()
    for count in (1, 4):
        made.step(pixels[:count], labels[:count], 0.1)
        fresh = program(state=fresh.state())
        fresh.step(pixels[:count], labels[:count], 0.1)
    assert same(made.state(), fresh.state())


def test_pictures_of_other_sides() -> None:
    """A flat input says nothing of its sides, which augmentation must know."""
    network = Network([Linear(24, 3)])
    programs = [
        backends.get(name).compile(network, CrossEntropy(), SGD(), BATCH, seed=3, augmentation=Augmentation(shift=1.0))
        for name in ("cuda", "numpy")
    ]
    for sides in ((4, 6), (6, 4)):
        pixels = digits(4)[0][:, :4].reshape(4, *sides)
        values = [each.trace(pixels, np.zeros(4, np.uint8), 0.1)["inputs"] for each in programs]
        np.testing.assert_allclose(*values, rtol=1e-6)


class Unknown(Layer):
    """No rule knows it."""


class UnknownLoss(Loss):
    """No rule knows it."""


class UnknownOptimizer(Optimizer):
    """No rule knows it."""


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"network": Network([Linear(36, 3), Unknown()])}, NetworkError, r"cuda does not know layer 1, Unknown\(\)"),
        ({"loss": UnknownLoss()}, ParameterError, "does not know the loss UnknownLoss"),
        ({"optimizer": UnknownOptimizer()}, ParameterError, "does not know the optimizer UnknownOptimizer"),
        ({"precision": "float64"}, ParameterError, "has the precisions mixed and float32, not float64"),
        ({"batch_size": MOST_ELEMENTS}, ParameterError, "smaller batches"),
        ({"state": {"5.bias": np.zeros(3)}}, StateError, "0.bias is missing"),
    ],
)
def test_what_it_cannot_do_is_refused_at_once(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        program(**options)


def test_wrong_data() -> None:
    made = program()
    pixels, labels = digits(5)
    with pytest.raises(DataError, match="5 pictures, but the program was compiled for 4"):
        made.step(pixels, labels, 0.1)
    with pytest.raises(DataError, match="order names picture 0 or 5, but there are 5"):
        made.epoch(pixels, labels, [0, 5], [0.1], never)
    with pytest.raises(DataError, match="label 3 does not fit a network of 3 classes"):
        made.step(pixels[:1], np.array([3], np.uint8), 0.1)
    with pytest.raises(DataError, match="6x5 pixels do not fit"):
        made.predict(pixels[:, :, :5])
    assert made.steps == 0
