"""Gradient checks: every hand-written backward pass against nothing but the definition of a derivative.

One number of one parameter is moved by a small step h, up and down. If the loss is smooth there, its slope
(L(x + h) - L(x - h)) / 2h differs from the gradient by some h² and the loss's rounding error divided by h. So an
agreement to six digits, for numbers drawn from every parameter, leaves no room for a forgotten factor or a sign.

ReLU, LeakyReLU and the maximum of a pool have kinks, where the slope jumps. A kink between x - h and x + h that is not
at x itself is left behind by a smaller step. One exactly at x is told by its two one-sided slopes: at a smooth place
they approach each other as the step shrinks, at a kink they do not. What is kinked is reported and not counted.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup import backends, randomness
from groundup.errors import ParameterError
from groundup.losses import CrossEntropy, Loss
from groundup.network import Network
from groundup.optimizers import SGD
from groundup.verify.comparison import Difference, diff
from groundup.verify.memstate import Batch, Setup, as_numpy, record, replay
from groundup.verify.tolerances import DIFFERENCE_ERROR, DIFFERENCE_STEP, gradient_error

EXAMPLES = 4
"""Pictures in the batch of a check: BatchNorm needs several, and more make kinks more frequent."""

SHRINK = 16.0
"""By how much a second step is smaller, where the first does not agree."""

MAXIMUM_SCALAR_WORK = 200_000
"""Multiplications of a forward pass up to which a check is repeated with `scalar`: some seconds."""


@dataclass(frozen=True)
class Entry:
    """One number of a parameter.

    Parameters
    ----------
    where : tuple of int
        Its index.
    analytic, numeric : float
        The gradient of the backward pass, and the central difference.
    error : float
        The relative error, as `groundup.verify.tolerances.gradient_error` reckons it.
    verdict : str
        ``"agrees"``, ``"kink"`` or ``"differs"``.
    """

    where: tuple[int, ...]
    analytic: float
    numeric: float
    error: float
    verdict: str


@dataclass(frozen=True)
class Check:
    """What a gradient check found about one parameter.

    Parameters
    ----------
    network : str
        What a person calls the network.
    parameter : str
        ``0.weight``.
    size : int
        How many numbers it has.
    entries : tuple of Entry
        Those that were checked.
    """

    network: str
    parameter: str
    size: int
    entries: tuple[Entry, ...]

    @property
    def kinks(self) -> int:
        """How many entries lie at a kink and say nothing."""
        return sum(entry.verdict == "kink" for entry in self.entries)

    @property
    def worst(self) -> Entry | None:
        """The entry with the largest relative error; one that differs before all others."""
        counted = [entry for entry in self.entries if entry.verdict != "kink"]
        return max(counted, key=lambda entry: (entry.verdict == "differs", entry.error), default=None)

    @property
    def holds(self) -> bool:
        """Whether no entry differs, and at least one was no kink."""
        return self.worst is not None and self.worst.verdict == "agrees"


def gradcheck(
    network: Network,
    loss: Loss | None = None,
    *,
    name: str = "network",
    backend: str = "numpy",
    parameters: tuple[str, ...] = (),
    samples: int = 20,
) -> Iterator[Check]:
    """Check the gradient by every parameter of a network, at a random state and random pictures.

    Parameters
    ----------
    network : Network
        Whose gradients are checked, in training: with masks, and a batch's own statistics.
    loss : Loss, optional
        What is differentiated; cross-entropy by default.
    name : str
        What a person calls the network.
    backend : str
        What computes; it must know float64.
    parameters : tuple of str
        Only these; all if empty.
    samples : int
        How many numbers of each parameter are checked; all of a smaller one.

    Yields
    ------
    Check
        One for each parameter, in the network's order.

    Raises
    ------
    ParameterError
        If there is no such parameter, or the network has none at all.
    GroundupError
        If the backend does not know the network.
    """
    known = network.parameters()
    for wanted in parameters:
        if wanted not in known:
            raise ParameterError(f"{name} has no parameter {wanted!r}; there are {', '.join(known)}")
    if not known:
        raise ParameterError(f"{name} has no parameters: there is no gradient to check")
    probe = _Probe(network, loss or CrossEntropy(), backend)
    for parameter, shape in known.items():
        if not parameters or parameter in parameters:
            entries = tuple(probe.entries(parameter, samples))
            yield Check(name, parameter, math.prod(shape), entries)


def check_against_scalar(network: Network, loss: Loss | None = None, *, backend: str = "numpy") -> Difference | None:
    """Compare one training step with that of `scalar`, which derives its gradients from the graph of all numbers.

    Returns
    -------
    Difference or None
        As `groundup.verify.comparison.diff` gives it, `scalar` being A; None if the network is too large.
    """
    batch = _pictures(network)
    work = len(batch.labels) * sum(_work(network))
    if backend == "scalar" or work > MAXIMUM_SCALAR_WORK:
        return None
    setup = Setup(network, loss or CrossEntropy())
    reference = record(setup, [batch], "scalar")
    return diff(reference, replay(reference, backend, "float64"))


class _Probe:
    """A program whose loss is evaluated wherever its parameters are moved to."""

    def __init__(self, network: Network, loss: Loss, backend: str) -> None:
        self.network = network
        self.batch = _pictures(network)
        self.program = backends.get(backend).compile(network, loss, SGD(), EXAMPLES, "float64")
        self.state = _random_state(network)
        traced = self._trace()
        self.loss = float(traced["loss"])
        self.gradients = {name: as_numpy(traced[f"gradient/{name}"], name, "float64") for name in network.parameters()}

    def entries(self, parameter: str, samples: int) -> Iterator[Entry]:
        """Check up to `samples` numbers of a parameter, drawn at random."""
        gradient = self.gradients[parameter]
        if gradient.shape != self.network.parameters()[parameter]:
            yield Entry((), math.nan, math.nan, math.inf, "differs")
            return
        typical = float(np.sqrt(np.mean(gradient**2)))
        count = math.prod(self.network.parameters()[parameter])
        drawn = randomness.stream(0, "gradcheck", parameter).sample(range(count), min(samples, count))
        for place in sorted(drawn):
            where = tuple(map(int, np.unravel_index(place, gradient.shape)))
            yield self._entry(parameter, place, where, float(gradient[where]), typical)

    def _entry(self, parameter: str, place: int, where: tuple[int, ...], analytic: float, typical: float) -> Entry:
        below, above = self._slopes(parameter, place, DIFFERENCE_STEP)
        numeric = (below + above) / 2
        error = gradient_error(analytic, numeric, typical, self.loss)
        verdict = "agrees"
        if not error <= DIFFERENCE_ERROR:
            explained = abs(above - below) >= abs(analytic - numeric)  # as a kink, by the jump between both slopes
            kink = explained and self._is_kink(parameter, place, analytic, typical, abs(above - below))
            verdict = "kink" if kink else "differs"
        return Entry(where, analytic, numeric, error, verdict)

    def _is_kink(self, parameter: str, place: int, analytic: float, typical: float, jump: float) -> bool:
        """Return whether a smaller step leaves a kink behind, or leaves the jump between both slopes as it is.

        The slopes of a smooth function approach each other as the step shrinks.
        """
        step = DIFFERENCE_STEP / SHRINK
        below, above = self._slopes(parameter, place, step)
        beside = gradient_error(analytic, (below + above) / 2, typical, self.loss, step) <= DIFFERENCE_ERROR
        return beside or abs(above - below) > jump / 2

    def _slopes(self, parameter: str, place: int, step: float) -> tuple[float, float]:
        """Return the slopes of the loss below and above the number at `place`."""
        values = self.state[parameter]
        middle = values[place]
        moved = []
        for number in (middle - step, middle + step):
            values[place] = number
            moved.append((float(self._trace()["loss"]) - self.loss) / (number - middle))
        values[place] = middle
        return moved[0], moved[1]

    def _trace(self) -> Mapping[str, Any]:
        self.program.load_state(self.state)  # steps begin at 0 again, so the masks are the same
        return self.program.trace(*self.batch, 1.0)


def _random_state(network: Network) -> dict[str, array[float]]:
    """Return the initial state with everything shaken, so that no bias is 0 and no BatchNorm the identity."""
    generator = random.Random(0)
    state = network.initial_state(0)
    for name in network.parameters():
        values = state[name]
        for place in range(len(values)):
            values[place] += generator.uniform(-0.1, 0.1)
    return state


def _pictures(network: Network) -> Batch:
    """Return a batch of noise: no two pixels of a pool's window are equal, as the blank ones of digits are."""
    generator = np.random.RandomState(0)
    pixels: NDArray[np.uint8] = generator.randint(1, 256, (EXAMPLES, 1, math.prod(network.input_shape))).astype(
        np.uint8
    )
    labels = generator.randint(0, network.output_shape[0], EXAMPLES).astype(np.uint8)
    return Batch(pixels, labels)


def _work(network: Network) -> list[int]:
    """Return the multiplications of every layer, and at least one for each of its outputs."""
    shapes = [network.input_shape, *network.output_shapes()]
    pairs = zip(network.layers, shapes[:-1], shapes[1:], strict=True)
    return [layer.multiply_adds(inputs) + math.prod(outputs) for layer, inputs, outputs in pairs]
