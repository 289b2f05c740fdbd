"""What a model gets right on a data set, and how sure one can be of the figure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup import notebook
from groundup.models.calibration import calibration_error


@dataclass(frozen=True)
class Evaluation:
    """A model's answers on a data set, counted.

    Parameters
    ----------
    probabilities : ndarray, shape (N, classes)
        The model's answers, in the data set's order.
    labels : ndarray of uint8, shape (N,)
        The right ones.
    loss : float
        The mean loss.
    class_names : tuple of str
        One name a class.
    confusion : ndarray of int64, shape (classes, classes)
        Row: the label. Column: the answer.
    """

    probabilities: NDArray[Any]
    labels: NDArray[np.uint8]
    loss: float
    class_names: tuple[str, ...]
    confusion: NDArray[np.int64]

    @classmethod
    def of(
        cls, probabilities: NDArray[Any], labels: NDArray[np.uint8], loss: float, class_names: tuple[str, ...]
    ) -> Evaluation:
        """Count the answers `probabilities` (N, classes) against `labels` (N,)."""
        classes = len(class_names)
        pairs = labels.astype(np.int64) * classes + probabilities.argmax(axis=1)
        confusion = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
        return cls(probabilities, labels, loss, class_names, confusion)

    @property
    def answers(self) -> NDArray[np.int64]:
        """The most probable class of each picture, (N,)."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def count(self) -> int:
        """Pictures."""
        return len(self.labels)

    @property
    def correct(self) -> int:
        """Pictures answered rightly."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0 to 1; NaN without pictures."""
        return self.correct / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95% interval (Wilson, 1927): the true accuracies that explain this count."""
        return wilson_interval(self.correct, self.count)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Of the pictures that were answered with a class, the share that belong to it, (classes,); NaN if none."""
        return _share(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of the pictures of a class, the share that were answered with it, (classes,); NaN if none."""
        return _share(self.confusion.diagonal(), self.confusion.sum(axis=1))

    @property
    def calibration_error(self) -> float:
        """How far confidence and accuracy lie apart, 0 to 1; see `groundup.models.calibration.calibration_error`."""
        return calibration_error(self.probabilities, self.labels)

    def _repr_html_(self) -> str:
        """Display itself in a notebook: accuracy and confusion matrix."""
        return notebook.evaluation_html(self)

    def worst_mistakes(self, count: int) -> NDArray[np.int64]:
        """Return the indices of the wrong answers, the surest first, at most `count`."""
        wrong = np.flatnonzero(self.answers != self.labels)
        sureness = self.probabilities[wrong, self.answers[wrong]] - self.probabilities[wrong, self.labels[wrong]]
        return wrong[np.argsort(-sureness, kind="stable")][:count]


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """Return the 95% interval of a share of which `correct` out of `count` were seen (Wilson, 1927)."""
    if count == 0:
        return 0.0, 1.0
    z = 1.959963984540054  # the normal distribution's 97.5% quantile
    share = correct / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    # Of none and of all the bound is exact; rounding would leave 1e-17.
    return max(0.0, centre - half) if correct else 0.0, min(1.0, centre + half) if correct < count else 1.0


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return shares
