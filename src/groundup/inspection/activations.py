"""What every layer makes of one picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.backends.numpy import NumpyProgram
from groundup.layers import Residual, structure
from groundup.layers.base import Arrays, Layer
from groundup.models.committee import members_of
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.optimizers import SGD

Floats = NDArray[Any]


@dataclass(frozen=True)
class Step:
    """One layer at work on one picture.

    Attributes
    ----------
    place : str
        Where the layer stands, as its parameters are named: ``"3"``, or inside a `Residual` ``"3.1"``.
    layer : Layer
    params : mapping of str to ndarray
        The layer's parameters and buffers, under its own names: ``"weight"``.
    inputs, outputs : ndarray
        What it is given and what it gives, (features,) or (channels, height, width): one picture has no batch.
    """

    place: str
    layer: Layer
    params: Arrays
    inputs: Floats
    outputs: Floats


def inspected(recogniser: Recogniser) -> Model:
    """Return the one network to look into: the model itself, or a committee's first member.

    Raises
    ------
    ModelError
        If the recogniser is neither.
    """
    return members_of(recogniser)[0]


def steps(model: Model, pixels: NDArray[np.uint8], precision: str = "float32") -> list[Step]:
    """Return every layer at work on one picture, in order; a `Residual` follows the layers inside it.

    Parameters
    ----------
    model : Model
    pixels : ndarray of uint8, shape (height, width)
        0 is background, 255 full ink.
    precision : str
        ``"float32"`` or ``"float64"``.

    Raises
    ------
    DataError
        If the picture is not of the size that the network takes.
    """
    running = program(model, precision)
    return list(_steps(model.network.layers, running.params, running.inputs(pixels[np.newaxis])))


def program(model: Model, precision: str = "float32") -> NumpyProgram:
    """Return the model's network, ready to run in NumPy."""
    return NumpyProgram(model.network, model.loss, SGD(), 1, 0, model.state, precision)


def _steps(layers: Sequence[Layer], params: Arrays, x: Floats, outer: str = "") -> Iterator[Step]:
    for index, layer in enumerate(layers):
        own, place = structure.select(index, params), f"{outer}{index}"
        if isinstance(layer, Residual):
            yield from _steps(layer.layers, own, x, f"{place}.")
        y = layer.forward(own, x)[0]
        yield Step(place, layer, own, x[0], y[0])
        x = y


def as_pictures(values: Floats, row_length: int = 0) -> Floats:
    """Return one layer's numbers as pictures (number, height, width).

    Feature maps (channels, height, width) are pictures already. A vector (features,) becomes one picture, read in
    rows of `row_length`; what is left of the last row is nan.

    Parameters
    ----------
    values : ndarray, shape (features,) or (channels, height, width)
    row_length : int
        Features in a row; 0 takes one row for up to 32, and otherwise about four times as many as there are rows.
    """
    if values.ndim == 3:
        return values
    count = values.size
    columns = row_length or (count if count <= 32 else math.ceil(math.sqrt(4 * count)))
    rows = math.ceil(count / columns)
    picture = np.full(rows * columns, np.nan, values.dtype)
    picture[:count] = values
    return picture.reshape(1, rows, columns)


def largest(values: Floats) -> float:
    """Return the largest magnitude among the finite numbers; 0 if there are none."""
    magnitudes = np.abs(values[np.isfinite(values)])
    return float(magnitudes.max()) if magnitudes.size else 0.0


def as_bytes(values: Floats, limit: float) -> NDArray[np.uint8]:
    """Return numbers between -limit and limit as bytes 1 to 255, 128 for zero; 0 stands for what is no number.

    Numbers beyond the limit become the nearest byte. One byte a number is what a screen can show.
    """
    scaled = 128 + np.clip(values / limit if limit else np.zeros_like(values), -1, 1) * 127
    return np.where(np.isnan(scaled), 0, np.round(scaled)).astype(np.uint8)
