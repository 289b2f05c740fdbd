"""The graph of one neuron, of one loss or of one gradient in a network, with a name at every number that has one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundup.backends.lists.array import Array
from groundup.backends.scalar.array import ValueArray, as_values
from groundup.backends.scalar.graph import gradient_graph
from groundup.backends.scalar.value import Value
from groundup.errors import ParameterError
from groundup.layers import BatchNorm, Conv2d, Layer, LeakyReLU, Linear, ReLU, Shape, Sigmoid, Tanh, structure
from groundup.losses import Loss, one_hot
from groundup.network import Network

FOLLOWING = (BatchNorm, ReLU, LeakyReLU, Sigmoid, Tanh)
"""Layers that work on each unit by itself, and so belong to the neuron before them."""


def neuron(network: Network, params: Mapping[str, Array], x: Array, layer: int, unit: int) -> Value:
    """Return the graph of one output of a `Linear` or `Conv2d` layer, and of the activation that follows it.

    The graph begins at the layer's inputs and its weights.

    Parameters
    ----------
    network : Network
        The network.
    params : dict of Array
        Its parameters and buffers.
    x : Array
        One picture's inputs, (1, *input_shape).
    layer : int
        The layer's place in the network.
    unit : int
        Which of its outputs; of a convolution, counted over channels, rows and columns.

    Raises
    ------
    ParameterError
        If the layer has no weights, or no such unit.
    """
    shape = _weighted(network, layer)
    _check("unit", unit, math.prod(shape))
    channel, place = divmod(unit, math.prod(shape[1:]))
    y = as_values(structure.run_forward(network.layers[:layer], params, x)[0])
    _call(y, f"output/{layer - 1}" if layer else "input", batched=True)
    result = Value(math.nan)
    following = itertools.takewhile(lambda each: isinstance(each, FOLLOWING), network.layers[layer + 1 :])
    for index, each in enumerate([network.layers[layer], *following], layer):
        own = {
            name: as_values(array[channel : channel + 1, ...])
            for name, array in structure.select(index, params).items()
        }
        for name, array in own.items():
            _call(array, f"{index}.{name}", start=channel)
        y, _ = _one_channel(each).forward(own, y)
        result = y.elements()[place]
        result.name = f"output/{index}{list(_index(unit, shape))}"
    return result


def loss(network: Network, params: Mapping[str, Array], x: Array, label: int, function: Loss, first: int) -> Value:
    """Return the graph of one picture's loss; it begins at the parameters of layer `first` and that layer's inputs.

    Where `first` is the number of layers, it begins at the network's outputs. The picture is of the class `label`;
    other parameters as for `neuron`.
    """
    _check("layer", first, len(network.layers) + 1)
    begin = as_values(structure.run_forward(network.layers[:first], params, x)[0])
    _call(begin, f"output/{first - 1}" if first else "input", batched=True)
    values = {name: as_values(array) for name, array in params.items() if int(name.partition(".")[0]) >= first}
    for name, array in values.items():
        _call(array, name)
    return _loss_from(network, values, begin, label, function, first)


def gradient(
    network: Network,
    params: Mapping[str, Array],
    x: Array,
    label: int,
    function: Loss,
    layer: int,
    unit: int,
    place: int,
) -> Value:
    """Return the graph of the derivative of one picture's loss by one weight.

    The weight is the one at `place` among those of output (channel) `unit` of layer `layer`. All other numbers of the
    network are constants; so the graph has the paths from that weight to the loss, and nothing else.

    Raises
    ------
    ParameterError
        If the layer has no weights, or no such one.
    """
    _weighted(network, layer)
    name = f"{layer}.weight"
    weight = params[name]
    _check("unit", unit, weight.shape[0])
    each = weight.size // weight.shape[0]
    _check("input", place, each)
    numbers = list(weight.elements())
    position = unit * each + place
    leaf = Value(numbers[position], f"{name}{list(_index(position, weight.shape))}")
    numbers[position] = leaf
    begin, _ = structure.run_forward(network.layers[:layer], params, x)
    constants = {each: as_values(array, constant=True) for each, array in params.items()}
    of_one = {**constants, name: ValueArray.of(numbers, weight.shape, weight.dtype)}
    result = _loss_from(network, of_one, as_values(begin, constant=True), label, function, layer)
    return gradient_graph(leaf, result)


def largest_input(network: Network, params: Mapping[str, Array], x: Array, layer: int) -> int:
    """Return the place of the largest input of a `Linear` layer, whose weight has the largest gradient; else 0."""
    if layer >= len(network.layers) or not isinstance(network.layers[layer], Linear):
        return 0
    sizes = list(map(abs, structure.run_forward(network.layers[:layer], params, x)[0].elements()))
    return sizes.index(max(sizes))


def _loss_from(
    network: Network, params: Mapping[str, Array], y: Array, label: int, function: Loss, first: int
) -> Value:  # y (1, *inputs of layer `first`)
    for index, layer in enumerate(network.layers[first:], first):
        y, _ = layer.forward(structure.select(index, params), y)
        _call(y, f"output/{index}", batched=True)
    xp = y.__array_namespace__()
    found, _ = function.forward(y, one_hot(xp.asarray([label]), y.shape[1], like=y))
    result: Value = found.elements()[0]
    result.name = "loss"
    return result


def _weighted(network: Network, layer: int) -> Shape:
    """Return the output shape of the layer at `layer`, which must be one whose units are weighted sums."""
    kinds = {index: each for index, each in enumerate(network.layers) if isinstance(each, Linear | Conv2d)}
    if layer not in kinds:
        there = ", ".join(f"{index} ({each})" for index, each in kinds.items())
        raise ParameterError(f"layer {layer} has no neurons; there are {there or 'none'}")
    return network.output_shapes()[layer]


def _check(what: str, number: int, count: int) -> None:
    if not 0 <= number < count:
        raise ParameterError(f"{what} must be 0 to {count - 1}, not {number}")


def _one_channel(layer: Layer) -> Layer:
    """Return `layer` with a single output (channel)."""
    if isinstance(layer, BatchNorm):
        return replace(layer, features=1)
    return replace(layer, outputs=1) if isinstance(layer, Linear | Conv2d) else layer


def _call(values: Array, name: str, *, batched: bool = False, start: int = 0) -> None:
    """Give each Value without a name one: ``name[2, 3]``; of one example in a batch, without the batch's axis.

    Along the first axis, `values` are those from `start` on.
    """
    shape = values.shape[1:] if batched else values.shape
    for (first, *others), each in zip(itertools.product(*map(range, shape)), values.elements(), strict=True):
        if isinstance(each, Value) and not each.name:
            each.name = f"{name}{[start + first, *others]}"


def _index(position: int, shape: Shape) -> Any:
    """Return the index, one number an axis, of the element at `position` in order."""
    return next(itertools.islice(itertools.product(*map(range, shape)), position, None))
