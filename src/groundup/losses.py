"""Losses: one number that says how wrong a batch of outputs is, and its gradient by the outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from groundup.checks import Checked, real
from groundup.layers.base import Array


@dataclass(frozen=True)
class Loss(Checked):
    """A mean over the batch; the targets are one row for each example, 1 at its class and 0 elsewhere."""

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, Any]:
        """Return the loss, a 0-d array, and the residuals."""
        raise NotImplementedError

    def backward(self, residuals: Any) -> Array:
        """Return the loss's gradient by the outputs (N, classes)."""
        raise NotImplementedError


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Softmax cross-entropy from logits: the mean of -Σ target · log softmax(logits).

    The largest logit is taken away first and the logarithm is never taken of a probability, so logits of ±10,000 are
    as good as any. Softmax's Jacobian and the logarithm's derivative cancel: the gradient is probabilities - targets.

    Parameters
    ----------
    label_smoothing : float
        The share of each target that is spread evenly over all classes (Szegedy et al., 2016).
    """

    label_smoothing: float = real(at_least=0, below=1, default=0.0)

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, tuple[Array, Array]]:  # both (N, classes)
        """Return the loss; probabilities and smoothed targets, both (N, classes)."""
        xp = outputs.__array_namespace__()
        count, classes = outputs.shape
        if self.label_smoothing:
            targets = targets * (1 - self.label_smoothing) + self.label_smoothing / classes
        shifted = outputs - xp.max(outputs, axis=1, keepdims=True)
        powers = xp.exp(shifted)
        total = xp.sum(powers, axis=1, keepdims=True)
        logarithms = shifted - xp.log(total)
        return -xp.sum(targets * logarithms) / count, (powers / total, targets)

    def backward(self, residuals: tuple[Array, Array]) -> Array:
        """Return dlogits (N, classes)."""
        probabilities, targets = residuals
        return (probabilities - targets) / probabilities.shape[0]


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """The mean of (output - target)² over all outputs of all examples, as PyTorch's `MSELoss`."""

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, Array]:  # both (N, classes)
        """Return the loss, and the differences (N, classes)."""
        xp = outputs.__array_namespace__()
        differences = outputs - targets
        return xp.mean(differences * differences), differences

    def backward(self, differences: Array) -> Array:
        """Return doutputs (N, classes)."""
        return differences * (2 / math.prod(differences.shape))


LOSSES: dict[str, type[Loss]] = {"cross-entropy": CrossEntropy, "mean-squared-error": MeanSquaredError}


def one_hot(labels: Array, classes: int, like: Array) -> Array:
    """Return targets (N, classes) of the library and type of `like`: 1 at each of `labels` (N,), 0 elsewhere."""
    xp = like.__array_namespace__()
    places = xp.arange(classes, dtype=labels.dtype)
    return xp.astype(xp.expand_dims(labels, axis=1) == places, like.dtype)
