"""Bugs that cost people days, injected: the real layers and losses, each with one wrong line beside the right one.

None of them stops with an error, and most of them still learn a little. docs/pitfalls.md shows what each does, and
which tool names the tensor that it spoils.
"""

from __future__ import annotations

from dataclasses import dataclass

from groundup.backends.scalar import Value
from groundup.layers import Array, Arrays, Linear, ReLU, Softmax
from groundup.losses import CrossEntropy


@dataclass(frozen=True)
class SoftmaxOverBatch(Softmax):
    """Softmax whose probabilities sum to 1 over the whole batch, and not over each example."""

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Array]:
        """Return y (N, features), twice."""
        xp = x.__array_namespace__()
        powers = xp.exp(x - xp.max(x, axis=1, keepdims=True))
        y = powers / xp.sum(powers)  # right: xp.sum(powers, axis=1, keepdims=True)
        return y, y


@dataclass(frozen=True)
class OneBiasGradient(Linear):
    """A fully connected layer whose biases all receive the same gradient: the sum of all of theirs."""

    def parameter_gradients(self, params: Arrays, x: Array, dy: Array) -> dict[str, Array]:
        """Return the gradients by weight (outputs, inputs) and bias (outputs,)."""
        xp = dy.__array_namespace__()
        bias = xp.sum(dy) + xp.zeros_like(params["bias"])  # right: xp.sum(dy, axis=0)
        return {"weight": dy.T @ x, "bias": bias}


@dataclass(frozen=True)
class ReLUSlopeOne(ReLU):
    """A ReLU that takes its derivative to be 1 everywhere."""

    def backward(self, params: Arrays, y: Array, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx, shaped as dy."""
        return dy, {}  # right: xp.astype(y > 0, dy.dtype) * dy


@dataclass(frozen=True)
class WrongSign(CrossEntropy):
    """A cross-entropy whose gradient points uphill."""

    def backward(self, residuals: tuple[Array, Array]) -> Array:
        """Return dlogits (N, classes)."""
        probabilities, targets = residuals
        return (targets - probabilities) / probabilities.shape[0]  # right: probabilities - targets


@dataclass(frozen=True)
class LogOfProbability(CrossEntropy):
    """A cross-entropy that takes the logarithm of a probability, which may have been rounded to 0."""

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, tuple[Array, Array]]:
        """Return the loss; probabilities and targets, both (N, classes)."""
        xp = outputs.__array_namespace__()
        shifted = outputs - xp.max(outputs, axis=1, keepdims=True)
        powers = xp.exp(shifted)
        probabilities = powers / xp.sum(powers, axis=1, keepdims=True)
        logarithms = xp.log(probabilities)  # right: shifted - xp.log(xp.sum(powers, axis=1, keepdims=True))
        return -xp.sum(targets * logarithms) / outputs.shape[0], (probabilities, targets)


def backward_along_every_path(node: Value, gradient: float = 1.0) -> int:
    """Add `gradient` to a node and what follows from it to all nodes below; return how many nodes were visited.

    The gradients are right. But a node is visited once for every path that leads to it, and paths double wherever two
    of them meet and part again. Right: `Value.backward`, which visits a node once, after all nodes that used it.
    """
    node.gradient += gradient
    visits = 1
    if node.inputs:
        for each, derivative in zip(node.inputs, node.derivatives(), strict=True):
            if isinstance(each, Value):
                visits += backward_along_every_path(each, gradient * derivative)
    return visits
