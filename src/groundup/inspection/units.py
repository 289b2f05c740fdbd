"""The arithmetic of one unit of one layer, in numbers: what it reads, its weights, the sum, what it gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundup import layers
from groundup.errors import ParameterError
from groundup.inspection.activations import Floats, Step, steps
from groundup.inspection.fields import Field, receptive_field
from groundup.layers import Layer, Shape
from groundup.models.model import Model

ONE_BY_ONE = (
    layers.ReLU,
    layers.LeakyReLU,
    layers.Sigmoid,
    layers.Tanh,
    layers.BatchNorm,
    layers.Dropout,
    layers.Residual,
)
"""Layers whose unit reads the unit at the same place of the layer before."""


@dataclass(frozen=True)
class Arithmetic:
    """How one unit comes to its number.

    Attributes
    ----------
    place : str
        The layer's place: ``"3"``.
    layer : Layer
    unit : tuple of int
        (feature,) or (channel, row, column).
    formula : str
        The calculation in words of mathematics.
    inputs : ndarray of float64
        What it reads: a box of the layer's inputs, the padding's zeros included.
    start : tuple of int
        Where in the layer's inputs this box begins; negative in the padding.
    weights : ndarray of float64 or None
        One for each input, where there are weights.
    terms : tuple of (str, float)
        What else goes into the result, and what comes out on the way, in order.
    winner : tuple of int or None
        The place in the layer's inputs that a maximum was taken from.
    output : float
        The result of this arithmetic, in float64.
    """

    place: str
    layer: Layer
    unit: Shape
    formula: str
    inputs: NDArray[np.float64]
    start: Shape
    weights: NDArray[np.float64] | None
    terms: tuple[tuple[str, float], ...]
    output: float
    winner: Shape | None = None

    @property
    def products(self) -> NDArray[np.float64] | None:
        """Each input times its weight."""
        return None if self.weights is None else self.inputs * self.weights


@dataclass(frozen=True)
class Explanation:
    """One unit, with the units before and after it that stand for the same thing.

    Attributes
    ----------
    chain : tuple of Arithmetic
        A weighted sum (or a pool), then what is done to it one by one: BatchNorm, ReLU.
    chosen : int
        Which of them was asked for.
    field : Field
        The pixels of the picture that the chosen unit depends on.
    """

    chain: tuple[Arithmetic, ...]
    chosen: int
    field: Field

    @property
    def unit(self) -> Arithmetic:
        """The one that was asked for."""
        return self.chain[self.chosen]


def explain(
    model: Model, pixels: NDArray[np.uint8], place: str, unit: Sequence[int], walked: Sequence[Step] | None = None
) -> Explanation:
    """Return the arithmetic of one unit for one picture (height, width) uint8.

    Parameters
    ----------
    model : Model
    pixels : ndarray of uint8, shape (height, width)
    place : str
        The layer's place: ``"3"``, inside a `Residual` ``"3.1"``.
    unit : sequence of int
        (feature,) or (channel, row, column).
    walked : sequence of Step, optional
        `steps(model, pixels)`, where that is known already.

    Raises
    ------
    ParameterError
        If there is no such layer or unit.
    """
    walked = steps(model, pixels) if walked is None else walked
    chosen = next((number for number, step in enumerate(walked) if step.place == place), None)
    if chosen is None:
        raise ParameterError(f"there is no layer {place!r}; there are {', '.join(step.place for step in walked)}")
    shape, at = walked[chosen].outputs.shape, tuple(unit)
    if len(at) != len(shape) or not all(0 <= index < side for index, side in zip(at, shape, strict=True)):
        raise ParameterError(f"layer {place} has no unit {at}: its outputs have shape {shape}")
    outer, _, _ = place.rpartition(".")
    level = [step for step in walked if step.place.rpartition(".")[0] == outer]  # the layers in one row with it
    here = level.index(walked[chosen])
    first, last = here, here
    while first and isinstance(level[first].layer, ONE_BY_ONE) and not isinstance(level[first].layer, layers.Residual):
        first -= 1
    while last + 1 < len(level) and isinstance(level[last + 1].layer, ONE_BY_ONE):
        last += 1
    chain = tuple(arithmetic(step, at) for step in level[first : last + 1])
    return Explanation(chain, here - first, receptive_field(model.network, pixels.shape, place, at))


def arithmetic(step: Step, unit: Shape) -> Arithmetic:
    """Return how the unit of this layer comes to its number, in float64 from the layer's inputs and parameters."""
    match step.layer:
        case layers.Linear():
            return _linear(step, unit)
        case layers.Conv2d():
            return _convolution(step, step.layer, unit)
        case layers.MaxPool2d() | layers.AvgPool2d():
            return _pool(step, step.layer, unit)
        case layers.GlobalAvgPool():
            return _global_average(step, unit)
        case layers.BatchNorm():
            return _batch_norm(step, step.layer, unit)
        case layers.Flatten():
            return _flatten(step, unit)
        case layers.Softmax():
            return _softmax(step, unit)
        case layers.Residual():
            return _residual(step, unit)
        case _:
            return _one_by_one(step, unit)


def _linear(step: Step, unit: Shape) -> Arithmetic:
    weights = _double(step.params["weight"][unit[0]])
    bias = float(step.params["bias"][unit[0]]) if "bias" in step.params else None
    return _weighted_sum(step, unit, _double(step.inputs), (0,), weights, bias)


def _convolution(step: Step, layer: layers.Conv2d, unit: Shape) -> Arithmetic:
    channel, row, column = unit
    top, left = row * layer.stride - layer.padding, column * layer.stride - layer.padding
    frame = layer.padding
    framed = np.pad(_double(step.inputs), ((0, 0), (frame, frame), (frame, frame)))
    inputs = framed[:, top + frame :, left + frame :][:, : layer.size, : layer.size]
    bias = float(step.params["bias"][channel]) if layer.bias else None
    return _weighted_sum(step, unit, inputs, (0, top, left), _double(step.params["weight"][channel]), bias)


def _weighted_sum(
    step: Step, unit: Shape, inputs: Floats, start: Shape, weights: Floats, bias: float | None
) -> Arithmetic:
    total = math.fsum((inputs * weights).ravel())
    terms = [("sum of products", total)]
    if bias is not None:
        terms.append(("bias", bias))
    formula = "Σ input · weight" + ("" if bias is None else " + bias")
    return Arithmetic(
        step.place, step.layer, unit, formula, inputs, start, weights, tuple(terms), total + (bias or 0.0)
    )


def _pool(step: Step, layer: layers.MaxPool2d | layers.AvgPool2d, unit: Shape) -> Arithmetic:
    channel, row, column = unit
    top, left = row * layer.step, column * layer.step
    window = _double(step.inputs[channel : channel + 1, top : top + layer.size, left : left + layer.size])
    start = (channel, top, left)
    if isinstance(layer, layers.AvgPool2d):
        return _mean(step, unit, window, start)
    down, right = divmod(int(window.argmax()), layer.size)  # of equal ones the first, as in the layer
    winner = (channel, top + down, left + right)
    formula = f"largest of {window.size}"
    return Arithmetic(step.place, layer, unit, formula, window, start, None, (), float(window.max()), winner)


def _global_average(step: Step, unit: Shape) -> Arithmetic:
    return _mean(step, unit, _double(step.inputs[unit[0] : unit[0] + 1]), (unit[0], 0, 0))


def _mean(step: Step, unit: Shape, inputs: Floats, start: Shape) -> Arithmetic:
    total = math.fsum(inputs.ravel())
    terms = (("sum", total), ("count", float(inputs.size)))
    return Arithmetic(step.place, step.layer, unit, "sum / count", inputs, start, None, terms, total / inputs.size)


def _batch_norm(step: Step, layer: layers.BatchNorm, unit: Shape) -> Arithmetic:
    mean, variance, weight, bias = (
        float(step.params[name][unit[0]]) for name in ("running_mean", "running_var", "weight", "bias")
    )
    normalized = (float(step.inputs[unit]) - mean) / math.sqrt(variance + layer.epsilon)
    terms = (
        ("running mean", mean),
        ("running variance", variance),
        ("normalised", normalized),
        ("weight", weight),
        ("bias", bias),
    )
    formula = f"(input - mean) / √(variance + {layer.epsilon:g}) · weight + bias"
    return _from_one(step, unit, formula, terms, normalized * weight + bias)


def _flatten(step: Step, unit: Shape) -> Arithmetic:
    start = tuple(int(index) for index in np.unravel_index(unit[0], step.inputs.shape))
    inputs = _double(step.inputs[start]).reshape((1,) * len(start))
    return Arithmetic(step.place, step.layer, unit, "input, in a row", inputs, start, None, (), inputs.item())


def _softmax(step: Step, unit: Shape) -> Arithmetic:
    inputs = _double(step.inputs)
    highest = float(inputs.max())
    power, total = math.exp(inputs[unit] - highest), math.fsum(np.exp(inputs - highest))
    terms = (("largest input", highest), ("exp(input - largest)", power), ("sum over all units", total))
    formula = "exp(input - largest) / sum over all units"
    return Arithmetic(step.place, step.layer, unit, formula, inputs, (0,), None, terms, power / total)


def _residual(step: Step, unit: Shape) -> Arithmetic:
    inside = float(step.outputs[unit]) - float(step.inputs[unit])
    return _from_one(step, unit, "input + f(input)", (("f(input)", inside),), float(step.inputs[unit]) + inside)


def _one_by_one(step: Step, unit: Shape) -> Arithmetic:
    x = float(step.inputs[unit])
    match step.layer:
        case layers.ReLU():
            return _from_one(step, unit, "max(0, input)", (), max(0.0, x))
        case layers.LeakyReLU(slope):
            return _from_one(step, unit, f"input, or {slope:g} · input below 0", (), x if x > 0 else slope * x)
        case layers.Sigmoid():
            power = math.exp(-abs(x))
            return _from_one(step, unit, "1 / (1 + exp(-input))", (), (1.0 if x > 0 else power) / (1 + power))
        case layers.Tanh():
            return _from_one(step, unit, "tanh(input)", (), math.tanh(x))
        case layers.Dropout():
            return _from_one(step, unit, "input: dropout acts in training only", (), x)
    raise ParameterError(f"{step.layer}: its arithmetic is not known here")


def _from_one(step: Step, unit: Shape, formula: str, terms: tuple[tuple[str, float], ...], output: float) -> Arithmetic:
    inputs = _double(step.inputs[unit]).reshape((1,) * len(unit))
    return Arithmetic(step.place, step.layer, unit, formula, inputs, unit, None, terms, output)


def _double(values: Floats) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)
