"""Every `backward` against central differences of `forward`: nothing but the definition of a derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from comparing import assert_near, random_masks, random_state
from every_layer import EVERY_LAYER, NAMES
from groundup.layers import LAYERS, Layer, Shape
from groundup.losses import CrossEntropy, Loss, MeanSquaredError

STEP = 1e-6


def differences(function: Callable[[], float], array: np.ndarray) -> np.ndarray:
    """Return the central differences of `function` by each element of `array`, which it reads."""
    result = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + STEP
        above = function()
        array[index] = value - STEP
        below = function()
        array[index] = value
        result[index] = (above - below) / (2 * STEP)
    return result


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize(("layer", "inputs"), EVERY_LAYER, ids=NAMES)
def test_backward(layer: Layer, inputs: Shape, training: bool) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(3, *inputs))
    params = random_state(layer, generator) | random_masks(layer, 3, generator, inputs)
    dy = generator.normal(size=(3, *layer.output_shape(inputs)))

    def function() -> float:
        return float(np.sum(dy * layer.forward(params, x, training)[0]))

    dx, grads = layer.backward(params, layer.forward(params, x, training)[1], dy)
    assert set(grads) == set(layer.parameters())
    assert_near(dx, differences(function, x), 1e-8, "dx")
    for name, gradient in grads.items():
        assert_near(gradient, differences(function, params[name]), 1e-8, name)


@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(0.2), MeanSquaredError()], ids=str)
def test_losses(loss: Loss) -> None:
    generator = np.random.default_rng(1)
    outputs, targets = generator.normal(size=(4, 5)), np.eye(5)[[0, 4, 4, 2]]
    gradient = loss.backward(loss.forward(outputs, targets)[1])
    assert_near(gradient, differences(lambda: float(loss.forward(outputs, targets)[0]), outputs), 1e-8)


def test_every_layer_is_among_them() -> None:
    assert {type(layer) for layer, _ in EVERY_LAYER} == set(LAYERS.values())
