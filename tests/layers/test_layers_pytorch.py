"""Every layer against PyTorch in float64: outputs, all gradients, running statistics."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest

from comparing import assert_all_near, assert_near, random_masks, random_state
from groundup.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
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
from pytorch import gradients, load, module, state, tensor, torch

PICTURES = [(5, 7), (13, 13), (28, 28)]


def check(layer: Layer, inputs: Shape, batch: int, *, training: bool = False, x: np.ndarray | None = None) -> None:
    """Hold outputs, every gradient and the buffers of `layer` against PyTorch's, on random numbers."""
    generator = np.random.default_rng(batch)
    if x is None:
        x = generator.normal(size=(batch, *inputs))
    params = random_state(layer, generator) | random_masks(layer, batch, generator, inputs)
    dy = generator.normal(size=(batch, *layer.output_shape(inputs)))
    given = copy.deepcopy((params, x, dy))

    y, residuals = layer.forward(params, x, training)
    dx, grads = layer.backward(params, residuals, dy)
    alone = layer.parameter_gradients(params, residuals, dy)
    buffers = layer.updated_buffers(params, residuals)

    twin = module(layer, inputs).train(training)
    load(twin, params)
    their_x = tensor(x, gradient=True)
    their_y = twin(their_x)
    their_y.backward(tensor(dy))
    assert_near(y, their_y.detach(), what="y")
    assert_near(dx, their_x.grad, what="dx")
    assert_all_near(grads, gradients(twin))
    assert_all_near(alone, grads)
    if training:
        assert_all_near(buffers, {name: value for name, value in state(twin).items() if name in layer.buffers()})
    assert tuple(y.shape[1:]) == layer.output_shape(inputs)
    np.testing.assert_equal((params, x, dy), given, "the layer changed what it was given")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("outputs", [1, 15, 17, 33])
@pytest.mark.parametrize("inputs", [1, 15, 17, 33])
def test_linear(inputs: int, outputs: int, bias: bool) -> None:
    for batch in (1, 2, 7):
        check(Linear(inputs, outputs, bias), (inputs,), batch)


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("picture", PICTURES)
def test_convolution(picture: Shape, stride: int, padding: int) -> None:
    for size, bias in itertools.product((1, 2, 3, 5), (True, False)):
        batch = 1 if bias else 2
        check(Conv2d(3, 2, size, stride=stride, padding=padding, bias=bias), (3, *picture), batch)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (1, 15), (17, 1), (33, 17)])
def test_convolution_channels(inputs: int, outputs: int) -> None:
    check(Conv2d(inputs, outputs, 3, padding=1), (inputs, 5, 7), 7)


@pytest.mark.parametrize("whole_numbers", [True, False], ids=["ties", "no ties"])
@pytest.mark.parametrize("stride", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_pools(kind: type[MaxPool2d | AvgPool2d], size: int, stride: int, whole_numbers: bool) -> None:
    generator = np.random.default_rng(stride)
    for picture, batch in zip(PICTURES, (7, 2, 1), strict=True):
        x = generator.normal(size=(batch, 3, *picture))
        check(kind(size, stride), (3, *picture), batch, x=np.round(x) if whole_numbers else x)


@pytest.mark.parametrize("picture", [(1, 1), *PICTURES])
def test_global_average_pool_and_flatten(picture: Shape) -> None:
    for batch in (1, 2, 7):
        check(GlobalAvgPool(), (3, *picture), batch)
        check(Flatten(), (3, *picture), batch)
    check(Flatten(), (17,), 2)


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("inputs", [(1,), (15,), (33,), (1, 5, 7), (3, 13, 13), (17, 1, 2)])
def test_batch_normalization(inputs: Shape, training: bool) -> None:
    for batch in (1, 2, 7) if len(inputs) == 3 or not training else (3, 7, 33):
        check(BatchNorm(inputs[0]), inputs, batch, training=training)
        check(BatchNorm(inputs[0], momentum=0.37, epsilon=0.01), inputs, batch, training=training)


@pytest.mark.parametrize("inputs", [(5,), (3, 5, 7)])
@pytest.mark.parametrize("momentum", [0.0, 0.1, 0.5, 1.0])
def test_running_statistics_after_several_steps(momentum: float, inputs: Shape) -> None:
    generator = np.random.default_rng(0)
    layer = BatchNorm(inputs[0], momentum)
    params = random_state(layer, generator)
    twin = module(layer, inputs).train()
    load(twin, params)
    for batch in (7, 2, 33, 3, 7):
        x = generator.normal(3, 2, size=(batch, *inputs))
        params |= layer.updated_buffers(params, layer.forward(params, x, training=True)[1])
        twin(tensor(x))
    assert_all_near(params, state(twin))
    assert_near(layer.forward(params, x)[0], twin.eval()(tensor(x)).detach())


@pytest.mark.parametrize("layer", [ReLU(), LeakyReLU(), LeakyReLU(0.3), LeakyReLU(0), Sigmoid(), Tanh()], ids=str)
@pytest.mark.parametrize("inputs", [(1,), (33,), (3, 5, 7)])
def test_activations(layer: Layer, inputs: Shape) -> None:
    for batch in (1, 2, 7):
        check(layer, inputs, batch)
        whole_numbers = np.random.default_rng(batch).integers(-2, 3, size=(batch, *inputs))
        check(layer, inputs, batch, x=whole_numbers.astype(np.float64))


@pytest.mark.parametrize("layer", [ReLU(), LeakyReLU(), Sigmoid(), Tanh(), Softmax()], ids=str)
def test_activations_of_large_numbers(layer: Layer) -> None:
    check(layer, (7,), 1, x=np.array([[-1e4, -800.0, -30.0, 0.0, 30.0, 800.0, 1e4]]))


@pytest.mark.parametrize("features", [1, 10, 33])
def test_softmax(features: int) -> None:
    for batch in (1, 2, 7):
        check(Softmax(), (features,), batch)
    ties = np.random.default_rng(0).integers(-2, 3, size=(7, features))
    check(Softmax(), (features,), 7, x=ties.astype(np.float64))


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.9])
def test_dropout_with_a_given_mask(rate: float, training: bool) -> None:
    for batch, inputs in itertools.product((1, 2, 7), [(17,), (3, 5, 7)]):
        check(Dropout(rate), inputs, batch, training=training)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5])
def test_dropout_with_the_mask_that_pytorch_drew(rate: float) -> None:
    x = np.random.default_rng(0).normal(size=(7, 33))
    theirs = torch.nn.Dropout(rate)
    torch.manual_seed(1)
    mask = theirs(torch.ones((7, 33), dtype=torch.float64)).numpy()
    assert set(np.unique(mask)) <= {0.0, 1 / (1 - rate)}
    torch.manual_seed(1)
    their_x = tensor(x, gradient=True)
    their_y = theirs(their_x)
    their_y.sum().backward()
    y, residuals = Dropout(rate).forward({"mask": mask}, x, training=True)
    dx, _ = Dropout(rate).backward({"mask": mask}, residuals, np.ones_like(x))
    assert_near(y, their_y.detach())
    assert_near(dx, their_x.grad)


RESIDUALS: list[tuple[Residual, Shape]] = [
    (Residual([]), (5,)),
    (Residual([Linear(17, 3), Tanh(), Linear(3, 17, bias=False)]), (17,)),
    (Residual([Linear(5, 5), Residual([Linear(5, 5), Sigmoid(), Residual([Linear(5, 5)])]), ReLU()]), (5,)),
    (Residual([Linear(15, 33), BatchNorm(33), ReLU(), Dropout(0.3), Linear(33, 15)]), (15,)),
    (Residual([Conv2d(3, 2, 3, padding=1), BatchNorm(2), LeakyReLU(), Conv2d(2, 3, 5, padding=2)]), (3, 5, 7)),
    (Residual([Residual([Conv2d(1, 1, 1)]), MaxPool2d(1), AvgPool2d(3, 1), Conv2d(1, 1, 3, padding=2)]), (1, 13, 13)),
]


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize(("layer", "inputs"), RESIDUALS, ids=str)
def test_residuals(layer: Residual, inputs: Shape, training: bool) -> None:
    for batch in (2, 7):
        check(layer, inputs, batch, training=training)
