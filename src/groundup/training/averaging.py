"""The average of the weights on their way: smoother than the last ones, and nearly always better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup import backends
from groundup.backends.program import Observer, Program, Progress
from groundup.data.datasets import Dataset
from groundup.layers import BatchNorm, Layer, Residual
from groundup.layers.base import Array
from groundup.models.configuration import Configuration
from groundup.optimizers import SGD

PREFIX = "average/"
STEPS = "average_steps"
"""The number of the step after which the average was last brought up to date."""

EVERY = 8
"""Steps from one update of the average to the next: the weights hardly move, and compiled steps stay together."""

RECALIBRATION = 4096
"""Pictures that BatchNorm's statistics are taken from."""


class AveragingProgram:
    """A program that also keeps the exponential moving average of its weights (Polyak and Juditsky, 1992).

    Each step has 1 - `decay` of the weight of the one after it, so that the last 1 / (1 - decay) steps or so count; in
    the beginning all steps count alike, and the random weights of the start never do. The average is brought up to
    date every few steps and at the end of an epoch. `state` has it as ``average/3.weight``.

    Parameters
    ----------
    program : Program
        What trains.
    decay : float
        What the average keeps of itself a step, 0 to 1.
    batch_size : int
        Pictures a step.
    state : dict
        The state that `program` began with; if it has averages, they are gone on with.
    """

    def __init__(self, program: Program, decay: float, batch_size: int, state: dict[str, Any]) -> None:
        self.program = program
        self.decay = decay
        self.batch_size = batch_size
        self._take(state)

    def step(self, pixels: Any, labels: Any, learning_rate: float) -> Progress:
        """Train on one batch."""
        done = self.program.step(pixels, labels, learning_rate)
        self.steps += done.steps
        self._update()
        return done

    def epoch(self, pixels: Any, labels: Any, order: Any, learning_rates: Sequence[float], observe: Observer) -> None:
        """Train on the pictures at `order`, a batch for each learning rate, until done or told to stop."""
        stopped = False

        def count(done: Progress) -> bool:
            nonlocal stopped
            self.steps += done.steps
            stopped = bool(observe(done))
            return stopped

        first = 0
        while first < len(learning_rates) and not stopped:
            last = min(first + EVERY - (self.steps - self.averaged), len(learning_rates))
            chosen = order[first * self.batch_size : last * self.batch_size]
            before = self.steps
            self.program.epoch(pixels, labels, chosen, learning_rates[first:last], count)
            first += self.steps - before
            if first == last and (first == len(learning_rates) or self.steps - self.averaged == EVERY):
                self._update()

    def predict(self, pixels: Any) -> Array:
        """Return the outputs of the newest weights."""
        return self.program.predict(pixels)

    def trace(self, pixels: Any, labels: Any, learning_rate: float) -> dict[str, Array]:
        """Train on one batch, and return every named value on the way."""
        values = self.program.trace(pixels, labels, learning_rate)
        self.steps += 1
        self._update()
        return values

    def state(self) -> dict[str, Array]:
        """Return the program's state and the average."""
        averages = {PREFIX + name: value for name, value in self.averages.items()}
        return self.program.state() | averages | {STEPS: np.array(self.averaged)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`; the average begins anew where it has none."""
        self.program.load_state(without_averages(state))
        self._take(state)

    def _take(self, state: dict[str, Any]) -> None:
        self.averages = {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
        self.steps = int(state.get("steps", 0))
        self.averaged = int(state.get(STEPS, self.steps))

    def _update(self) -> None:
        """Let the average count the steps since the last time."""
        since = self.steps - self.averaged
        share = max(1 - self.decay**since, since / self.steps)
        newest = averaged(self.program.state())
        before = self.averages or newest
        self.averages = {name: before[name] + share * (value - before[name]) for name, value in newest.items()}
        self.averaged = self.steps


def without_averages(state: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a state that programs know which average nothing."""
    return {name: value for name, value in state.items() if not name.startswith(PREFIX) and name != STEPS}


def averaged(state: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return parameters and buffers, by name: their averages, where the state has them."""
    averages = {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
    newest = {name: value for name, value in state.items() if "/" not in name and name not in ("steps", STEPS)}
    return {name: np.asarray(value) for name, value in (averages or newest).items()}


def recalibrated(
    configuration: Configuration, state: dict[str, NDArray[Any]], pictures: Dataset
) -> dict[str, NDArray[Any]]:
    """Return the state with BatchNorm's running statistics taken anew, from 4,096 pictures.

    The averages of means and variances that many weights gave are not the statistics of the average weights; each
    batch's own, averaged over several batches, are (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021).
    """
    names = [name for name in configuration.network.buffers() if name in state]
    if not names:
        return state
    count = min(RECALIBRATION, len(pictures))
    size = min(configuration.batch_size or count, count)
    network = replace(configuration.network, layers=tuple(map(_with_batch_statistics, configuration.network.layers)))
    program = backends.get(configuration.backend).compile(
        network, configuration.loss, SGD(), size, configuration.precision, configuration.seed, state
    )
    batches = np.random.RandomState(0).permutation(len(pictures))[: count // size * size].reshape(-1, size)
    sums = {name: np.zeros(state[name].shape) for name in names}
    for batch in batches:
        program.step(pictures.images[batch], pictures.labels[batch], 0.0)  # rate 0: the weights stay as they are
        found = program.state()
        sums = {name: each + np.asarray(found[name], np.float64) for name, each in sums.items()}
    return state | {name: (each / len(batches)).astype(state[name].dtype) for name, each in sums.items()}


def _with_batch_statistics(layer: Layer) -> Layer:
    """Return the layer with running statistics that are those of the newest batch alone."""
    if isinstance(layer, Residual):
        return Residual([_with_batch_statistics(each) for each in layer.layers])
    return replace(layer, momentum=1.0) if isinstance(layer, BatchNorm) else layer
