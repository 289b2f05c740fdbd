"""Layers that shape the flow: Flatten, Dropout and Residual, and the order in which layers run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundup.checks import real
from groundup.errors import NetworkError
from groundup.layers.base import Array, Arrays, Layer, Shape, ShapeMismatch


@dataclass(frozen=True)
class Flatten(Layer):
    """Each example's numbers in one row."""

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Shape]:
        """Return y (N, features) for x (N, ...), and x's shape."""
        xp = x.__array_namespace__()
        return xp.reshape(x, (x.shape[0], math.prod(x.shape[1:]))), x.shape

    def backward(self, params: Arrays, shape: Shape, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx, shaped as x was, for dy (N, features)."""
        xp = dy.__array_namespace__()
        return xp.reshape(dy, shape), {}

    def output_shape(self, inputs: Shape) -> Shape:
        """Return (features,)."""
        return (math.prod(inputs),)


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each number is zeroed with probability `rate`, and the others scaled by 1 / (1 - rate).

    Which ones is given as data: the array ``mask``, shaped as x, of 0 and 1 / (1 - rate) (Srivastava et al., 2014).

    Parameters
    ----------
    rate : float
        The probability of a zero.
    """

    rate: float = real(at_least=0, below=1, default=0.5)

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, bool]:
        """Return y, shaped as x, and whether it was masked."""
        return (x * params["mask"] if training else x), training

    def backward(self, params: Arrays, training: bool, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx, shaped as dy."""
        return (dy * params["mask"] if training else dy), {}

    def masks(self, inputs: Shape) -> dict[str, tuple[Shape, float]]:
        """Return one mask for each number."""
        return {"mask": (inputs, self.rate)}


@dataclass(frozen=True)
class Residual(Layer):
    """y = x + f(x), where f is a sequence of layers that keeps the shape (He et al., 2015).

    Parameters and buffers are named by the layer's place inside: ``0.weight``.

    Parameters
    ----------
    layers : sequence of Layer
        f, in order.
    """

    layers: Sequence[Layer]

    def __post_init__(self) -> None:
        """Take any sequence of layers."""
        object.__setattr__(self, "layers", layer_tuple(self.layers))

    def __str__(self) -> str:
        return f"Residual([{', '.join(map(str, self.layers))}])"

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, list[Any]]:
        """Return y, shaped as x, and each inner layer's residuals."""
        y, saved = run_forward(self.layers, params, x, training)
        return x + y, saved

    def backward(self, params: Arrays, residuals: list[Any], dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return dx, shaped as dy, and the inner layers' gradients."""
        dx, grads = run_backward(self.layers, params, residuals, dy)
        return dy + dx, grads

    def updated_buffers(self, params: Arrays, residuals: list[Any]) -> dict[str, Array]:
        """Return the inner layers' buffers after a training step."""
        return updated_buffers(self.layers, params, residuals)

    def output_shape(self, inputs: Shape) -> Shape:
        """Return `inputs`."""
        *_, outputs = [inputs, *output_shapes(self.layers, inputs)]
        if outputs != inputs:
            raise ShapeMismatch(f"adds its layers' output of shape {outputs} to its input")
        return inputs

    def parameters(self) -> dict[str, Shape]:
        """Return the inner layers' parameters."""
        return {name: shape for i, layer in enumerate(self.layers) for name, shape in prefixed(i, layer.parameters())}

    def buffers(self) -> dict[str, tuple[Shape, float]]:
        """Return the inner layers' buffers."""
        return {name: buffer for i, layer in enumerate(self.layers) for name, buffer in prefixed(i, layer.buffers())}

    def masks(self, inputs: Shape) -> dict[str, tuple[Shape, float]]:
        """Return the inner layers' masks."""
        shapes = [inputs, *output_shapes(self.layers, inputs)]
        return {name: mask for i, layer in enumerate(self.layers) for name, mask in prefixed(i, layer.masks(shapes[i]))}

    def multiply_adds(self, inputs: Shape) -> int:
        """Return the inner layers' sum."""
        shapes = [inputs, *output_shapes(self.layers, inputs)]
        return sum(layer.multiply_adds(shape) for layer, shape in zip(self.layers, shapes, strict=False))


def layer_tuple(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return `layers` as a tuple, or raise `NetworkError` naming the first that is none."""
    members = tuple(layers)
    for index, layer in enumerate(members):
        if not isinstance(layer, Layer):
            raise NetworkError(f"layer {index} is {layer!r}, not a layer; write Linear(784, 10), not its class or name")
    return members


def output_shapes(layers: Sequence[Layer], inputs: Shape) -> list[Shape]:
    """Return each layer's output shape for one example of shape `inputs`.

    Raises
    ------
    NetworkError
        If a layer cannot take what the one before gives; the message names the layer and both shapes.
    """
    shapes: list[Shape] = []
    for index, layer in enumerate(layers):
        try:
            outputs = layer.output_shape(inputs)
        except ShapeMismatch as mismatch:
            raise NetworkError(f"layer {index}, {layer}, {mismatch}, but is given {inputs}") from None
        except NetworkError as inside:  # of a Residual's layer
            raise NetworkError(f"in layer {index}, {layer}: {inside}") from None
        shapes.append(outputs)
        inputs = outputs
    return shapes


def forward_steps(
    layers: Sequence[Layer], params: Arrays, x: Array, training: bool = False
) -> Iterator[tuple[Array, Any]]:
    """Run the layers in order; yield each one's output and residuals."""
    for index, layer in enumerate(layers):
        x, residuals = layer.forward(select(index, params), x, training)
        yield x, residuals


def run_forward(layers: Sequence[Layer], params: Arrays, x: Array, training: bool = False) -> tuple[Array, list[Any]]:
    """Run the layers in order; return the last one's output, and every one's residuals."""
    y, saved = x, []
    for output, residuals in forward_steps(layers, params, x, training):
        y = output
        saved.append(residuals)
    return y, saved


def run_backward(
    layers: Sequence[Layer], params: Arrays, saved: Sequence[Any], dy: Array, *, input_gradient: bool = True
) -> tuple[Array, dict[str, Array]]:
    """Run the layers in reverse order; return dx (None without `input_gradient`), and all gradients by name.

    Without `input_gradient` the run ends at the first layer that has parameters, whose dx nobody needs.
    """
    learned = (index for index, layer in enumerate(layers) if layer.parameters())
    last = 0 if input_gradient else next(learned, len(layers))
    gradients: dict[str, Array] = {}
    for index in reversed(range(last, len(layers))):
        layer, own = layers[index], select(index, params)
        if index == last and not input_gradient:
            dy, grads = None, layer.parameter_gradients(own, saved[index], dy)
        else:
            dy, grads = layer.backward(own, saved[index], dy)
        gradients |= prefixed(index, grads)
    return (dy if input_gradient else None), gradients


def updated_buffers(layers: Sequence[Layer], params: Arrays, saved: Sequence[Any]) -> dict[str, Array]:
    """Return all buffers, named by their layer's place, after the training step that saved these residuals."""
    return {
        name: value
        for index, layer in enumerate(layers)
        if layer.buffers()
        for name, value in prefixed(index, layer.updated_buffers(select(index, params), saved[index]))
    }


def prefixed(index: int, named: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the items of `named` with the layer's place before each name: ``weight`` becomes ``3.weight``."""
    return ((f"{index}.{name}", value) for name, value in named.items())


def select(index: int, named: Arrays) -> Arrays:
    """Return what belongs to the layer at `index`, under its own names: ``3.weight`` is found as ``weight``."""
    return _Own(named, f"{index}.")


class _Own(Mapping[str, Array]):
    """One layer's part of named arrays: a view, because a copy for every layer and step would take its time."""

    __slots__ = ("_named", "_prefix")

    def __init__(self, named: Arrays, prefix: str) -> None:
        self._named = named
        self._prefix = prefix

    def __getitem__(self, name: str) -> Array:
        return self._named[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        return (name[len(self._prefix) :] for name in self._named if name.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)
