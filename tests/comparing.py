"""Random numbers for a network, and what it means for two arrays to be equal: shared by several test files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from groundup.layers import Layer, Shape
from groundup.network import Network


def assert_near(actual: Any, expected: Any, bound: float = 1e-9, what: str = "", zero: float = 1e-4) -> None:
    """Fail unless shapes are equal and the error's norm is within `bound` of the expected norm.

    A gradient that is zero in exact arithmetic (a bias before a BatchNorm) is rounding errors on both sides: norms
    under `zero` count as that.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, what
    assert np.all(np.isfinite(actual)), what
    error, norm = float(np.linalg.norm(actual - expected)), float(np.linalg.norm(expected))
    assert error <= bound * max(norm, zero), f"{what}: error {error:.3g} of {norm:.3g}"


def assert_all_near(
    actual: Mapping[str, Any], expected: Mapping[str, Any], bound: float = 1e-9, zero: float = 1e-4
) -> None:
    """Fail unless both have the same names, and equal arrays by them."""
    assert set(actual) == set(expected)
    for name, array in expected.items():
        assert_near(actual[name], array, bound, name, zero)


def random_state(described: Layer | Network, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return float64 parameters and buffers of ordinary size; running variances are positive."""
    named = {
        name: generator.normal(size=shape) / math.sqrt(math.prod(shape[1:]))
        for name, shape in described.parameters().items()
    }
    for name, (shape, _) in described.buffers().items():
        named[name] = generator.uniform(0.5, 2, shape) if name.endswith("var") else generator.normal(size=shape)
    return named


def random_masks(
    described: Layer | Network, count: int, generator: np.random.Generator, inputs: Shape = ()
) -> dict[str, np.ndarray]:
    """Return the masks that one training step on a batch of `count` needs."""
    masks = described.masks() if isinstance(described, Network) else described.masks(inputs)
    return {name: (generator.random((count, *shape)) >= rate) / (1 - rate) for name, (shape, rate) in masks.items()}
