"""The convolution of pictures, as one matrix product."""

from __future__ import annotations

import math
from dataclasses import dataclass

from groundup.checks import boolean, integer
from groundup.layers.base import Array, Arrays, Layer, Shape, ShapeMismatch
from groundup.layers.windows import add_window_cells, batch_first, batch_last, pad, unpad, window_cells, window_grid


@dataclass(frozen=True)
class Conv2d(Layer):
    """Every output channel is a weighted sum over a square window of all input channels (a cross-correlation).

    All windows are written side by side as the columns of a matrix, so that the convolution is one matrix product
    (im2col; Chellapilla, Puri and Simard, 2006), and the product is the output.

    Parameters
    ----------
    inputs, outputs : int
        Channels in and out.
    size : int
        The window's height and width in pixels.
    stride : int
        Pixels from one window to the next.
    padding : int
        Width of the frame of zeros around each picture.
    bias : bool
        Whether a bias is added to each output channel.
    """

    inputs: int = integer(at_least=1)
    outputs: int = integer(at_least=1)
    size: int = integer(at_least=1)
    stride: int = integer(at_least=1, default=1)
    padding: int = integer(at_least=0, default=0)
    bias: bool = boolean(default=True)

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Shape]]:
        """Return y (N, outputs, rows, columns) for x (N, inputs, height, width); the windows as columns, x's shape."""
        xp = x.__array_namespace__()
        rows, columns = window_grid(x.shape[1:], self.size, self.stride, self.padding)
        cells = window_cells(pad(batch_last(x), self.padding), self.size, self.stride)
        windows = xp.reshape(xp.stack(cells, axis=1), (-1, rows * columns * x.shape[0]))
        kernel = xp.reshape(params["weight"], (self.outputs, -1))  # (outputs, inputs · size²)
        y = kernel @ windows  # (outputs, rows · columns · N)
        if self.bias:
            y = y + xp.expand_dims(params["bias"], axis=1)
        return batch_first(xp.reshape(y, (self.outputs, rows, columns, x.shape[0]))), (windows, x.shape)

    def backward(
        self, params: Arrays, residuals: tuple[Array, Shape], dy: Array
    ) -> tuple[Array, dict[str, Array]]:  # dy (N, outputs, rows, columns)
        """Return dx (N, inputs, height, width), and the gradients by weight and bias."""
        xp = dy.__array_namespace__()
        count, _, height, width = residuals[1]
        kernel = xp.reshape(params["weight"], (self.outputs, -1))
        dwindows = kernel.T @ xp.reshape(batch_last(dy), (self.outputs, -1))
        dwindows = xp.reshape(dwindows, (self.inputs, self.size**2, *dy.shape[2:], count))
        cells = [dwindows[:, cell, ...] for cell in range(self.size**2)]
        framed = (self.inputs, height + 2 * self.padding, width + 2 * self.padding, count)
        dx = unpad(add_window_cells(cells, framed, self.stride), self.padding)
        return batch_first(dx), self.parameter_gradients(params, residuals, dy)

    def parameter_gradients(self, params: Arrays, residuals: tuple[Array, Shape], dy: Array) -> dict[str, Array]:
        """Return the gradients by weight (outputs, inputs, size, size) and bias (outputs,)."""
        xp = dy.__array_namespace__()
        dy = xp.reshape(batch_last(dy), (self.outputs, -1))  # (outputs, rows · columns · N)
        grads = {"weight": xp.reshape(dy @ residuals[0].T, self.parameters()["weight"])}
        if self.bias:
            grads["bias"] = xp.sum(dy, axis=1)
        return grads

    def output_shape(self, inputs: Shape) -> Shape:
        """Return (outputs, rows, columns)."""
        grid = window_grid(inputs, self.size, self.stride, self.padding)
        if inputs[0] != self.inputs:
            raise ShapeMismatch(f"takes pictures of {self.inputs} channels")
        return (self.outputs, *grid)

    def parameters(self) -> dict[str, Shape]:
        """Return weight (outputs, inputs, size, size) and bias (outputs,)."""
        shapes: dict[str, Shape] = {"weight": (self.outputs, self.inputs, self.size, self.size)}
        return shapes | {"bias": (self.outputs,)} if self.bias else shapes

    def multiply_adds(self, inputs: Shape) -> int:
        """Return one for each weight and window."""
        return math.prod(self.parameters()["weight"]) * math.prod(self.output_shape(inputs)[1:])
