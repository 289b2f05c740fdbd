"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass

from groundup.checks import boolean, integer
from groundup.layers.base import Array, Arrays, Layer, Shape, ShapeMismatch


@dataclass(frozen=True)
class Linear(Layer):
    """y = x Wᵀ + b: every output is a weighted sum of all inputs.

    Parameters
    ----------
    inputs, outputs : int
        Features in and out.
    bias : bool
        Whether a bias is added.
    """

    inputs: int = integer(at_least=1)
    outputs: int = integer(at_least=1)
    bias: bool = boolean(default=True)

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Array]:  # x (N, inputs)
        """Return y (N, outputs), and x."""
        y = x @ params["weight"].T  # weight (outputs, inputs)
        return (y + params["bias"] if self.bias else y), x

    def backward(self, params: Arrays, x: Array, dy: Array) -> tuple[Array, dict[str, Array]]:  # dy (N, outputs)
        """Return dx (N, inputs), and the gradients by weight and bias."""
        return dy @ params["weight"], self.parameter_gradients(params, x, dy)

    def parameter_gradients(self, params: Arrays, x: Array, dy: Array) -> dict[str, Array]:
        """Return the gradients by weight (outputs, inputs) and bias (outputs,)."""
        grads = {"weight": dy.T @ x}
        if self.bias:
            xp = dy.__array_namespace__()
            grads["bias"] = xp.sum(dy, axis=0)
        return grads

    def output_shape(self, inputs: Shape) -> Shape:
        """Return (outputs,)."""
        if inputs != (self.inputs,):
            raise ShapeMismatch(f"takes inputs of shape ({self.inputs},)")
        return (self.outputs,)

    def parameters(self) -> dict[str, Shape]:
        """Return weight (outputs, inputs) and bias (outputs,)."""
        shapes: dict[str, Shape] = {"weight": (self.outputs, self.inputs)}
        return shapes | {"bias": (self.outputs,)} if self.bias else shapes

    def multiply_adds(self, inputs: Shape) -> int:
        """Return one for each weight."""
        return self.inputs * self.outputs
