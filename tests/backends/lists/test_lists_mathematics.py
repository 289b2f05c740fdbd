"""Every layer, loss and optimizer, and whole trainings, on `lists` against NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from comparing import assert_all_near, assert_near, random_masks, random_state
from every_layer import EVERY_LAYER, NAMES
from groundup import backends
from groundup.backends.lists import Array, ListsBackend
from groundup.backends.lists import namespace as xp
from groundup.errors import DataError, ParameterError, StateError
from groundup.layers import (
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Shape,
    Sigmoid,
    Softmax,
)
from groundup.losses import CrossEntropy, Loss, MeanSquaredError, one_hot
from groundup.network import Network, Normalization
from groundup.optimizers import SGD, Adam, AdamW, Optimizer, clip_norm
from small_data import PIXELS, SIDE, pictures

BOUND = 1e-12
OPTIMIZERS = [
    SGD(),
    SGD(0.9, dampening=0.1, weight_decay=0.01),
    SGD(0.9, nesterov=True, clip_norm=0.1),
    Adam(weight_decay=0.01),
    Adam(amsgrad=True),
    AdamW(),
]


def listed(value: Any) -> Any:
    """Return `value` with every NumPy array in it as one of `lists`."""
    if isinstance(value, dict):
        return {name: listed(each) for name, each in value.items()}
    return xp.asarray(value)


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Fail unless all are arrays of `lists`, close to those of NumPy."""
    assert all(isinstance(each, Array) and each.dtype is xp.float64 for each in ours.values())
    assert_all_near(ours, theirs, BOUND, zero=0.01)


@pytest.mark.parametrize("count", [1, 3, 15])
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize(("layer", "inputs"), EVERY_LAYER, ids=NAMES)
def test_layer(layer: Layer, inputs: Shape, training: bool, count: int) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(count, *inputs))
    params = random_state(layer, generator) | random_masks(layer, count, generator, inputs)
    dy = generator.normal(size=(count, *layer.output_shape(inputs)))
    results = []
    for run_x, run_params, run_dy in ((listed(x), listed(params), listed(dy)), (x, params, dy)):
        y, residuals = layer.forward(run_params, run_x, training)
        dx, gradients = layer.backward(run_params, residuals, run_dy)
        buffers = layer.updated_buffers(run_params, residuals) if count > 1 else {}
        results.append({"y": y, "dx": dx} | gradients | {f"new {name}": each for name, each in buffers.items()})
    assert_same(*results)


@pytest.mark.parametrize("inputs", [1, 15, 17, 33])
@pytest.mark.parametrize("outputs", [1, 8, 17])
def test_linear_of_odd_sizes(inputs: int, outputs: int) -> None:
    test_layer(Linear(inputs, outputs), (inputs,), True, 5)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(0.2), MeanSquaredError()], ids=str)
def test_loss(loss: Loss, scale: float) -> None:
    outputs = scale * np.random.default_rng(1).normal(size=(7, 5))
    labels = np.array([0, 4, 4, 2, 1, 3, 0])
    results = []
    for run_outputs, run_labels in ((listed(outputs), listed(labels)), (outputs, labels)):
        targets = one_hot(run_labels, 5, like=run_outputs)
        value, residuals = loss.forward(run_outputs, targets)
        results.append({"targets": targets, "loss": value, "gradient": loss.backward(residuals)})
    assert_same(*results)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_optimizer(optimizer: Optimizer) -> None:
    generator = np.random.default_rng(1)
    theirs = generator.normal(size=(3, 4))
    their_moments = {name: np.zeros((3, 4)) for name in optimizer.moments}
    ours, our_moments = listed(theirs), listed(their_moments)
    for step in range(1, 6):
        gradients = {"weight": generator.normal(size=(3, 4))}
        clipped, listed_and_clipped = clip_norm(gradients, 1.0), clip_norm(listed(gradients), 1.0)
        theirs, their_moments = optimizer.update(theirs, clipped["weight"], their_moments, 0.1, step)
        same, our_moments = optimizer.update(ours, listed_and_clipped["weight"], our_moments, 0.1, step)
        assert same is ours
    assert_same(our_moments | {"parameter": ours}, their_moments | {"parameter": theirs})


PERCEPTRON = Network([Linear(PIXELS, 17), ReLU(), Linear(17, 15), Sigmoid(), Linear(15, 10)])
CONVOLUTIONAL = Network(
    [
        Conv2d(1, 3, 3, padding=1),
        BatchNorm(3),
        ReLU(),
        Residual([Conv2d(3, 3, 3, padding=1, bias=False), BatchNorm(3), ReLU()]),
        MaxPool2d(),
        Dropout(0.25),
        Flatten(),
        Linear(27, 10),
    ],
    (1, SIDE, SIDE),
    Normalization(80.0, 70.0),
)


@pytest.mark.parametrize(("network", "loss", "optimizer"), [
    (PERCEPTRON, CrossEntropy(), SGD(0.9, clip_norm=1.0)),
    (PERCEPTRON, CrossEntropy(0.1), AdamW()),
    (CONVOLUTIONAL, CrossEntropy(), SGD(0.9, nesterov=True, weight_decay=0.001)),
    (Network([*PERCEPTRON.layers, Softmax()]), MeanSquaredError(), Adam(amsgrad=True)),
], ids=["perceptron", "smoothed", "convolutional", "squared"])  # fmt: skip
def test_twenty_steps(network: Network, loss: Loss, optimizer: Optimizer) -> None:
    train = pictures(60, 3)
    programs = [
        backends.get(name).compile(network, loss, optimizer, 15, "float64", seed=3) for name in ("lists", "numpy")
    ]
    order = [7 * place % 60 for place in range(285)]
    told: list[list[Any]] = [[], []]
    for program, seen in zip(programs, told, strict=True):
        program.epoch(
            train.images, train.labels, np.array(order), [0.02] * 19, lambda each, seen=seen: seen.append(each)
        )
    assert [each.correct for each in told[0]] == [each.correct for each in told[1]]
    assert [each.loss for each in told[0]] == pytest.approx([each.loss for each in told[1]], rel=1e-11)
    ours, theirs = (program.trace(train.images[:15], train.labels[:15], 0.02) for program in programs)
    assert list(ours) == list(theirs)
    assert_all_near(ours, theirs, 1e-10)  # twenty steps let rounding errors grow
    assert_near(programs[0].predict(train.images), programs[1].predict(train.images), 1e-10)
    names = [name for name, _ in programs[1].activations(train.images[:2])]
    assert [name for name, _ in programs[0].activations(train.images[:2])] == names


def compiled(**changes: Any) -> Any:
    options: dict[str, Any] = {"network": PERCEPTRON, "loss": CrossEntropy(), "optimizer": SGD(0.9), "batch_size": 10}
    return ListsBackend().compile(**options | changes)


def test_state_goes_on_anywhere() -> None:
    train = pictures(30, 1)
    first = compiled()
    first.step(train.images, train.labels, 0.1)
    state = first.state()
    frozen = {name: np.asarray(each).copy() for name, each in state.items()}
    second, third = compiled(), compiled(state=state)
    second.load_state(frozen)
    outcomes = [each.step(train.images, train.labels, 0.1) for each in (first, second, third)]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    for program in (second, third):
        assert all(each.tolist() == first.state()[name].tolist() for name, each in program.state().items())
    assert all(np.array_equal(np.asarray(state[name]), each) for name, each in frozen.items())


def test_pictures_may_be_memoryviews_and_indices_lists() -> None:
    train = pictures(30, 1)
    order = [5, 3, 3, 29, 0, 11]
    programs = [compiled(batch_size=4), compiled(batch_size=4)]
    programs[0].epoch(memoryview(train.images), memoryview(train.labels), order, [0.1, 0.2], lambda progress: False)
    programs[1].epoch(train.images, train.labels, np.array(order), [0.1, 0.2], lambda progress: False)
    assert repr(programs[0].state()) == repr(programs[1].state())
    assert programs[0].steps == 2
    outputs = programs[0].predict(memoryview(train.images))
    assert outputs.tolist() == programs[0].predict(train.images).tolist()
    assert programs[0].predict(train.images[:0]).shape == (0, 10)
    assert programs[0].predict(train.images[::2]).tolist() == outputs[::2].tolist()


def test_the_door() -> None:
    assert backends.NAMES.index("lists") < backends.NAMES.index("numpy")
    assert backends.get("auto").name != "lists"
    assert backends.get("lists").precisions == ("float64",)
    with pytest.raises(ParameterError, match="backend lists has the precision float64, Python's own, not float32"):
        compiled(precision="float32")
    with pytest.raises(DataError, match=r"pictures of 5x7 pixels do not fit .* shape \(36,\)"):
        compiled().predict(np.zeros((2, 5, 7), np.uint8))
    with pytest.raises(StateError, match=r"0\.weight has shape \(3,\) instead of \(17, 36\)"):
        compiled(state=PERCEPTRON.initial_state(0) | {"0.weight": np.zeros(3)})
