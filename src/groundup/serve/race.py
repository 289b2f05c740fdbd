"""The five backends race: the same network, the same pictures, the same numbers, and very different clocks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from groundup import backends
from groundup.backends.program import Backend, Program
from groundup.data.datasets import Dataset
from groundup.errors import GroundupError
from groundup.models.configuration import Configuration
from groundup.network import Network
from groundup.serve.worker import Employer, Ended, Workers

LANES = {
    "scalar": "a node of a graph",
    "lists": "a float in a Python list",
    "numpy": "an element of an array",
    "native": "a lane of a SIMD register",
    "cuda": "a register of a GPU thread",
}
"""Every backend, from the lowest level to the highest, and what a number is to it."""

BATCH, STEPS = 4, 5
"""Pictures a step, and steps whose losses are compared."""

RUN = 1.0
"""Seconds that a backend runs on for its clock, once its steps are compared."""

PATIENCE = 20.0
"""Seconds after which a slow backend need not do its other steps."""

MOST_NODES = 500_000
"""Multiplications a step, forward, of which `scalar` keeps a node each: a few hundred megabytes."""

MOST_PRODUCTS = 50_000_000
"""Multiplications a step that `lists` takes on: about half a minute."""


@dataclass(frozen=True)
class Lap:
    """A backend has done a step.

    Attributes
    ----------
    backend : str
    step : int
        Counted from 1.
    loss : float
        Of the step's batch, before the step.
    """

    backend: str
    step: int
    loss: float


@dataclass(frozen=True)
class Clock:
    """How fast a backend is, as far as it has run: pictures a second."""

    backend: str
    speed: float


@dataclass(frozen=True)
class Absent:
    """A backend does not take part."""

    backend: str
    reason: str


@dataclass(frozen=True)
class Race:
    """What a process is to race, one backend after the other so that none slows another; the fastest begins.

    Parameters
    ----------
    configuration : Configuration
        Network, loss, optimizer, learning rate and seed; its batch size and backend play no part.
    pictures : Dataset
        At least `BATCH` pictures.
    """

    configuration: Configuration
    pictures: Dataset

    def __call__(self, connection: Connection) -> None:
        """Let every backend run, and tell of it."""
        with np.errstate(all="ignore"):
            for name in reversed(LANES):
                try:
                    self._run(name, connection.send)
                except GroundupError as error:
                    connection.send(Absent(name, str(error)))

    def _run(self, name: str, tell: Callable[[Any], None]) -> None:
        reason = self._too_much(name)
        if reason:
            tell(Absent(name, reason))
            return
        backend = _backend(name)
        settings = self.configuration
        state = settings.network.initial_state(settings.seed, settings.initializer)
        # All in float32, or in float64 where there is no other: mixed precision would be another calculation.
        precision = "float32" if "float32" in backend.precisions else backend.precisions[0]
        program = backend.compile(
            settings.network, settings.loss, settings.optimizer, BATCH, precision, settings.seed, state
        )
        speed = 0.0
        until = time.monotonic() + PATIENCE
        for step in range(STEPS):
            began = time.perf_counter()
            loss = self._step(program, step)
            speed = max(speed, BATCH / (time.perf_counter() - began))
            tell(Lap(name, step + 1, loss))
            tell(Clock(name, speed))
            if time.monotonic() > until:
                return
        self._run_on(program, speed, lambda speed: tell(Clock(name, speed)))

    def _too_much(self, name: str) -> str:
        """Return why this network is too much for a backend; empty if it is not."""
        limit = {"scalar": MOST_NODES, "lists": MOST_PRODUCTS}.get(name, math.inf)
        products = BATCH * multiply_adds(self.configuration.network)
        if products <= limit:
            return ""
        return f"left out: {products:,} multiplications a step; take a network with fewer than {limit / BATCH:,.0f}"

    def _step(self, program: Program, step: int) -> float:
        images, labels = self.pictures.images, self.pictures.labels
        batch = np.arange(step * BATCH, (step + 1) * BATCH) % len(labels)
        done = program.step(images[batch], labels[batch], self.configuration.learning_rate)
        return done.loss / done.examples

    def _run_on(self, program: Program, speed: float, tell: Callable[[float], None]) -> None:
        """Run on with whole epochs until the clock is steady; a slow backend has run long enough."""
        order = np.arange(len(self.pictures))
        rates = [self.configuration.learning_rate] * math.ceil(len(order) / BATCH)
        began = time.perf_counter()
        while len(order) / speed < RUN and time.perf_counter() - began < RUN:
            start = time.perf_counter()
            program.epoch(self.pictures.images, self.pictures.labels, order, rates, lambda progress: False)
            speed = max(speed, len(order) / (time.perf_counter() - start))
            tell(speed)


def _backend(name: str) -> Backend:
    """Return a backend, or raise `GroundupError` that says why there is none."""
    if name not in backends.available():
        why = backends.NOT_BUILT if name in backends.NAMES else "not in this installation"
        raise GroundupError(why)
    return backends.get(name)


def multiply_adds(network: Network) -> int:
    """Return the multiplications, each with an addition, that one picture takes forward."""
    shapes = [network.input_shape, *network.output_shapes()]
    return sum(layer.multiply_adds(shape) for layer, shape in zip(network.layers, shapes, strict=False))


def _difference(losses: Sequence[float]) -> float:
    """Return how far losses are apart, as a share of the largest."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < len(losses):
        return math.inf if finite else 0.0
    return (max(finite) - min(finite)) / max(*map(abs, finite), 1e-300)


@dataclass(frozen=True)
class Lane:
    """What one backend has shown so far.

    Attributes
    ----------
    losses : tuple of float
        After each step.
    speed : float
        Pictures a second; 0 before the first step.
    absent : str
        Why it does not take part; empty if it does.
    """

    losses: tuple[float, ...] = ()
    speed: float = 0.0
    absent: str = ""


@dataclass(frozen=True)
class RaceView:
    """All that a race has shown so far.

    Attributes
    ----------
    running : bool
        Whether it goes on.
    lanes : dict of str to Lane
        By backend.
    trouble : str
        Why it ended, if it was not done.
    """

    running: bool = False
    lanes: Mapping[str, Lane] = field(default_factory=lambda: {name: Lane() for name in LANES})
    trouble: str = ""

    def after(self, message: object) -> RaceView:
        """Return the view with one more message."""
        match message:
            case Lap(backend, _, loss):
                return self._with(backend, losses=(*self.lanes[backend].losses, loss))
            case Clock(backend, speed):
                return self._with(backend, speed=speed)
            case Absent(backend, reason):
                return self._with(backend, absent=reason)
            case Ended(failure):
                return replace(self, running=False, trouble=failure)
        raise TypeError(f"a race does not tell {message!r}")

    def _with(self, backend: str, **values: Any) -> RaceView:
        return replace(self, lanes={**self.lanes, backend: replace(self.lanes[backend], **values)})

    def largest_difference(self) -> float | None:
        """Return the largest relative difference of two backends' losses after the same step; None without two.

        Losses that are no numbers are equal to each other, and infinitely far from any that is one.
        """
        columns = [lane.losses for lane in self.lanes.values() if lane.losses]
        if len(columns) < 2:
            return None
        return max(_difference(losses) for losses in zip(*columns, strict=False))


class Racer:
    """A visitor's race, in a process of its own.

    Parameters
    ----------
    workers : Workers
        Where processes are had from.
    """

    def __init__(self, workers: Workers) -> None:
        self._employer = Employer(workers, self._hear)
        self.view = RaceView()

    def begin(self, configuration: Configuration, pictures: Dataset) -> None:
        """Start; the race before ends. This takes some tenths of a second: call it in a thread.

        Raises
        ------
        BusyError
            If the server has as many processes as it may have.
        """
        self.stop()
        self.view = RaceView(running=True)
        try:
            self._employer.begin(Race(configuration, pictures))
        except BaseException:
            self.view = RaceView()
            raise

    def _hear(self, message: object) -> None:
        self.view = self.view.after(message)

    def stop(self) -> None:
        """End the race; what it has shown is still to be seen."""
        self._employer.end()
        self.view = replace(self.view, running=False)
