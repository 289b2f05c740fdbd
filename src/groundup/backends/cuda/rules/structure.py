"""Flatten, which is no launch at all, and dropout."""

from __future__ import annotations

import math

import numpy as np

from groundup.backends.cuda.plan import Buffer, Plan
from groundup.backends.cuda.rules.elementwise import elementwise
from groundup.backends.cuda.rules.types import Backward, LayerRule, Own
from groundup.layers import Dropout, Flatten, Layer


def flatten(plan: Plan, layer: Flatten, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
    """Record nothing: rows of numbers are the same memory."""

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        return dy.view(f"{own.prefix}dx", x.shape) if wanted else None

    return x.view(f"{own.prefix}y", (plan.batch_size, x.each)), backward


def dropout(plan: Plan, layer: Dropout, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
    """Record one function for both directions, which draws the mask each time; in a prediction nothing is dropped."""
    if not plan.training:
        return x, lambda dy, wanted: dy
    least = math.ceil(np.float32(layer.rate) * 2**24)  # in float32, as NumPy compares a fraction with the rate
    key = plan.keys.view(f"{own.prefix}key", (1,), own.keys["mask"])
    scale = 1 / (1 - layer.rate)

    def masked(name: str, numbers: Buffer) -> Buffer:
        result = plan.activation(f"{own.prefix}{name}", x.shape[1:])
        elementwise(plan, "Dropout", numbers, result, key, least, scale)
        return result

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        return masked("dx", dy) if wanted else None

    return masked("y", x), backward


LAYERS: dict[type[Layer], LayerRule] = {Flatten: flatten, Dropout: dropout}
