"""Activations: functions of one number each, and softmax over the features."""

from __future__ import annotations

from dataclasses import dataclass

from groundup.checks import real
from groundup.layers.base import Array, Arrays, Layer, Shape, ShapeMismatch


@dataclass(frozen=True)
class ReLU(Layer):
    """max(x, 0); the derivative at 0 is 0."""

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Array]:
        """Return y, shaped as x, twice: `backward` needs y."""
        xp = x.__array_namespace__()
        y = xp.maximum(xp.zeros((), dtype=x.dtype), x)  # 0 first: a tie goes to the first, so the derivative is 0
        return y, y

    def backward(self, params: Arrays, y: Array, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx, shaped as dy."""
        xp = dy.__array_namespace__()
        return xp.astype(y > 0, dy.dtype) * dy, {}


@dataclass(frozen=True)
class LeakyReLU(Layer):
    """x where x is positive, slope · x elsewhere; the derivative at 0 is `slope`.

    Parameters
    ----------
    slope : float
        The derivative where x is not positive.
    """

    slope: float = real(at_least=0, default=0.01)

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Array]:
        """Return y, shaped as x, and x."""
        xp = x.__array_namespace__()
        return xp.where(x > 0, x, self.slope * x), x

    def backward(self, params: Arrays, x: Array, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx, shaped as dy."""
        xp = dy.__array_namespace__()
        return xp.where(x > 0, dy, self.slope * dy), {}


@dataclass(frozen=True)
class Sigmoid(Layer):
    """1 / (1 + exp(-x)), written so that exp never overflows."""

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Array]:
        """Return y, shaped as x, twice: `backward` needs y."""
        xp = x.__array_namespace__()
        small = xp.exp(xp.where(x > 0, -x, x))  # of -|x|; but |x| has no derivative at 0, and y has
        y = xp.where(x > 0, xp.ones_like(x), small) / (1 + small)
        return y, y

    def backward(self, params: Arrays, y: Array, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx, shaped as dy."""
        return dy * y * (1 - y), {}


@dataclass(frozen=True)
class Tanh(Layer):
    """The hyperbolic tangent."""

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Array]:
        """Return y, shaped as x, twice: `backward` needs y."""
        xp = x.__array_namespace__()
        y = xp.tanh(x)
        return y, y

    def backward(self, params: Arrays, y: Array, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx, shaped as dy."""
        return dy * (1 - y * y), {}


@dataclass(frozen=True)
class Softmax(Layer):
    """exp(x) / Σ exp(x) over the features of each example: probabilities."""

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Array]:  # x (N, features)
        """Return y (N, features), twice: `backward` needs y."""
        xp = x.__array_namespace__()
        powers = xp.exp(x - xp.max(x, axis=1, keepdims=True))
        y = powers / xp.sum(powers, axis=1, keepdims=True)
        return y, y

    def backward(self, params: Arrays, y: Array, dy: Array) -> tuple[Array, dict[str, Array]]:  # dy (N, features)
        """Return dx (N, features): the Jacobian diag(y) - y yᵀ times dy, without ever forming it."""
        xp = dy.__array_namespace__()
        return y * (dy - xp.sum(dy * y, axis=1, keepdims=True)), {}

    def output_shape(self, inputs: Shape) -> Shape:
        """Return `inputs`."""
        if len(inputs) != 1:
            raise ShapeMismatch("takes inputs of shape (features,)")
        return inputs
