"""How a network does while it trains: gradients, updates, weights and dead units, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.inspection.activations import Floats, program
from groundup.inspection.weights import filters, weighted
from groundup.layers import LeakyReLU, ReLU, Sigmoid, Tanh, structure
from groundup.models.model import Model

BINS = 30
"""Bars of a histogram of weights."""

HARDLY = 1e-3
"""A unit whose derivative is smaller than this for every picture learns nothing."""

LARGE_UPDATE = 0.05
"""A step that changes weights by more than this share of their size is a leap rather than a step."""

SMALL_UPDATE = 1e-6
"""A step that changes weights by less than this share of their size changes nothing."""

VANISHING = 1e-3
"""A layer whose gradients are smaller than this share of the largest layer's learns far more slowly."""


@dataclass(frozen=True)
class Histogram:
    """How many of some numbers lie between one edge and the next.

    Attributes
    ----------
    edges : tuple of float
        One more than there are counts, rising.
    counts : tuple of int
        All finite numbers are counted.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class LayerHealth:
    """How one layer with weights does at one step of training.

    Attributes
    ----------
    place : str
        Where it stands, as its parameters are named: ``"0"``.
    layer : str
        What it is: ``"Linear(784, 32)"``.
    weight : float
        The root mean square of its weights.
    gradient : float
        The root mean square of the loss's gradient by its weights.
    update : float
        The size of this step's change, as a share of the weights' size: about 0.001 is healthy.
    histogram : Histogram
        Of its weights.
    units, dead : int or None
        How many units (of a convolution: channels) it has, and how many of them pass no gradient back for any of the
        pictures that were looked at, because their activation is flat there; None where no activation follows.
    """

    place: str
    layer: str
    weight: float
    gradient: float
    update: float
    histogram: Histogram
    units: int | None = None
    dead: int | None = None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"layer {self.place}, {self.layer}"


def layers_health(
    model: Model, before: Mapping[str, Floats], trace: Mapping[str, Floats], pixels: NDArray[np.uint8]
) -> tuple[LayerHealth, ...]:
    """Return how every linear and convolutional layer does.

    Parameters
    ----------
    model : Model
        The network after the step.
    before : mapping of str to ndarray
        Its state before the step.
    trace : mapping of str to ndarray
        What `Program.trace` returned for the step.
    pixels : ndarray of uint8, shape (N, height, width)
        Pictures on which units are called dead or alive; a hundred do.
    """
    dead = dead_units(model, pixels)
    return tuple(
        LayerHealth(
            place,
            str(layer),
            root_mean_square(model.state[f"{place}.weight"]),
            root_mean_square(trace[f"gradient/{place}.weight"]),
            update_ratio(before[f"{place}.weight"], trace[f"{place}.weight"]),
            histogram(model.state[f"{place}.weight"]),
            len(dead[place]) if place in dead else None,
            int(dead[place].sum()) if place in dead else None,
        )
        for place, layer in weighted(model.network).items()
    )


@np.errstate(all="ignore")  # what overflows is shown as it is
def root_mean_square(values: Any) -> float:
    """Return the root of the mean of the squares: the size of a typical number."""
    return float(np.sqrt(np.mean(np.square(np.asarray(values, np.float64)))))


@np.errstate(all="ignore")
def update_ratio(before: Any, after: Any) -> float:
    """Return the size of the change from `before` to `after` as a share of the size of `before`; inf from nothing."""
    change = root_mean_square(np.asarray(after, np.float64) - np.asarray(before, np.float64))
    return float(np.divide(change, root_mean_square(before))) if change else 0.0


def histogram(values: Any, bins: int = BINS) -> Histogram:
    """Return the histogram of the finite numbers among `values`, from the smallest to the largest."""
    numbers = np.asarray(values, np.float64).ravel()
    counts, edges = np.histogram(numbers[np.isfinite(numbers)], bins)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))


@np.errstate(all="ignore")
def dead_units(model: Model, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
    """Return which units of a layer let no gradient through, by the layer's place.

    A ReLU is flat below zero; a sigmoid and a tanh are nearly flat far from zero. A unit that stands there for every
    picture does not learn any more. Of a convolution, a unit is a whole channel. Layers inside a `Residual`, and
    layers without an activation after them, are left out.

    Parameters
    ----------
    model : Model
    pixels : ndarray of uint8, shape (N, height, width)
        At least one picture.
    """
    running = program(model)
    places = _activated(model)
    found: dict[str, NDArray[np.bool_]] = {}
    steps = structure.forward_steps(model.network.layers, running.params, running.inputs(pixels))
    for index, (y, residuals) in enumerate(steps):
        if index in places:
            slopes, _ = model.network.layers[index].backward({}, residuals, np.ones_like(y))
            others = tuple(axis for axis in range(slopes.ndim) if axis != 1)
            found[places[index]] = ~(np.abs(slopes) >= HARDLY).any(axis=others)
    return found


def _activated(model: Model) -> dict[int, str]:
    """Return the activations that follow a layer with weights, by their index: that layer's place."""
    places = weighted(model.network)
    found: dict[int, str] = {}
    last: str | None = None
    for index, layer in enumerate(model.network.layers):
        if str(index) in places:
            last = str(index)
        elif last is not None and isinstance(layer, ReLU | LeakyReLU | Sigmoid | Tanh):
            found[index] = last
            last = None
    return found


def first_layer_pictures(model: Model, most: int) -> Floats:
    """Return the weights of the first units or filters as pictures (at most `most`, height, width).

    There are none, (0, 1, 1), if no layer has weights, or the first such layer does not read pictures.
    """
    place = next(iter(weighted(model.network)), None)
    if place is None:
        return np.zeros((0, 1, 1))
    table = filters(model, place)
    units = np.asarray(model.state[f"{place}.weight"]).shape[0]
    return np.asarray(table[:most, 0]) if len(table) == units else np.zeros((0, 1, 1))


def findings(layers: Sequence[LayerHealth]) -> list[str]:
    """Return in sentences what is not well; nothing if all is."""
    if layers and all(layer.update < SMALL_UPDATE for layer in layers):
        return ["The weights hardly move any more. Is the learning rate too small, or has its schedule run out?"]
    largest = max((layer.gradient for layer in layers), default=0.0)
    return [*_leaps(layers), *(sentence for layer in layers for sentence in _findings(layer, largest))]


def share(value: float) -> str:
    """Return a share of something's size in words: ``"14%"``, ``"130 times"``."""
    if value < 0.1:
        return f"{100 * value:.2g}%"
    if value < 0.995:  # beyond that it would be written as 100%
        return f"{value:.0%}"
    return f"{value:,.3g} times" if value < 999.5 else f"{value:,.0f} times"


def of_their_size(value: float) -> str:
    """Return a share of the size of some weights in words: ``"14% of their size"``, ``"130 times their size"``."""
    words = share(value)
    return f"{words} of their size" if words.endswith("%") else f"{words} their size"


def _leaps(layers: Sequence[LayerHealth]) -> Iterator[str]:
    layer = max(layers, key=lambda each: each.update, default=None)
    if layer and layer.update > LARGE_UPDATE:
        yield (
            f"One step changes the weights of {layer.name}, by {of_their_size(layer.update)}: "
            "that is a leap. A smaller learning rate would learn more calmly."
        )


def _findings(layer: LayerHealth, largest_gradient: float) -> Iterator[str]:
    if layer.dead and layer.units and layer.dead == layer.units:
        yield (
            f"All {layer.units} units of {layer.name}, are dead: whatever the picture, no gradient comes through them, "
            "and nothing before them learns. Begin anew with a smaller learning rate."
        )
    elif layer.dead and layer.units and 4 * layer.dead > layer.units:
        yield (
            f"{layer.dead} of {layer.units} units of {layer.name}, are dead: they learn nothing more. "
            "A smaller learning rate kills fewer of them."
        )
    if layer.update < SMALL_UPDATE:
        yield f"The weights of {layer.name}, hardly move: it learns almost nothing."
    if layer.gradient < VANISHING * largest_gradient:
        yield (
            f"The gradient fades on its way back: at {layer.name}, it is less than a thousandth of the largest layer's."
        )
