"""Teaching a model one digit that it misread: a few steps of training, on a copy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup import backends
from groundup.augmentation import HANDWRITING
from groundup.data.datasets import Data, Dataset
from groundup.errors import ModelError
from groundup.models.model import Model
from groundup.optimizers import Adam

BATCH, COPIES = 64, 16  # pictures in a step, and how many of them are the digit, each deformed a little
MOST_STEPS = 40
LEARNING_RATE = 0.0005  # of Adam, whose steps are as long for one network as for another
ENOUGH = 0.9  # probability at which it is learned
MEASURED = 1000  # test digits that show what the lesson cost, if there are so many


@dataclass(frozen=True)
class Correction:
    """A lesson and what came of it.

    Parameters
    ----------
    model : Model
        The model after it; the one before is unchanged.
    label : int
        What was taught.
    steps : int
        How many steps of training it took.
    before, after : float
        The probability of the label.
    accuracy_before, accuracy_after : float
        The share of some test digits that are read rightly.
    measured : int
        How many these are.
    """

    model: Model
    label: int
    steps: int
    before: float
    after: float
    accuracy_before: float
    accuracy_after: float
    measured: int


def teach(model: Model, pixels: NDArray[np.uint8], label: int, data: Data, seed: int = 0) -> Correction:
    """Train a copy of `model` until it reads `pixels`, (28, 28) uint8, as `label`, or for `MOST_STEPS`.

    Each batch holds the digit a few times, deformed a little, among digits of the training set: on the digit alone the
    network would forget the others.

    Raises
    ------
    ModelError
        If the data set has other classes, or training does not end in numbers.
    """
    model.check_classes(data.train)
    program = backends.get(threads=1).compile(
        model.network, model.loss, Adam(), BATCH, seed=seed, state=model.state, augmentation=HANDWRITING
    )
    random = np.random.default_rng(seed)
    taught, steps = model, 0
    while steps < MOST_STEPS and _probability(taught, pixels, label) < ENOUGH:
        program.step(*_batch(pixels, label, data.train, random), LEARNING_RATE)
        steps += 1
        taught = replace(model, state=_parameters(model, program.state()))
    if not all(np.isfinite(value).all() for value in taught.state.values()):
        raise ModelError("training ran off to infinity; the model stays as it was")
    test = data.test.subset(np.arange(min(MEASURED, len(data.test))), data.test.name)
    return Correction(
        taught,
        label,
        steps,
        _probability(model, pixels, label),
        _probability(taught, pixels, label),
        model.evaluate(test).accuracy,
        taught.evaluate(test).accuracy,
        len(test),
    )


def _batch(
    pixels: NDArray[np.uint8], label: int, train: Dataset, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return pictures and labels for one step: the digit a few times, and others."""
    others = random.integers(len(train), size=BATCH - COPIES)
    images = np.concatenate([np.repeat(pixels[None], COPIES, axis=0), train.images[others]])
    return images, np.concatenate([np.full(COPIES, label, np.uint8), train.labels[others]])


def _parameters(model: Model, state: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Return the parameters and buffers alone, without the optimizer's moments."""
    return {name: np.asarray(state[name], np.float32) for name in model.state}


def _probability(model: Model, pixels: NDArray[np.uint8], label: int) -> float:
    return float(model.predict(pixels[None])[0, label])
