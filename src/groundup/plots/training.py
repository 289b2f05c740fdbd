"""Figures of a training: its curves, its gradients, its weights, its speed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike, NDArray

from groundup.plots.style import BLUE, LABEL_SIZE, ORANGE, SOFT_TEXT, TEXT, new_figure, style_axes
from groundup.plots.trust import bars
from groundup.terminal import grouped


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
    figure = new_figure(4.4 * max(len(panels), 1), 3.6)
    for number, (name, keys) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), number)
        style_axes(axes, name.capitalize(), "epoch", "")
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
    figure = new_figure(6.4, 4)
    axes = figure.add_subplot()
    style_axes(axes, "Learning-rate finder", "learning rate", "loss")
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


def gradient_sizes(sizes: Mapping[str, float]) -> Figure:
    """Draw how large the gradient is at each layer, in the network's order: it may fade or explode on its way back.

    Parameters
    ----------
    sizes : mapping of str to float
        By the layer's or parameter's name, the root mean square of the loss's gradient; the first layer first.
    """
    return _magnitudes(sizes, "The gradient at every layer", "size, root mean square", "{:.1e}".format)


def ladder(speeds: Mapping[str, float], unit: str, title: str = "The ladder of backends") -> Figure:
    """Draw how fast each backend is, on a scale of magnitudes.

    Parameters
    ----------
    speeds : mapping of str to float
        By the backend's name, in the order to draw them, from the top.
    unit : str
        What the numbers count, such as ``"training pictures a second"``.
    title : str
    """
    return _magnitudes(speeds, title, unit, grouped)


def _magnitudes(values: Mapping[str, float], title: str, unit: str, form: Callable[[float], str]) -> Figure:
    """Draw bars on a logarithmic scale, the first at the top; what is no positive number has none."""
    figure = new_figure(7, 0.36 * len(values) + 1.1)
    axes = figure.add_subplot()
    style_axes(axes, title, unit, "", grid=False)
    names, numbers = list(values)[::-1], list(values.values())[::-1]
    positive = [number for number in numbers if 0 < number < np.inf]
    bars(axes, names, [number if 0 < number < np.inf else np.nan for number in numbers], form)
    if positive:
        axes.set_xscale("log")
        low = 10 ** np.floor(np.log10(min(positive)) - 0.5)
        axes.set_xlim(low, max(positive) * (max(positive) / low) ** 0.18)  # room for the numbers
    return figure


def weight_histograms(arrays: Mapping[str, NDArray[Any]]) -> Figure:
    """Draw how the numbers of each array are spread, a panel for each.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        By name, such as ``"0.weight"``; NaN and infinity are left out.
    """
    columns = max(min(len(arrays), 3), 1)
    rows = max(math.ceil(len(arrays) / columns), 1)
    figure = new_figure(3.2 * columns + 0.4, 2.3 * rows + 0.1)
    for number, (name, array) in enumerate(arrays.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        values = np.asarray(array, dtype=float).ravel()
        values = values[np.isfinite(values)]
        style_axes(axes, "", f"{values.size:,} numbers, deviation {values.std() if values.size else 0:.3g}", "")
        axes.set_title(name, loc="left", fontsize=LABEL_SIZE, color=TEXT)
        axes.hist(values, bins=40, color=BLUE)
        axes.axvline(0, color=SOFT_TEXT, linewidth=0.8)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    return figure
