"""What layers and units are called on the page, and what they do, in one sentence each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from groundup.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
)
from groundup.layers.base import Layer, Shape
from groundup.layers.pooling import Pool2d


def kind(layer: Layer) -> str:
    """Return the layer's name."""
    return type(layer).__name__


SENTENCES: dict[type[Layer], str] = {
    GlobalAvgPool: "Each feature map becomes one number: its mean.",
    BatchNorm: "Each channel is brought to mean 0 and variance 1, as training measured them, then scaled and shifted.",
    Dropout: "In training it silences units at random. Now it does nothing.",
    Flatten: "The same numbers, written in one row.",
    ReLU: "Negative numbers become 0, the others stay.",
    Sigmoid: "Every number is squeezed between 0 and 1.",
    Tanh: "Every number is squeezed between -1 and 1.",
    Softmax: "Numbers become probabilities: all above 0, their sum 1.",
    Residual: "What went in is added to what its layers made of it.",
}
"""What layers do of which all do the same."""


def sentence(layer: Layer) -> str:
    """Return what the layer does."""
    match layer:
        case Linear():
            return (
                f"Each of {layer.outputs} units adds up all {layer.inputs:,} numbers, each times a weight of its own."
            )
        case Conv2d():
            return (
                f"{_count(layer.outputs, 'filter')} of {layer.size}x{layer.size} weights "
                f"{'slides' if layer.outputs == 1 else 'slide'} over {_channels(layer.inputs)}; "
                "each gives one feature map: blue where its pattern is found."
            )
        case MaxPool2d():
            return f"Of every {layer.size}x{layer.size} numbers the largest is kept."
        case AvgPool2d():
            return f"Every {layer.size}x{layer.size} numbers become their mean."
        case LeakyReLU():
            return f"Negative numbers are made small: times {layer.slope:g}. The others stay."
    return SENTENCES.get(type(layer), "")


def changes_nothing(layer: Layer) -> bool:
    """Return whether the layer's outputs are its inputs, at most in another shape."""
    return isinstance(layer, Flatten | Dropout)


def shape(numbers: Shape) -> str:
    """Return how many numbers in what order: ``24 maps of 14x14``."""
    if len(numbers) == 3:
        maps = "map" if numbers[0] == 1 else "maps"
        return f"{numbers[0]} {maps} of {numbers[1]}x{numbers[2]}"
    return _count(math.prod(numbers), "unit")


def unit(place: Sequence[int]) -> str:
    """Return where a unit stands in its layer, counted from 0 as the code does."""
    if len(place) == 1:
        return f"unit {place[0]}"
    channel, row, column = place
    return f"map {channel}, row {row}, column {column}"


def window(layer: Layer) -> str:
    """Return what the numbers are that a unit of this layer reads."""
    return "window" if isinstance(layer, Conv2d | Pool2d) else "inputs"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _channels(number: int) -> str:
    return "the picture" if number == 1 else f"all {number} maps"
