"""Declared ranges for the parameters of frozen dataclasses: layers, losses, optimizers, schedules, initializers.

A class says beside each field what values it takes, and nothing else::

    @dataclass(frozen=True)
    class Dropout(Checked):
        rate: float = real(at_least=0, below=1, default=0.5)
"""

from __future__ import annotations

import math
import reprlib
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from groundup.errors import ParameterError


@dataclass(frozen=True)
class Range:
    """The values that one parameter takes."""

    kind: str
    at_least: float = -math.inf
    above: float = -math.inf
    at_most: float = math.inf
    below: float = math.inf

    def __contains__(self, value: object) -> bool:
        if self.kind == "true or false":
            return isinstance(value, bool)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.kind == "an integer" and not isinstance(value, int):
            return False
        return _is_finite(value) and self.at_least <= value <= self.at_most and self.above < value < self.below

    def __str__(self) -> str:
        bounds = [
            f"{words} {bound:g}"
            for words, bound in (
                ("at least", self.at_least),
                ("above", self.above),
                ("at most", self.at_most),
                ("below", self.below),
            )
            if math.isfinite(bound)
        ]
        return " ".join([self.kind, " and ".join(bounds)]).strip()


def shown(value: object) -> str:
    """Return how an error message shows `value`: as Python writes it, cut short."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python refuses to write out an integer of more than 4,300 digits
        return "a huge integer"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of float
        return False


def integer(*, at_least: int, default: Any = MISSING) -> Any:
    """Declare a dataclass field that takes integers of `at_least` or more."""
    return field(default=default, metadata={"range": Range("an integer", at_least=at_least)})


def real(*, default: Any = MISSING, **bounds: float) -> Any:
    """Declare a dataclass field that takes finite numbers within `bounds` (`at_least`, `above`, `at_most`, `below`)."""
    return field(default=default, metadata={"range": Range("a number", **bounds)})


def boolean(*, default: bool) -> Any:
    """Declare a dataclass field that is true or false."""
    return field(default=default, metadata={"range": Range("true or false")})


@dataclass(frozen=True)
class Checked:
    """A frozen dataclass whose declared fields are checked when it is made.

    Raises
    ------
    ParameterError
        If a field's value is outside its declared range; the message names class, field, value and range.
    """

    def __post_init__(self) -> None:
        """Hold every declared field against its range."""
        for each in fields(self):
            declared = each.metadata.get("range")
            value = getattr(self, each.name)
            if declared is not None and value not in declared:
                raise ParameterError(f"{type(self).__name__}: {each.name} must be {declared}, not {shown(value)}")
