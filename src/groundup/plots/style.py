"""The look of all figures, and writing them."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from groundup.errors import ConfigurationError
from groundup.files import replacing

# Two colours that people with any kind of colour blindness tell apart. Source: M. Okabe, K. Ito, "Color universal
# design", 2008.
BLUE, ORANGE = "#0072B2", "#D55E00"
TEXT, SOFT_TEXT, LINE = "#222222", "#666666", "#d8d8d8"
TITLE_SIZE, LABEL_SIZE, SMALL_SIZE = 12, 9.5, 8
PAPER = "gray_r"  # digits are drawn as dark ink on white paper
SIGNED = "RdBu"  # blue above zero, red below, as in the playground
LONGEST_TITLE, LONGEST_NAME = 70, 44  # in characters


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG or SVG, as the file's suffix says; an older file is replaced whole or not at all.

    Raises
    ------
    ConfigurationError
        If the suffix is neither ``.png`` nor ``.svg``.
    OSError
        If the file cannot be written.
    """
    kind = Path(path).suffix.lower()
    if kind not in (".png", ".svg"):
        raise ConfigurationError(
            f"{path}: a figure is written as .png or .svg, not as {kind or 'a file without suffix'}"
        )
    # Without a date, and with fixed names inside an SVG, the same figure gives the same file.
    with replacing(path) as temporary, mpl.rc_context({"svg.hashsalt": "groundup"}):
        figure.savefig(temporary, format=kind[1:], dpi=150, metadata={"Date": None} if kind == ".svg" else None)


def as_html(figure: Figure, description: str) -> str:
    """Return a figure as an element that a page or a notebook can hold: an SVG, apart from all others on the page.

    Parameters
    ----------
    figure : Figure
    description : str
        What it shows, for those who cannot see it.
    """
    written = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "groundup"}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    data = base64.b64encode(written.getvalue()).decode("ascii")
    width = round(72 * figure.get_figwidth())
    return (
        f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(description)}" '
        f'style="width: {width}px; max-width: 100%">'
    )


def largest_magnitude(values: NDArray[np.floating]) -> float:
    """Return the largest magnitude, for a scale that is symmetric about zero."""
    return float(np.abs(values).max(initial=0)) or 1.0


def signed_colours() -> Colormap:
    """Return the diverging colour map, with nothing where there is no number."""
    return mpl.colormaps[SIGNED].with_extremes(bad="none")


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that size in inches, which fits its contents to itself."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.05)
    return Figure(figsize=(width, height), layout=layout, facecolor="white")


def shortened(text: str, most: int) -> str:
    """Return the text, or its beginning and end if it is longer than `most`: a Residual's name names all inside."""
    return text if len(text) <= most else f"{text[: most // 2].rstrip()} … {text[-most // 2 + 3 :].lstrip()}"


def set_title(axes: Axes, title: str) -> None:
    """Write a title above axes, at the left."""
    axes.set_title(shortened(title, LONGEST_TITLE), loc="left", fontsize=TITLE_SIZE, color=TEXT, pad=8)


def style_axes(axes: Axes, title: str, x_label: str, y_label: str, grid: bool = True) -> None:
    """Give axes the house's look: text at the left, light lines, no frame."""
    set_title(axes, title)
    axes.set_xlabel(x_label, fontsize=LABEL_SIZE, color=SOFT_TEXT)
    axes.set_ylabel(y_label, fontsize=LABEL_SIZE, color=SOFT_TEXT)
    axes.tick_params(labelsize=LABEL_SIZE, labelcolor=SOFT_TEXT, color=LINE, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    if grid:
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
