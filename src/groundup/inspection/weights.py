"""Weights and filters as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from groundup.inspection.activations import Floats
from groundup.layers import BatchNorm, Conv2d, Dropout, Flatten, LeakyReLU, Linear, ReLU, Residual, Shape
from groundup.layers.activations import Sigmoid, Tanh
from groundup.layers.base import Layer
from groundup.layers.structure import output_shapes
from groundup.models.model import Model
from groundup.network import Network


def weighted(network: Network) -> dict[str, Linear | Conv2d]:
    """Return the layers that have a matrix or filters, by their places."""
    return dict(_weighted(network.layers))


def _weighted(layers: Sequence[Layer], outer: str = "") -> list[tuple[str, Linear | Conv2d]]:
    found: list[tuple[str, Linear | Conv2d]] = []
    for index, layer in enumerate(layers):
        if isinstance(layer, Residual):
            found += _weighted(layer.layers, f"{outer}{index}.")
        elif isinstance(layer, Linear | Conv2d):
            found.append((f"{outer}{index}", layer))
    return found


def filters(model: Model, place: str) -> Floats:
    """Return the weights of a layer as a table of pictures (rows, columns, height, width).

    A convolution has a row for each output and a column for each input channel. So has a linear layer that reads
    pictures, be it the input of 28x28 pixels or flattened feature maps. Any other linear layer is one picture: its
    matrix, a row of pixels for each output.

    Parameters
    ----------
    model : Model
    place : str
        One of `weighted(model.network)`.
    """
    weight = np.asarray(model.state[f"{place}.weight"])
    if weight.ndim == 4:
        return weight
    picture = None if "." in place else _picture_shape(model.network, int(place))
    return weight[np.newaxis, np.newaxis] if picture is None else weight.reshape(len(weight), *picture)


def _picture_shape(network: Network, index: int) -> Shape | None:
    """Return (channels, height, width) of the pictures that a linear layer reads; None if it reads a vector."""
    shapes = [network.input_shape, *output_shapes(network.layers, network.input_shape)]
    for before in range(index - 1, -1, -1):
        match network.layers[before]:
            case Flatten():
                return shapes[before] if len(shapes[before]) == 3 else None
            case ReLU() | LeakyReLU() | Sigmoid() | Tanh() | BatchNorm() | Dropout():
                continue
            case _:
                return None
    side = math.isqrt(shapes[0][0])
    return (1, side, side) if side * side == shapes[0][0] else None
