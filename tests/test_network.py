from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparing import assert_all_near, random_masks, random_state
from groundup.errors import NetworkError, ParameterError
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
from groundup.network import Network, Normalization
from random_networks import convolutional, perceptron

NETWORKS = st.builds(perceptron, st.integers(0, 10_000)) | st.builds(convolutional, st.integers(0, 10_000))
LENET = [
    Conv2d(1, 6, 5, padding=2),
    ReLU(),
    MaxPool2d(),
    Conv2d(6, 16, 5),
    ReLU(),
    MaxPool2d(),
    Flatten(),
    Linear(400, 120),
    ReLU(),
    Linear(120, 84),
    ReLU(),
    Linear(84, 10),
]


@pytest.mark.parametrize(
    ("layers", "inputs", "message"),
    [
        (
            [Linear(784, 30), ReLU(), Linear(40, 10)],
            None,
            "layer 2, Linear(40, 10), takes inputs of shape (40,), but is given (30,)",
        ),
        (
            [Linear(5, 3, bias=False)],
            (4,),
            "layer 0, Linear(5, 3, bias=False), takes inputs of shape (5,), but is given (4,)",
        ),
        (
            [Conv2d(1, 2, 3), Linear(5, 3)],
            (1, 5, 5),
            "layer 1, Linear(5, 3), takes inputs of shape (5,), but is given (2, 3, 3)",
        ),
        (
            [Conv2d(3, 2, 3, padding=1)],
            (1, 5, 5),
            "layer 0, Conv2d(3, 2, 3, padding=1), takes pictures of 3 channels, but is given (1, 5, 5)",
        ),
        (
            [Conv2d(1, 2, 7, padding=1)],
            (1, 4, 9),
            "layer 0, Conv2d(1, 2, 7, padding=1), takes pictures of at least 5x5 pixels, but is given (1, 4, 9)",
        ),
        (
            [Flatten(), Conv2d(1, 2, 3)],
            (1, 5, 5),
            "layer 1, Conv2d(1, 2, 3), takes pictures of shape (channels, height, width), but is given (25,)",
        ),
        (
            [Linear(5, 3), MaxPool2d()],
            None,
            "layer 1, MaxPool2d(), takes pictures of shape (channels, height, width), but is given (3,)",
        ),
        (
            [AvgPool2d(4)],
            (2, 3, 8),
            "layer 0, AvgPool2d(size=4), takes pictures of at least 4x4 pixels, but is given (2, 3, 8)",
        ),
        (
            [GlobalAvgPool(), GlobalAvgPool()],
            (2, 3, 3),
            "layer 1, GlobalAvgPool(), takes pictures of shape (channels, height, width), but is given (2,)",
        ),
        (
            [BatchNorm(3)],
            (4, 2, 2),
            "layer 0, BatchNorm(3), takes inputs of 3 features or channels, but is given (4, 2, 2)",
        ),
        ([BatchNorm(3)], (3, 2), "layer 0, BatchNorm(3), takes inputs of 3 features or channels, but is given (3, 2)"),
        ([Softmax()], (3, 2, 2), "layer 0, Softmax(), takes inputs of shape (features,), but is given (3, 2, 2)"),
        (
            [Linear(5, 3), Residual([Linear(3, 4)])],
            None,
            "layer 1, Residual([Linear(3, 4)]), adds its layers' output of shape (4,) to its input, but is given (3,)",
        ),
        (
            [Linear(5, 3), Residual([ReLU(), Residual([Linear(3, 4), Linear(5, 3)])])],
            None,
            "in layer 1, Residual([ReLU(), Residual([Linear(3, 4), Linear(5, 3)])]): "
            "in layer 1, Residual([Linear(3, 4), Linear(5, 3)]): "
            "layer 1, Linear(5, 3), takes inputs of shape (5,), but is given (4,)",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: list[Layer], inputs: Shape | None, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Network(layers, inputs)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layers", "inputs", "message"),
    [
        ([], (3,), "a network needs at least one layer"),
        ([ReLU()], None, "layer 0, ReLU(), does not say what it is given: add input_shape="),
        ([Linear(5, 3), ReLU], None, "layer 1 is <class 'groundup.layers.activations.ReLU'>, not a layer"),
        (["Linear"], None, "layer 0 is 'Linear', not a layer"),
        ([ReLU()], (), "input_shape must be positive integers"),
        ([ReLU()], (0,), "input_shape must be positive integers, for example (1, 28, 28), not (0,)"),
        ([ReLU()], (3.0,), "input_shape must be positive integers"),
        ([ReLU()], (True, 28, 28), "input_shape must be positive integers"),
        ([ReLU()], ("3",), "input_shape must be positive integers"),
        ([ReLU()], (-(10**5000),), "input_shape must be positive integers"),
    ],
    ids=range(10),
)
def test_networks_that_cannot_be(layers: list[Any], inputs: Any, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Network(layers, inputs)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Linear, (0, 10), "Linear: inputs must be an integer at least 1, not 0"),
        (Linear, (10, 2.5), "Linear: outputs must be an integer at least 1, not 2.5"),
        (Linear, (True, 10), "Linear: inputs must be an integer at least 1, not True"),
        (Linear, (10, 10, 0), "Linear: bias must be true or false, not 0"),
        (Conv2d, (1, 1, 0), "Conv2d: size must be an integer at least 1, not 0"),
        (Conv2d, (1, 1, 3, 0), "Conv2d: stride must be an integer at least 1, not 0"),
        (Conv2d, (1, 1, 3, 1, -1), "Conv2d: padding must be an integer at least 0, not -1"),
        (Conv2d, (1, 1, (3, 3)), "Conv2d: size must be an integer at least 1, not (3, 3)"),
        (MaxPool2d, (0,), "MaxPool2d: size must be an integer at least 1, not 0"),
        (AvgPool2d, (2, -1), "AvgPool2d: stride must be an integer at least 0, not -1"),
        (BatchNorm, (3, 1.1), "BatchNorm: momentum must be a number at least 0 and at most 1, not 1.1"),
        (BatchNorm, (3, 0.1, 0), "BatchNorm: epsilon must be a number above 0, not 0"),
        (Dropout, (1,), "Dropout: rate must be a number at least 0 and below 1, not 1"),
        (LeakyReLU, (-0.1,), "LeakyReLU: slope must be a number at least 0, not -0.1"),
        (Normalization, (0, 0), "Normalization: deviation must be a number above 0, not 0"),
        (Normalization, (math.nan,), "Normalization: mean must be a number, not nan"),
    ],
)
def test_parameters_out_of_range(kind: type, values: Sequence[Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        kind(*values)
    assert str(caught.value) == message


def test_shapes_and_names() -> None:
    network = Network(LENET, (1, 28, 28))
    assert network.output_shapes()[::3] == [(6, 28, 28), (16, 10, 10), (400,), (84,)]
    assert network.output_shape == (10,)
    assert list(network.parameters()) == [f"{i}.{name}" for i in (0, 3, 7, 9, 11) for name in ("weight", "bias")]
    nested = Network([Linear(4, 4), Residual([BatchNorm(4), Dropout(0.3), Residual([Linear(4, 4)])])])
    assert list(nested.state_shapes()) == [
        "0.weight",
        "0.bias",
        "1.0.weight",
        "1.0.bias",
        "1.2.0.weight",
        "1.2.0.bias",
        "1.0.running_mean",
        "1.0.running_var",
    ]
    assert nested.masks() == {"1.1.mask": ((4,), 0.3)}
    assert Network([Conv2d(2, 3, 3), Dropout()], (2, 5, 6)).masks() == {"1.mask": ((3, 3, 4), 0.5)}


def test_networks_are_values() -> None:
    first, second = Network(LENET, (1, 28, 28)), Network(tuple(LENET), [1, 28, 28])
    assert first == second
    assert hash(first) == hash(second)
    assert first != Network(LENET, (1, 28, 28), Normalization(33, 79))
    assert Network(layer for layer in LENET[7:]).input_shape == (400,)  # type: ignore[arg-type]  # taken all the same
    with pytest.raises(AttributeError):
        first.layers = ()  # type: ignore[misc]  # what is tested


def test_summary() -> None:
    network = Network(
        [Conv2d(1, 6, 5), Residual([Conv2d(6, 6, 3, padding=1), ReLU()]), MaxPool2d(3, 2), Flatten(), Linear(726, 10)],
        (1, 28, 28),
    )
    assert network.summary().splitlines() == [
        "   layer                                           output   parameters  multiply-adds",
        "   input                                           1x28x28",
        "0  Conv2d(1, 6, 5)                                 6x24x24         156         86,400",
        "1  Residual([Conv2d(6, 6, 3, padding=1), ReLU()])  6x24x24         330        186,624",
        "2  MaxPool2d(size=3, stride=2)                     6x11x11",
        "3  Flatten()                                       726",
        "4  Linear(726, 10)                                 10            7,270          7,260",
        "   total                                                         7,756        280,284",
    ]


@given(NETWORKS)
def test_gradients_without_the_inputs_are_the_same(network: Network) -> None:
    generator = np.random.default_rng(0)
    params = random_state(network, generator) | random_masks(network, 3, generator)
    x, dy = generator.normal(size=(3, *network.input_shape)), generator.normal(size=(3, *network.output_shape))
    _, saved = network.forward(params, x, training=True)
    dx, grads = network.backward(params, saved, dy)
    nothing, alone = network.backward(params, saved, dy, input_gradient=False)
    assert dx.shape == x.shape
    assert nothing is None
    assert set(grads) == set(network.parameters())
    assert_all_near(alone, grads, bound=0)


@pytest.mark.parametrize(
    ("layers", "inputs"),
    [
        ([ReLU(), Tanh()], (3,)),
        ([MaxPool2d(), GlobalAvgPool(), Softmax()], (3, 4, 4)),
        ([Residual([Sigmoid()])], (3,)),
        ([Dropout(0.0), Flatten()], (1, 2, 2)),
    ],
)
def test_networks_without_parameters(layers: list[Layer], inputs: Shape) -> None:
    network = Network(layers, inputs)
    generator = np.random.default_rng(0)
    params, x = random_masks(network, 2, generator), generator.normal(size=(2, *inputs))
    y, saved = network.forward(params, x, training=True)
    dx, grads = network.backward(params, saved, np.ones_like(y))
    assert dx.shape == x.shape
    assert grads == {}
    assert network.backward(params, saved, np.ones_like(y), input_gradient=False) == (None, {})
    assert network.initial_state(1) == network.updated_buffers(params, saved) == {}


def test_layers_before_the_first_parameters_are_not_run_backward() -> None:
    """Flatten and Dropout know nothing of their gradient's worth; what they were given is poisoned."""
    network = Network([Flatten(), Dropout(), Linear(4, 2), ReLU(), Linear(2, 2)], (1, 2, 2))
    generator = np.random.default_rng(0)
    params = random_state(network, generator) | random_masks(network, 3, generator)
    _, saved = network.forward(params, generator.normal(size=(3, 1, 2, 2)), training=True)
    _, grads = network.backward(params, saved, np.ones((3, 2)))
    poisoned = [None, None, *saved[2:]]
    del params["1.mask"]
    assert_all_near(network.backward(params, poisoned, np.ones((3, 2)), input_gradient=False)[1], grads, bound=0)


def test_inference_needs_no_masks_and_leaves_everything() -> None:
    network = Network([Linear(4, 3), BatchNorm(3), Dropout(), Linear(3, 2)])
    generator = np.random.default_rng(0)
    params = random_state(network, generator)
    before = copy.deepcopy(params)
    first, _ = network.forward(params, np.ones((2, 4)))
    second, _ = network.forward(params, np.ones((2, 4)))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_equal(params, before)
