"""From a network to the plan of a training step, or of an answer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from groundup.augmentation.settings import Augmentation
from groundup.backends.cuda.fusion import fused
from groundup.backends.cuda.plan import Buffer, Plan
from groundup.backends.cuda.rules.inputs import inputs
from groundup.backends.cuda.rules.losses import LOSSES
from groundup.backends.cuda.rules.optimizers import OPTIMIZERS
from groundup.backends.cuda.rules.sequence import sequence
from groundup.backends.cuda.state import State
from groundup.errors import ParameterError
from groundup.losses import Loss
from groundup.network import Network
from groundup.optimizers import Optimizer

Sides = tuple[int, int]
"""A picture's height and width."""


@dataclass(frozen=True)
class Planned:
    """A plan, and where in it somebody may look.

    Parameters
    ----------
    plan : Plan
        The launches.
    inputs : Buffer
        The network's normalised inputs (batch, *input_shape).
    outputs : list of Buffer
        Each layer's (batch, ...).
    """

    plan: Plan
    inputs: Buffer
    outputs: list[Buffer]


@dataclass(frozen=True)
class Work:
    """What is to be planned: all that a program was compiled for."""

    network: Network
    loss: Loss
    optimizer: Optimizer
    augmentation: Augmentation | None
    mixed: bool
    state: State
    masks: dict[str, int]
    """The place of each mask's key among a step's."""

    def training(self, batch_size: int, sides: Sides) -> Planned:
        """Return the plan of a step of training on pictures of these sides: forward, loss, backward, update.

        Raises
        ------
        GroundupError
            If there is no rule for a layer, the loss or the optimizer.
        """
        loss, update = LOSSES.get(type(self.loss)), OPTIMIZERS.get(type(self.optimizer))
        if loss is None or update is None:
            unknown = f"the loss {self.loss}" if loss is None else f"the optimizer {self.optimizer}"
            raise ParameterError(f"backend cuda does not know {unknown}")
        plan = Plan(batch_size, self.mixed, training=True, key_count=len(self.masks) + bool(self.augmentation))
        x = inputs(plan, self.network, self.augmentation, sides)
        outputs, backward = sequence(plan, self.network.layers, self.state.own(self.masks), x)
        backward(loss(plan, self.loss, outputs[-1]), False)
        update(plan, self.optimizer, self.state.learned)
        plan.launches = fused(plan.launches)
        return Planned(plan, x, outputs)

    def prediction(self, batch_size: int) -> Planned:
        """Return the plan of the answers to a batch of pictures."""
        plan = Plan(batch_size, self.mixed, training=False)
        x = inputs(plan, self.network, None, usual_sides(self.network))
        outputs, _ = sequence(plan, self.network.layers, self.state.own({}), x)
        plan.launches = fused(plan.launches)
        return Planned(plan, x, outputs)


def usual_sides(network: Network) -> Sides:
    """Return the sides that pictures will have, as far as the network tells: those of a square, if it has no shape."""
    pixels = math.prod(network.input_shape)
    if len(network.input_shape) > 1:
        width = network.input_shape[-1]
    else:
        width = math.isqrt(pixels) if math.isqrt(pixels) ** 2 == pixels else pixels
    return pixels // width, width
