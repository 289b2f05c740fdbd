"""What a program keeps from step to step: parameters, their gradients and moments, and the layers' own buffers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from groundup.backends.cuda.plan import Buffer, blocks
from groundup.backends.cuda.rules.types import Learned, Own
from groundup.network import Network
from groundup.optimizers import Optimizer

ALIGNMENT = 32
"""Each parameter begins at a multiple of so many numbers, 128 bytes: what the GPU reads from memory at a time."""


class State:
    """The buffers that every plan of a program shares.

    All parameters are parts of one buffer, so that one launch updates them all; likewise their gradients, and each of
    their moments.

    Parameters
    ----------
    network : Network
        Says which parameters and buffers there are.
    optimizer : Optimizer
        Says which moments.
    """

    def __init__(self, network: Network, optimizer: Optimizer) -> None:
        parameters = network.parameters()
        offsets, size = {}, 0
        for name, shape in parameters.items():
            offsets[name] = size
            size += blocks(math.prod(shape), ALIGNMENT) * ALIGNMENT

        def flat(name: str) -> Buffer:
            return Buffer(name, (max(size, ALIGNMENT),))

        def parts(whole: Buffer) -> dict[str, Buffer]:
            return {name: whole.view(f"{whole.name}/{name}", parameters[name], offsets[name]) for name in parameters}

        moments = {moment: flat(moment) for moment in optimizer.moments}
        kept = {name: Buffer(name, shape) for name, (shape, _) in network.buffers().items()}
        self.learned = Learned(flat("parameters"), flat("gradients"), moments)
        self.values = parts(self.learned.values) | kept
        self.gradients = parts(self.learned.gradients)
        self.moments = {each.name: each for whole in moments.values() for each in parts(whole).values()}
        self.buffers = [self.learned.values, self.learned.gradients, *moments.values(), *kept.values()]

    def own(self, keys: Mapping[str, int]) -> Own:
        """Return what belongs to the whole network, as if that were a layer."""
        return Own("", self.values, self.gradients, keys)

    @property
    def saved(self) -> dict[str, Buffer]:
        """What a model or a checkpoint holds, by name: parameters, the layers' buffers, then the moments."""
        return self.values | self.moments
