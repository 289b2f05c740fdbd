"""What the figures of the book have in common."""

from __future__ import annotations

import warnings

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats
from numpy.typing import ArrayLike, NDArray

# Colours that people with any kind of colour blindness tell apart. Source: M. Okabe, K. Ito, "Color universal design",
# 2008.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
TEXT, SOFT, LINE = "#222222", "#666666", "#d8d8d8"
PAPER = "gray_r"  # digits are dark ink on white paper
SIGNED = "RdBu"  # blue above zero, red below

# Progress bars that a page could not show anyway say so.
warnings.filterwarnings("ignore", message='IProgress not found|install "ipywidgets"')
set_matplotlib_formats("svg")
mpl.rcParams.update(
    {
        "figure.constrained_layout.use": True,
        "figure.facecolor": "white",
        "font.size": 9.5,
        "text.color": TEXT,
        "axes.labelcolor": SOFT,
        "axes.edgecolor": LINE,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": mpl.cycler(color=[BLUE, ORANGE, GREEN, PURPLE]),
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "xtick.color": LINE,
        "ytick.color": LINE,
        "xtick.labelcolor": SOFT,
        "ytick.labelcolor": SOFT,
        "legend.frameon": False,
        "svg.hashsalt": "groundup",
    }
)


def panels(
    count: int, width: float = 7.2, height: float = 2.6, **options: object
) -> tuple[Figure, NDArray[np.object_]]:
    """Return a figure with so many axes beside each other."""
    figure = plt.figure(figsize=(width, height))
    axes = figure.subplots(1, count, squeeze=False, **options)[0]
    return figure, axes


def picture(axes: Axes, pixels: ArrayLike, title: str = "", *, signed: bool = False) -> None:
    """Draw a small picture, pixel by pixel; with `signed`, blue above zero and red below."""
    values = np.asarray(pixels)
    limit = float(np.nanmax(np.abs(values))) or 1.0  # a mosaic has gaps that are no numbers
    scale = {"cmap": SIGNED, "vmin": -limit, "vmax": limit} if signed else {"cmap": PAPER, "vmin": 0, "vmax": 255}
    axes.imshow(values, interpolation="nearest", **scale)
    axes.set_title(title)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)


def numbered(axes: Axes, pixels: ArrayLike, *, form: str = "{:.0f}", size: float = 6.5) -> None:
    """Write each pixel's number into a picture."""
    values = np.asarray(pixels)
    for (row, column), value in np.ndenumerate(values):
        dark = value > 0.4 * values.max()
        axes.text(
            column, row, form.format(value), ha="center", va="center", fontsize=size, color="white" if dark else TEXT
        )
