"""Receptive fields: the pixels that a unit depends on (the term is Hubel and Wiesel's, 1962)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groundup.layers import Conv2d, Flatten, GlobalAvgPool, Linear, Residual, Shape, Softmax, structure
from groundup.layers.base import Layer
from groundup.layers.pooling import Pool2d
from groundup.network import Network

Box = tuple[tuple[int, int], ...]
"""From where to where, the end not included, along each axis."""


@dataclass(frozen=True)
class Field:
    """A rectangle of pixels: rows `top` to `bottom` and columns `left` to `right`, the ends not included."""

    top: int
    left: int
    bottom: int
    right: int


def receptive_field(network: Network, picture: tuple[int, ...], place: str, unit: Shape) -> Field:
    """Return the pixels of a picture (height, width) that a unit depends on.

    Parameters
    ----------
    network : Network
    picture : tuple of int
        The picture's height and width.
    place : str
        The layer's place: ``"3"``, inside a `Residual` ``"3.1"``.
    unit : tuple of int
        (feature,) or (channel, row, column).
    """
    box: Box = tuple((index, index + 1) for index in unit)
    box = _behind(network.layers, network.input_shape, [int(index) for index in place.split(".")], box)
    if len(box) == 1:  # pixels in a row
        if box[0][1] - box[0][0] > 1:
            return Field(0, 0, *picture)
        row, column = divmod(box[0][0], picture[1])
        return Field(row, column, row + 1, column + 1)
    (_, (top, bottom), (left, right)) = box
    return Field(top, left, bottom, right)


def _behind(layers: Sequence[Layer], inputs: Shape, place: Sequence[int], box: Box) -> Box:
    """Return the box of the first layer's inputs that a box of the outputs of the layer at `place` depends on."""
    shapes = [inputs, *structure.output_shapes(layers, inputs)]
    last, *inner = place
    if inner:
        residual = layers[last]
        assert isinstance(residual, Residual)
        box, last = _behind(residual.layers, shapes[last], inner, box), last - 1
    for index in range(last, -1, -1):
        box = _reads(layers[index], shapes[index], box)
    return box


def _reads(layer: Layer, inputs: Shape, box: Box) -> Box:
    """Return the box of a layer's inputs, of shape `inputs`, that a box of its outputs depends on."""
    whole: Box = tuple((0, side) for side in inputs)
    match layer:
        case Linear() | Softmax():
            return whole
        case Conv2d():
            return (whole[0], *_windows(inputs, box, layer.size, layer.stride, layer.padding))
        case Pool2d():
            return (box[0], *_windows(inputs, box, layer.size, layer.step, 0))
        case GlobalAvgPool():
            return (box[0], *whole[1:])
        case Flatten():
            ((first, end),) = box
            return whole if end - first > 1 else tuple((int(i), int(i) + 1) for i in np.unravel_index(first, inputs))
        case Residual():
            inside = _behind(layer.layers, inputs, [len(layer.layers) - 1], box)
            return tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(box, inside, strict=True))
        case _:
            return box


def _windows(inputs: Shape, box: Box, size: int, stride: int, padding: int) -> Box:
    """Return the rows and columns that the windows of these rows and columns see."""
    return tuple(
        (max(first * stride - padding, 0), min((end - 1) * stride - padding + size, side))
        for (first, end), side in zip(box[1:], inputs[1:], strict=True)
    )
