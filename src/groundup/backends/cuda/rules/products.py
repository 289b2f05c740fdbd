"""Linear and Conv2d: every layer that is a matrix product, and into which tiles its products are cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from groundup.backends.cuda.plan import NOTHING, Buffer, Plan, blocks
from groundup.backends.cuda.rules.types import Backward, LayerRule, Own
from groundup.layers import Conv2d, Layer, Linear, Shape

MULTIPROCESSORS = 132
"""Of an H200: how many blocks work at the same time. With less than that many tiles, some of the GPU is idle."""

TILES = {(128, 128): 1.0, (64, 64): 0.75, (32, 128): 0.65, (32, 32): 0.5, (16, 16): 0.25}
"""The tiles that kernels have, each with the share of a multiprocessor's speed that it reaches. Large tiles load less
for each multiplication. These are estimates from the loads and the multiplications, to be measured."""

SHORTEST_PART = 128
"""Along the depth: parts that are shorter cost more than they save."""

MOST_PARTS = 128


class Size(NamedTuple):
    """A product's result is (rows, columns), each a sum along the depth."""

    rows: int
    columns: int
    depth: int


class Cut(NamedTuple):
    """How a product is cut, so that all multiprocessors have work."""

    rows: int
    """Of a tile."""
    columns: int
    parts: int
    """Of the depth."""

    def grid(self, size: Size) -> tuple[int, int, int]:
        """Return how many tiles there are along the columns and along the rows, and how many parts."""
        return blocks(size.columns, self.columns), blocks(size.rows, self.rows), self.parts


class Products(NamedTuple):
    """A layer's three products, for a whole batch."""

    name: str
    """With which its kernels' names begin."""
    sizes: tuple[int, ...]
    """The first of its kernels' template arguments."""
    forward: Size
    input_gradient: Size
    weight_gradient: Size


def linear(layer: Linear, shape: Shape, count: int) -> Products:
    """Return the products of `count` examples with the weight."""
    inputs, outputs = layer.inputs, layer.outputs
    return Products(
        "linear",
        (inputs, outputs),
        forward=Size(count, outputs, inputs),
        input_gradient=Size(count, inputs, outputs),
        weight_gradient=Size(outputs, inputs, count),
    )


def convolution(layer: Conv2d, shape: Shape, count: int) -> Products:
    """Return the products of the weight with the windows of `count` pictures, all side by side."""
    channels, height, width = shape
    outputs, rows, columns = layer.output_shape(shape)
    windows, cells = count * rows * columns, layer.size**2
    return Products(
        "convolution",
        (channels, height, width, outputs, layer.size, layer.stride, layer.padding),
        forward=Size(outputs, windows, channels * cells),
        input_gradient=Size(channels, count * height * width, outputs * cells),
        weight_gradient=Size(outputs, channels * cells, windows),
    )


PRODUCTS: dict[type[Layer], Callable[[Any, Shape, int], Products]] = {Linear: linear, Conv2d: convolution}
"""What a layer comes to, on examples of some shape and so many of them."""


def product(plan: Plan, layer: Layer, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
    """Record the forward product; return y, and what records the two others."""
    products = PRODUCTS[type(layer)](layer, x.shape[1:], plan.batch_size)
    weight, bias = own.values["weight"], own.values.get("bias")

    def launch(kind: str, size: Size, *buffers: Buffer | None) -> None:
        tile = cut(size)
        template: tuple[int | str, ...] = (*products.sizes, int(plan.mixed), tile.rows, tile.columns, NOTHING)
        plan.launch(f"{products.name}_{kind}", template, tile.grid(size), *buffers, plan.step)

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        _record_weight_gradient(plan, products, own, dy, x)
        if not wanted:
            return None
        dx = plan.activation(f"{own.prefix}dx", x.shape[1:])
        launch("input_gradient", products.input_gradient, dx, dy, weight)
        return dx

    y = plan.activation(f"{own.prefix}y", layer.output_shape(x.shape[1:]))
    launch("forward", products.forward, y, x, weight, bias)
    return y, backward


LAYERS: dict[type[Layer], LayerRule] = dict.fromkeys(PRODUCTS, product)


def cut(size: Size, most_parts: int = 1) -> Cut:
    """Return the tiles, and the parts of the depth, that should take the least time."""

    def made(tile: tuple[int, int]) -> Cut:
        tiles = blocks(size.rows, tile[0]) * blocks(size.columns, tile[1])
        parts = min(MULTIPROCESSORS // tiles, blocks(size.depth, SHORTEST_PART), most_parts)
        return Cut(*tile, max(1, parts))

    def time(one: Cut) -> float:
        rounds = blocks(math.prod(one.grid(size)), MULTIPROCESSORS)
        return rounds * one.rows * one.columns * size.depth / one.parts / TILES[one.rows, one.columns]

    return min((made(tile) for tile in TILES), key=time)


def _record_weight_gradient(plan: Plan, products: Products, own: Own, dy: Buffer, x: Buffer) -> None:
    """Record both gradients at once: the bias's is one more column of tiles."""
    dweight, dbias = own.gradients["weight"], own.gradients.get("bias")
    size = products.weight_gradient
    tile = cut(size, MOST_PARTS)
    columns, rows, parts = tile.grid(size)
    weight_parts, bias_parts = dweight, dbias
    if parts > 1:
        weight_parts = plan.buffer(f"{own.prefix}weight parts", (parts, dweight.size))
        bias_parts = dbias and plan.buffer(f"{own.prefix}bias parts", (parts, dbias.size))
    template = (*products.sizes, int(plan.mixed), tile.rows, tile.columns)
    grid = (columns + (dbias is not None), rows, parts)
    plan.launch(f"{products.name}_weight_gradient", template, grid, weight_parts, bias_parts, dy, x, plan.step)
    if parts > 1:
        biases = dbias.size if dbias else 0
        sums = (dweight, dbias, weight_parts, bias_parts)
        plan.launch_each("add_parts", (parts, dweight.size, biases), dweight.size + biases, *sums)
