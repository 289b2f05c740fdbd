"""Small networks that have every layer and every loss between them: what a gradient check without a network checks.

A layer is checked through the parameters below it: its `backward` hands on their gradients.
"""

from __future__ import annotations

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
from groundup.losses import CrossEntropy, Loss, MeanSquaredError
from groundup.network import Network, Normalization

SIGNED = Normalization(mean=127.5, deviation=127.5)
PICTURE = (1, 9, 8)

SMALL_NETWORKS: dict[str, tuple[Network, Loss]] = {
    "linear": (Network([Linear(17, 5)], normalization=SIGNED), CrossEntropy()),
    "linear without bias": (Network([Linear(17, 7, bias=False), Linear(7, 5, bias=False)]), CrossEntropy()),
    "relu": (Network([Linear(17, 9), ReLU(), Linear(9, 5)], normalization=SIGNED), CrossEntropy()),
    "leaky relu": (Network([Linear(17, 9), LeakyReLU(0.2), Linear(9, 5)], normalization=SIGNED), CrossEntropy()),
    "sigmoid": (Network([Linear(17, 9), Sigmoid(), Linear(9, 5), Sigmoid()]), MeanSquaredError()),
    "tanh": (Network([Linear(17, 9), Tanh(), Linear(9, 5)]), CrossEntropy(label_smoothing=0.1)),
    "softmax": (Network([Linear(17, 5), Softmax()]), MeanSquaredError()),
    "dropout": (Network([Linear(17, 12), Dropout(0.4), Linear(12, 5)]), CrossEntropy()),
    "batch norm": (Network([Linear(17, 6), BatchNorm(6), Tanh(), Linear(6, 5)]), CrossEntropy()),
    "residual": (
        Network([Linear(17, 6), Residual([Linear(6, 4), Tanh(), Residual([Sigmoid()]), Linear(4, 6)]), Linear(6, 5)]),
        CrossEntropy(),
    ),
    "convolution": (
        Network(
            [Conv2d(1, 2, 3, padding=1), Tanh(), Conv2d(2, 3, 2, stride=2, bias=False), Flatten(), Linear(48, 5)],
            PICTURE,
        ),
        CrossEntropy(),
    ),
    "max pool": (
        Network([Conv2d(1, 2, 2), MaxPool2d(3, 2), BatchNorm(2), Flatten(), Linear(18, 5)], PICTURE, SIGNED),
        CrossEntropy(),
    ),
    "average pools": (
        Network([Conv2d(1, 3, 2), AvgPool2d(2), Tanh(), Conv2d(3, 4, 2), GlobalAvgPool(), Linear(4, 5)], PICTURE),
        CrossEntropy(),
    ),
}
"""The network and the loss of each check, by what it is there for."""
