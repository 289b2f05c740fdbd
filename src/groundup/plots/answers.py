"""Figures of a recogniser's answers: which are right, and which are not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from groundup.plots.style import LABEL_SIZE, LINE, PAPER, SMALL_SIZE, SOFT_TEXT, TEXT, new_figure, style_axes


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
    figure = new_figure(side + 0.4, side)
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
    style_axes(axes, f"{share:.2%} correct, {diagonal.sum():,} of {matrix.sum():,}", "answer", "label", grid=False)
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
    figure = new_figure(columns * inches * 1.12 + 0.2, rows * inches * (height + below) / width + 0.2)
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
