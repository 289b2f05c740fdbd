"""The first value of a training that differs: two recordings, each held against the float64 reference.

Every value of either is computed anew from what the same recording holds before it (`groundup.verify.reference`). So
each has its own arithmetic and its own tolerances, whatever the other has. Two trainings that are the same drift apart,
as they must, where a rounding decides; no operation is blamed for it, and none is excused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from groundup.layers import Shape
from groundup.verify.memstate import Recording, check_size
from groundup.verify.reference import Verdict, judge

PLURAL = {"has": "have", "holds": "hold", "lacks": "lack", "leaves": "leave"}


@dataclass(frozen=True)
class Row:
    """How one value of B compares with A's.

    Parameters
    ----------
    name : str
        ``step/1/gradient/0.weight``.
    shape : tuple of int
        Of A's value, or B's where A has none.
    problem : str
        What is wrong; empty if nothing is.
    compared : bool
        Whether both have the value, in the right shape and type.
    absolute, relative : float
        The largest differences, |a - b| and |a - b| / max(|a|, |b|).
    ulps : float
        |a - b| at `where`, in units in the last place of the coarser precision.
    where : tuple of int
        The index of the element, in A or B, that comes nearest its tolerance, or goes furthest beyond.
    share : float
        What this element is off the reference, in tolerances: above 1 is too much.
    """

    name: str
    shape: Shape
    problem: str = ""
    compared: bool = True
    absolute: float = 0.0
    relative: float = 0.0
    ulps: float = 0.0
    where: tuple[int, ...] = ()
    share: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """What comes of holding two recordings against each other.

    Parameters
    ----------
    rows : tuple of Row
        One for each name, in order of execution; names that the network does not have come last.
    """

    rows: tuple[Row, ...]

    @property
    def first(self) -> Row | None:
        """The first value, in order of execution, that is wrong in A or B."""
        return next((row for row in self.rows if row.problem), None)

    @property
    def compared(self) -> int:
        """How many values both have, in the right shape and type."""
        return sum(row.compared for row in self.rows)

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong, and there was something to compare."""
        return self.first is None and self.compared > 0


def diff(a: Recording, b: Recording) -> Difference:
    """Hold recording `a`, which says what was trained, and recording `b` against the reference, value by value.

    Pixels, labels, masks and the initial state are what both were given. Where `b` has them they must be `a`'s; where
    it has not, they are taken to be.

    Raises
    ------
    RecordingError
        If nothing can be computed from `a`: it lacks setup, data or state.
    GroundupError
        If the setup of `a` is none.
    """
    check_size(a)
    verdicts = {"A": judge(a, a), "B": judge(b, a)}
    names = [name for name in verdicts["A"] if name in verdicts["B"] or not _is_given(name)]
    rows = []
    for name in dict.fromkeys([*names, *verdicts["B"]]):
        said = {side: each[name] for side, each in verdicts.items() if name in each}
        rows.append(_row(name, said, a, b))
    return Difference(tuple(rows))


def _is_given(name: str) -> bool:
    """Return whether a value is data or initial state."""
    parts = name.split("/")
    return parts[1:2] == ["0"] or parts[2:3] in (["pixels"], ["labels"], ["mask"])


def _row(name: str, said: Mapping[str, Verdict], a: Recording, b: Recording) -> Row:
    """Return what both verdicts on one value come to, and how far the two values are apart."""
    worst = max(said.values(), key=lambda verdict: verdict.share)
    problem = _problem({side: verdict.problem for side, verdict in said.items() if verdict.problem})
    if len(said) < 2 or not all(verdict.comparable for verdict in said.values()):
        return Row(name, worst.shape, problem, compared=False, where=worst.where, share=worst.share)
    coarser = min((each.values[name].dtype for each in (a, b)), key=lambda kind: kind.itemsize)
    first, second = (each.values[name].astype(np.float64) for each in (a, b))
    if not first.size:
        return Row(name, first.shape, problem)
    with np.errstate(all="ignore"):
        apart, size = np.abs(first - second), np.maximum(np.abs(first), np.abs(second))
        relative = np.where(apart == 0, 0.0, apart / size)
        spacing = np.spacing(size[worst.where].astype(coarser)) if coarser.kind == "f" else 1
        ulps = float(apart[worst.where]) / float(spacing)
    largest = float(np.max(apart)), float(np.max(relative))
    return Row(name, first.shape, problem, True, *largest, ulps, worst.where, worst.share)


def _problem(problems: Mapping[str, str]) -> str:
    """Return one sentence of what is wrong on either side: A and B leave the float64 reference."""
    if len(problems) == 2 and len(set(problems.values())) == 1:
        verb, _, rest = problems["A"].partition(" ")
        return f"A and B {PLURAL[verb]} {rest}"
    return "; ".join(f"{side} {problem}" for side, problem in problems.items())
