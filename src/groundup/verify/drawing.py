"""The difference of two recorded values as a picture. Matplotlib is slow to import: import this only to draw."""

from __future__ import annotations

import math
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from groundup.pictures.tiles import mosaic
from groundup.plots.style import SIGNED, SMALL_SIZE, SOFT_TEXT, TEXT, TITLE_SIZE


def draw(name: str, a: NDArray[Any], b: NDArray[Any]) -> Figure:
    """Draw two values of one shape and their difference, each on its own scale, blue above zero and red below.

    Parameters
    ----------
    name : str
        What they are.
    a, b : ndarray
        Of one shape. Of three axes or more, the last two are laid out as tiles; a row of numbers as a square.
    """
    # As in groundup.plots.style: the layout leaves room for titles and scales.
    figure = Figure(figsize=(12, 4), layout="constrained", facecolor="white")
    figure.suptitle(name, x=0.01, ha="left", fontsize=TITLE_SIZE, color=TEXT)
    first, second = a.astype(np.float64), b.astype(np.float64)
    for place, (title, values) in enumerate({"A": first, "B": second, "B - A": second - first}.items(), 1):
        axes = figure.add_subplot(1, 3, place)
        limit = float(np.nanmax(np.abs(np.where(np.isfinite(values), values, 0)), initial=0)) or 1.0
        colours = mpl.colormaps[SIGNED].with_extremes(bad="black")
        image = axes.imshow(
            _plane(values), cmap=colours, vmin=-limit, vmax=limit, interpolation="nearest", aspect="auto"
        )
        axes.set_title(f"{title}, up to {limit:.3g}", loc="left", fontsize=SMALL_SIZE + 2, color=SOFT_TEXT)
        axes.set_axis_off()
        bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=SMALL_SIZE, colors=SOFT_TEXT, length=2)
    return figure


def _plane(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lay an array out in a plane."""
    if values.ndim == 2:
        return values
    if values.ndim > 2:
        tiles = values.reshape(-1, *values.shape[-2:])
        return np.asarray(mosaic(tiles, math.ceil(math.sqrt(len(tiles)))))
    side = math.ceil(math.sqrt(max(values.size, 1)))
    filled = np.full(math.ceil(max(values.size, 1) / side) * side, np.nan)
    filled[: values.size] = values.ravel()
    return filled.reshape(-1, side)
