"""What a training is told by its visitor, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundup.inspection.divergence import Diagnosis
from groundup.inspection.health import LayerHealth
from groundup.models.configuration import Configuration
from groundup.models.model import Model
from groundup.training.history import Record


@dataclass(frozen=True)
class Go:
    """Train: so many steps, or so many epochs more, or all that are left.

    Attributes
    ----------
    steps, epochs : int or None
        At most one of them.
    pace : float
        Steps a second, for eyes to follow; 0 is as fast as the machine can.
    """

    steps: int | None = None
    epochs: int | None = None
    pace: float = 0.0


@dataclass(frozen=True)
class Pause:
    """Rest after the batch that runs."""


@dataclass(frozen=True)
class Keep:
    """Tell the network as it stands."""


@dataclass(frozen=True)
class Ready:
    """The training stands at its beginning, or has taken a change.

    Attributes
    ----------
    configuration : Configuration
        Everything that it runs with from now on.
    pictures, validation : int
        How many it trains on, and how many it is measured on.
    """

    configuration: Configuration
    pictures: int
    validation: int


@dataclass(frozen=True)
class Progressed:
    """Some steps were done.

    Attributes
    ----------
    epoch : float
        How many times it has seen the training pictures.
    steps : int
        All that were done so far.
    loss, accuracy : float
        Means over the pictures of these steps.
    learning_rate : float
        Of the last step.
    speed : float
        Pictures a second.
    """

    epoch: float
    steps: int
    loss: float
    accuracy: float
    learning_rate: float
    speed: float


@dataclass(frozen=True)
class Looked:
    """How the network does.

    Attributes
    ----------
    epoch : float
        How many times it has seen the training pictures.
    loss, accuracy : float
        On the first thousand validation pictures.
    layers : tuple of LayerHealth
        Every layer that has weights.
    filters : ndarray of uint8, shape (N, height, width)
        First-layer weights as `as_bytes` puts them.
    limit : float
        The weight that a filter's byte 255 stands for.
    """

    epoch: float
    loss: float
    accuracy: float
    layers: tuple[LayerHealth, ...]
    filters: NDArray[np.uint8]
    limit: float


@dataclass(frozen=True)
class EpochDone:
    """An epoch is complete."""

    record: Record


@dataclass(frozen=True)
class Going:
    """The training goes on."""


@dataclass(frozen=True)
class Rested:
    """The training rests, with the network that it has come to."""

    model: Model
    finished: bool


@dataclass(frozen=True)
class Kept:
    """The network as it stands."""

    model: Model


@dataclass(frozen=True)
class RolledBack:
    """The training diverged, and stands again where all was well.

    Attributes
    ----------
    diagnosis : Diagnosis
        Why, in words.
    epoch : float
        Where it stands: how many times it has seen the training pictures.
    steps : int
        All steps up to there.
    """

    diagnosis: Diagnosis
    epoch: float
    steps: int


@dataclass(frozen=True)
class Refused:
    """A change could not be made."""

    reason: str
