"""Why a training fell apart: at which step, at which layer, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from groundup.inspection.activations import Floats
from groundup.inspection.health import of_their_size, share, update_ratio
from groundup.inspection.weights import weighted
from groundup.network import Network

FAR = 10.0
"""Times the loss of a network that has learned nothing: beyond this, a training is not noisy but lost."""

HUGE = 1e4
"""Outputs of a layer that no picture makes: the pixels that go in lie around 1."""


SMALL_LEAP = 0.1
"""A step that changed weights by less than this share of their size is not to blame alone."""

CALM = 0.01
"""The share of the weights' size that a step of the recommended learning rate would have changed."""

SMALLEST_RATE = 1e-9
"""No smaller learning rate is recommended: the fault lies elsewhere."""


def diverged(loss: float, untrained: float) -> bool:
    """Return whether a mean loss is NaN, infinite, or ten times that of the untrained network."""
    return not loss <= FAR * untrained


@dataclass(frozen=True)
class Fault:
    """One thing that went wrong in one step.

    Attributes
    ----------
    place : str or None
        The layer's place; None for the loss itself.
    what : str
        What it is, for people: ``"the outputs of layer 0, Linear(784, 32),"``.
    largest : float
        The largest magnitude in it; nan or inf if it has such numbers.
    """

    place: str | None
    what: str
    largest: float


def first_fault(network: Network, trace: Mapping[str, Floats]) -> Fault | None:
    """Return the first thing in a step, in order of execution, that is not finite or absurdly large, if any.

    Parameters
    ----------
    network : Network
    trace : mapping of str to ndarray
        What `Program.trace` returned.
    """
    for name, values in trace.items():
        numbers = np.abs(np.asarray(values, np.float64))
        largest = float(numbers.max()) if numbers.size else 0.0  # nan, if there is one
        if "/" in name and not name.startswith(("output/", "gradient/")):
            continue  # a moment: the weights tell it better
        if not math.isfinite(largest) or (name.startswith("output/") and largest > HUGE):
            return _fault(network, name, largest)
    return None


def _fault(network: Network, name: str, largest: float) -> Fault:
    if name in ("loss", "inputs"):
        return Fault(None, f"the {name}", largest)
    kind, _, rest = name.rpartition("/")
    if kind == "output":
        return Fault(rest, f"the outputs of layer {rest}, {network.layers[int(rest)]},", largest)
    place = rest.rpartition(".")[0]
    layer = network.layers[int(place.partition(".")[0])]
    return Fault(place, f"the {'gradients' if kind else 'numbers'} of {rest}, layer {place}, {layer},", largest)


@dataclass(frozen=True)
class Leap:
    """The layer whose weights one step changed most.

    Attributes
    ----------
    place, layer : str
        Where it stands and what it is.
    ratio : float
        The size of the change as a share of the weights' own size.
    gradient : float
        The largest gradient by one of its weights.
    """

    place: str
    layer: str
    ratio: float
    gradient: float


@np.errstate(all="ignore")
def largest_leap(network: Network, before: Mapping[str, Floats], trace: Mapping[str, Floats]) -> Leap | None:
    """Return the layer whose weights a step changed most, by the share of their size; None if there are no weights."""
    leaps = [
        Leap(
            place,
            str(layer),
            update_ratio(before[f"{place}.weight"], trace[f"{place}.weight"]),
            float(np.abs(np.asarray(trace[f"gradient/{place}.weight"])).max()),
        )
        for place, layer in weighted(network).items()
    ]
    # What is nan came after something that was larger than all else.
    return max(leaps, key=lambda leap: -1.0 if math.isnan(leap.ratio) else leap.ratio, default=None)


@dataclass(frozen=True)
class Diagnosis:
    """A divergence in words.

    Attributes
    ----------
    what, why, advice : str
        What was noticed; why, at which step and which layer; what to do.
    place : str or None
        The layer's place.
    learning_rate : float
        A rate that would have kept that step small.
    """

    what: str
    why: str
    advice: str
    place: str | None
    learning_rate: float


def diagnose(
    loss: float, untrained: float, step: int, learning_rate: float, leap: Leap | None, fault: Fault | None
) -> Diagnosis:
    """Return in words why a training diverged.

    Parameters
    ----------
    loss, untrained : float
        The mean loss that gave it away, and that of the network before it learned anything.
    step : int
        The number of the step that is to blame, counted from 1.
    learning_rate : float
        That step's.
    leap : Leap or None
        What that step did to the weights.
    fault : Fault or None
        What went out of all bounds first, in that step or the next ones.
    """
    what = f"The loss became {_number(loss)}; before the first step it was {_number(untrained)}."
    calm = smaller_rate(learning_rate, leap)
    advice = f"Try a learning rate of {calm:g}. Less momentum, larger batches or a warm-up help, too."
    why = []
    if leap and leap.ratio < SMALL_LEAP:
        why.append(
            f"No step leapt: the loss grew little by little. The largest change was one of {share(leap.ratio)}, "
            f"in step {step:,}, at layer {leap.place}, {leap.layer}."
        )
    elif leap:
        why.append(
            f"In step {step:,}, layer {leap.place}, {leap.layer}, leapt: learning rate {learning_rate:.3g} times "
            f"gradients of up to {_number(leap.gradient)} changed its weights by {of_their_size(leap.ratio)}."
        )
    if fault:
        why.append(f"Then {fault.what} {_reached(fault.largest)}.")
    place = leap.place if leap else fault.place if fault else None
    return Diagnosis(what, " ".join(why), advice, place, calm)


def smaller_rate(learning_rate: float, leap: Leap | None) -> float:
    """Return a learning rate of 1, 2 or 5 times a power of ten that would have made a small step; at most a tenth."""
    ratio = leap.ratio if leap else math.nan
    wanted = learning_rate * min(CALM / ratio, 0.1) if 0 < ratio < math.inf else learning_rate / 10
    wanted = max(wanted, SMALLEST_RATE)
    power = 10.0 ** math.floor(math.log10(wanted))
    return float(f"{max(digit for digit in (1, 2, 5) if digit * power <= wanted * 1.000001) * power:.1g}")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN (no number any more)"
    return "infinite" if math.isinf(value) else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _reached(largest: float) -> str:
    if math.isnan(largest):
        return "became NaN: infinity minus infinity, or zero times infinity, is no number"
    if math.isinf(largest):
        return "became infinite: float32 ends at 3.4e38"
    return f"reached {_number(largest)}, where they should stay around 1"
