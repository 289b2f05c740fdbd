"""groundup itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contestants import Predictor, initial_state
from groundup import SGD, Configuration, CrossEntropy, Dataset, Network, backends
from groundup.backends.program import Program, Progress
from groundup.layers.base import Arrays
from groundup.training.loop import begin


class Trainer:
    """A program of one of the backends."""

    def __init__(self, configuration: Configuration, train: Dataset, setting: str) -> None:
        backend, _, precision = setting.partition(" ")
        values = vars(configuration) | {"backend": backend, "precision": precision or "float32"}
        self.configuration, self.train = Configuration(**values), train
        self.program: Program = begin(self.configuration, len(train))

    def begin(self) -> None:
        """Begin with new weights."""
        self.program.load_state(initial_state(self.configuration))

    def epoch(self, order: NDArray[np.int64], rates: Sequence[float]) -> None:
        """Train for an epoch."""
        self.program.epoch(self.train.images, self.train.labels, order, rates, _go_on)

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the outputs."""
        return np.asarray(self.program.predict(pixels))


def predictor(network: Network, state: Arrays, setting: str, batch_size: int) -> Predictor:
    """Return a program's `predict`."""
    backend, _, precision = setting.partition(" ")
    program = backends.get(backend).compile(
        network, CrossEntropy(), SGD(), batch_size, precision or "float32", state=state
    )
    return program.predict


def _go_on(progress: Progress) -> bool:
    return False
