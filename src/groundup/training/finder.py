"""The learning-rate finder: train while the rate rises, and see where the loss falls fastest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from groundup.data.datasets import Data
from groundup.models.configuration import Configuration
from groundup.training.loop import begin, pinned, shuffled

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 300
MEMORY = 0.95
"""The share of the running mean of the loss that a step keeps."""
SETTLED = 20
"""Steps after which that mean has forgotten where it began."""


@dataclass(frozen=True)
class Finding:
    """What the finder saw.

    Parameters
    ----------
    rates : tuple of float
        The learning rate of each step, rising.
    losses : tuple of float
        The running mean of the loss after each step.
    suggestion : float
        The rate at which it fell fastest.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float

    def summary(self) -> dict[str, Any]:
        """Return the finding as plain values."""
        return {"suggestion": self.suggestion, "rates": list(self.rates), "losses": list(self.losses)}


@np.errstate(all="ignore")  # it ends where the loss explodes
def find_learning_rate(configuration: Configuration, data: Data) -> Finding:
    """Train for up to 300 steps with a learning rate that rises from 1e-6 to 10 (Smith, 2017).

    It ends when the loss is four times the lowest. Nothing that was trained is kept.

    Raises
    ------
    GroundupError
        If configuration and data do not fit each other.
    """
    configuration = pinned(configuration, data)
    program = begin(configuration, len(data.train))
    size = configuration.batch_size or len(data.train)
    epochs = -(-STEPS * size // len(data.train))
    order = np.concatenate([shuffled(len(data.train), configuration.seed, epoch) for epoch in range(epochs)])
    rates = np.geomspace(LOWEST, HIGHEST, STEPS).tolist()
    losses: list[float] = []
    mean = 0.0

    for step, rate in enumerate(rates):
        batch = order[step * size : (step + 1) * size]
        progress = program.step(data.train.images[batch], data.train.labels[batch], rate)
        mean = MEMORY * mean + (1 - MEMORY) * progress.loss / progress.examples
        losses.append(mean / (1 - MEMORY ** (len(losses) + 1)))
        if not losses[-1] <= 4 * min(losses):
            break
    return Finding(tuple(rates[: len(losses)]), tuple(losses), _steepest(rates, losses))


def _steepest(rates: list[float], losses: list[float]) -> float:
    """Return the rate where the loss falls fastest by the logarithm of the rate, before its lowest point."""
    # The mean of the first few losses is more noise than mean.
    settled = min(SETTLED, len(losses) // 2)
    until = max(int(np.argmin(losses)), settled + 2)
    falls = np.diff(losses[settled:until])
    return float(rates[settled + int(np.argmin(falls))] if len(falls) else rates[0])
