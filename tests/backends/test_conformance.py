"""Every backend is the same network: each layer, loss and optimizer on each of them, against the float64 reference.

Array libraries take part where they are installed. The tolerances are derived from the arithmetic (`groundup.verify`),
never chosen. The reference itself is held against PyTorch.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from command_line import groundup
from cuda_device import substituted
from every_layer import EVERY_LAYER
from every_layer import NAMES as LAYER_NAMES
from groundup import backends
from groundup.backends.array import installed
from groundup.backends.cuda import CudaBackend
from groundup.data import idx_folders
from groundup.data.datasets import Dataset
from groundup.layers import BatchNorm, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU, Shape, Sigmoid, Tanh
from groundup.losses import CrossEntropy, Loss, MeanSquaredError
from groundup.models.recipes import recipe
from groundup.network import Network, Normalization
from groundup.optimizers import SGD, Adam, AdamW, Optimizer
from groundup.verify.comparison import diff
from groundup.verify.memstate import Batch, Recording, Setup, record, replay


def variants(name: str) -> list[tuple[str, str]]:
    """A backend with each of its precisions, and `native` on each instruction set that this processor has."""
    if name == "cuda":
        return [(name, precision) for precision in CudaBackend.precisions]
    precisions = backends.get(name).precisions
    if name != "native":
        return [(name, precision) for precision in precisions]
    from groundup.backends.native import _native

    sets = [each for each, available, _ in _native.instruction_sets() if available]
    return [(f"native on {each}", precision) for each in sets for precision in precisions]


NAMES = [*backends.available(), "cuda", *(f"array:{library}" for library in installed())]
BACKENDS = [(name, precision) for each in NAMES for name, precision in variants(each)]
every_backend = pytest.mark.parametrize(("backend", "precision"), BACKENDS)

SIGNED = Normalization(mean=127.5, deviation=127.5)
LOSSES = [CrossEntropy(), CrossEntropy(label_smoothing=0.1), MeanSquaredError()]
OPTIMIZERS = [
    SGD(),
    SGD(momentum=0.9, dampening=0.1, weight_decay=0.01),
    SGD(momentum=0.9, nesterov=True, clip_norm=0.5),
    Adam(weight_decay=0.01),
    Adam(amsgrad=True),
    AdamW(clip_norm=0.5),
]
# No bias before a BatchNorm: its gradient is nothing but rounding, and Adam would make whole steps of it.
ODD = {
    "15-17-33": Network([Linear(15, 17), ReLU(), Linear(17, 33)], normalization=SIGNED),
    "33-15-17": Network([Linear(33, 15, bias=False), BatchNorm(15), Tanh(), Dropout(0.3), Linear(15, 17)]),
    "17-1-15": Network([Linear(17, 1), Sigmoid(), Linear(1, 15)]),
    "15x17 pixels": Network([Conv2d(1, 2, 5, stride=2), MaxPool2d(2), Flatten(), Linear(18, 17)], (1, 15, 17)),
}


def batches(network: Network, steps: int, count: int) -> list[Batch]:
    """Pictures of noise, two thirds of it black, as most of a digit's picture is."""
    generator = np.random.default_rng(count)
    shape = (steps, count, 1, int(np.prod(network.input_shape)))
    pixels = np.where(generator.random(shape) < 2 / 3, 0, generator.integers(0, 256, shape)).astype(np.uint8)
    labels = generator.integers(0, network.output_shape[0], (steps, count)).astype(np.uint8)
    return [Batch(*each) for each in zip(pixels, labels, strict=True)]


def around(layer: Layer, shape: Shape) -> Network:
    """A network with `layer` inside: parameters below it, so that its `backward` shows in their gradients."""
    below = Linear(shape[0], shape[0]) if len(shape) == 1 else Conv2d(shape[0], shape[0], 1)
    outputs = layer.output_shape(shape)
    flat: list[Layer] = [Flatten()] if len(outputs) > 1 else []
    return Network([below, layer, *flat, Linear(int(np.prod(outputs)), 3)], shape, SIGNED)


@cache
def reference(setup: Setup, steps: int, count: int) -> Recording:
    """The same training on NumPy in float64: what every backend is held against."""
    return record(setup, batches(setup.network, steps, count))


def assert_agrees(a: Recording, backend: str, precision: str) -> None:
    name, _, instruction_set = backend.partition(" on ")
    with pytest.MonkeyPatch.context() as patch:
        if name == "cuda":
            substituted(patch)
        if instruction_set:
            patch.setenv("GROUNDUP_ISA", instruction_set)
        made = replay(a, name, precision)
    difference = diff(a, made)
    assert difference.first is None
    assert difference.compared == len(made.values) > 10
    assert made.values.keys() == a.values.keys()


@every_backend
@pytest.mark.parametrize(("layer", "shape"), EVERY_LAYER, ids=LAYER_NAMES)
def test_layer(layer: Layer, shape: Shape, backend: str, precision: str) -> None:
    assert_agrees(reference(Setup(around(layer, shape), seed=2), 2, 5), backend, precision)


@every_backend
@pytest.mark.parametrize("count", [1, 2, 15])
@pytest.mark.parametrize("name", ODD)
def test_odd_sizes(name: str, count: int, backend: str, precision: str) -> None:
    assert_agrees(reference(Setup(ODD[name]), 2, count), backend, precision)


@every_backend
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_loss(loss: Loss, backend: str, precision: str) -> None:
    assert_agrees(reference(Setup(ODD["15-17-33"], loss), 2, 17), backend, precision)


@every_backend
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_optimizer(optimizer: Optimizer, backend: str, precision: str) -> None:
    setup = Setup(ODD["33-15-17"], optimizer=optimizer, learning_rate=0.01)
    assert_agrees(reference(setup, 4, 5), backend, precision)


@pytest.mark.parametrize(
    ("name", "count", "backend", "precision"),
    [
        (name, count, *each)
        for name, count in (("neurons-16", 10), ("tensorvalue", 1), ("notebook-10", 33), ("deriv8", 33), ("lenet5", 3))
        for each in BACKENDS
        if (name, each[0]) != ("lenet5", "scalar")  # too large a graph of single numbers
    ],
)
def test_named_network(name: str, count: int, backend: str, precision: str) -> None:
    if backend == "scalar":
        count = 1
    chosen = recipe(name)
    setup = Setup(chosen.network, chosen.loss, chosen.optimizer, chosen.learning_rate)
    assert_agrees(reference(setup, 5, count), backend, precision)


@pytest.mark.parametrize(
    ("names", "recordings"), [("scalar,lists,numpy", ["scalar", "lists", "numpy", "numpy"]), ("cuda", ["cuda", "cuda"])]
)
def test_memstate_compare(names: str, recordings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if names == "cuda":
        substituted(monkeypatch)
    network = recipe("784-32-32-10").network
    pixels, labels = batches(network, 1, 6)[0]
    digits = Dataset(pixels.reshape(-1, 28, 28), labels, "noise")
    idx_folders.write(tmp_path, digits, digits)
    options = ["--network", "784-32-32-10", "--steps", 3, "--batch-size", 2, "--data", tmp_path, "--json"]
    done = groundup("memstate", "compare", "--backends", names, *options)
    assert done.code == 0, done.err
    assert [each["backend"].split()[0] for each in done.json["backends"]] == recordings
    assert all(each["holds"] and each["compared"] == each["names"] > 80 for each in done.json["backends"])


def ported(a: Recording) -> Recording:
    """The same training by PyTorch, on the twin of the network."""
    from groundup.verify.torch_recorder import TorchRecorder
    from pytorch import give_masks, loss_function, nn, optimizer_of, sequential, torch

    setup, twin = a.complete_setup(), sequential(a.complete_setup().network)
    optimizer = optimizer_of(setup.optimizer, twin.parameters(), setup.learning_rate)
    normalization, classes = setup.network.normalization, setup.network.output_shape[0]
    with TorchRecorder(twin, optimizer) as recorder:
        recorder.load_state(a.state(0))
        for step in range(1, a.steps + 1):
            pixels, labels = map(torch.tensor, a.batch(step))
            give_masks(twin, a.masks(step))
            optimizer.zero_grad()
            x = (pixels.reshape(-1, *setup.network.input_shape).double() - normalization.mean) / normalization.deviation
            targets = nn.functional.one_hot(labels.long(), classes).double()
            loss = loss_function(setup.loss)(twin(x), targets)
            loss.backward()
            if setup.optimizer.clip_norm:
                nn.utils.clip_grad_norm_(twin.parameters(), setup.optimizer.clip_norm)
            optimizer.step()
            recorder.end_step(loss)
    return recorder.recording()


@pytest.mark.parametrize(
    "setup",
    [
        *(Setup(around(*each), seed=2) for each in EVERY_LAYER),
        *(Setup(network, loss) for network in ODD.values() for loss in LOSSES),
        *(Setup(ODD["33-15-17"], optimizer=optimizer, learning_rate=0.01) for optimizer in OPTIMIZERS),
    ],
    ids=lambda setup: f"{setup.network}, {setup.loss}, {setup.optimizer}",
)
def test_pytorch(setup: Setup) -> None:
    pytest.importorskip("torch", reason="compares with PyTorch: install groundup[oracles]")
    a = reference(setup, 2, 5)
    difference = diff(a, ported(a))
    assert difference.first is None
