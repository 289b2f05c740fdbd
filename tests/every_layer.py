"""One small instance or more of every layer, for tests that run them all."""

from __future__ import annotations

from groundup.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Shape,
    Sigmoid,
    Softmax,
    Tanh,
)

EVERY_LAYER: list[tuple[Layer, Shape]] = [
    (Linear(5, 3), (5,)),
    (Linear(5, 3, bias=False), (5,)),
    (Conv2d(2, 3, 3), (2, 5, 7)),
    (Conv2d(2, 3, 2, stride=2, padding=1, bias=False), (2, 4, 5)),
    (Conv2d(1, 2, 1, stride=3, padding=3), (1, 2, 5)),
    (MaxPool2d(2), (2, 5, 7)),
    (MaxPool2d(3, 1), (2, 5, 4)),
    (AvgPool2d(2), (2, 5, 7)),
    (AvgPool2d(3, 2), (2, 5, 7)),
    (GlobalAvgPool(), (3, 4, 5)),
    (BatchNorm(5), (5,)),
    (BatchNorm(2, momentum=0.3, epsilon=0.01), (2, 3, 2)),
    (Dropout(0.4), (2, 3, 2)),
    (Flatten(), (2, 3, 2)),
    (Residual([Linear(5, 3), BatchNorm(3), Tanh(), Linear(3, 5)]), (5,)),
    (Residual([Conv2d(2, 2, 3, padding=1), Dropout(0.2), Residual([LeakyReLU(), Conv2d(2, 2, 1)])]), (2, 3, 2)),
    (ReLU(), (2, 3, 2)),
    (LeakyReLU(0.2), (5,)),
    (Sigmoid(), (5,)),
    (Tanh(), (2, 3, 2)),
    (Softmax(), (5,)),
]
NAMES = [f"{layer} on {shape}" for layer, shape in EVERY_LAYER]
