"""Batch normalisation: two launches forward and two backward, the first of each to add up parts of the batch."""

from __future__ import annotations

import math

from groundup.backends.cuda.plan import NOTHING, THREADS, Argument, Buffer, Plan, blocks
from groundup.backends.cuda.rules.types import Backward, LayerRule, Own
from groundup.layers import BatchNorm, Layer

NARROW = 32
"""Numbers a channel has in an example: with fewer, a block takes several channels, for neighbours in memory."""

WANTED_BLOCKS = 512
"""A few for each multiprocessor of a large GPU."""

LEAST_SHARE = 4
"""Numbers that a thread should have, before a channel is cut into more parts."""


def batch_norm(plan: Plan, layer: BatchNorm, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
    """Record the batch's statistics and what they are used for, or in a prediction the running averages' use."""
    features, area = layer.features, math.prod(x.shape[2:])
    y = plan.activation(f"{own.prefix}y", x.shape[1:])
    weight, bias, step = own.values["weight"], own.values["bias"], plan.step
    momentum, epsilon = float(layer.momentum), float(layer.epsilon)
    running = own.values["running_mean"], own.values["running_var"]
    if not plan.training:
        numbers = (y, x, *running, weight, bias, epsilon, step)
        plan.launch_each("batch_norm_inference", (features, area, NOTHING), x.size, *numbers)
        return y, lambda dy, wanted: dy
    columns, parts = cut(plan.batch_size, features, area)

    def launch(kernel: str, then: tuple[str, ...], *arguments: Argument) -> None:
        template: tuple[int | str, ...] = (features, area, parts, columns, *then)
        plan.launch(kernel, template, (blocks(features, columns), parts), *arguments, step)

    means, scales = (plan.buffer(f"{own.prefix}{name}", (features,)) for name in ("means", "scales"))
    one, other = (plan.buffer(f"{own.prefix}{name}", (parts, features)) for name in ("parts_0", "parts_1"))
    launch("batch_norm_parts", (), one, other, x)
    launch("batch_norm_forward", (NOTHING,), y, means, scales, *running, x, one, other, weight, bias, momentum, epsilon)

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        dx = plan.activation(f"{own.prefix}dx", x.shape[1:]) if wanted else None
        gradients = own.gradients["weight"], own.gradients["bias"]
        launch("batch_norm_backward_parts", (), one, other, dy, x, means, scales)
        launch("batch_norm_backward", (NOTHING,), dx, *gradients, dy, x, one, other, means, scales, weight)
        return dx

    return y, backward


def cut(batch_size: int, features: int, area: int) -> tuple[int, int]:
    """Return how many channels a block takes, and into how many parts each channel is cut."""
    columns = 32 if area < NARROW else 1
    enough = WANTED_BLOCKS // blocks(features, columns)
    possible = batch_size * area * columns // (THREADS * LEAST_SHARE)
    return columns, max(1, min(enough, possible))


LAYERS: dict[type[Layer], LayerRule] = {BatchNorm: batch_norm}
