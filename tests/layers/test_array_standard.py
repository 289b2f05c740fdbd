"""The mathematics on array-api-strict, which refuses whatever the array API standard does not promise."""

from __future__ import annotations

from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

from comparing import random_masks, random_state
from every_layer import EVERY_LAYER, NAMES
from groundup.layers import Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU, Shape
from groundup.losses import CrossEntropy, Loss, MeanSquaredError, one_hot
from groundup.network import Network
from groundup.optimizers import SGD, Adam, AdamW, Optimizer, clip_norm

OPTIMIZERS = [
    SGD(),
    SGD(0.9, dampening=0.1, weight_decay=0.01),
    SGD(0.9, nesterov=True),
    Adam(weight_decay=0.01),
    Adam(amsgrad=True),
    AdamW(),
]


def strictly(value: Any) -> Any:
    """Return `value` with every NumPy array in it turned into one of array-api-strict."""
    match value:
        case np.ndarray():
            return strict.asarray(value.copy())
        case dict():
            return {name: strictly(each) for name, each in value.items()}
        case _:
            return value


def assert_same(actual: Any, expected: Any) -> None:
    """Fail unless the strict arrays hold the very numbers of the NumPy arrays."""
    if isinstance(expected, dict):
        assert set(actual) == set(expected)
        for name, each in expected.items():
            assert_same(actual[name], each)
        return
    assert type(actual) is type(strict.asarray(0.0))
    assert str(actual.dtype).endswith(str(expected.dtype))
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=1e-12 if expected.dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize(("layer", "inputs"), EVERY_LAYER, ids=NAMES)
def test_layer(layer: Layer, inputs: Shape, training: bool, dtype: type) -> None:
    generator = np.random.default_rng(1)
    x: np.ndarray = generator.normal(size=(3, *inputs)).astype(dtype)
    params = random_state(layer, generator) | random_masks(layer, 3, generator, inputs)
    params = {name: array.astype(dtype) for name, array in params.items()}
    dy: np.ndarray = generator.normal(size=(3, *layer.output_shape(inputs))).astype(dtype)
    results = []
    for run_x, run_params, run_dy in ((x, params, dy), (strictly(x), strictly(params), strictly(dy))):
        y, residuals = layer.forward(run_params, run_x, training)
        dx, grads = layer.backward(run_params, residuals, run_dy)
        buffers = layer.updated_buffers(run_params, residuals)
        results.append({"y": y, "dx": dx, "grads": grads, "buffers": buffers})
    assert results[0]["y"].dtype == results[0]["dx"].dtype == dtype
    assert_same(results[1], results[0])


@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(0.2), MeanSquaredError()], ids=str)
def test_loss(loss: Loss) -> None:
    outputs = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)
    labels = np.array([0, 4, 4, 2], dtype=np.uint8)
    targets = one_hot(labels, 5, like=outputs)
    np.testing.assert_array_equal(targets, np.eye(5, dtype=np.float32)[labels], strict=True)
    strict_targets = one_hot(strict.asarray(labels), 5, like=strict.asarray(outputs))
    assert_same(strict_targets, targets)
    value, residuals = loss.forward(outputs, targets)
    strict_value, strict_residuals = loss.forward(strict.asarray(outputs), strict_targets)
    assert_same(strict_value, np.asarray(value))
    assert strict_value.ndim == value.ndim == 0
    assert_same(loss.backward(strict_residuals), loss.backward(residuals))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_optimizer(optimizer: Optimizer) -> None:
    generator = np.random.default_rng(1)
    parameter = generator.normal(size=(3, 4)).astype(np.float32)
    moments = {name: np.zeros_like(parameter) for name in optimizer.moments}
    strict_parameter, strict_moments = strictly(parameter), strictly(moments)
    for step in range(1, 4):
        gradients = clip_norm({"weight": generator.normal(size=(3, 4)).astype(np.float32)}, 1.0)
        strict_gradients = clip_norm(strictly(gradients), 1.0)
        parameter, moments = optimizer.update(parameter, gradients["weight"], moments, 0.1, step)
        strict_parameter, strict_moments = optimizer.update(
            strict_parameter, strict_gradients["weight"], strict_moments, 0.1, step
        )
    assert_same(strict_parameter, parameter)
    assert_same(strict_moments, moments)


def test_network() -> None:
    network = Network([Conv2d(1, 2, 3), ReLU(), MaxPool2d(), Flatten(), Dropout(), Linear(12, 10)], (1, 7, 8))
    generator = np.random.default_rng(1)
    params = random_state(network, generator) | random_masks(network, 3, generator)
    x, dy = generator.normal(size=(3, 1, 7, 8)), generator.normal(size=(3, 10))
    results = []
    for run_x, run_params, run_dy in ((x, params, dy), (strictly(x), strictly(params), strictly(dy))):
        y, saved = network.forward(run_params, run_x, training=True)
        _, grads = network.backward(run_params, saved, run_dy, input_gradient=False)
        results.append({"y": y, "grads": grads})
    assert_same(results[1], results[0])
