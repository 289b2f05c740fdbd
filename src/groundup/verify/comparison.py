"""The first value of a training that differs: two recordings held against each other and against the reference.

The reference is computed anew, in float64, from what recording A holds: each layer from A's inputs to it, the gradients
from A's outputs, the update from A's gradients, each step from A's state before it. It is computed in balls
(`groundup.verify.balls`), so every number comes with its own tolerance: all roundings of this one operation in both
precisions, and what the *recorded* difference of its inputs makes of itself. An input that differed by more than it
may is passed on with what it may: so one mistake is found where it is made, and what follows from it is found, too.

Between two recorded names everything is derived. The backward pass is one such stretch: from outputs and loss to
the gradients, with the radii growing from layer to layer as rounding errors may.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.layers import Shape, structure
from groundup.losses import one_hot
from groundup.verify.balls import Ball, clipped
from groundup.verify.memstate import Recording, check_size, type_of
from groundup.verify.tolerances import NORMALIZATION, OWN_ROUNDING, Floats, Rounding

Balls = dict[str, Ball]


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
        What is wrong; empty if both agree within the tolerance.
    compared : bool
        Whether there were two values of one shape and type.
    absolute, relative : float
        The largest differences, |a - b| and |a - b| / max(|a|, |b|).
    ulps : float
        |a - b| at `where`, in units in the last place of the coarser precision.
    where : tuple of int
        The index of the element that comes nearest its tolerance, or goes furthest beyond.
    share : float
        The difference there, in tolerances: above 1 is too much.
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
        One for each name, in the reference's order of execution; names that the network does not have come last.
    """

    rows: tuple[Row, ...]

    @property
    def first(self) -> Row | None:
        """The first value, in order of execution, that does not agree."""
        return next((row for row in self.rows if row.problem), None)

    @property
    def compared(self) -> int:
        """How many names had a value of one shape and type in both."""
        return sum(row.compared for row in self.rows)

    @property
    def holds(self) -> bool:
        """Whether everything agrees, and there was something to compare."""
        return self.first is None and self.compared > 0


def diff(a: Recording, b: Recording) -> Difference:
    """Compare recording `b`, value by value, with recording `a`, which says what was trained.

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
    with np.errstate(all="ignore"):  # NaN and infinity are found where they are compared
        rows = _Walk(a, b).rows()
    return Difference(tuple(rows))


class _Walk:
    """Computes A's values anew, one after another, and compares as it goes."""

    def __init__(self, a: Recording, b: Recording) -> None:
        self.a, self.b = a, b
        self.setup = a.complete_setup()
        self.rounding = Rounding.between(a.precision, b.precision)
        self._rows: dict[str, Row] = {}

    def rows(self) -> list[Row]:
        """Return all rows, in order of execution; names that the network does not have come last."""
        state = {name: self.given(f"step/0/{name}", value) for name, value in self.a.state(0).items()}
        for step in range(1, self.a.steps + 1):
            state = self.step(step, state)
            if self.b.lockstep:
                state = {name: self.ball(value) for name, value in self.a.state(step).items()}
        for name in [*self.a.values, *self.b.values]:
            left_out = self.is_given(name) and name not in self.b.values
            if name not in self._rows and not left_out:
                self._rows[name] = self.stray(name)
        return list(self._rows.values())

    def step(self, number: int, state: Balls) -> Balls:
        """Compare one training step that begins with `state`; return the state after it."""
        prefix = f"step/{number}/"
        masks = {name: self.given(f"{prefix}mask/{name}", mask) for name, mask in self.a.masks(number).items()}
        params = {name: state[name] for name in self.setup.network.state_shapes()} | masks
        x = self.compare(f"{prefix}inputs", self.inputs(number))
        saved = []
        for index, layer in enumerate(self.setup.network.layers):
            y, residuals = layer.forward(structure.select(index, params), x, True)
            saved.append(residuals)
            x = self.compare(f"{prefix}output/{index}", y)
        loss, residuals = self.setup.loss.forward(x, self.targets(number))
        self.compare(f"{prefix}loss", loss)
        gradients = self.gradients(prefix, params, saved, self.setup.loss.backward(residuals))
        after = self.setup.network.updated_buffers(params, saved) | self.updated(state, gradients, number)
        after["steps"] = state["steps"] + 1
        return {name: self.compare(f"{prefix}{name}", after[name]) for name in state}

    def inputs(self, number: int) -> Ball:
        """Return the normalised pixels of a step."""
        network, pixels = self.setup.network, self.a.batch(number).pixels
        self.given(f"step/{number}/pixels", pixels)
        mean, deviation = network.normalization.mean, network.normalization.deviation
        magnitude = self.rounding.of((pixels + abs(mean)) / deviation, NORMALIZATION)
        x = Ball((pixels - mean) / deviation, np.where(pixels == mean, 0.0, magnitude), self.rounding)
        return x.moved(lambda array: np.reshape(array, (len(pixels), *network.input_shape)))

    def targets(self, number: int) -> Ball:
        """Return the targets of a step."""
        labels = self.a.batch(number).labels
        self.given(f"step/{number}/labels", labels)
        classes = self.setup.network.output_shape[0]
        return Ball(one_hot(labels.astype(np.int64), classes, like=np.zeros(())), 0.0, self.rounding)

    def gradients(self, prefix: str, params: Balls, saved: list[Any], dy: Ball) -> Balls:
        """Compare all gradients, clipped as the optimizer clips them, and return them."""
        _, gradients = self.setup.network.backward(params, saved, dy, input_gradient=False)
        if self.setup.optimizer.clip_norm and gradients:
            gradients = clipped(gradients, self.setup.optimizer.clip_norm)
        return {name: self.compare(f"{prefix}gradient/{name}", value) for name, value in gradients.items()}

    def updated(self, state: Balls, gradients: Balls, number: int) -> Balls:
        """Return all parameters and moments after the update."""
        optimizer, after = self.setup.optimizer, {}
        for name, gradient in gradients.items():
            own = {moment: state[f"{moment}/{name}"] for moment in optimizer.moments}
            after[name], own = optimizer.update(state[name], gradient, own, self.setup.learning_rate, number)
            after |= {f"{moment}/{name}": value for moment, value in own.items()}
        return after

    def ball(self, value: NDArray[Any]) -> Ball:
        """Return A's value as something that both were given: as far apart as their precisions make it."""
        same = self.a.precision == self.b.precision or value.dtype.kind in "iu"
        return Ball(value, 0.0 if same else self.rounding.of(np.abs(value.astype(np.float64))), self.rounding)

    def given(self, name: str, value: NDArray[Any]) -> Ball:
        """Compare what both were given, if B has it, too; return it."""
        ball = self.ball(value)
        return self.compare(name, ball) if name in self.b.values else ball

    def is_given(self, name: str) -> bool:
        """Return whether a value is data or initial state."""
        parts = name.split("/")
        return parts[1:2] == ["0"] or parts[2:3] in (["pixels"], ["labels"], ["mask"])

    def stray(self, name: str) -> Row:
        """Return the row of a name that the network does not have."""
        found = {side: each.values[name] for side, each in (("A", self.a), ("B", self.b)) if name in each.values}
        shape = next(iter(found.values())).shape
        have = "A and B have" if len(found) == 2 else f"{next(iter(found))} has"
        return Row(name, shape, f"{have} it, but the network has no such value", compared=False)

    def compare(self, name: str, expected: Ball) -> Ball:
        """Compare both recorded values with what was computed, and return what to go on with.

        That is A's value, as far from B's as it is, but never further than it may be.
        """
        a, b = self.a.values.get(name), self.b.values.get(name)
        problem = _mismatch("A", name, self.a, expected.shape) or _mismatch("B", name, self.b, expected.shape)
        if problem:
            self._rows[name] = Row(name, expected.shape, problem, compared=False)
            usable = a is not None and a.shape == expected.shape and a.dtype.kind in "fu"
            return Ball(a, expected.radius, self.rounding) if usable else expected
        assert a is not None
        assert b is not None
        self._rows[name] = _row(name, a, b, expected)
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
        return Ball(a, np.fmin(apart, expected.radius), self.rounding)


def _mismatch(side: str, name: str, recording: Recording, shape: Shape) -> str:
    """Return why a value cannot be compared, or nothing."""
    value = recording.values.get(name)
    wanted = type_of(name, recording.precision)
    if value is None:
        return f"{side} lacks it"
    if value.shape != shape:
        return f"{side} has shape {value.shape} instead of {shape}"
    if value.dtype.name != wanted:
        return f"{side} has type {value.dtype} instead of {wanted}"
    return ""


def _row(name: str, a: NDArray[Any], b: NDArray[Any], expected: Ball) -> Row:
    """Compare two values of one shape."""
    coarser = min(a.dtype, b.dtype, key=lambda kind: kind.itemsize)
    a, b = a.astype(np.float64), b.astype(np.float64)
    apart, size = np.abs(a - b), np.maximum(np.abs(a), np.abs(b))
    if not a.size:
        return Row(name, a.shape)
    errors = [apart, np.abs(a - expected.value), np.abs(b - expected.value)]
    shares = [_shares(error, expected.radius) for error in errors]
    worst = np.maximum(shares[0], np.maximum(shares[1], shares[2]))
    where = tuple(map(int, np.unravel_index(int(np.argmax(worst)), a.shape)))
    spacing = float(np.spacing(size[where].astype(coarser))) if coarser.kind == "f" else 1.0
    return Row(
        name,
        a.shape,
        _problem(a, b, expected, [bool((share > 1).any()) for share in shares]),
        True,
        float(np.max(apart)),
        float(np.max(np.where(apart == 0, 0.0, apart / size))),
        float(apart[where]) / spacing,
        where,
        float(worst[where]),
    )


def _shares(error: Floats, tolerance: Floats) -> Floats:
    """Return errors in tolerances; infinite where either is no number, or the tolerance no bound."""
    share = np.where(error == 0, 0.0, error / (tolerance * (1 + OWN_ROUNDING)))
    return np.where(np.isfinite(error) & np.isfinite(tolerance), share, np.inf)


def _problem(a: Floats, b: Floats, expected: Ball, beyond: list[bool]) -> str:
    """Return what is wrong with two values, of which three comparisons went beyond their tolerance or not."""
    if not any(beyond):
        return ""
    for side, value in (("A", a), ("B", b)):
        if not np.isfinite(value).all():
            return f"{side} holds NaN or infinity"
    if not (np.isfinite(expected.value).all() and np.isfinite(expected.radius).all()):
        return "no tolerance can be given: what comes before is NaN, infinite or without bound"
    _, a_beyond, b_beyond = beyond
    if a_beyond and b_beyond:
        return "A and B leave the float64 reference"
    if a_beyond or b_beyond:
        return f"{'A' if a_beyond else 'B'} leaves the float64 reference"
    return "A and B differ"
