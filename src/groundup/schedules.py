"""Schedules: the learning rate of every step, as a factor of the one that was asked for.

Each begins, if told, with a linear warm-up. Checked against PyTorch's schedulers of the same names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from groundup.checks import Checked, integer, real


@dataclass(frozen=True)
class Schedule(Checked):
    """A factor for every step.

    Parameters
    ----------
    warmup_epochs : float
        For so many epochs the factor rises linearly to what the schedule says; its first step is not zero.
    """

    warmup_epochs: float = real(at_least=0, default=0.0)

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the factor of step number `step`, counted from 0."""
        warmup_steps = self.warmup_epochs * steps_per_epoch
        rising = min((step + 1) / warmup_steps, 1.0) if warmup_steps else 1.0
        return rising * self.curve(step, steps_per_epoch, epochs)

    def curve(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the factor without warm-up."""
        raise NotImplementedError


@dataclass(frozen=True)
class ConstantRate(Schedule):
    """Always the learning rate that was asked for."""

    def curve(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Multiplied by `decay` after every `every` epochs.

    Parameters
    ----------
    every : int
        Epochs between two decays.
    decay : float
        What the factor is multiplied by.
    """

    every: int = integer(at_least=1, default=10)
    decay: float = real(above=0, at_most=1, default=0.1)

    def curve(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return decay to the power of the completed periods."""
        return self.decay ** (step // steps_per_epoch // self.every)


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """Multiplied by `decay` after every epoch.

    Parameters
    ----------
    decay : float
        What the factor is multiplied by.
    """

    decay: float = real(above=0, at_most=1, default=0.95)

    def curve(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return decay to the power of the completed epochs."""
        return self.decay ** (step // steps_per_epoch)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Half a cosine from 1 down to `final` over the whole training (Loshchilov and Hutter, 2017).

    Parameters
    ----------
    final : float
        The factor at the end.
    """

    final: float = real(at_least=0, at_most=1, default=0.0)

    def curve(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the cosine at this step."""
        return _cosine(1.0, self.final, step / (steps_per_epoch * epochs))


@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """A cosine from 1 to nothing, so many times (Loshchilov and Hutter, 2017): each time another model is good.

    Parameters
    ----------
    cycles : int
        How many cosines the training consists of.
    """

    cycles: int = integer(at_least=1, default=5)

    def curve(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the cosine at this step."""
        steps = steps_per_epoch * epochs
        return _cosine(1.0, 0.0, step * self.cycles % steps / steps)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to 1 and down to almost nothing, both along half a cosine (Smith and Topin, 2018).

    Parameters
    ----------
    rise : float
        The share of all steps that goes up.
    start : float
        The factor of the first step.
    final : float
        The factor of the last step.
    """

    rise: float = real(above=0, below=1, default=0.3)
    start: float = real(above=0, at_most=1, default=1 / 25)
    final: float = real(at_least=0, at_most=1, default=1 / 250_000)

    def curve(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the factor at this step."""
        last = max(steps_per_epoch * epochs - 1, 1)
        peak = self.rise * (last + 1) - 1
        if step < peak:
            return _cosine(self.start, 1.0, step / peak)
        return _cosine(1.0, self.final, (step - peak) / (last - peak))


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": ConstantRate,
    "step": StepDecay,
    "exponential": ExponentialDecay,
    "cosine": CosineDecay,
    "cosine-restarts": CosineRestarts,
    "one-cycle": OneCycle,
}


def _cosine(begin: float, end: float, progress: float) -> float:
    """Return what lies between `begin` and `end` along half a cosine."""
    return end + (begin - end) * (1 + math.cos(math.pi * progress)) / 2
