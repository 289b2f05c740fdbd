"""Named networks, each with the hyperparameters that it is trained with.

Five of them are networks that people built from scratch and published; the others are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from groundup.augmentation import Augmentation
from groundup.data.sources import DIGITS_OR_NOT, DRAWN_AND_PRINTED, KINDS
from groundup.errors import ConfigurationError, NetworkError
from groundup.initializers import ScaledUniform, Uniform
from groundup.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
)
from groundup.losses import CrossEntropy, MeanSquaredError
from groundup.models.configuration import Configuration, read_toml
from groundup.network import Network, Normalization
from groundup.optimizers import SGD, Adam, AdamW
from groundup.schedules import CosineDecay, OneCycle

PICTURE = (1, 28, 28)
SIGNED = Normalization(mean=127.5, deviation=127.5)
HANDS = Augmentation(shift=0.7, rotation=8, scale=0.1, shear=0.12, elastic=0.8, thickness=0.35, contrast=0.15)
"""For digits that are centred and of one size already, as MNIST's are: shifted less than by `HANDWRITING`."""
OTHER_HANDS = Augmentation(shift=0.6, rotation=10, scale=0.12, shear=0.13, elastic=1.0, thickness=0.35, contrast=0.15)
"""The same, for networks with the room to learn more than `HANDS`."""
OTHER_PENS = replace(OTHER_HANDS, shift=1.0, thickness=0.8, blur=0.5)
"""For people's pictures: pens that are finer and broader than MNIST's, and not quite in focus."""
STANDARD = Normalization(mean=33.318421, deviation=78.567490)
"""The mean and standard deviation of MNIST's training pixels."""


def fully_connected(*sizes: int) -> list[Layer]:
    """Return linear layers of these sizes with a ReLU between each two: 784, 800, 10."""
    layers: list[Layer] = []
    for inputs, outputs in pairwise(sizes):
        layers += [ReLU(), Linear(inputs, outputs)]
    return layers[1:]


def matrix_800() -> Configuration:
    """784-800-10, ReLU and softmax, plain SGD, batch 100: a C++ and CUDA program with its own matrix library."""
    return Configuration(
        Network(fully_connected(784, 800, 10)), "matrix-800", optimizer=SGD(), learning_rate=0.1, batch_size=100
    )


def deriv8() -> Configuration:
    """784-32-32-10, ReLU and softmax, batch 500: lists of lists in pure Python, 93.98% after 20 epochs."""
    return Configuration(
        Network(fully_connected(784, 32, 32, 10)), "deriv8", learning_rate=0.1, batch_size=500, epochs=20
    )


def neurons_16() -> Configuration:
    """784-16-16-10, sigmoid and squared error, batch 10, inputs from -1 to 1: neurons as Python objects."""
    layers = [Linear(784, 16), Sigmoid(), Linear(16, 16), Sigmoid(), Linear(16, 10), Sigmoid()]
    network = Network(layers, normalization=SIGNED)
    return Configuration(network, "neurons-16", loss=MeanSquaredError(), learning_rate=2.0, batch_size=10)


def tensorvalue() -> Configuration:
    """784-10-10, ReLU, then ReLU and softmax, squared error, one picture at a time: a graph of scalars."""
    layers = [Linear(784, 10), ReLU(), Linear(10, 10), ReLU(), Softmax()]
    return Configuration(
        Network(layers),
        "tensorvalue",
        loss=MeanSquaredError(),
        initializer=Uniform(0.0, 0.05),  # small and positive: with negative ones, ReLU before softmax dies
        learning_rate=0.1,
        batch_size=1,
        epochs=3,
    )


def notebook_10() -> Configuration:
    """784-10-10, ReLU and softmax, all pictures in every step: the classic NumPy notebook."""
    return Configuration(
        Network(fully_connected(784, 10, 10)),
        "notebook-10",
        initializer=ScaledUniform(),
        learning_rate=0.5,
        batch_size=0,
        epochs=500,
    )


def mlp() -> Configuration:
    """784-800-400-10 with dropout and a cosine schedule: the best of a minute without convolutions."""
    layers = [
        Linear(784, 800),
        ReLU(),
        Dropout(0.25),
        Linear(800, 400),
        ReLU(),
        Dropout(0.25),
        Linear(400, 10),
    ]
    return Configuration(
        Network(layers),
        "mlp",
        optimizer=SGD(momentum=0.9, nesterov=True),
        schedule=CosineDecay(),
        learning_rate=0.1,
        epochs=10,
    )


def mlp_800() -> Configuration:
    """784-800-10 with half of its units dropped: the network that Simard et al. (2003) trained to 98.4%."""
    return Configuration(
        Network([Linear(784, 800), ReLU(), Dropout(0.5), Linear(800, 10)]),
        "mlp-800",
        optimizer=SGD(momentum=0.9, nesterov=True),
        schedule=CosineDecay(),
        learning_rate=0.1,
        epochs=30,
    )


def mlp_800_elastic() -> Configuration:
    """784-800-10 on elastically deformed digits, many epochs, weights averaged: to Simard et al. (2003), 99.3%."""
    return Configuration(
        Network(fully_connected(784, 800, 10)),
        "mlp-800-elastic",
        optimizer=SGD(momentum=0.9, nesterov=True),
        schedule=CosineDecay(),
        learning_rate=0.1,
        epochs=300,
        validation=0.05,
        average=0.999,
        augmentation=Augmentation(shift=0.3, rotation=7, scale=0.08, shear=0.1, elastic=0.8),
    )


def small() -> Configuration:
    """Three convolutions with BatchNorm in fewer than 20,000 parameters."""
    layers = [
        *_convolution(1, 16, 5),
        *_convolution(16, 32, 3),
        *_convolution(32, 32, 3),
        Flatten(),
        Linear(32 * 3 * 3, 10),
    ]
    return Configuration(
        Network(layers, PICTURE, STANDARD),
        "small",
        loss=CrossEntropy(label_smoothing=0.05),
        optimizer=AdamW(),
        schedule=OneCycle(),
        learning_rate=0.006,
        epochs=60,
        batch_size=128,
        validation=0.05,
        average=0.999,
        augmentation=HANDS,
    )


def _convolution(inputs: int, outputs: int, size: int, *, padding: int | None = None, pool: bool = True) -> list[Layer]:
    """Return a convolution, which keeps the size if no padding is given, a pool that halves it, BatchNorm and ReLU."""
    return [
        Conv2d(inputs, outputs, size, padding=size // 2 if padding is None else padding, bias=False),
        *([MaxPool2d(2)] if pool else []),
        BatchNorm(outputs),
        ReLU(),
    ]


def lenet5() -> Configuration:
    """LeNet-5 (LeCun et al., 1998), its third convolution and its outputs as plain linear layers."""
    layers = [
        Conv2d(1, 6, 5, padding=2),
        Tanh(),
        AvgPool2d(2),
        Conv2d(6, 16, 5),
        Tanh(),
        AvgPool2d(2),
        Flatten(),
        Linear(400, 120),
        Tanh(),
        Linear(120, 84),
        Tanh(),
        Linear(84, 10),
    ]
    return Configuration(
        Network(layers, PICTURE, STANDARD),
        "lenet5",
        optimizer=SGD(momentum=0.9),
        schedule=CosineDecay(),
        learning_rate=0.02,
    )


def cnn() -> Configuration:
    """Convolutions with BatchNorm, a residual block, no large linear layer; AdamW, deformed digits, then settling."""
    block = [
        *_convolution(120, 120, 3, pool=False),
        Conv2d(120, 120, 3, padding=1, bias=False),
        BatchNorm(120),
    ]
    layers = [
        *_convolution(1, 48, 5, padding=0),
        *_convolution(48, 72, 3, pool=False),
        *_convolution(72, 72, 3),
        *_convolution(72, 120, 3, pool=False),
        Residual(block),
        ReLU(),
        GlobalAvgPool(),
        Linear(120, 10),
    ]
    return Configuration(
        Network(layers, PICTURE, STANDARD),
        "cnn",
        loss=CrossEntropy(label_smoothing=0.05),
        optimizer=AdamW(weight_decay=0.05),
        schedule=OneCycle(),
        learning_rate=0.004,
        epochs=33,
        batch_size=128,
        validation=0.05,
        settling=0.1,
        select="last",
        augmentation=OTHER_HANDS,
    )


def pictures() -> Configuration:
    """The network `cnn` for people's own pictures: beside MNIST's digits it learns from drawn and printed ones.

    MNIST's writers were Americans with a pencil. Most of the world writes and prints a one with a flag; unless that
    is short or steep, `cnn` takes it for a seven.
    """
    return replace(cnn(), name="pictures", epochs=30, augmentation=OTHER_PENS, data=f"mnist+{DRAWN_AND_PRINTED}")


def cnn_3x3() -> Configuration:
    """Six convolutions of 3x3 without padding, one pool, a linear layer: after An et al. (2020), narrower and pooled.

    It reads as well as `cnn`, and makes other mistakes: a member for committees.
    """
    layers = [
        *_convolution(1, 32, 3, padding=0, pool=False),
        *_convolution(32, 48, 3, padding=0),
        *_convolution(48, 64, 3, padding=0, pool=False),
        *_convolution(64, 80, 3, padding=0, pool=False),
        *_convolution(80, 96, 3, padding=0, pool=False),
        *_convolution(96, 112, 3, padding=0, pool=False),
        Flatten(),
        Linear(112 * 4 * 4, 10, bias=False),
        BatchNorm(10),
    ]
    return replace(
        cnn(),
        network=Network(layers, PICTURE, STANDARD),
        name="cnn-3x3",
        epochs=24,
        augmentation=Augmentation(
            shift=3, rotation=15, scale=0.1, shear=0.1, elastic=0.8, thickness=0.25, contrast=0.1
        ),
    )


def fast99() -> Configuration:
    """A small convolutional network that reads 99% after one epoch: few steps, large ones, and all pictures in them."""
    layers = [
        Conv2d(1, 24, 5),
        MaxPool2d(2),
        ReLU(),
        Conv2d(24, 32, 3),
        MaxPool2d(2),
        ReLU(),
        Flatten(),
        Linear(800, 256),
        ReLU(),
        Linear(256, 10),
    ]
    return Configuration(
        Network(layers, PICTURE, STANDARD),
        "fast99",
        loss=CrossEntropy(label_smoothing=0.05),
        optimizer=Adam(beta1=0.7, beta2=0.9),
        schedule=OneCycle(rise=0.2, start=0.2),
        initializer=ScaledUniform(),
        learning_rate=0.01,
        epochs=1,
        batch_size=256,
        validation=0,  # there is no epoch to choose
    )


def digits_or_not() -> Configuration:
    """Tell digits from letters, signs, scribbles and shapes: what reads pictures asks it what to leave out."""
    layers = [
        *_convolution(1, 24, 5, padding=0),
        *_convolution(24, 32, 3, pool=False),
        *_convolution(32, 32, 3),
        *_convolution(32, 64, 3, pool=False),
        *_convolution(64, 64, 3, pool=False),
        GlobalAvgPool(),
        Linear(64, len(KINDS)),
    ]
    return Configuration(
        Network(layers, PICTURE, STANDARD),
        DIGITS_OR_NOT,
        optimizer=AdamW(weight_decay=0.05),
        schedule=OneCycle(),
        learning_rate=0.004,
        epochs=30,
        batch_size=128,
        validation=0.05,
        select="last",
        augmentation=OTHER_PENS,
        data=DIGITS_OR_NOT,
    )


RECIPES: dict[str, Callable[[], Configuration]] = {
    "mlp": mlp,
    "mlp-800": mlp_800,
    "mlp-800-elastic": mlp_800_elastic,
    "fast99": fast99,
    "small": small,
    "cnn": cnn,
    "pictures": pictures,
    "cnn-3x3": cnn_3x3,
    "lenet5": lenet5,
    "matrix-800": matrix_800,
    "deriv8": deriv8,
    "neurons-16": neurons_16,
    "tensorvalue": tensorvalue,
    "notebook-10": notebook_10,
}


def recipe(network: str | Network) -> Configuration:
    """Return the configuration to begin with for a network.

    Parameters
    ----------
    network : str or Network
        The name of a recipe; sizes, ``"784-800-10"``: linear layers with ReLU between; the path of a TOML file that
        describes a network (its ``[[layers]]``) or a whole configuration; or a `Network`.

    Raises
    ------
    ConfigurationError
        If it is none of these.
    """
    if isinstance(network, Network):
        return _general(network, "own")
    if network in RECIPES:
        return RECIPES[network]()
    if network == DIGITS_OR_NOT:
        return digits_or_not()
    if re.fullmatch(r"\d+(-\d+)+", network):
        return _general(Network(fully_connected(*map(int, network.split("-")))), network)
    if Path(network).suffix == ".toml":
        values = read_toml(network)
        if "layers" not in values:
            return Configuration.read(network)
        try:
            return _general(Network.from_description(values), Path(network).stem)
        except NetworkError as error:
            raise ConfigurationError(f"{network}: {error}") from None
    raise ConfigurationError(
        f"network {network!r} is unknown; there are {', '.join(RECIPES)}, {DIGITS_OR_NOT}, sizes such as 784-800-10, "
        "and TOML files that describe a network"
    )


def _general(network: Network, name: str) -> Configuration:
    """Return hyperparameters that serve most networks: SGD with momentum down a cosine."""
    general = Configuration(network, name)
    return replace(general, optimizer=SGD(momentum=0.9), schedule=CosineDecay(), learning_rate=0.1)
