"""One visitor's training: commands go in, and `view` shows all that came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from threading import Lock
from typing import TypeVar

from groundup.data.datasets import Data
from groundup.inspection.divergence import Diagnosis
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
from groundup.serve.training_process import Training
from groundup.serve.worker import Employer, Ended, Workers
from groundup.training.changes import Change
from groundup.training.history import Record

MOST_POINTS = 600
"""Points of a curve; beyond, every second one is left out."""

Point = TypeVar("Point", Progressed, Looked)


@dataclass(frozen=True)
class Validated:
    """A point of the validation curve.

    Attributes
    ----------
    epoch, loss, accuracy : float
        When, and what came out.
    """

    epoch: float
    loss: float
    accuracy: float


class State(Enum):
    """What a training is doing."""

    NONE = "There is no training yet."
    PREPARING = "Getting ready"
    RUNNING = "Training"
    RESTING = "Paused"
    FINISHED = "Finished"


@dataclass(frozen=True)
class View:
    """All that a training has told of so far.

    Attributes
    ----------
    state : State
        What it is doing.
    ready : Ready or None
        What it runs with now.
    training : tuple of Progressed
        The learning curve, as points.
    looks : tuple of Looked
        How the network did; only the last has layers and filters.
    records : tuple of Record
        The complete epochs.
    model : Model or None
        The newest network that was told.
    models : int
        How many networks were told.
    diagnosis : Diagnosis or None
        Why the training was rolled back; None once it goes on.
    trouble : str
        Why a command could not be obeyed, or why the training ended.
    """

    state: State = State.NONE
    ready: Ready | None = None
    training: tuple[Progressed, ...] = ()
    looks: tuple[Looked, ...] = ()
    records: tuple[Record, ...] = ()
    model: Model | None = None
    models: int = 0
    diagnosis: Diagnosis | None = None
    trouble: str = ""

    @property
    def validation(self) -> list[Validated]:
        """The validation curve: from every look, and from the end of every epoch, where all pictures count."""
        points = {look.epoch: Validated(look.epoch, look.loss, look.accuracy) for look in self.looks}
        for record in self.records:
            epoch = float(record["epoch"])
            points[epoch] = Validated(epoch, record["validation_loss"], record["validation_accuracy"])
        return [points[epoch] for epoch in sorted(points)]

    def after(self, message: object) -> View:
        """Return the view with one more message."""
        match message:
            case Ready():
                prepared = self.state is State.PREPARING
                return replace(self, ready=message, state=State.RESTING if prepared else self.state)
            case Going():
                return replace(self, state=State.RUNNING)
            case Progressed():
                return replace(self, training=_thinned((*self.training, message)))
            case Looked():
                light = tuple(replace(look, layers=(), filters=look.filters[:0]) for look in self.looks[-1:])
                return replace(self, looks=_thinned((*self.looks[:-1], *light, message)))
            case EpochDone(record):
                return replace(self, records=(*self.records, record))
            case Rested(model, finished):
                state = State.FINISHED if finished else State.RESTING
                return replace(self, state=state, model=model, models=self.models + 1)
            case Kept(model):
                return replace(self, model=model, models=self.models + 1)
            case RolledBack():
                return self._rolled_back(message)
            case Refused(reason):
                return replace(self, trouble=reason)
            case Ended(failure):
                return replace(self, state=State.NONE, trouble=failure)
        raise TypeError(f"a training does not tell {message!r}")

    def _rolled_back(self, message: RolledBack) -> View:
        return replace(
            self,
            training=tuple(point for point in self.training if point.epoch <= message.epoch),
            looks=tuple(look for look in self.looks if look.epoch <= message.epoch),
            records=tuple(record for record in self.records if record["epoch"] <= message.epoch),
            diagnosis=message.diagnosis,
        )


class Trainer:
    """A visitor's training, in a process of its own. Safe to use from the server's thread and the process's listener.

    Parameters
    ----------
    workers : Workers
        Where processes are had from.
    """

    def __init__(self, workers: Workers) -> None:
        self._employer = Employer(workers, lambda message: self._become(lambda view: view.after(message)))
        self._alone = Lock()
        self.view = View()

    @property
    def running(self) -> bool:
        """Whether there is a training, be it at rest."""
        return self.view.state is not State.NONE

    def begin(self, configuration: Configuration, data: Data, pictures: int) -> None:
        """Make a new training ready; the one before ends. This takes some tenths of a second: call it in a thread.

        Parameters
        ----------
        configuration : Configuration
            Everything but the validation.
        data : Data
            Whose training pictures to learn from.
        pictures : int
            How many of them.

        Raises
        ------
        BusyError
            If the server has as many trainings as it may have.
        """
        self.stop()
        self._become(lambda view: View(State.PREPARING))
        try:
            self._employer.begin(Training(configuration, data.train, pictures))
        except BaseException as error:
            trouble = str(error)
            self._become(lambda view: View(trouble=trouble))
            raise

    def go(self, steps: int | None = None, epochs: int | None = None, pace: float = 0.0) -> None:
        """Train so many steps, or so many epochs more, or all that are left, at so many steps a second (0: any)."""
        if self.running:  # it is said before it is so: a single step may be done before the next line
            self._become(lambda view: replace(view, state=State.RUNNING, diagnosis=None, trouble=""))
        self._employer.tell(Go(steps, epochs, pace))

    def pause(self) -> None:
        """Rest after the batch that runs."""
        self._employer.tell(Pause())

    def change(self, change: Change) -> None:
        """Go on with other settings."""
        self._become(lambda view: replace(view, trouble=""))
        self._employer.tell(change)

    def keep(self) -> None:
        """Ask for the network as it stands; `view.models` counts up when it is there."""
        self._employer.tell(Keep())

    def stop(self) -> None:
        """End the training; what it told of is still to be seen."""
        self._employer.end()
        self._become(lambda view: replace(view, state=State.NONE))

    def forget(self) -> None:
        """End the training, and forget all that it told of."""
        self._employer.end()
        self._become(lambda view: View())

    def _become(self, change: Callable[[View], View]) -> None:
        """Replace the view, while no other thread does."""
        with self._alone:
            self.view = change(self.view)


def _thinned(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the points, or every second one and the last if they are too many."""
    return points if len(points) <= MOST_POINTS else points[:-1:2] + points[-1:]
