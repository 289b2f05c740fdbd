"""Pooling: a window of pixels becomes one number."""

from __future__ import annotations

from dataclasses import dataclass

from groundup.checks import integer
from groundup.layers.base import Array, Arrays, Layer, Shape, ShapeMismatch
from groundup.layers.windows import add_window_cells, batch_first, batch_last, window_cells, window_grid


@dataclass(frozen=True)
class Pool2d(Layer):
    """A window that slides over each channel by itself.

    Parameters
    ----------
    size : int
        The window's height and width in pixels.
    stride : int
        Pixels from one window to the next; 0, the default, takes `size`: windows side by side.
    """

    size: int = integer(at_least=1, default=2)
    stride: int = integer(at_least=0, default=0)

    @property
    def step(self) -> int:
        """Pixels from one window to the next."""
        return self.stride or self.size

    def output_shape(self, inputs: Shape) -> Shape:
        """Return (channels, rows, columns)."""
        return (inputs[0], *window_grid(inputs, self.size, self.step))


@dataclass(frozen=True)
class MaxPool2d(Pool2d):
    """The largest pixel of each window; the gradient goes to it, and in a tie to the first."""

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        """Return y (N, channels, rows, columns) for x (N, channels, height, width); x and y with the batch last."""
        xp = x.__array_namespace__()
        x = batch_last(x)
        y, *others = window_cells(x, self.size, self.step)
        for cell in others:
            y = xp.maximum(y, cell)
        return batch_first(y), (x, y)

    def backward(
        self, params: Arrays, residuals: tuple[Array, Array], dy: Array
    ) -> tuple[Array, dict[str, Array]]:  # dy (N, channels, rows, columns)
        """Return dx (N, channels, height, width)."""
        x, y = residuals
        xp = dy.__array_namespace__()
        dy = batch_last(dy)
        cells = []
        waiting = y == y  # false for NaN, which equals no cell
        for cell in window_cells(x, self.size, self.step):
            largest = waiting & (cell == y)
            cells.append(xp.astype(largest, dy.dtype) * dy)
            waiting = waiting & ~largest
        return batch_first(add_window_cells(cells, x.shape, self.step)), {}


@dataclass(frozen=True)
class AvgPool2d(Pool2d):
    """The mean of each window's pixels; the gradient is shared equally."""

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Shape]:
        """Return y (N, channels, rows, columns) for x (N, channels, height, width), and x's shape, batch last."""
        turned = batch_last(x)
        y, *others = window_cells(turned, self.size, self.step)
        for cell in others:
            y = y + cell
        return batch_first(y / self.size**2), turned.shape

    def backward(self, params: Arrays, shape: Shape, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx (N, channels, height, width) for dy (N, channels, rows, columns)."""
        share = batch_last(dy) / self.size**2
        return batch_first(add_window_cells([share] * self.size**2, shape, self.step)), {}


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """The mean of each channel over the whole picture."""

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Shape]:
        """Return y (N, channels) for x (N, channels, height, width), and x's shape."""
        xp = x.__array_namespace__()
        return xp.mean(x, axis=(2, 3)), x.shape

    def backward(self, params: Arrays, shape: Shape, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx (N, channels, height, width) for dy (N, channels)."""
        xp = dy.__array_namespace__()
        share = xp.reshape(dy, (*shape[:2], 1, 1)) / (shape[2] * shape[3])
        return xp.broadcast_to(share, shape), {}

    def output_shape(self, inputs: Shape) -> Shape:
        """Return (channels,)."""
        if len(inputs) != 3:
            raise ShapeMismatch("takes pictures of shape (channels, height, width)")
        return inputs[:1]
