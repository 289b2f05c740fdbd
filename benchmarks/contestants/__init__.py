"""What is measured, and who takes part: the cases, the peers, and the settings of each that make sense."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from groundup import SGD, Configuration, Conv2d, GroundupError, backends
from groundup.layers.base import Arrays
from groundup.models.recipes import recipe
from groundup.network import Network
from groundup.schedules import ConstantRate

EPOCH, PICTURE, PICTURES = "epoch", "one picture", "10000 pictures"


@dataclass(frozen=True)
class Case:
    """A task for a network: to train for an epoch, to recognise one picture, or 10,000.

    Parameters
    ----------
    network : str
        What a person calls it.
    task : str
        ``EPOCH``, ``PICTURE`` or ``PICTURES``.
    configuration : Configuration
        How it is trained.
    anew : bool
        Whether every round of training begins with new weights. The others train on, because the second epoch is not
        like the first: the momentum of pixels that are rarely lit decays into subnormal numbers.
    """

    network: str
    task: str
    configuration: Configuration
    anew: bool = False

    def __str__(self) -> str:
        return f"{self.network} {self.task}"


@dataclass(frozen=True)
class Contestant:
    """A library in one of its settings: words, such as ``float32 fused``."""

    peer: str
    setting: str = ""
    asked_for: bool = False
    """Whether it takes part only if it is asked for by its full name."""

    def __str__(self) -> str:
        return f"{self.peer} {self.setting}".rstrip()


class Trainer(Protocol):
    """A network in some library, and the pictures that it is trained on."""

    def begin(self) -> None:
        """Begin with new weights."""

    def epoch(self, order: NDArray[np.int64], rates: Sequence[float]) -> None:
        """Train on the pictures in this order, a batch for each learning rate; the last one may not be full."""

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the score of each class, (N, classes)."""


Predictor = Callable[[NDArray[np.uint8]], NDArray[Any]]
"""Returns the score of each class, (N, classes), for pixels (N, height, width)."""


def momentum(network: str, batch_size: int) -> Configuration:
    """Return SGD with momentum at a constant learning rate."""
    return replace(
        recipe(network),
        optimizer=SGD(momentum=0.9),
        schedule=ConstantRate(),
        learning_rate=0.05,
        batch_size=batch_size,
        epochs=1,
    )


def cases() -> list[Case]:
    """Return every case."""
    wide, fast99 = momentum("784-800-10", 100), recipe("fast99")
    return [
        Case("784-800-10 batch 100", EPOCH, wide),
        Case("784-800-10 batch 500", EPOCH, momentum("784-800-10", 500)),
        Case("784-32-32-10 batch 100", EPOCH, momentum("784-32-32-10", 100)),
        Case("fast99", EPOCH, fast99, anew=True),
        Case("784-800-10", PICTURE, wide),
        Case("fast99", PICTURE, fast99),
        Case("784-800-10", PICTURES, wide),
        Case("fast99", PICTURES, fast99),
    ]


NEEDS = {
    "groundup": (),
    "pytorch": ("torch",),
    "jax": ("jax",),
    "tinygrad": ("tinygrad",),
    "scikit-learn": ("sklearn",),
    "onnxruntime": ("onnxruntime", "onnx"),
}
"""The packages that each peer needs."""


def contestants(case: Case) -> Iterator[Contestant]:
    """Yield everybody who can do what a case asks, installed or not."""
    convolutions = any(isinstance(layer, Conv2d) for layer in case.configuration.network.layers)
    yield Contestant("groundup", "native float32")
    yield Contestant("groundup", "native mixed", asked_for=native_precision() != "mixed")
    yield Contestant("groundup", "numpy")
    layouts = ("", " channels_last") if convolutions else ("",)
    if case.task == EPOCH:
        ways = ("float32", "float32 fused", "float32 fused compile", "bfloat16 fused", "bfloat16 fused compile")
    elif case.task == PICTURE:
        ways = ("float32", "float32 compile", "bfloat16", "bfloat16 compile")
        ways += tuple(f"{way} one-thread" for way in ways)
    else:
        ways = ("float32", "float32 compile", "bfloat16", "bfloat16 compile")
    for way in ways:
        for layout in layouts:
            yield Contestant("pytorch", way + layout)
    if case.task == EPOCH:
        yield Contestant("jax")
        yield Contestant("tinygrad")
        if not convolutions:
            yield Contestant("scikit-learn")
    else:
        yield Contestant("onnxruntime")
        yield Contestant("onnxruntime", "one-thread")


def native_precision() -> str | None:
    """Return the precision that `auto` is with the native backend, or None where that is not built."""
    try:
        return backends.get("native").precisions[0]
    except GroundupError:
        return None


def missing(contestant: Contestant) -> str | None:
    """Return why a contestant cannot take part here, or None."""
    if contestant.setting.startswith("native"):
        return None if native_precision() else "the native backend is not built"
    absent = [package for package in NEEDS[contestant.peer] if not importlib.util.find_spec(package)]
    return f"{' and '.join(absent)} not installed" if absent else None


def learning_rates(configuration: Configuration, pictures: int, epoch: int) -> list[float]:
    """Return the learning rate of each step of an epoch, counted from 0, on so many pictures."""
    steps = math.ceil(pictures / configuration.batch_size)
    return [
        configuration.learning_rate * configuration.schedule.factor(step, steps, configuration.epochs)
        for step in range(epoch * steps, (epoch + 1) * steps)
    ]


def initial_state(configuration: Configuration) -> dict[str, NDArray[np.float32]]:
    """Return the weights that every library begins with."""
    shapes = configuration.network.state_shapes()
    state = configuration.network.initial_state(configuration.seed, configuration.initializer)
    return {name: np.array(values, np.float32).reshape(shapes[name]) for name, values in state.items()}


def normalized(network: Network, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the network's inputs (N, *input_shape)."""
    inputs = (pixels.astype(np.float32) - np.float32(network.normalization.mean)) / network.normalization.deviation
    return inputs.astype(np.float32).reshape(len(pixels), *network.input_shape)


def for_bytes(network: Network, state: Arrays) -> dict[str, NDArray[np.float32]]:
    """Return the state that does on pixels 0 to 255 what `state` does on normalised ones.

    Whoever cares for speed folds the normalisation into the first layer; so it is done for every library that
    predicts. The first layer must be without padding, because 0 is no longer the mean.
    """
    folded = {name: np.asarray(value, np.float64) for name, value in state.items()}
    weight, normalization = folded["0.weight"], network.normalization
    folded["0.weight"] = weight / normalization.deviation
    sums = folded["0.weight"].reshape(len(weight), -1).sum(axis=1)
    folded["0.bias"] = folded["0.bias"] - normalization.mean * sums
    return {name: value.astype(np.float32) for name, value in folded.items()}
