"""A training in a process of its own: what it is told, what it tells, and how it goes on between."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from groundup.backends.program import Progress
from groundup.backends.threads import VARIABLE, processors
from groundup.data.datasets import Data, Dataset
from groundup.data.splits import split, validation_split
from groundup.errors import DataError, GroundupError
from groundup.inspection.activations import Floats, as_bytes, largest
from groundup.inspection.divergence import Diagnosis, Leap, diagnose, diverged, first_fault, largest_leap
from groundup.inspection.health import first_layer_pictures, layers_health
from groundup.models.configuration import Configuration
from groundup.models.model import Model
from groundup.serve.training_messages import (
    EpochDone,
    Go,
    Going,
    Keep,
    Kept,
    Looked,
    Pause,
    Progressed,
    Ready,
    Refused,
    Rested,
    RolledBack,
)
from groundup.training.changes import Change, carried
from groundup.training.history import Record
from groundup.training.loop import Fitting, begin, pinned
from groundup.training.run import Position
from groundup.training.watching import Watcher

PART = 0.25
"""Seconds of training between two messages; one step may take longer."""

LOOK_EVERY = 0.7
"""Seconds between two looks at the layers' health, or more: looking must not take longer than training."""

PROBE, LIVING = 1000, 100
"""Validation pictures that a look measures the loss on, and on which units are found dead."""

FEWEST = 10
"""Validation pictures: with fewer, nothing can be said."""

MOST_FILTERS = 64
"""Pictures of first-layer weights that are told."""

IDLE = 1800.0
"""Seconds without a command, at rest, after which a training gives its place to others."""

WHOLE = 1.0
"""The first step that changes weights by their whole size is to blame; if there is none, the one that changes most."""

REPLAYED_STEPS, REPLAYED_SECONDS = 200, 3.0
"""How far a training that diverged is gone through again, step by step, in search of the one to blame."""


@dataclass(frozen=True)
class Training:
    """What a process is to train.

    Parameters
    ----------
    configuration : Configuration
        Network, optimizer, backend and the rest; `validation` is decided here.
    train : Dataset
        The training pictures that there are.
    pictures : int
        How many of them to learn from; as many as can be if there are fewer.
    """

    configuration: Configuration
    train: Dataset
    pictures: int

    def __call__(self, connection: Connection) -> None:
        """Train as commands come in, as `Session.run` does."""
        os.environ.setdefault(VARIABLE, str(max(1, processors() // 2)))  # the others are for drawing
        chosen, held_out = selection(self.train, self.pictures)
        data = Data(self.train.name, "", chosen, chosen.subset(np.arange(0), "no test pictures"))
        configuration = pinned(replace(self.configuration, validation=float(held_out), data_sha256=""), data)
        Session(connection, configuration, data).run()


def selection(train: Dataset, pictures: int) -> tuple[Dataset, int]:
    """Return the pictures to learn from together with those to validate on, and how many are for the latter.

    However few one learns from, the validation needs a thousand pictures to say anything.

    Raises
    ------
    DataError
        If there are too few pictures to learn from some and to validate on others.
    """
    held_out = min(max(1000, len(train) // 12), len(train) // 3)
    if held_out < FEWEST:
        raise DataError(f"{train.name} has {len(train)} pictures: a training here needs {3 * FEWEST}")
    if pictures + held_out >= len(train):
        return train, held_out
    _, chosen = split(train, pictures + held_out, seed=0)
    return chosen, held_out


@dataclass(frozen=True)
class _Point:
    """Where a training stands, or stood."""

    position: Position
    steps: int
    state: dict[str, Floats]


@dataclass
class _Goal:
    """What there is to do: until so many epochs are complete, or so many steps are done."""

    epochs: int
    steps: int | None
    pace: float


class _Ears(Watcher):
    """Hears what the loop tells."""

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self._tell = tell
        self.done = Progress(0, 0, 0.0, 0)

    def trained(self, done: Progress) -> None:
        """Remember how far this epoch has come."""
        self.done = done

    def finished_epoch(self, record: Record) -> None:
        """Pass the record on."""
        self._tell(EpochDone(record))


class Session:
    """One training, as its visitor commands it.

    Parameters
    ----------
    connection : Connection
        Where commands come from and messages go to.
    configuration : Configuration
        `pinned`.
    data : Data
        The training pictures, those held out for validation among them.
    """

    def __init__(self, connection: Connection, configuration: Configuration, data: Data) -> None:
        self.connection = connection
        self.ears = _Ears(connection.send)
        train, validation = validation_split(data.train, configuration.validation)
        self.probe = validation.subset(np.arange(min(PROBE, len(validation))), validation.name)
        self.fitting = Fitting(configuration, data, begin(configuration, len(train)), self.ears)
        self.position = Position()
        self.steps = 0
        self.good = self._point()
        self.untrained = math.nan
        self.epochs = configuration.epochs
        self.goal: _Goal | None = None
        self.look_again = 0.0
        """When it is time for the next look."""

    @np.errstate(all="ignore")  # a training that diverges is told of in words
    def run(self) -> None:
        """Obey commands and train, until the connection ends.

        Raises
        ------
        GroundupError
            If nothing has been wanted for long.
        """
        self._tell_ready()
        self.untrained = self._look_at_rest()
        self.connection.send(Kept(self._model()))
        while True:
            while self.goal is None or self.connection.poll():
                if not self.connection.poll(IDLE):
                    raise GroundupError(
                        f"Nobody wanted anything of this training for {IDLE / 60:.0f} minutes: it ended."
                    )
                self._obey(self.connection.recv())
            self._advance(self.goal)

    def _obey(self, command: object) -> None:
        match command:
            case Go():
                self._set_out(command)
            case Pause():
                self._rest()
            case Change():
                self._change(command)
            case Keep():
                self.connection.send(Kept(self._model()))

    def _set_out(self, go: Go) -> None:
        """Set a goal; where all epochs are done, there are as many again."""
        done = len(self.position.history)
        settings = self.fitting.configuration
        wanted = settings.epochs if go.epochs is None else done + go.epochs
        if done >= wanted:
            wanted = done + self.epochs
        if wanted > settings.epochs:
            self.fitting.configuration = replace(settings, epochs=wanted)
            self._tell_ready()
        self.connection.send(Going())
        self.goal = _Goal(wanted, go.steps, go.pace)

    def _rest(self, finished: bool = False) -> None:
        if self.goal and self.goal.steps is None:
            self._look_at_rest()
        self.goal = None
        self.connection.send(Rested(self._model(), finished))

    def _change(self, change: Change) -> None:
        """Go on with other settings, from where the training stands."""
        before = self.fitting.configuration
        try:
            after = change.applied(before)
            if change.rebuilds:
                state = carried(self._state(), before, after)
                good = replace(self.good, state=carried(self.good.state, before, after))
                self.fitting.change(after, state)
                self.good = good
            self.fitting.configuration = after
        except GroundupError as error:
            self.connection.send(Refused(str(error)))
        self._tell_ready()

    def _tell_ready(self) -> None:
        fitting = self.fitting
        held_out = len(fitting.validation) if fitting.validation else 0
        self.connection.send(Ready(fitting.configuration, len(fitting.train), held_out))

    def _advance(self, goal: _Goal) -> None:
        """Train for a part of a second, or one step with a look at everything in it."""
        begun = self._point()
        began = time.monotonic()
        self.ears.done = self.position.done
        rate = self.fitting.ahead(self.position)[1][0]
        self.fitting.deform(self.position)
        due = goal.steps is not None or began >= self.look_again
        well = self._look(begun) if due else True
        within = bool(self.position.done.steps) and time.monotonic() < began + PART  # of this part, and of its epoch
        steps = math.ceil(goal.pace * PART) - due if goal.pace else None
        if not due or (goal.steps is None and well and within and steps != 0):
            self.position = self.fitting.epoch(self.position, lambda: self._stops(began + PART), steps)
        done = _difference(self.ears.done, begun.position.done)
        self.steps += done.steps
        loss = done.loss / done.examples
        if diverged(loss, self.untrained):
            self._roll_back(loss, begun)
            return
        self.good = begun
        speed = done.examples / (time.monotonic() - began)
        self.connection.send(Progressed(self._epoch(), self.steps, loss, done.correct / done.examples, rate, speed))
        if goal.pace:
            self.connection.poll(max(done.steps / goal.pace - (time.monotonic() - began), 0.0))
        self._check_goal(goal)

    def _stops(self, until: float) -> bool:
        return time.monotonic() > until or self.connection.poll() or not math.isfinite(self.ears.done.loss)

    def _check_goal(self, goal: _Goal) -> None:
        if goal.steps is not None:
            goal.steps -= 1
        if goal.steps == 0 or len(self.position.history) >= goal.epochs:
            self._rest(finished=len(self.position.history) >= self.fitting.configuration.epochs)

    def _look(self, begun: _Point) -> bool:
        """Train one step, and tell how every layer did in it; return whether all was well."""
        began = time.monotonic()
        done, trace, _ = self._trace(begun.position)
        self.ears.trained(begun.position.done.plus(done))
        position = begun.position
        seconds = position.seconds + time.monotonic() - began
        self.position = self.fitting.closed(Position(position.history, self.ears.done, seconds))
        well = not diverged(done.loss / done.examples, self.untrained)
        if well:
            self._tell_health(begun, trace)
        now = time.monotonic()
        self.look_again = now + max(LOOK_EVERY, 2 * (now - began))
        return well

    def _look_at_rest(self) -> float:
        """Tell how the network does as it stands, by a step that is taken back; return that step's loss."""
        here = self._point()
        done, trace, _ = self._trace(self.position)
        self.fitting.program.load_state(here.state)
        self._tell_health(here, trace)
        return done.loss / done.examples

    def _tell_health(self, begun: _Point, trace: dict[str, Floats]) -> None:
        model = self._model()
        measured = model.evaluate(self.probe)
        layers = layers_health(model, begun.state, trace, self.probe.images[:LIVING])
        pictures = first_layer_pictures(model, MOST_FILTERS)
        limit = largest(pictures)
        self.connection.send(
            Looked(self._epoch(), measured.loss, measured.accuracy, layers, as_bytes(pictures, limit), limit)
        )

    def _trace(self, position: Position) -> tuple[Progress, dict[str, Floats], float]:
        """Train one step; return what it came to, every value in it, and its learning rate."""
        fitting = self.fitting
        order, rates = fitting.ahead(position)
        batch = order[: fitting.configuration.batch_size or len(order)]
        labels = fitting.train.labels[batch]
        traced = fitting.program.trace(fitting.train.images[batch], labels, rates[0])
        values = {name: np.asarray(value) for name, value in traced.items()}
        outputs = values[f"output/{len(fitting.configuration.network.layers) - 1}"]
        correct = int(np.count_nonzero(outputs.argmax(axis=1) == labels))
        return Progress(1, len(batch), float(values["loss"]) * len(batch), correct), values, rates[0]

    def _roll_back(self, loss: float, begun: _Point) -> None:
        """Find out what went wrong since `begun`, tell it, and rest where all was well."""
        diagnosis = self._replayed(loss, begun)
        if diagnosis:
            self.good = begun  # its first loss was well
        else:
            diagnosis = self._replayed(loss, self.good)
        if diagnosis is None:
            rate = self.fitting.configuration.learning_rate
            diagnosis = diagnose(loss, self.untrained, self.steps, rate, None, None)
        self.fitting.program.load_state(self.good.state)
        self.position, self.steps = self.good.position, self.good.steps
        self.connection.send(RolledBack(diagnosis, self._epoch(), self.steps))
        self._rest()

    def _replayed(self, loss: float, start: _Point) -> Diagnosis | None:
        """Go on from `start` again, step by step; return what is to blame, or None if it is not found there."""
        network = self.fitting.configuration.network
        self.fitting.program.load_state(start.state)
        position, before = start.position, start.state
        worst: tuple[int, float, Leap] | None = None
        until = time.monotonic() + REPLAYED_SECONDS
        for number in range(REPLAYED_STEPS):
            done, trace, rate = self._trace(position)
            lost = diverged(done.loss / done.examples, self.untrained)
            if lost and not number:
                return None  # it had gone wrong before
            fault = first_fault(network, trace)
            leap = largest_leap(network, before, trace)
            if leap and (worst is None or worst[2].ratio < min(leap.ratio, WHOLE)):
                worst = start.steps + number + 1, rate, leap
            if worst and (fault or lost or time.monotonic() > until):
                return diagnose(loss, self.untrained, *worst, fault)
            before = trace
            position = self._after(position, done)
        return None

    def _after(self, position: Position, done: Progress) -> Position:
        """Return the position after a replayed step, of whose epoch nobody wants a record."""
        position = replace(position, done=position.done.plus(done))
        whole = position.done.examples >= len(self.fitting.train)
        return Position(position.history.plus({})) if whole else position

    def _point(self) -> _Point:
        return _Point(self.position, self.steps, self._state())

    def _state(self) -> dict[str, Floats]:
        return {name: np.asarray(value) for name, value in self.fitting.program.state().items()}

    def _epoch(self) -> float:
        return len(self.position.history) + self.position.done.examples / len(self.fitting.train)

    def _model(self) -> Model:
        """Return the network as it stands, with how it came to be."""
        model = self.fitting.model(len(self.position.history))
        log = [{name: value for name, value in each.items() if name != "seconds"} for each in self.position.history]
        return replace(model, training={**model.training, "history": log})


def _difference(after: Progress, before: Progress) -> Progress:
    """Return what came between."""
    steps, examples = after.steps - before.steps, after.examples - before.examples
    return Progress(steps, examples, after.loss - before.loss, after.correct - before.correct)
