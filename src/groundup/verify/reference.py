"""The float64 reference: every value of a recording, computed anew from what the recording itself holds.

Each layer is computed from the recorded inputs to it, the gradients from the recorded outputs, the update from the
recorded gradients, each step from the state recorded before it. It is done in balls (`groundup.verify.balls`), so every
number comes with its own tolerance: all roundings of this one operation in the recording's precision, and no more. A
value that leaves the reference is passed on as far from it as it may be: so one mistake is found where it is made, and
what follows from it is found, too.

Between two recorded names everything is derived. The backward pass is one such stretch: from outputs and loss to
the gradients, with the radii growing from layer to layer as rounding errors may. So are layers that a compiler has
fused into one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.layers import Shape, structure
from groundup.losses import one_hot
from groundup.verify.balls import Ball, clipped
from groundup.verify.memstate import Recording, type_of
from groundup.verify.tolerances import NORMALIZATION, OWN_ROUNDING, Floats, Rounding, precision_of

Balls = dict[str, Ball]


@dataclass(frozen=True)
class Verdict:
    """What the reference says of one recorded value.

    Parameters
    ----------
    shape : tuple of int
        What it must have; what it has, where the network has no such value.
    problem : str
        What is wrong: a verb and what follows it. Empty if nothing is.
    comparable : bool
        Whether there is a value of this shape and of the right type.
    where : tuple of int
        The index of the element that comes nearest its tolerance, or goes furthest beyond.
    share : float
        The error there, in tolerances: above 1 is too much.
    """

    shape: Shape
    problem: str = ""
    comparable: bool = True
    where: tuple[int, ...] = ()
    share: float = 0.0


def judge(recording: Recording, given: Recording) -> dict[str, Verdict]:
    """Return a verdict on each value, in order of execution; on names that the network does not have, last.

    Parameters
    ----------
    recording : Recording
        Whose values are judged.
    given : Recording
        What says what was trained, on which data, with which masks and from which initial state. Where `recording`
        has those, too, they must be the same.

    Raises
    ------
    RecordingError
        If `given` lacks any of that, or no tolerance is known for a precision.
    """
    walk = _Walk(recording, given)
    with np.errstate(all="ignore"):  # NaN and infinity are found where they are judged
        walk.run()
    unknown = {name: value for name, value in recording.values.items() if name not in walk.verdicts}
    return walk.verdicts | {
        name: Verdict(value.shape, "has it, but the network has no such value", comparable=False)
        for name, value in unknown.items()
    }


class _Walk:
    """Goes through a training, step by step."""

    def __init__(self, recording: Recording, source: Recording) -> None:
        self.recording = recording
        self.source = source
        self.setup = source.complete_setup()
        self.rounding = Rounding.between(recording.precision)
        self.verdicts: dict[str, Verdict] = {}

    def run(self) -> None:
        """Judge everything that the network has."""
        state = {name: self.given(f"step/0/{name}", value) for name, value in self.source.state(0).items()}
        for step in range(1, self.source.steps + 1):
            state = self.step(step, state)
            if self.recording.lockstep:
                state = {name: self.converted(value) for name, value in self.source.state(step).items()}

    def step(self, number: int, state: Balls) -> Balls:
        """Judge one training step that begins with `state`; return the state after it."""
        prefix = f"step/{number}/"
        masks = {name: self.given(f"{prefix}mask/{name}", mask) for name, mask in self.source.masks(number).items()}
        params = {name: state[name] for name in self.setup.network.state_shapes()} | masks
        x = self.judged(f"{prefix}inputs", self.inputs(number), hidden=True)
        saved, last = [], len(self.setup.network.layers) - 1
        for index, layer in enumerate(self.setup.network.layers):
            y, residuals = layer.forward(structure.select(index, params), x, True)
            saved.append(residuals)
            x = self.judged(f"{prefix}output/{index}", y, hidden=index < last)
        loss, residuals = self.setup.loss.forward(x, self.targets(number))
        self.judged(f"{prefix}loss", loss)
        gradients = self.gradients(prefix, params, saved, self.setup.loss.backward(residuals))
        after = self.setup.network.updated_buffers(params, saved) | self.updated(state, gradients, number)
        after["steps"] = state["steps"] + 1
        return {name: self.judged(f"{prefix}{name}", after[name]) for name in state}

    def inputs(self, number: int) -> Ball:
        """Return the normalised pixels of a step."""
        network, pixels = self.setup.network, self.source.batch(number).pixels
        self.given(f"step/{number}/pixels", pixels)
        mean, deviation = network.normalization.mean, network.normalization.deviation
        magnitude = self.rounding.of((pixels + abs(mean)) / deviation, NORMALIZATION)
        x = Ball((pixels - mean) / deviation, np.where(pixels == mean, 0.0, magnitude), self.rounding)
        return x.moved(lambda array: np.reshape(array, (len(pixels), *network.input_shape)))

    def targets(self, number: int) -> Ball:
        """Return the targets of a step."""
        labels = self.source.batch(number).labels
        self.given(f"step/{number}/labels", labels)
        classes = self.setup.network.output_shape[0]
        return Ball(one_hot(labels.astype(np.int64), classes, like=np.zeros(())), 0.0, self.rounding)

    def gradients(self, prefix: str, params: Balls, saved: list[Any], dy: Ball) -> Balls:
        """Judge all gradients, clipped as the optimizer clips them, and return them."""
        _, gradients = self.setup.network.backward(params, saved, dy, input_gradient=False)
        if self.setup.optimizer.clip_norm and gradients:
            gradients = clipped(gradients, self.setup.optimizer.clip_norm)
        return {name: self.judged(f"{prefix}gradient/{name}", value) for name, value in gradients.items()}

    def updated(self, state: Balls, gradients: Balls, number: int) -> Balls:
        """Return all parameters and moments after the update."""
        optimizer, after = self.setup.optimizer, {}
        for name, gradient in gradients.items():
            own = {moment: state[f"{moment}/{name}"] for moment in optimizer.moments}
            after[name], own = optimizer.update(state[name], gradient, own, self.setup.learning_rate, number)
            after |= {f"{moment}/{name}": value for moment, value in own.items()}
        return after

    def converted(self, value: NDArray[Any]) -> Ball:
        """Return what the recording was given: the source's value, rounded if the precisions have different types."""
        types = {precision_of(each.precision).dtype for each in (self.recording, self.source)}
        exact = len(types) == 1 or value.dtype.kind in "iu"
        rounding = Rounding.between(self.recording.precision, self.source.precision)
        return Ball(value, 0.0 if exact else rounding.of(np.abs(value.astype(np.float64))), self.rounding)

    def given(self, name: str, value: NDArray[Any]) -> Ball:
        """Judge what the recording was given, if it has it; return it."""
        ball = self.converted(value)
        return self.judged(name, ball) if name in self.recording.values else ball

    def judged(self, name: str, expected: Ball, *, hidden: bool = False) -> Ball:
        """Judge a recorded value, and return what to go on with: itself, but no further off than it may be.

        Where it is missing, that is what was expected. A compiler may leave a hidden value out.
        """
        value = self.recording.values.get(name)
        missing = value is None and hidden and self.recording.compiler
        problem = "" if missing else self.mismatch(name, value, expected.shape)
        if value is None or problem:
            self.verdicts[name] = Verdict(expected.shape, problem, comparable=False)
            return expected
        found, tolerance = value.astype(np.float64), expected.radius * (1 + OWN_ROUNDING)
        self.verdicts[name] = _verdict(found, expected.value, tolerance)
        kept = np.clip(found, expected.value - tolerance, expected.value + tolerance)
        return Ball(np.where(np.isnan(found), expected.value, kept), 0.0, self.rounding)

    def mismatch(self, name: str, value: NDArray[Any] | None, shape: Shape) -> str:
        """Return why a value cannot be judged, or nothing."""
        wanted = type_of(name, self.recording.precision)
        if value is None:
            return "lacks it"
        if value.shape != shape:
            return f"has shape {value.shape} instead of {shape}"
        return "" if value.dtype.name == wanted else f"has type {value.dtype} instead of {wanted}"


def _verdict(found: Floats, expected: Floats, tolerance: Floats) -> Verdict:
    """Judge a value of the right shape."""
    if not found.size:
        return Verdict(found.shape)
    error = np.abs(found - expected)
    shares = np.where(error == 0, 0.0, error / tolerance)
    shares = np.where(np.isfinite(error) & np.isfinite(tolerance), shares, np.inf)
    where = tuple(map(int, np.unravel_index(int(np.argmax(shares)), found.shape)))
    problem = ""
    if not np.isfinite(found).all():
        problem = "holds NaN or infinity"
    elif not (np.isfinite(expected).all() and np.isfinite(tolerance).all()):
        problem = "has no tolerance: what comes before is NaN, infinite or without bound"
    elif shares[where] > 1:
        problem = "leaves the float64 reference"
    return Verdict(found.shape, problem, True, where, float(shares[where]))
