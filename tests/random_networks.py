"""Random networks of all layers, drawn from a seed: multilayer perceptrons and convolutional networks."""

from __future__ import annotations

import random

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
from groundup.network import Network, Normalization

CLASSES = 10


def perceptron(seed: int) -> Network:
    """Return a network of one to four hidden layers on (features,), some of them residual."""
    draw = random.Random(seed)
    features = draw.choice([1, 5, 15, 17, 33])
    members: list[Layer] = []
    inputs = features
    for _ in range(draw.randint(1, 4)):
        outputs = draw.choice([3, 8, 15, 17])
        members += [Linear(inputs, outputs, draw.random() < 0.7), *_between((outputs,), draw)]
        if draw.random() < 0.4:
            inside = [Linear(outputs, 7), *_between((7,), draw), Linear(7, outputs), *_between((outputs,), draw)]
            members.append(Residual(inside))
        inputs = outputs
    return Network([*members, Linear(inputs, CLASSES), *_ending(draw)], (features,), _normalization(draw))


def convolutional(seed: int) -> Network:
    """Return a network of one to three convolutions on small pictures, with pools and residuals."""
    draw = random.Random(seed)
    inputs: Shape = (draw.choice([1, 3]), *draw.choice([(5, 7), (8, 8), (9, 6), (13, 13)]))
    members: list[Layer] = []
    shape = inputs
    for _ in range(draw.randint(1, 3)):
        members += _convolution(shape, draw)
        shape = Network(members, inputs).output_shape
    if draw.random() < 0.4:
        members.append(GlobalAvgPool())
    else:
        members.append(Flatten())
    features = Network(members, inputs).output_shape[0]
    members += [Linear(features, 8), *_between((8,), draw)] if draw.random() < 0.5 else []
    last = Network(members, inputs).output_shape[0]
    return Network([*members, Linear(last, CLASSES), *_ending(draw)], inputs, _normalization(draw))


def _convolution(shape: Shape, draw: random.Random) -> list[Layer]:
    channels, side = shape[0], min(shape[1:])
    outputs, size = draw.choice([1, 2, 4]), draw.choice([each for each in (1, 2, 3, 5) if each <= side])
    convolution = Conv2d(channels, outputs, size, draw.choice([1, 1, 2]), draw.choice([0, 1, 2]), draw.random() < 0.7)
    shape = convolution.output_shape(shape)
    members: list[Layer] = [convolution, *_between(shape, draw)]
    if draw.random() < 0.4:
        inside = [Conv2d(outputs, 3, 3, padding=1), *_between((3, *shape[1:]), draw), Conv2d(3, outputs, 1)]
        members.append(Residual([Residual(inside)]) if draw.random() < 0.3 else Residual(inside))
    if min(shape[1:]) >= 3 and draw.random() < 0.6:
        members.append(draw.choice([MaxPool2d, AvgPool2d])(draw.choice([1, 2, 3]), draw.choice([0, 1, 2])))
    return members


def _between(shape: Shape, draw: random.Random) -> list[Layer]:
    """Return what may stand between two weighted layers."""
    members: list[Layer] = [BatchNorm(shape[0], draw.choice([0.1, 0.3]))] if draw.random() < 0.4 else []
    members.append(draw.choice([ReLU(), LeakyReLU(0.1), Sigmoid(), Tanh()]))
    if draw.random() < 0.3:
        members.append(Dropout(draw.choice([0.0, 0.2, 0.5])))
    return members


def _ending(draw: random.Random) -> list[Layer]:
    endings: list[list[Layer]] = [[], [Softmax()], [Sigmoid()]]
    return draw.choices(endings, [0.7, 0.2, 0.1])[0]


def _normalization(draw: random.Random) -> Normalization:
    return Normalization(draw.uniform(0, 200), draw.uniform(1, 255))
