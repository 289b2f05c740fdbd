"""The `scalar` backend against the hand-written backward passes on NumPy in float64."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparing import assert_all_near, assert_near, random_masks, random_state
from every_layer import EVERY_LAYER
from groundup import backends
from groundup.backends.lists.creation import asarray
from groundup.backends.scalar import ScalarBackend, Value
from groundup.backends.scalar.array import ValueArray, as_gradients, as_values
from groundup.errors import DataError, ParameterError
from groundup.layers import (
    LAYERS,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Shape,
    Sigmoid,
    Softmax,
    Tanh,
)
from groundup.losses import CrossEntropy, Loss, MeanSquaredError
from groundup.network import Network, Normalization
from groundup.optimizers import SGD, Adam, AdamW, Optimizer

LAYERS_AND_INPUTS: list[tuple[Layer, Shape]] = [
    *EVERY_LAYER,
    *[(Linear(inputs, outputs), (inputs,)) for inputs in (1, 15, 33) for outputs in (1, 17)],
]
LOSSES = [CrossEntropy(), CrossEntropy(0.2), MeanSquaredError()]
OPTIMIZERS = [
    SGD(),
    SGD(0.9, dampening=0.1, weight_decay=0.01),
    SGD(0.9, nesterov=True, clip_norm=0.1),
    Adam(weight_decay=0.01),
    Adam(amsgrad=True),
    AdamW(),
]
MLP = Network([Linear(15, 17), ReLU(), Dropout(0.3), Linear(17, 10)], normalization=Normalization(30.0, 80.0))
CNN = Network(
    [
        Conv2d(1, 2, 3, padding=1, bias=False),  # Adam makes much of the rounding errors that a bias would have
        BatchNorm(2),
        ReLU(),
        Residual([Conv2d(2, 2, 3, padding=1), Dropout(0.2), Tanh()]),
        MaxPool2d(2),
        Flatten(),
        Linear(12, 10),
    ],
    (1, 5, 6),
)
SIGMOIDS = Network([Linear(12, 5), Sigmoid(), Linear(5, 10), Softmax()])


@pytest.fixture
def no_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every hand-written gradient fail."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a hand-written gradient was called")

    for kind in (Layer, *LAYERS.values()):
        for name in ("backward", "parameter_gradients"):
            monkeypatch.setattr(kind, name, refuse)
    for kind in (Loss, CrossEntropy, MeanSquaredError):
        monkeypatch.setattr(kind, "backward", refuse)
    monkeypatch.setattr(Network, "backward", refuse)


def pictures(network: Network, count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    sides = network.input_shape[-2:] if len(network.input_shape) == 3 else (1, network.input_shape[0])
    return generator.integers(0, 256, (count, *sides), np.uint8), generator.integers(0, 10, count).astype(np.uint8)


def check_layer(layer: Layer, inputs: Shape, x: np.ndarray, training: bool) -> None:
    """Hold the gradients of Σ dy · y by x and every parameter, from the graph, against `backward` on NumPy."""
    generator = np.random.default_rng(2)
    params = random_state(layer, generator) | random_masks(layer, len(x), generator, inputs)
    dy = generator.normal(size=(len(x), *layer.output_shape(inputs)))
    expected_y, residuals = layer.forward(params, x, training)
    expected_dx, expected = layer.backward(params, residuals, dy)
    expected_buffers = layer.updated_buffers(params, residuals)

    values = {name: as_values(asarray(array)) for name, array in params.items()}
    of_x = as_values(asarray(np.ascontiguousarray(x)))
    y, residuals = layer.forward(values, of_x, training)
    assert isinstance(y, ValueArray)
    assert_near([value.data for value in y.elements()], expected_y.ravel(), what="y")
    xp = y.__array_namespace__()
    (result,) = xp.sum(as_values(asarray(dy), constant=True) * y).elements()
    result.backward()
    assert_near(as_gradients(of_x), expected_dx, what="dx")
    assert_all_near({name: as_gradients(values[name]) for name in layer.parameters()}, expected)
    if training:
        found = layer.updated_buffers(values, residuals)
        assert_all_near(
            {name: [value.data for value in array.elements()] for name, array in found.items()}, expected_buffers
        )


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize(("layer", "inputs"), LAYERS_AND_INPUTS, ids=str)
def test_every_layer(layer: Layer, inputs: Shape, training: bool) -> None:
    for count in (1, 3) if not isinstance(layer, BatchNorm | Residual) else (3,):
        check_layer(layer, inputs, np.random.default_rng(count).normal(size=(count, *inputs)), training)


@pytest.mark.parametrize(
    "layer", [ReLU(), LeakyReLU(0.1), Sigmoid(), Tanh(), Softmax(), MaxPool2d(2), MaxPool2d(2, 1)], ids=str
)
def test_kinks_and_ties(layer: Layer) -> None:
    """Where a function has no derivative, and at 0, the graph takes the same one as the hand-written backward."""
    inputs = (2, 4, 4) if isinstance(layer, MaxPool2d) else (7,)
    x = np.random.default_rng(1).integers(-1, 2, (3, *inputs)).astype(np.float64)
    assert (x == 0).any()
    check_layer(layer, inputs, x, training=True)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("network", [MLP, CNN, SIGMOIDS], ids=["MLP", "CNN", "sigmoids"])
def test_networks(network: Network, loss: Loss, no_backward: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, labels = pictures(network, 3)
    traced = backends.get("scalar").compile(network, loss, SGD(0.9), 3, "float64", 5).trace(pixels, labels, 0.1)
    monkeypatch.undo()
    expected = backends.get("numpy").compile(network, loss, SGD(0.9), 3, "float64", 5).trace(pixels, labels, 0.1)
    assert list(traced) == list(expected)
    assert_all_near(traced, expected)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_five_steps(optimizer: Optimizer, no_backward: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for network in (MLP, CNN):
        found = []
        for name in ("scalar", "numpy"):
            if name == "numpy":
                monkeypatch.undo()
            program = backends.get(name).compile(network, CrossEntropy(), optimizer, 2, "float64", 3)
            progress: list[Any] = []
            pixels, labels = pictures(network, 10)
            program.epoch(pixels, labels, np.arange(9, -1, -1), [0.05] * 5, progress.append)  # type: ignore[arg-type]
            found.append((program.state(), progress, program.predict(pixels)))
        assert_all_near(found[0][0], found[1][0])
        assert_near(found[0][2], found[1][2])
        assert len(found[0][1]) == 5
        for ours, theirs in zip(found[0][1], found[1][1], strict=True):
            assert (ours.steps, ours.examples, ours.correct) == (theirs.steps, theirs.examples, theirs.correct)
            assert ours.loss == pytest.approx(theirs.loss, rel=1e-9)


def test_a_program_goes_on_from_a_state() -> None:
    pixels, labels = pictures(MLP, 4)
    program = ScalarBackend().compile(MLP, CrossEntropy(), Adam(), 2, seed=3)
    program.step(pixels[:2], labels[:2], 0.1)
    other = ScalarBackend().compile(MLP, CrossEntropy(), Adam(), 2, seed=3)
    other.load_state(program.state())
    for each in (program, other):
        each.step(pixels[2:], labels[2:], 0.1)
    first, second = program.state(), other.state()
    assert first["steps"].tolist() == 2
    assert {name: array.tolist() for name, array in first.items()} == {
        name: array.tolist() for name, array in second.items()
    }
    numbers = [number for name, array in first.items() if name != "steps" for number in array.elements()]
    assert all(type(number) is float for number in numbers)


def test_what_is_refused() -> None:
    with pytest.raises(ParameterError, match="scalar has the precision float64, Python's own, not float32"):
        ScalarBackend().compile(MLP, CrossEntropy(), SGD(), 1, "float32")
    program = ScalarBackend().compile(MLP, CrossEntropy(), SGD(), 1)
    with pytest.raises(DataError, match="pictures of 2x3 pixels"):
        program.step(np.zeros((1, 2, 3), np.uint8), np.zeros(1, np.uint8), 0.1)


def test_inputs_are_numbers_and_no_product_is_skipped() -> None:
    """A dark pixel is 0, and its products are made all the same."""
    network = Network([Linear(6, 4)])
    x = as_values(asarray([[0.0, 0.0, 0.5, 0.0, 1.0, 0.0]]), constant=True)
    params = {name: as_values(asarray(np.ones(shape))) for name, shape in network.parameters().items()}
    y, _ = network.forward(params, x)
    for sum_and_bias in y.elements():
        weighted, _ = sum_and_bias.inputs
        assert weighted.operation == "sum"
        assert [each.inputs[0] for each in weighted.inputs] == [0.0, 0.0, 0.5, 0.0, 1.0, 0.0]
        assert all(isinstance(each, Value) and each.operation == "*" for each in weighted.inputs)


def test_a_step_is_fast_enough_to_watch() -> None:
    """784-10-10 on one picture in under a quarter of a second."""
    network = Network([Linear(784, 10), ReLU(), Linear(10, 10)])
    program = ScalarBackend().compile(network, CrossEntropy(), SGD(), 1)
    pixels, labels = np.full((1, 28, 28), 99, np.uint8), np.array([3], np.uint8)
    program.step(pixels, labels, 0.1)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        program.step(pixels, labels, 0.1)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.25


TRAIN = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top != "groundup" and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not of the standard library")

sys.meta_path.insert(0, Refuse())

from pathlib import Path
from groundup import SGD, CrossEntropy, Linear, Network, ReLU, backends
from groundup.data import idx

folder = Path(sys.argv[1])
images = idx.read(next(folder.glob("train-images-idx3-ubyte*")))
labels = idx.read(next(folder.glob("train-labels-idx1-ubyte*")))
network = Network([Linear(784, 10), ReLU(), Linear(10, 10)])
program = backends.get("scalar").compile(network, CrossEntropy(), SGD(), batch_size=5, seed=1)
losses = []
for _ in range(4):
    program.epoch(images, labels, range(10), [0.1] * 2, lambda progress: losses.append(progress.loss / 5))
print(*losses)
"""


def test_training_on_real_digits_with_the_standard_library_alone(mnist_folder: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", TRAIN, str(mnist_folder)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    losses = list(map(float, finished.stdout.split()))
    assert len(losses) == 8
    assert sum(losses[-2:]) < 0.7 * sum(losses[:2])
