"""Models of every kind, small ones, for the tests of exporting."""

from __future__ import annotations

import numpy as np

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
from groundup.models.calibration import Calibration, Coverage
from groundup.models.committee import Committee
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.network import Network, Normalization

PICTURE = (1, 28, 28)
USUAL = Normalization(33.318421, 78.56749)
SURE = Calibration(0.53, (Coverage(0.0, 1.0, 0.0),), 100)
UNSURE = Calibration(3.7, (Coverage(0.0, 1.0, 0.0),), 100)


def model(network: Network, loss: Loss | None = None, seed: int = 0, calibration: Calibration | None = None) -> Model:
    """Return a model with random arrays of about the size that learned ones have."""
    random = np.random.default_rng(seed)
    state = {}
    for name, shape in network.state_shapes().items():
        values = random.normal(0, 1 / np.sqrt(np.prod(shape[1:], dtype=int)), shape)
        state[name] = (np.abs(values) + 0.5 if name.endswith("running_var") else values).astype(np.float32)
    return Model(network, state, loss or CrossEntropy(), calibration=calibration)


def blobs(count: int, seed: int = 0) -> np.ndarray:
    """Return pictures (count, 28, 28) uint8 with strokes of ink in the middle, as digits have them."""
    random = np.random.default_rng(seed)
    pictures = np.zeros((count, 28, 28))
    for picture in pictures:
        y, x = 14.0, 14.0
        for _ in range(60):
            y, x = np.clip(np.array([y, x]) + random.normal(0, 1, 2), 5, 22)
            picture[int(y) : int(y) + 2, int(x) : int(x) + 2] = random.uniform(128, 255)
    return pictures.astype(np.uint8)


EVERY_KIND: dict[str, Recogniser] = {
    "linear": model(Network([Linear(784, 10)])),
    "no bias": model(Network([Linear(784, 10, bias=False)], normalization=USUAL)),
    "sigmoid scores": model(Network([Linear(784, 12), Sigmoid(), Linear(12, 10), Sigmoid()]), MeanSquaredError()),
    "scores below zero": model(Network([Linear(784, 10)]), MeanSquaredError(), calibration=SURE),
    "softmax": model(Network([Linear(784, 12), Tanh(), Linear(12, 10), Softmax()]), calibration=UNSURE),
    "residual": model(
        Network(
            [
                Linear(784, 12),
                BatchNorm(12, epsilon=0.01),
                Residual([Linear(12, 7), LeakyReLU(0.2), Dropout(0.3), Residual([Tanh()]), Linear(7, 12)]),
                Linear(12, 10),
            ],
            normalization=USUAL,
        ),
        calibration=SURE,
    ),
    "convolution": model(
        Network(
            [
                Conv2d(1, 4, 5, padding=2, bias=False),
                MaxPool2d(),
                BatchNorm(4),
                ReLU(),
                Residual([Conv2d(4, 3, 3, padding=1), ReLU(), Conv2d(3, 4, 1)]),
                Conv2d(4, 6, 3, stride=2),
                MaxPool2d(3, 2),
                LeakyReLU(),
                Flatten(),
                Dropout(),
                Linear(24, 10),
            ],
            PICTURE,
            USUAL,
        ),
        calibration=SURE,
    ),
    "average pools": model(
        Network(
            [Conv2d(1, 4, 4, stride=3, padding=3), AvgPool2d(3, 2), Sigmoid(), Conv2d(4, 10, 2), GlobalAvgPool()],
            PICTURE,
        )
    ),
}
EVERY_KIND["committee"] = Committee((EVERY_KIND["residual"], EVERY_KIND["convolution"]), calibration=UNSURE)
