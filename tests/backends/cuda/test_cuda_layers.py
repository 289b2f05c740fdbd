"""The rules and kernels of the layers without products: against the layers' own functions on NumPy in float64."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import emulated
from groundup import randomness
from groundup.backends.cuda.plan import Buffer, Plan
from groundup.backends.cuda.rules import elementwise, normalization, pooling, structure
from groundup.backends.cuda.rules.types import Own
from groundup.backends.numpy import uniforms
from groundup.layers import (
    AvgPool2d,
    BatchNorm,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Shape,
    Sigmoid,
    Softmax,
    Tanh,
)

pytestmark = pytest.mark.skipif(not emulated.COMPILER, reason="compiles kernels for the CPU: needs g++")

RULES = {**elementwise.LAYERS, **normalization.LAYERS, **pooling.LAYERS, **structure.LAYERS}
BATCH, COUNT = 9, 7
KEY = randomness.key(1, "mask", "mask", 1)
CASES: list[tuple[Layer, Shape]] = [
    (ReLU(), (3, 5, 7)),
    (LeakyReLU(0.2), (33,)),
    (LeakyReLU(0), (5,)),
    (Sigmoid(), (3, 5, 7)),
    (Tanh(), (33,)),
    (Softmax(), (1,)),
    (Softmax(), (10,)),
    (Softmax(), (67,)),
    (MaxPool2d(2), (2, 5, 7)),
    (MaxPool2d(3, 1), (2, 5, 4)),
    (MaxPool2d(2, 3), (1, 8, 9)),
    (MaxPool2d(17, 2), (1, 20, 18)),
    (AvgPool2d(2), (2, 5, 7)),
    (AvgPool2d(3, 2), (3, 6, 7)),
    (AvgPool2d(1, 2), (2, 3, 3)),
    (GlobalAvgPool(), (3, 4, 15)),
    (GlobalAvgPool(), (5, 1, 1)),
    (BatchNorm(5), (5,)),
    (BatchNorm(67, momentum=1, epsilon=1), (67,)),
    (BatchNorm(3, momentum=0.3, epsilon=0.01), (3, 5, 7)),
    (BatchNorm(2), (2, 31, 32)),
    (Dropout(0.4), (3, 5, 7)),
    (Dropout(0), (17,)),
    (Flatten(), (2, 3, 5)),
]


class Made(NamedTuple):
    """What came of one layer, the unused rest of the batch included."""

    y: NDArray[Any]
    dx: NDArray[Any]
    gradients: dict[str, NDArray[Any]]
    buffers: dict[str, NDArray[Any]]


@cache
def given(layer: Layer, shape: Shape) -> tuple[NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]:
    """Inputs, the gradient by the outputs, parameters and buffers; many inputs are equal, and the last are none."""
    generator = np.random.default_rng(len(str(layer)))
    x = generator.integers(-3, 4, (COUNT, *shape)) / 2
    if not isinstance(layer, BatchNorm):
        x[-1] = generator.choice([1, -1, np.nan, np.inf, -np.inf], size=shape, p=[0.4, 0.3, 0.1, 0.1, 0.1])
    dy = generator.normal(size=(COUNT, *layer.output_shape(shape)))
    params = {name: generator.uniform(0.5, 2, shape) for name, shape in layer.parameters().items()}
    params |= {name: generator.uniform(0.5, 2, shape) for name, (shape, _) in layer.buffers().items()}
    return x, dy, params


@cache
def made(training: bool) -> list[Made]:
    """All cases in one plan: it is compiled once."""
    plan = Plan(BATCH, False, training, key_count=2)
    arrays: dict[Buffer, Any] = {plan.step_keys: np.array([5, KEY], np.uint64)}
    places = []
    for number, (layer, shape) in enumerate(CASES):
        x, dy, params = given(layer, shape)
        values = {name: plan.buffer(name, value.shape) for name, value in params.items()}
        gradients = {name: plan.buffer(name, shape) for name, shape in layer.parameters().items()}
        inputs, slope = plan.activation("x", x.shape[1:]), plan.activation("dy", dy.shape[1:])
        arrays |= {inputs: x, slope: dy} | {values[name]: value for name, value in params.items()}
        y, backward = RULES[type(layer)](plan, layer, Own(f"{number}.", values, gradients, {"mask": 1}), inputs)
        places.append((y, backward(slope, True) if training else None, gradients, values))
    contents = emulated.run(plan, arrays, COUNT)

    def of(buffer: Buffer | None) -> NDArray[Any]:
        return contents[buffer.base or buffer].reshape(buffer.shape) if buffer else np.empty(0)

    return [
        Made(of(y), of(dx), {name: of(each) for name, each in gradients.items()}, {n: of(v) for n, v in values.items()})
        for y, dx, gradients, values in places
    ]


every_case = pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{layer} on {on}" for layer, on in CASES])


def close(found: NDArray[Any], wanted: NDArray[Any]) -> None:
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6)


def mask(layer: Layer, shape: Shape) -> dict[str, NDArray[Any]]:
    if not isinstance(layer, Dropout):
        return {}
    kept = uniforms(COUNT * int(np.prod(shape)), KEY) >= layer.rate
    return {"mask": kept.reshape(COUNT, *shape) / (1 - layer.rate)}


@every_case
def test_training(number: int) -> None:
    layer, shape = CASES[number]
    x, dy, params = given(layer, shape)
    params = params | mask(layer, shape)
    with np.errstate(invalid="ignore"):
        y, residuals = layer.forward(params, x, True)
        dx, gradients = layer.backward(params, residuals, dy)
    found = made(True)[number]
    close(found.y[:COUNT], y)
    close(found.dx[:COUNT], dx)
    assert found.gradients.keys() == gradients.keys()
    for name, gradient in gradients.items():
        close(found.gradients[name], gradient)
    for name, value in (params | layer.updated_buffers(params, residuals)).items():
        if name != "mask":
            close(found.buffers[name], value)


@every_case
def test_prediction(number: int) -> None:
    layer, shape = CASES[number]
    x, _, params = given(layer, shape)
    with np.errstate(invalid="ignore"):
        y, _ = layer.forward(params, x)
    close(made(False)[number].y[:COUNT], y)


@every_case
def test_nothing_is_written_beyond_the_step_s_examples(number: int) -> None:
    found = made(True)[number]
    assert np.isnan(found.y[COUNT:]).all()
    assert np.isnan(found.dx[COUNT:]).all()
