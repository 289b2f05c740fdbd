"""Figures of what a network makes of digits: a map of many, and what matters in one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from groundup.diagram import GAP, blocks
from groundup.network import Network
from groundup.plots.style import (
    BLUE,
    LABEL_SIZE,
    PAPER,
    SIGNED,
    SMALL_SIZE,
    SOFT_TEXT,
    TEXT,
    largest_magnitude,
    new_figure,
    set_title,
)

# Okabe and Ito's colours without yellow, and three more. Colours are only a help: each point is its digit.
CLASS_COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#882255", "#44AA99", "#222222", "#999933",
)  # fmt: skip


def embedding(points: ArrayLike, labels: ArrayLike, class_names: Sequence[str], title: str) -> Figure:
    """Draw a map of pictures, each as its digit in the digit's colour: pictures that are alike lie side by side.

    Parameters
    ----------
    points : array-like, shape (N, 2)
        Where each picture lies.
    labels : array-like of int, shape (N,)
        Its class.
    class_names : sequence of str
        One a class; where they are longer than a character, points are discs with a legend.
    title : str
    """
    places, classes = np.asarray(points, dtype=float).reshape(-1, 2), np.asarray(labels)
    figure = new_figure(6.6, 6.6)
    axes = figure.add_subplot()
    set_title(axes, title)
    short = all(len(name) == 1 for name in class_names)
    for index, name in enumerate(class_names):
        own = places[classes == index]
        colour = CLASS_COLOURS[index % len(CLASS_COLOURS)]
        marker, size = (f"${name}$", 34) if short else ("o", 14)
        axes.scatter(own[:, 0], own[:, 1], s=size, marker=marker, color=colour, linewidths=0.2, alpha=0.85, label=name)
    if not short:
        axes.legend(frameon=False, fontsize=SMALL_SIZE, labelcolor=TEXT, loc="best")
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()
    return figure


def saliency(pixels: NDArray[np.uint8], gradient: NDArray[np.floating], title: str) -> Figure:
    """Draw a picture, and over a pale copy of it what each pixel says for or against an answer.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width)
        0 is background, 255 full ink.
    gradient : ndarray of float, shape (height, width)
        Of the answer by each pixel: blue where more ink speaks for it, red where it speaks against it.
    title : str
    """
    figure = new_figure(7.4, 3.9)
    left, right = figure.subplots(1, 2)
    limit = largest_magnitude(gradient)
    left.imshow(pixels, cmap=PAPER, vmin=0, vmax=255, interpolation="nearest")
    image = right.imshow(gradient, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
    right.contour(pixels, levels=[127], colors=[TEXT], linewidths=1.1)
    set_title(left, title)
    set_title(right, "More ink here: for it, or against it")
    for axes in (left, right):
        axes.set_axis_off()
    bar = figure.colorbar(image, ax=right, fraction=0.046, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL_SIZE, colors=SOFT_TEXT, length=2)
    return figure


def network(described: Network) -> Figure:
    """Draw a network as blocks from left to right, each as high as its pictures and as wide as it has channels."""
    drawn = blocks(described)
    width, height = sum(block.width + GAP for block in drawn) + GAP, max(block.height for block in drawn) + 60
    figure = new_figure(width / 72 + 0.4, height / 72 + 0.4)
    axes = figure.add_subplot()
    x = float(GAP)
    for block in drawn:
        axes.add_patch(
            Rectangle((x, -block.height / 2), block.width, block.height, facecolor=BLUE, edgecolor=BLUE, alpha=0.35)
        )
        middle, half = x + block.width / 2, block.height / 2
        axes.text(middle, half + 6, block.name, ha="center", va="bottom", fontsize=LABEL_SIZE, color=TEXT)
        axes.text(middle, -half - 6, block.shape, ha="center", va="top", fontsize=SMALL_SIZE, color=SOFT_TEXT)
        x += block.width + GAP
    axes.set_xlim(0, width)
    axes.set_ylim(-height / 2, height / 2)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return figure
