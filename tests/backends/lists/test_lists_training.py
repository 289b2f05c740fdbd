"""Training through `lists`: on real digits with nothing but the standard library, and by the training loop."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from command_line import groundup
from groundup import backends, load_data, plots, randomness
from groundup.layers import BatchNorm, Dropout, Linear, ReLU
from groundup.losses import CrossEntropy
from groundup.models.configuration import Configuration
from groundup.network import Network
from groundup.optimizers import SGD, Adam
from groundup.training.loop import fit, pinned, resume
from groundup.training.run import Run
from groundup.training.watching import Watcher
from small_data import PIXELS, data, folder

SMALL = data()
RICH = Network([Linear(PIXELS, 12), BatchNorm(12), ReLU(), Dropout(0.2), Linear(12, 10)])
BASE = Configuration(RICH, "small", optimizer=Adam(), learning_rate=0.01, epochs=2, batch_size=30, backend="lists")

ALONE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top != "groundup" and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not of the standard library")

sys.meta_path.insert(0, Refuse())

from pathlib import Path
from groundup import SGD, CrossEntropy, Linear, Network, ReLU, backends, randomness
from groundup.data import idx

folder = Path(sys.argv[1])
def read(name):
    return idx.read(next(path for path in folder.iterdir() if path.name.startswith(name)))

images, labels = read("train-images"), read("train-labels")
network = Network([Linear(784, 16), ReLU(), Linear(16, 10)])
program = backends.get("lists").compile(network, CrossEntropy(), SGD(momentum=0.9), batch_size=20, seed=1)
seen = []
for epoch in range(5):
    order = randomness.permutation(400, 1, "order", epoch)
    program.epoch(images, labels, order, [0.05] * 20, seen.append)
print(sum(each.correct for each in seen[-20:]) / 400)

test = read("t10k-images").tobytes()[: 100 * 784]
outputs = program.predict(memoryview(test).cast("B", (100, 28, 28)))
xp = outputs.__array_namespace__()
print(*xp.argmax(outputs, axis=1).tolist())
assert not any(name.partition(".")[0] == "numpy" for name in sys.modules)
"""


@pytest.fixture(scope="module")
def alone(mnist_folder: Path) -> list[str]:
    command = [sys.executable, "-c", ALONE, str(mnist_folder)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def test_it_learns_real_digits_without_any_library(alone: list[str]) -> None:
    assert float(alone[0]) > 0.9


def test_numpy_answers_the_same(alone: list[str], mnist_folder: Path) -> None:
    found = load_data(str(mnist_folder))
    network = Network([Linear(784, 16), ReLU(), Linear(16, 10)])
    program = backends.get("numpy").compile(network, CrossEntropy(), SGD(momentum=0.9), 20, "float64", seed=1)
    for epoch in range(5):
        order = np.array(randomness.permutation(400, 1, "order", epoch))
        program.epoch(found.train.images, found.train.labels, order, [0.05] * 20, lambda progress: False)
    answers = program.predict(found.test.images[:100]).argmax(axis=1)
    assert [int(word) for word in alone[1].split()] == answers.tolist()
    assert np.mean(answers == found.test.labels[:100]) > 0.7


@pytest.fixture(autouse=True)
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time of so small a run, and does not matter here."""
    monkeypatch.setattr(plots, "curves", lambda history: None)
    monkeypatch.setattr(plots, "save", lambda figure, path: Path(path).write_bytes(b"a plot"))


def test_the_loop_trains_as_with_numpy() -> None:
    ours, theirs = fit(BASE, SMALL), fit(replace(BASE, backend="numpy", precision="float64"), SMALL)
    assert ours.configuration.backend == "lists"
    for name, each in theirs.model.state.items():
        np.testing.assert_allclose(ours.model.state[name], each, rtol=1e-6, atol=1e-6)  # a model is kept as float32
    for mine, other in zip(ours.history, theirs.history, strict=True):
        assert mine["train_loss"] == pytest.approx(other["train_loss"], rel=1e-10)


class StopAfter(Watcher):
    """Stops the run after so many batches."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def stops(self) -> bool:
        self.batches -= 1
        return self.batches <= 0


def test_a_run_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    whole = fit(BASE, SMALL, folder=tmp_path / "whole", keep=True)
    stopped = fit(BASE, SMALL, folder=tmp_path / "stopped", keep=True, watch=StopAfter(8))
    assert stopped.interrupted
    resumed = resume(Run.open(tmp_path / "stopped"), SMALL)
    for name, each in whole.model.state.items():
        assert resumed.model.state[name].tobytes() == each.tobytes()


def test_the_precision_is_the_backends_own_unless_told() -> None:
    assert Configuration(RICH, "small").precision == "auto"
    assert pinned(BASE, SMALL).precision == "float64"
    assert pinned(replace(BASE, backend="numpy"), SMALL).precision == "float32"
    assert pinned(replace(BASE, backend="auto"), SMALL).precision == backends.get("auto").precisions[0]
    assert pinned(replace(BASE, backend="numpy", precision="float64"), SMALL).precision == "float64"


def test_groundup_train(tmp_path: Path) -> None:
    pictures = folder(tmp_path / "data", SMALL)
    arguments = ["--network", "36-8-10", "--data", pictures, "--epochs", 1, "--backend", "lists"]
    done = groundup("train", *arguments, "--out", tmp_path / "run", "--json")
    assert done.code == 0, done.err
    assert done.json["backend"] == "lists"
    configuration = Run.open(tmp_path / "run").configuration()
    assert (configuration.backend, configuration.precision) == ("lists", "float64")
