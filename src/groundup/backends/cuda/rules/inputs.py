"""The network's inputs: the step's pictures, augmented where that is wanted, and normalised; one launch."""

from __future__ import annotations

import math

from groundup.augmentation import Augmentation
from groundup.augmentation.settings import FixedPoint, fixed_point
from groundup.backends.cuda.plan import Buffer, Plan
from groundup.errors import DataError
from groundup.network import Network

SHARED_MEMORY = 48 * 1024
"""Bytes that every GPU's block has, without asking for more."""


def inputs(plan: Plan, network: Network, augmentation: Augmentation | None, sides: tuple[int, int]) -> Buffer:
    """Record how the step's pictures of `sides` (height, width) become x (batch, *network.input_shape).

    Raises
    ------
    DataError
        If pictures are to be augmented that do not fit into a block's shared memory.
    """
    normalization = network.normalization
    scale, shift = 1 / normalization.deviation, -normalization.mean / normalization.deviation
    x = plan.activation("x", network.input_shape)
    if not augmentation:
        plan.launch_each("inputs", (x.each,), x.size, x, plan.pixels, plan.order, scale, shift, plan.step)
        return x
    settings = fixed_point(augmentation)
    check_room(sides, settings)
    key = plan.keys.view("augmentation.key", (1,), plan.key_count - 1)
    numbers = (x, plan.pixels, plan.order, key, scale, shift, plan.step)
    plan.launch("augmented_inputs", (*sides, *settings), (plan.batch_size,), *numbers)
    return x


def check_room(sides: tuple[int, int], settings: FixedPoint) -> None:
    """Raise `DataError` if a block has no room for a picture of `sides`, twice, and for the nodes that deform it."""
    nodes = 2 * math.prod(((side - 1) * settings.grid_step >> 16) + 4 for side in sides) if settings.elastic else 0
    if 2 * math.prod(sides) + 4 * max(nodes, 1) > SHARED_MEMORY:
        height, width = sides
        raise DataError(
            f"backend cuda augments pictures that fit into a GPU's shared memory, up to 128x128 pixels or so, "
            f"not {height}x{width}; the backend numpy augments any"
        )
