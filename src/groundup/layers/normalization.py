"""Batch normalisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from groundup.checks import integer, real
from groundup.layers.base import Array, Arrays, Layer, Shape, ShapeMismatch


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Each feature, or each channel of pictures, to mean 0 and variance 1, then scaled and shifted as learned.

    In training the batch's own mean and variance are used, and running averages of them are kept (the variance
    unbiased, as PyTorch does); otherwise the running averages are used (Ioffe and Szegedy, 2015).

    Parameters
    ----------
    features : int
        Features of (N, features), or channels of (N, channels, height, width).
    momentum : float
        The share of the newest batch in the running averages.
    epsilon : float
        Added to the variance.
    """

    features: int = integer(at_least=1)
    momentum: float = real(at_least=0, at_most=1, default=0.1)
    epsilon: float = real(above=0, default=1e-5)

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, dict[str, Any]]:
        """Return y, shaped as x (N, features) or (N, features, height, width), and what `backward` needs."""
        xp = x.__array_namespace__()
        axes = _all_but_features(x)
        if training:
            mean = xp.mean(x, axis=axes, keepdims=True)
            variance = xp.mean((x - mean) ** 2, axis=axes, keepdims=True)
        else:
            mean = _spread(params["running_mean"], x)
            variance = _spread(params["running_var"], x)
        scale = 1 / xp.sqrt(variance + self.epsilon)
        normalized = (x - mean) * scale
        y = normalized * _spread(params["weight"], x) + _spread(params["bias"], x)
        return y, {"normalized": normalized, "scale": scale, "mean": mean, "variance": variance, "training": training}

    def backward(self, params: Arrays, residuals: dict[str, Any], dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx, and the gradients by weight and bias (features,); dx and dy are shaped as x."""
        xp = dy.__array_namespace__()
        axes = _all_but_features(dy)
        normalized = residuals["normalized"]
        grads = {"weight": xp.sum(dy * normalized, axis=axes), "bias": xp.sum(dy, axis=axes)}
        dx = dy * _spread(params["weight"], dy)
        if residuals["training"]:  # mean and variance, too, depend on x
            along = xp.mean(dx * normalized, axis=axes, keepdims=True)
            dx = dx - xp.mean(dx, axis=axes, keepdims=True) - normalized * along
        return dx * residuals["scale"], grads

    def updated_buffers(self, params: Arrays, residuals: dict[str, Any]) -> dict[str, Array]:
        """Return the running averages moved by `momentum` towards this batch's mean and unbiased variance."""
        xp = residuals["mean"].__array_namespace__()
        seen = math.prod(residuals["normalized"].shape) // self.features
        batch = {
            "running_mean": residuals["mean"],
            "running_var": residuals["variance"] * (seen / max(seen - 1, 1)),
        }
        return {
            name: (1 - self.momentum) * params[name] + self.momentum * xp.reshape(value, (self.features,))
            for name, value in batch.items()
        }

    def output_shape(self, inputs: Shape) -> Shape:
        """Return `inputs`."""
        if len(inputs) not in (1, 3) or inputs[0] != self.features:
            raise ShapeMismatch(f"takes inputs of {self.features} features or channels")
        return inputs

    def parameters(self) -> dict[str, Shape]:
        """Return weight and bias, both (features,)."""
        return {"weight": (self.features,), "bias": (self.features,)}

    def buffers(self) -> dict[str, tuple[Shape, float]]:
        """Return running_mean, at first 0, and running_var, at first 1, both (features,)."""
        return {"running_mean": ((self.features,), 0.0), "running_var": ((self.features,), 1.0)}


def _all_but_features(x: Array) -> tuple[int, ...]:
    """Return the axes over which statistics are taken: all but the second."""
    return (0,) if x.ndim == 2 else (0, 2, 3)


def _spread(values: Array, x: Array) -> Array:
    """Return `values` (features,) shaped so that they broadcast against x along its second axis."""
    xp = x.__array_namespace__()
    return xp.reshape(values, (1, -1) if x.ndim == 2 else (1, -1, 1, 1))
