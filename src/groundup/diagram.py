"""A network as a row of blocks, and as HTML for a notebook: standard library only, like the network itself."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, NamedTuple

from groundup.layers import AvgPool2d, Conv2d, GlobalAvgPool, Linear, MaxPool2d, Residual, Shape

if TYPE_CHECKING:
    from groundup.network import Network

GAP = 54
"""Pixels between two blocks: room for the names above and the shapes below."""

TALLEST = 100
SHOWN = (Linear, Conv2d, MaxPool2d, AvgPool2d, GlobalAvgPool, Residual)
"""Layers that are a block of their own; the others change each number by itself, or only its place."""


class Block(NamedTuple):
    """What one layer gives, as a rectangle.

    Parameters
    ----------
    name : str
        The kind of layer, or ``"input"``.
    shape : str
        ``"24x28x28"``.
    width, height : float
        In pixels.
    """

    name: str
    shape: str
    width: float
    height: float


def blocks(network: Network) -> list[Block]:
    """Return the input, and a block for every layer that makes new numbers."""
    shapes = [network.input_shape, *network.output_shapes()]
    names = ["input", *(type(layer).__name__ for layer in network.layers)]
    chosen = [0, *(index for index, layer in enumerate(network.layers, start=1) if isinstance(layer, SHOWN))]
    return [Block(names[index], "x".join(map(str, shapes[index])), *_size(shapes[index])) for index in chosen]


def _size(shape: Shape) -> tuple[float, float]:
    """Return width and height: pictures as high as they are, channels as width; features as height, by magnitude."""
    if len(shape) == 3:
        return 4 + 6 * math.log2(1 + shape[0]), min(14 + 2.6 * shape[1], TALLEST)
    return 10, min(14 + 9 * math.log2(1 + shape[0]), TALLEST)


def as_svg(network: Network) -> str:
    """Return the blocks as an SVG picture in the colour of the text around it."""
    drawn = blocks(network)
    width = sum(block.width + GAP for block in drawn) + GAP
    middle = max(block.height for block in drawn) / 2 + 18
    parts, x = [], float(GAP)
    for block in drawn:
        centre = x + block.width / 2
        parts.append(
            f'<rect x="{x:.1f}" y="{middle - block.height / 2:.1f}" width="{block.width:.1f}" '
            f'height="{block.height:.1f}" rx="2" fill="#0072B2" fill-opacity="0.35" stroke="#0072B2"/>'
            f'<text x="{centre:.1f}" y="{middle - block.height / 2 - 6:.1f}">{block.name}</text>'
            f'<text x="{centre:.1f}" y="{middle + block.height / 2 + 13:.1f}" opacity="0.7">{block.shape}</text>'
        )
        x += block.width + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {2 * middle:.0f}" width="{width:.0f}" '
        'style="max-width: 100%" role="img" aria-label="The network\'s layers" '
        f'font-family="sans-serif" font-size="10" fill="currentColor" text-anchor="middle">{"".join(parts)}</svg>'
    )


def as_table(network: Network) -> str:
    """Return the table of `Network.summary` as HTML."""
    lines = ["<tr><th></th><th>layer</th><th>output</th><th>parameters</th><th>multiply-adds</th></tr>"]
    for row in network.rows():
        cells = "".join(
            f'<td style="text-align: {"left" if column == 1 else "right"}">{html.escape(cell)}</td>'
            for column, cell in enumerate(row)
        )
        lines.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"
