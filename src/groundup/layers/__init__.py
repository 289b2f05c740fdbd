"""The layers: frozen descriptions whose `forward` and `backward` are pure functions of named arrays.

One family a file, in the terms of the Python array API standard, so that one text runs on every array library.
"""

from groundup.layers.activations import LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from groundup.layers.base import Array, Arrays, Layer, Shape
from groundup.layers.convolution import Conv2d
from groundup.layers.linear import Linear
from groundup.layers.normalization import BatchNorm
from groundup.layers.pooling import AvgPool2d, GlobalAvgPool, MaxPool2d
from groundup.layers.structure import Dropout, Flatten, Residual

LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Linear,
        Conv2d,
        MaxPool2d,
        AvgPool2d,
        GlobalAvgPool,
        BatchNorm,
        Dropout,
        Flatten,
        Residual,
        ReLU,
        LeakyReLU,
        Sigmoid,
        Tanh,
        Softmax,
    )
}

__all__ = [
    "LAYERS",
    "Array",
    "Arrays",
    "AvgPool2d",
    "BatchNorm",
    "Conv2d",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "ReLU",
    "Residual",
    "Shape",
    "Sigmoid",
    "Softmax",
    "Tanh",
]
