"""Small models with every layer, their numbers drawn at random: what the inspection's tests look into."""

from __future__ import annotations

import numpy as np

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
    Sigmoid,
    Softmax,
    Tanh,
)
from groundup.losses import CrossEntropy, Loss, MeanSquaredError
from groundup.models.model import Model
from groundup.network import Network, Normalization

SIGNED = Normalization(100.0, 80.0)
PICTURE = (1, 9, 9)

NETWORKS: dict[str, tuple[Network, Loss]] = {
    "linear": (
        Network([Linear(81, 12), BatchNorm(12), ReLU(), Dropout(0.5), Linear(12, 10)], None, SIGNED),
        CrossEntropy(label_smoothing=0.1),
    ),
    "softmax": (
        Network([Linear(81, 7), LeakyReLU(0.2), Linear(7, 6), Sigmoid(), Linear(6, 10, bias=False), Softmax()]),
        MeanSquaredError(),
    ),
    "convolutions": (
        Network(
            [
                Conv2d(1, 3, 3, padding=1),
                MaxPool2d(3, 2),
                BatchNorm(3),
                Tanh(),
                Conv2d(3, 4, 3, stride=2, padding=2, bias=False),
                ReLU(),
                Flatten(),
                Linear(36, 10),
            ],
            PICTURE,
            SIGNED,
        ),
        CrossEntropy(),
    ),
    "residual": (
        Network(
            [
                Conv2d(1, 3, 2),
                Residual([Conv2d(3, 3, 3, padding=1), BatchNorm(3), Residual([Tanh()]), ReLU()]),
                AvgPool2d(2),
                GlobalAvgPool(),
                Residual([Linear(3, 4), Tanh(), Linear(4, 3)]),
                Linear(3, 10),
            ],
            PICTURE,
        ),
        CrossEntropy(),
    ),
}


def model(name: str) -> Model:
    """Return a model whose parameters and running averages are random, and no two alike."""
    network, loss = NETWORKS[name]
    generator = np.random.default_rng(7)
    state = {
        key: generator.uniform(0.3, 2, shape) if key.endswith("running_var") else generator.normal(0, 0.5, shape)
        for key, shape in network.state_shapes().items()
    }
    return Model(network, state, loss)


def picture() -> np.ndarray:
    """Return random pixels (9, 9) uint8, none at an end of its range."""
    return np.random.default_rng(3).integers(20, 230, (9, 9)).astype(np.uint8)


def of(*layers: Layer, inputs: tuple[int, ...]) -> Model:
    """Return a model of these layers with weights of 1 and 10 classes."""
    network = Network(layers, inputs)
    return Model(network, {name: np.ones(shape) for name, shape in network.state_shapes().items()})
