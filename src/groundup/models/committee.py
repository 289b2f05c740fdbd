"""A committee: several models that answer together, by the mean of their probabilities; in one file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from groundup import notebook
from groundup.data.datasets import Data, Dataset
from groundup.data.splits import validation_split
from groundup.errors import GroundupError, ModelError
from groundup.models import storage
from groundup.models.calibration import Calibration
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser, mean_of

FORMAT = "groundup committee 1"
ENOUGH = 100
"""Validation pictures that a calibration needs at least."""


@dataclass(frozen=True)
class Committee(Recogniser):
    """Models that answer together: each one's mistakes are its own, and the mean has fewer.

    Parameters
    ----------
    members : tuple of Model
        At least one; all know the same classes and take pictures of the same size.
    training : dict
        How it came to be, as plain values for JSON; each member has its own.
    calibration : Calibration, optional
        Of the committee as a whole.

    Raises
    ------
    ModelError
        If the members do not fit each other.
    """

    members: tuple[Model, ...]
    training: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None
    class_names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Refuse members that do not answer the same question."""
        if not self.members:
            raise ModelError("a committee needs at least one member")
        first = self.members[0]
        for number, member in enumerate(self.members):
            if member.class_names != first.class_names:
                raise ModelError(f"member {number} knows other classes than member 0")
            sizes = [int(np.prod(each.network.input_shape)) for each in (first, member)]
            if sizes[0] != sizes[1]:
                raise ModelError(f"member {number} takes {sizes[1]} pixels, but member 0 takes {sizes[0]}")
        object.__setattr__(self, "class_names", first.class_names)

    def uncalibrated(self, pixels: NDArray[np.uint8], backend: str = "auto") -> NDArray[Any]:
        """Return the mean of the members' probabilities, (N, classes), for pixels (N, height, width) uint8."""
        return mean_of([member.predict(pixels, backend) for member in self.members])

    def save(self, path: str | os.PathLike[str], store: str = "float32") -> None:
        """Write one file: member 0's arrays are named ``0/0.weight``; errors as for `storage.write`."""
        description = {
            "format": FORMAT,
            "members": [member.description() for member in self.members],
            "training": dict(self.training),
        }
        if self.calibration is not None:
            description["calibration"] = self.calibration.description()
        state = {
            f"{number}/{name}": value
            for number, member in enumerate(self.members)
            for name, value in member.state.items()
        }
        storage.write(path, description, state, store)

    def _repr_html_(self) -> str:
        """Display itself in a notebook: its members."""
        return notebook.committee_html(self)

    @classmethod
    def from_file(cls, description: Mapping[str, Any], state: dict[str, NDArray[np.float32]]) -> Self:
        """Return the committee that a file's description and arrays hold."""
        members, training = description.get("members"), description.get("training", {})
        if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
            raise ModelError("members must be a list of tables")
        if not isinstance(training, dict):
            raise ModelError("training must be a table")
        states: dict[str, dict[str, NDArray[np.float32]]] = {str(number): {} for number in range(len(members))}
        for name, value in state.items():
            number, _, own = name.partition("/")
            if number not in states:
                raise ModelError(f"{name} belongs to none of the {len(members)} members")
            states[number][own] = value
        made = [_member(number, told, states[str(number)]) for number, told in enumerate(members)]
        told = description.get("calibration")
        return cls(tuple(made), training, None if told is None else Calibration.from_description(told))


def _member(number: int, description: Mapping[str, Any], state: dict[str, NDArray[np.float32]]) -> Model:
    try:
        return Model.from_file(description, state)
    except GroundupError as error:
        raise ModelError(f"member {number}: {error}") from None


def held_out(members: Sequence[Model], data: Data) -> Dataset | None:
    """Return the training pictures that no member was trained on; None if there are less than 100.

    Which ones are held out does not depend on the seed: members that hold out equally many hold out the same.
    """
    settings = {(each.get("data_sha256"), each.get("validation")) for each in map(_configuration, members)}
    digest, share = settings.pop()
    if settings or digest != data.train.sha256() or not share:
        return None
    _, validation = validation_split(data.train, share)
    return validation if len(validation) >= ENOUGH else None


def _configuration(member: Model) -> Mapping[str, Any]:
    configuration = member.training.get("configuration")
    return configuration if isinstance(configuration, dict) else {}


def members_of(recogniser: Recogniser) -> tuple[Model, ...]:
    """Return the networks that a recogniser consists of.

    Raises
    ------
    ModelError
        If it is neither a model nor a committee.
    """
    if isinstance(recogniser, Committee):
        return recogniser.members
    if isinstance(recogniser, Model):
        return (recogniser,)
    raise ModelError(f"a {type(recogniser).__name__} is neither a model nor a committee")
