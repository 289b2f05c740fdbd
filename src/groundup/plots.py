"""Figures: learning curves, confusion matrix, sheets of digits, weights, activations.

Every function returns a `matplotlib.figure.Figure` and touches neither a screen nor any global state; `save` writes it
to a file. Matplotlib takes half a second to import: import this module only where a figure is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike, NDArray

from groundup.errors import ConfigurationError
from groundup.files import replacing
from groundup.models.calibration import Coverage
from groundup.pictures.tiles import mosaic

# Two colours that people with any kind of colour blindness tell apart. Source: M. Okabe, K. Ito, "Color universal
# design", 2008.
BLUE, ORANGE = "#0072B2", "#D55E00"
TEXT, SOFT_TEXT, LINE = "#222222", "#666666", "#d8d8d8"
TITLE_SIZE, LABEL_SIZE, SMALL_SIZE = 12, 9.5, 8
PAPER = "gray_r"  # digits are drawn as dark ink on white paper
SIGNED = "RdBu_r"  # red above zero, blue below
MAX_MAPS = 32  # of one layer's channels are drawn
MAX_NUMBERED = 16  # features are few enough to be numbered


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


# --- Training ----------------------------------------------------------------------------------------------------


def curves(history: Sequence[Mapping[str, float]]) -> Figure:
    """Draw loss, accuracy and learning rate over the epochs.

    Parameters
    ----------
    history : sequence of mappings
        One an epoch: ``epoch`` and any of ``train_loss``, ``validation_loss``, ``train_accuracy``,
        ``validation_accuracy`` (0..1) and ``learning_rate``. What is missing is left out.
    """
    panels = {
        name: [key for key in keys if any(key in row for row in history)]
        for name, keys in (
            ("loss", ["train_loss", "validation_loss"]),
            ("accuracy", ["train_accuracy", "validation_accuracy"]),
            ("learning rate", ["learning_rate"]),
        )
    }
    panels = {name: keys for name, keys in panels.items() if keys}
    figure = _figure(4.4 * max(len(panels), 1), 3.6)
    for number, (name, keys) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), number)
        _style(axes, name.capitalize(), "epoch", "")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
        for key in keys:
            _curve(axes, history, key)
        _scale(axes, name)
    return figure


def _curve(axes: Axes, history: Sequence[Mapping[str, float]], key: str) -> None:
    """Draw one line and write its name and last value at its end."""
    points = [(row["epoch"], row[key]) for row in history if key in row]
    epochs, values = zip(*points, strict=True)
    who = key.partition("_")[0] if key != "learning_rate" else ""
    colour = {"train": BLUE, "validation": ORANGE}.get(who, SOFT_TEXT)
    axes.plot(epochs, values, color=colour, linewidth=1.8, marker="o", markersize=3.5 if len(points) < 40 else 0)
    last = f"{values[-1]:.2%}" if key.endswith("accuracy") else f"{values[-1]:.3g}"
    axes.plot([], [], color=colour, linewidth=1.8, label=f"{who} {last}".strip())


def _scale(axes: Axes, name: str) -> None:
    """Choose a panel's scale: accuracy in percent, a loss over several magnitudes in logarithms."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()])
    values = values[np.isfinite(values)]
    if name == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    elif len(values) and values.min() > 0 and values.max() / values.min() > 20:
        axes.set_yscale("log")
    elif len(values):
        axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=LABEL_SIZE, labelcolor=TEXT, handlelength=1.4)


def coverage(curve: Sequence[Coverage], chosen: Coverage) -> Figure:
    """Draw the share of wrong answers over the share of pictures that are answered, and the threshold in use.

    Parameters
    ----------
    curve : sequence of Coverage
        At least one point.
    chosen : Coverage
        The point to mark.
    """
    figure = _figure(6.4, 4)
    axes = figure.add_subplot()
    _style(axes, "Answering only when sure", "answered", "of these wrong")
    points = sorted((point.coverage, point.error_rate) for point in curve)
    axes.plot(*zip(*points, strict=True), color=BLUE, linewidth=1.8)
    label = f"above {chosen.threshold:.2%}: {chosen.coverage:.2%} answered, {chosen.error_rate:.3%} of these wrong"
    axes.plot([chosen.coverage], [chosen.error_rate], "o", color=ORANGE, label=label)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.legend(frameon=False, fontsize=LABEL_SIZE, labelcolor=TEXT)
    return figure


def learning_rate_finder(rates: ArrayLike, losses: ArrayLike, suggestion: float) -> Figure:
    """Draw the loss over a learning rate that grew step by step, and the rate that is suggested.

    Parameters
    ----------
    rates, losses : array-like, shape (steps,)
        The learning rate of each step, all above 0, and the (smoothed) loss after it.
    suggestion : float
        The rate to mark.
    """
    x, y = np.asarray(rates, dtype=float), np.asarray(losses, dtype=float)
    figure = _figure(6.4, 4)
    axes = figure.add_subplot()
    _style(axes, "Learning-rate finder", "learning rate", "loss")
    axes.plot(x, y, color=BLUE, linewidth=1.8)
    axes.set_xscale("log")
    finite = y[np.isfinite(y)]
    if len(finite):  # the end of the curve runs away; what matters lies below the loss at the start
        bottom, start = finite.min(), finite[0]
        margin = 0.15 * max(start - bottom, 1e-3)
        axes.set_ylim(bottom - margin, start + 3 * margin)
    axes.axvline(suggestion, color=ORANGE, linewidth=1.4)
    axes.annotate(
        f"{suggestion:.2g}", (suggestion, 1), (5, -4), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
        va="top", color=ORANGE, fontsize=LABEL_SIZE, weight="bold",
    )  # fmt: skip
    return figure


# --- Answers -----------------------------------------------------------------------------------------------------


def confusion(matrix: NDArray[np.integer], class_names: Sequence[str]) -> Figure:
    """Draw a confusion matrix with each class's recall and precision; colour marks the mistakes.

    Parameters
    ----------
    matrix : ndarray of int, shape (classes, classes)
        How many pictures of class [row] were answered with class [column].
    class_names : sequence of str
        One a class.
    """
    count = len(class_names)
    side = max(5.0, 0.55 * count + 1.6)
    figure = _figure(side + 0.4, side)
    axes = figure.add_subplot()
    mistakes = np.where(np.eye(count, dtype=bool), 0, matrix)
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(int(mistakes.max(initial=0)), 1) * 1.6)
    for (row, column), number in np.ndenumerate(matrix):
        correct = row == column
        axes.text(
            column, row, f"{number:,}" if number else "·", ha="center", va="center", fontsize=LABEL_SIZE,
            color=TEXT if number else LINE, weight="bold" if correct else "normal",
        )  # fmt: skip
    diagonal = np.diag(matrix)
    labels, answers = matrix.sum(axis=1), matrix.sum(axis=0)
    for index in range(count):
        for x, y, whole in ((count, index, labels[index]), (index, count, answers[index])):
            share = f"{diagonal[index] / whole:.1%}" if whole else "-"
            axes.text(x, y, share, ha="center", va="center", fontsize=SMALL_SIZE, color=SOFT_TEXT)
    axes.set_xticks(range(count + 1), [*class_names, "recall"])
    axes.set_yticks(range(count + 1), [*class_names, "precision"])
    share = diagonal.sum() / max(int(matrix.sum()), 1)
    _style(axes, f"{share:.2%} correct, {diagonal.sum():,} of {matrix.sum():,}", "answer", "label", grid=False)
    axes.xaxis.set_label_position("top")
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    axes.set_xlim(-0.5, count + 0.5)
    axes.set_ylim(count + 0.5, -0.5)
    axes.spines[:].set_visible(False)
    return figure


def sheet(images: NDArray[np.uint8], captions: Sequence[str], columns: int = 10) -> Figure:
    """Draw pictures in rows, each with a caption below it.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, height, width)
        0 is background (drawn white), 255 is full ink (drawn black).
    captions : sequence of str
        One a picture, of one or two lines; an empty one takes no room if all are empty.
    columns : int
        Pictures in a row.
    """
    number, height, width = images.shape
    columns = max(1, min(columns, number))
    rows = math.ceil(number / columns)
    lines = max((caption.count("\n") + 1 for caption in captions if caption), default=0)
    inches = 0.9  # of one picture
    below = lines * 0.15 / inches * width + 0.08 * width  # in pixels, like all that follows
    figure = _figure(columns * inches * 1.12 + 0.2, rows * inches * (height + below) / width + 0.2)
    axes = figure.add_subplot()
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = (index % columns) * width * 1.12, (index // columns) * (height + below)
        extent = (left, left + width, top + height, top)
        axes.imshow(image, cmap=PAPER, vmin=0, vmax=255, extent=extent, interpolation="nearest")
        axes.add_patch(mpl.patches.Rectangle((left, top), width, height, fill=False, color=LINE, linewidth=0.6))
        axes.text(
            left + width / 2, top + height * 1.04, caption, ha="center", va="top", fontsize=SMALL_SIZE, color=TEXT
        )
    axes.set_xlim(-0.02 * width, columns * width * 1.12 - 0.1 * width)
    axes.set_ylim(rows * (height + below), -0.02 * height)
    axes.set_axis_off()
    return figure


# --- Inside the network --------------------------------------------------------------------------------------------


def weights(arrays: NDArray[np.floating], title: str) -> Figure:
    """Draw a layer's weights as pictures on one scale: red above zero, blue below.

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
    figure = _figure(7.6, min(max(6.6 * tiled.shape[0] / tiled.shape[1] + 0.6, 1.6), 30))
    axes = figure.add_subplot()
    limit = _limit(arrays)
    image = axes.imshow(tiled, cmap=_signed(), vmin=-limit, vmax=limit, interpolation="nearest")
    _title(axes, title)
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
        are drawn. Each layer has its own scale: white is zero, darker red higher, darker blue lower.
    """
    tiles = [_layer_tile(array) for _, array in layers]
    heights = [max(0.35, min(6.6 * tile.shape[0] / tile.shape[1], 1.4)) for tile in tiles]
    figure = _figure(9, sum(heights) + 0.32 * len(layers) + 0.3)
    grid = figure.add_gridspec(len(layers), 1, height_ratios=heights)
    for row, ((name, array), tile) in enumerate(zip(layers, tiles, strict=True)):
        axes = figure.add_subplot(grid[row])
        limit = _limit(array)
        axes.imshow(tile, cmap=_signed(), vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_anchor("W")
        if array.ndim == 1:
            axes.set_aspect("auto")
        if tile.size <= MAX_NUMBERED:
            for index in range(tile.size):
                colour = "white" if abs(array[index]) > 0.6 * limit else TEXT
                axes.text(index, 0, str(index), ha="center", va="center", fontsize=LABEL_SIZE, color=colour)
        _title(axes, name)
        axes.set_axis_off()
    return figure


def _layer_tile(array: NDArray[np.floating]) -> NDArray[np.floating]:
    """Lay one layer's output out in a plane: channels side by side, features in rows of at most 100."""
    if array.ndim == 3:
        return mosaic(array[:MAX_MAPS], min(len(array), MAX_MAPS // 2))
    per_row = math.ceil(array.size / math.ceil(array.size / 100))
    filled = np.full(math.ceil(array.size / per_row) * per_row, np.nan)
    filled[: array.size] = array.ravel()
    return filled.reshape(-1, per_row)


def _limit(values: NDArray[np.floating]) -> float:
    """Return the largest magnitude, for a scale that is symmetric about zero."""
    return float(np.abs(values).max(initial=0)) or 1.0


def _signed() -> Colormap:
    """Return the diverging colour map, with nothing where there is no number."""
    return mpl.colormaps[SIGNED].with_extremes(bad="none")


# --- Style -------------------------------------------------------------------------------------------------------


def _figure(width: float, height: float) -> Figure:
    """Return an empty figure of that size in inches, which fits its contents to itself."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.05)
    return Figure(figsize=(width, height), layout=layout, facecolor="white")


def _title(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=TITLE_SIZE, color=TEXT, pad=8)


def _style(axes: Axes, title: str, x_label: str, y_label: str, grid: bool = True) -> None:
    """Give axes the house's look: text at the left, light lines, no frame."""
    _title(axes, title)
    axes.set_xlabel(x_label, fontsize=LABEL_SIZE, color=SOFT_TEXT)
    axes.set_ylabel(y_label, fontsize=LABEL_SIZE, color=SOFT_TEXT)
    axes.tick_params(labelsize=LABEL_SIZE, labelcolor=SOFT_TEXT, color=LINE, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    if grid:
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
