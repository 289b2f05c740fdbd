"""Figures of how far answers can be trusted: calibration, coverage, and pictures that are spoilt."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from groundup.models.calibration import Bin, Coverage
from groundup.plots.style import (
    BLUE,
    LABEL_SIZE,
    LINE,
    LONGEST_NAME,
    ORANGE,
    SMALL_SIZE,
    SOFT_TEXT,
    TEXT,
    new_figure,
    shortened,
    style_axes,
)


def calibration(bins: Sequence[Bin]) -> Figure:
    """Draw how many answers were right over how sure they were: on the diagonal, probabilities are what they say.

    Parameters
    ----------
    bins : sequence of Bin
        As `groundup.models.calibration.calibration_bins` returns them.
    """
    total = sum(each.answers for each in bins)
    error = sum(each.answers * abs(each.confidence - each.accuracy) for each in bins) / max(total, 1)
    figure = new_figure(5.6, 5.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    style_axes(above, f"As sure as right? Calibration error {error:.2%}", "", "of these right")
    above.plot([0, 1], [0, 1], color=SOFT_TEXT, linewidth=1, linestyle=(0, (4, 3)))
    sure, right = [each.confidence for each in bins], [each.accuracy for each in bins]
    above.vlines(sure, sure, right, color=ORANGE, linewidth=1.4)
    sizes = [20 + 90 * math.log10(each.answers) / max(math.log10(max(total, 2)), 1) for each in bins]
    above.scatter(sure, right, s=sizes, color=BLUE, zorder=3)  # larger where there are more answers
    above.set_xlim(-0.03, 1.03)
    above.set_ylim(-0.03, 1.03)
    above.annotate("too modest", (0.02, 0.95), color=SOFT_TEXT, fontsize=LABEL_SIZE)
    above.annotate("too sure", (0.98, 0.02), color=SOFT_TEXT, fontsize=LABEL_SIZE, ha="right")
    style_axes(below, "", "how sure: the probability of the answer", "answers")
    below.bar(sure, [each.answers for each in bins], width=0.04, color=BLUE)
    below.set_yscale("log")
    for axis in (above.xaxis, above.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def coverage(curve: Sequence[Coverage], chosen: Coverage | None = None) -> Figure:
    """Draw the share of wrong answers over the share of pictures that are answered, and the threshold in use.

    Parameters
    ----------
    curve : sequence of Coverage
        At least one point.
    chosen : Coverage, optional
        The point to mark.
    """
    figure = new_figure(6.4, 4)
    axes = figure.add_subplot()
    style_axes(axes, "Answering only when sure", "answered", "of these wrong")
    points = sorted((point.coverage, point.error_rate) for point in curve)
    axes.plot(
        *zip(*points, strict=True), color=BLUE, linewidth=1.8, marker="o" if len(points) < 10 else "", markersize=4
    )
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    if chosen:
        label = f"above {chosen.threshold:.2%}: {chosen.coverage:.2%} answered, {chosen.error_rate:.3%} of these wrong"
        axes.plot([chosen.coverage], [chosen.error_rate], "o", color=ORANGE, label=label)
        axes.legend(frameon=False, fontsize=LABEL_SIZE, labelcolor=TEXT)
    return figure


def robustness(curves: Mapping[str, tuple[str, ArrayLike]]) -> Figure:
    """Draw the accuracy over how strongly pictures are spoilt, a panel for each way of spoiling.

    Parameters
    ----------
    curves : mapping of str to (str, array-like of shape (points, 2))
        By the name of the disturbance: what its strength counts, and strengths with accuracies, 0 to 1.
    """
    columns = min(len(curves), 3)
    rows = math.ceil(len(curves) / max(columns, 1))
    figure = new_figure(3.6 * max(columns, 1) + 0.4, 2.9 * max(rows, 1))
    for number, (name, (unit, points)) in enumerate(curves.items(), start=1):
        strengths, accuracies = np.asarray(points, dtype=float).reshape(-1, 2).T
        axes = figure.add_subplot(rows, columns, number)
        style_axes(axes, name.capitalize(), unit, "accuracy" if number % columns == 1 or columns == 1 else "")
        axes.plot(strengths, accuracies, "o-", color=BLUE, linewidth=1.8, markersize=3.5)
        axes.set_ylim(0, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def corruptions(accuracies: Mapping[str, float]) -> Figure:
    """Draw the accuracy on each kind of spoilt pictures, the best first.

    Parameters
    ----------
    accuracies : mapping of str to float
        By the kind's name, 0 to 1.
    """
    figure = new_figure(6.4, 0.28 * len(accuracies) + 0.9)
    axes = figure.add_subplot()
    ordered = sorted(accuracies.items(), key=lambda pair: pair[1])
    style_axes(axes, "Accuracy on spoilt pictures", "", "", grid=False)
    bars(axes, [name.replace("_", " ") for name, _ in ordered], [share for _, share in ordered], "{:.1%}".format)
    mean = sum(accuracies.values()) / max(len(accuracies), 1)
    axes.axvline(mean, color=ORANGE, linewidth=1.2, zorder=0)
    axes.annotate(
        f"mean {mean:.1%}", (mean, 1), (-4, 2), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
        ha="right", va="bottom", color=ORANGE, fontsize=SMALL_SIZE,
    )  # fmt: skip
    axes.set_xlim(0, 1.1)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    return figure


def bars(axes: Axes, names: Sequence[str], values: Sequence[float], form: Callable[[float], str]) -> None:
    """Draw horizontal bars from the bottom up, the value at the end of each."""
    axes.barh(range(len(names)), values, height=0.62, color=BLUE)
    axes.set_yticks(range(len(names)), [shortened(name, LONGEST_NAME) for name in names])
    axes.tick_params(axis="y", length=0, labelcolor=TEXT)
    axes.spines["left"].set_color(LINE)
    for place, value in enumerate(values):
        axes.annotate(
            form(value), (value, place), (4, 0), textcoords="offset points", va="center", fontsize=LABEL_SIZE,
            color=TEXT,
        )  # fmt: skip
