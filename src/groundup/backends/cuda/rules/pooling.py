"""Pooling: forward a thread for each window, backward one for each pixel, which looks for the windows that it is in."""

from __future__ import annotations

import math

from groundup.backends.cuda.plan import NOTHING, WARPS, Buffer, Plan, blocks
from groundup.backends.cuda.rules.types import Backward, LayerRule, Own
from groundup.layers import AvgPool2d, GlobalAvgPool, Layer, MaxPool2d


def max_pool(plan: Plan, layer: MaxPool2d, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
    """Record a pool that remembers which cell of each window won; `no cell` is a number, too."""
    shape = layer.output_shape(x.shape[1:])
    sizes: tuple[int | str, ...] = (*x.shape[1:], layer.size, layer.step, NOTHING)
    y = plan.activation(f"{own.prefix}y", shape)
    winners = plan.activation(f"{own.prefix}winners", shape, "uint8" if layer.size**2 < 256 else "int32")
    plan.launch_each("max_pool_forward", sizes, y.size, y, winners, x, plan.step)

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        if not wanted:
            return None
        dx = plan.activation(f"{own.prefix}dx", x.shape[1:])
        plan.launch_each("max_pool_backward", sizes, x.size, dx, dy, winners, plan.step)
        return dx

    return y, backward


def average_pool(plan: Plan, layer: AvgPool2d, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
    """Record a pool of means."""
    sizes: tuple[int | str, ...] = (*x.shape[1:], layer.size, layer.step, NOTHING)
    y = plan.activation(f"{own.prefix}y", layer.output_shape(x.shape[1:]))
    plan.launch_each("average_pool_forward", sizes, y.size, y, x, plan.step)

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        if not wanted:
            return None
        dx = plan.activation(f"{own.prefix}dx", x.shape[1:])
        plan.launch_each("average_pool_backward", sizes, x.size, dx, dy, plan.step)
        return dx

    return y, backward


def global_average_pool(plan: Plan, layer: GlobalAvgPool, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
    """Record the mean of each channel; forward a warp does one."""
    sizes = (x.shape[1], math.prod(x.shape[2:]))
    y = plan.activation(f"{own.prefix}y", x.shape[1:2])
    plan.launch("global_average_forward", sizes, (blocks(y.size, WARPS),), y, x, plan.step)

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        if not wanted:
            return None
        dx = plan.activation(f"{own.prefix}dx", x.shape[1:])
        plan.launch_each("global_average_backward", (*sizes, NOTHING), x.size, dx, dy, plan.step)
        return dx

    return y, backward


LAYERS: dict[type[Layer], LayerRule] = {
    MaxPool2d: max_pool,
    AvgPool2d: average_pool,
    GlobalAvgPool: global_average_pool,
}
