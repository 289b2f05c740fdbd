"""The average of the weights: by hand, against PyTorch, and unharmed by an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundup import backends, plots
from groundup.backends.program import Progress
from groundup.data.splits import validation_split
from groundup.errors import ParameterError
from groundup.layers import BatchNorm, Conv2d, Dropout, Flatten, Linear, ReLU, Residual
from groundup.losses import CrossEntropy
from groundup.models.configuration import Configuration
from groundup.network import Network
from groundup.optimizers import SGD, Adam
from groundup.training import averaging
from groundup.training.averaging import EVERY, AveragingProgram, averaged, recalibrated, without_averages
from groundup.training.loop import Result, fit, resume
from groundup.training.run import Run
from groundup.training.watching import Watcher
from small_data import PIXELS, SIDE, data, pictures

SMALL = data()
RICH = Network([Linear(PIXELS, 12), BatchNorm(12), ReLU(), Dropout(0.2), Linear(12, 10)])
BASE = Configuration(RICH, "small", optimizer=Adam(), learning_rate=0.01, epochs=3, batch_size=9, average=0.9)
BUILT = pytest.mark.skipif(not backends.native_is_built(), reason="the backend native is not built")
BACKENDS = ["numpy", pytest.param("native", marks=BUILT)]


@pytest.fixture(autouse=True)
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "curves", lambda history: None)
    monkeypatch.setattr(plots, "save", lambda figure, path: Path(path).write_bytes(b"a plot"))


def program(decay: float = 0.9) -> AveragingProgram:
    state = RICH.initial_state(1)
    plain = backends.get("numpy").compile(RICH, CrossEntropy(), SGD(), 9, "float64", 1, state)
    return AveragingProgram(plain, decay, 9, state)


def by_hand(decay: float, steps: int, epochs: int) -> dict[str, Any]:
    """Return the average over the weights after every eighth step and at the end of each epoch."""
    plain = backends.get("numpy").compile(RICH, CrossEntropy(), SGD(), 9, "float64", 1, RICH.initial_state(1))
    kept: dict[str, Any] = {}
    now = last = 0
    for _ in range(epochs):
        for step in range(steps):
            plain.step(SMALL.train.images[9 * step : 9 * step + 9], SMALL.train.labels[9 * step : 9 * step + 9], 0.1)
            now += 1
            if now - last == EVERY or step == steps - 1:
                weights = {name: value for name, value in plain.state().items() if name in RICH.state_shapes()}
                share = max(1 - decay ** (now - last), (now - last) / now)
                kept = {name: (1 - share) * kept.get(name, 0) + share * value for name, value in weights.items()}
                last = now
    return kept


@pytest.mark.parametrize(("decay", "steps", "epochs"), [(0.9, 20, 2), (0.5, 5, 3), (0.999, 16, 1), (0.9, 1, 1)])
def test_by_hand(decay: float, steps: int, epochs: int) -> None:
    made = program(decay)
    for _ in range(epochs):
        made.epoch(SMALL.train.images, SMALL.train.labels, np.arange(9 * steps), [0.1] * steps, lambda done: False)
    found, expected = averaged(made.state()), by_hand(decay, steps, epochs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert np.allclose(found[name], value, rtol=1e-12, atol=1e-14), name


def test_a_long_memory_is_the_plain_mean() -> None:
    made = program(1 - 1e-12)
    kept = []
    for step in range(4):
        made.step(SMALL.train.images[9 * step : 9 * step + 9], SMALL.train.labels[9 * step : 9 * step + 9], 0.1)
        kept.append(without_averages(made.state())["0.weight"])
    assert np.allclose(averaged(made.state())["0.weight"], np.mean(kept, axis=0), rtol=1e-10)


def test_the_training_itself_is_not_touched() -> None:
    made, plain = program(), program().program
    rates = [0.1] * 21
    for each in (made, plain):
        each.epoch(SMALL.train.images, SMALL.train.labels, np.arange(189), rates, lambda done: False)
    state = without_averages(made.state())
    assert state.keys() == plain.state().keys()
    assert all(np.array_equal(value, state[name]) for name, value in plain.state().items())
    assert np.array_equal(made.predict(SMALL.test.images), plain.predict(SMALL.test.images))


def test_loading_a_state() -> None:
    made, other = program(), program()
    rates = [0.1] * 11
    made.epoch(SMALL.train.images, SMALL.train.labels, np.arange(99), rates, lambda done: False)
    other.load_state(made.state())
    for each in (made, other):
        each.trace(SMALL.train.images[:9], SMALL.train.labels[:9], 0.1)
    assert all(np.array_equal(value, other.state()[name]) for name, value in made.state().items())


@pytest.mark.parametrize("residual", [False, True])
def test_recalibration_against_pytorch(residual: bool, torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.optim.swa_utils import update_bn

    from pytorch import sequential

    monkeypatch.setattr(averaging, "RECALIBRATION", 100)
    inner = [Conv2d(3, 3, 3, padding=1), BatchNorm(3), ReLU()]
    layers = [
        Conv2d(1, 3, 3, padding=1),
        *([Residual(inner)] if residual else inner),
        Flatten(),
        Linear(3 * PIXELS, 10),
    ]
    network = Network(layers, (1, SIDE, SIDE))
    configuration = Configuration(network, "bn", batch_size=24, backend="numpy", precision="float64")
    state = {name: np.asarray(value).reshape(shape) for (name, shape), value in _valued(network)}
    found = recalibrated(configuration, state, SMALL.train)
    twin = sequential(network).double()
    twin.load_state_dict({name: torch.tensor(value) for name, value in state.items()}, strict=False)
    order = np.random.RandomState(0).permutation(len(SMALL.train))[:96].reshape(4, 24)
    batches = [torch.tensor(SMALL.train.images[batch] / 255.0)[:, None] for batch in order]
    update_bn(batches, twin)
    expected = twin.state_dict()
    assert any(name.endswith("running_var") for name in found)
    for name, value in found.items():
        assert np.allclose(value, expected[name], rtol=1e-9, atol=1e-12), name
        assert np.array_equal(value, state[name]) != ("running" in name)


def _valued(network: Network) -> Any:
    return zip(network.state_shapes().items(), network.initial_state(3).values(), strict=True)


def test_without_batch_normalisation_nothing_is_recalibrated() -> None:
    network = Network([Linear(PIXELS, 10)])
    state = {name: np.asarray(value).reshape(shape) for (name, shape), value in _valued(network)}
    assert recalibrated(Configuration(network, "plain"), state, SMALL.train) is state


def test_the_model_of_a_training_is_recalibrated() -> None:
    configuration = replace(BASE, backend="numpy", precision="float32")
    state = dict(fit(configuration, SMALL).model.state)
    train, _ = validation_split(SMALL.train, configuration.validation)
    again = recalibrated(configuration, state, train)
    assert all(np.array_equal(value, again[name]) for name, value in state.items())


class StopsAfter(Watcher):
    def __init__(self, batches: int) -> None:
        self.left = batches

    def trained(self, done: Progress) -> None:
        self.left -= 1

    def stops(self) -> bool:
        return self.left <= 0


def bits(result: Result) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in result.model.state.items()}


# numpy tells of every step, native of several at once
@pytest.mark.parametrize(
    ("backend", "batches"),
    [*(("numpy", n) for n in (1, 7, 8, 9, 20, 33)), *(pytest.param("native", n, marks=BUILT) for n in (1, 3, 5))],
)
def test_an_interrupted_average_goes_on_exactly(backend: str, batches: int, tmp_path: Path) -> None:
    configuration = replace(BASE, backend=backend)
    whole = fit(configuration, SMALL)
    stopped = fit(configuration, SMALL, folder=tmp_path / "run", keep=True, watch=StopsAfter(batches))
    assert stopped.interrupted
    again = resume(Run.open(tmp_path / "run"), SMALL)
    assert bits(again) == bits(whole)
    assert again.history.records[-1]["validation_loss"] == whole.history.records[-1]["validation_loss"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_average_is_the_model(backend: str) -> None:
    noisy = data(train=400, test=400, noise=130)
    configuration = replace(BASE, learning_rate=0.05, epochs=6, backend=backend, validation=0.0)
    plain = fit(replace(configuration, average=0.0), noisy)
    smooth = fit(replace(configuration, average=0.98), noisy)
    assert bits(plain) != bits(smooth)
    assert smooth.model.state["0.weight"].dtype == np.float32
    held = pictures(1000, 5, 130)
    assert smooth.model.evaluate(held).loss < plain.model.evaluate(held).loss


def test_it_needs_a_decay_below_one() -> None:
    with pytest.raises(ParameterError, match="average must be a number at least 0 and below 1"):
        replace(BASE, average=1.0)
