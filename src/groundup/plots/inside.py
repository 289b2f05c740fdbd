"""Figures of what is inside a network: weights, activations, maps of what it makes of digits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from groundup.inspection.activations import as_pictures
from groundup.pictures.tiles import mosaic
from groundup.plots.style import (
    LABEL_SIZE,
    SMALL_SIZE,
    SOFT_TEXT,
    TEXT,
    largest_magnitude,
    new_figure,
    set_title,
    signed_colours,
)

MAX_MAPS = 32  # of one layer's channels are drawn
MAX_NUMBERED = 16  # features are few enough to be numbered


def weights(arrays: NDArray[np.floating], title: str) -> Figure:
    """Draw a layer's weights as pictures on one scale: blue above zero, red below.

    Parameters
    ----------
    arrays : ndarray of float, shape (N, height, width)
        One picture a unit or channel.
    title : str
        Says which layer it is.
    """
    number, height, width = arrays.shape
    columns = max(1, min(number, round(math.sqrt(number * 1.6 * height / width))))
    tiled = mosaic(arrays, columns)
    figure = new_figure(7.6, min(max(6.6 * tiled.shape[0] / tiled.shape[1] + 0.6, 1.6), 30))
    axes = figure.add_subplot()
    limit = largest_magnitude(arrays)
    image = axes.imshow(tiled, cmap=signed_colours(), vmin=-limit, vmax=limit, interpolation="nearest")
    set_title(axes, title)
    axes.set_axis_off()
    bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, aspect=25)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL_SIZE, colors=SOFT_TEXT, length=2)
    return figure


def activations(layers: Sequence[tuple[str, NDArray[np.floating]]]) -> Figure:
    """Draw what every layer made of one picture, from the picture at the top to the answer at the bottom.

    Parameters
    ----------
    layers : sequence of (str, ndarray of float)
        Each layer's name and its output: shape (channels, height, width), or (features,). Of channels, the first 32
        are drawn. Each layer has its own scale: white is zero, darker blue higher, darker red lower.
    """
    tiles = [_layer_tile(array) for _, array in layers]
    heights = [max(0.35, min(6.6 * tile.shape[0] / tile.shape[1], 1.4)) for tile in tiles]
    figure = new_figure(9, sum(heights) + 0.32 * len(layers) + 0.3)
    grid = figure.add_gridspec(len(layers), 1, height_ratios=heights)
    for row, ((name, array), tile) in enumerate(zip(layers, tiles, strict=True)):
        axes = figure.add_subplot(grid[row])
        limit = largest_magnitude(array)
        axes.imshow(tile, cmap=signed_colours(), vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_anchor("W")
        if array.ndim == 1:
            axes.set_aspect("auto")
        if tile.size <= MAX_NUMBERED:
            for index in range(tile.size):
                colour = "white" if abs(array[index]) > 0.6 * limit else TEXT
                axes.text(index, 0, str(index), ha="center", va="center", fontsize=LABEL_SIZE, color=colour)
        set_title(axes, name)
        axes.set_axis_off()
    return figure


def _layer_tile(array: NDArray[np.floating]) -> NDArray[np.floating]:
    """Lay one layer's output out in a plane: channels side by side, features in rows of at most 100."""
    if array.ndim == 3:
        return mosaic(array[:MAX_MAPS], min(len(array), MAX_MAPS // 2))
    return np.asarray(as_pictures(array, math.ceil(array.size / math.ceil(array.size / 100)))[0])
