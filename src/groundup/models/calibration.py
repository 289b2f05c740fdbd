"""How far a recogniser's probabilities can be trusted: temperature, calibration error, and when to say nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundup.checks import shown
from groundup.descriptions import refuse_unknown, table
from groundup.errors import ConfigurationError, ModelError

BINS = 15
LOWEST, HIGHEST = 0.25, 4.0
"""Temperatures: a recogniser that makes no mistake on a few digits would otherwise seem infallible."""
POINTS = 200
"""Points that a coverage curve has at most."""


class Coverage(NamedTuple):
    """What answering only above a confidence comes to.

    Parameters
    ----------
    threshold : float
        Answers with a greater probability than this are given; below, "I don't know".
    coverage : float
        The share of pictures that are answered.
    error_rate : float
        The share of wrong answers among those given; 0 if none is.
    """

    threshold: float
    coverage: float
    error_rate: float


class Bin(NamedTuple):
    """The answers that were about equally sure.

    Parameters
    ----------
    confidence : float
        Their mean probability, 0 to 1.
    accuracy : float
        The share of them that was right.
    answers : int
        How many they are.
    """

    confidence: float
    accuracy: float
    answers: int


@dataclass(frozen=True)
class Calibration:
    """What validation pictures, which played no part in training, say about a recogniser's probabilities.

    Parameters
    ----------
    temperature : float
        Divides the logits: above 1 makes answers less sure.
    curve : tuple of Coverage
        Coverage and error rate on these pictures, the lowest threshold first.
    pictures : int
        How many there were.
    """

    temperature: float
    curve: tuple[Coverage, ...]
    pictures: int

    @classmethod
    def fit(cls, probabilities: NDArray[Any], labels: NDArray[np.uint8]) -> Calibration:
        """Return the calibration for uncalibrated `probabilities` (N, classes) of validation pictures."""
        temperature = fitted_temperature(probabilities, labels)
        curve = coverage_curve(tempered(probabilities, temperature), labels)
        return cls(temperature, tuple(curve), len(labels))

    def threshold(self, error_rate: float) -> float:
        """Return the lowest confidence above which no more than this share of answers, 0 to 1, was wrong."""
        return next(point.threshold for point in self.curve if point.error_rate <= error_rate)

    def description(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "temperature": self.temperature,
            "pictures": self.pictures,
            "curve": [list(point) for point in self.curve],
        }

    @classmethod
    def from_description(cls, description: object) -> Calibration:
        """Return what `description` made.

        Raises
        ------
        ModelError
            If it says something else.
        """
        values: Mapping[str, Any] = table(description, "calibration", ModelError)
        refuse_unknown(values, ["temperature", "pictures", "curve"], "calibration", ModelError)
        temperature: Any = values.get("temperature")
        pictures, curve = values.get("pictures"), values.get("curve")
        if not _is_number(temperature) or not LOWEST <= temperature <= HIGHEST:
            raise ModelError(f"calibration: temperature must be {LOWEST} to {HIGHEST}, not {shown(temperature)}")
        if type(pictures) is not int or pictures < 1:
            raise ModelError(f"calibration: pictures must be a positive integer, not {shown(pictures)}")
        if not isinstance(curve, list) or not curve or not all(map(_is_point, curve)) or curve[-1][2] != 0:
            raise ModelError("calibration: curve must be a list of three numbers from 0 to 1 each, the last number 0")
        return cls(float(temperature), tuple(Coverage(*map(float, point)) for point in curve), pictures)


def threshold_for(calibration: Calibration | None, error_rate: float) -> float:
    """Return the confidence below which to answer "I don't know", for an error rate that is wanted.

    Raises
    ------
    ConfigurationError
        If there is no calibration to choose it by.
    """
    if calibration is None:
        raise ConfigurationError(
            "the model was not calibrated: no pictures were held out of its training; train with --validation 0.1"
        )
    return calibration.threshold(error_rate)


def tempered(probabilities: NDArray[Any], temperature: float) -> NDArray[Any]:
    """Return softmax(logits / temperature), (N, classes), where `probabilities` are softmax(logits)."""
    if temperature == 1:
        return probabilities
    powers = np.exp(_logits(probabilities) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), probabilities.dtype)


def fitted_temperature(probabilities: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """Return the temperature, 0.25 to 4, at which the negative log-likelihood is least (Guo et al., 2017).

    That likelihood is concave in 1 / temperature: its slope has one zero, which bisection finds.
    """
    logits = _logits(probabilities)
    right = logits[np.arange(len(labels)), labels]

    def slope(inverse: float) -> float:
        powers = np.exp(inverse * logits)
        expected = (powers * logits).sum(axis=1) / powers.sum(axis=1)
        return float((right - expected).sum())

    low, high = math.log(1 / HIGHEST), math.log(1 / LOWEST)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(math.exp(middle)) > 0 else (low, middle)
    return min(max(math.exp(-(low + high) / 2), LOWEST), HIGHEST)


def calibration_bins(probabilities: NDArray[Any], labels: NDArray[np.uint8]) -> list[Bin]:
    """Return the answers by how sure they were: 15 equal bins, the least sure first, without those that are empty."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1).astype(np.int64)
    counts, sure, correct = (np.bincount(bins, weights, BINS) for weights in (None, confidence, right))
    return [
        Bin(float(sure[index] / counts[index]), float(correct[index] / counts[index]), int(counts[index]))
        for index in np.flatnonzero(counts)
    ]


def calibration_error(probabilities: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """Return the expected calibration error with 15 equal bins (Guo et al., 2017); NaN without pictures.

    The mean difference between how sure the answers of a bin were and how many of them were right.
    """
    if not len(labels):
        return math.nan
    bins = calibration_bins(probabilities, labels)
    return sum(each.answers * abs(each.accuracy - each.confidence) for each in bins) / len(labels)


def coverage_at(threshold: float, probabilities: NDArray[Any], labels: NDArray[np.uint8]) -> Coverage:
    """Return what answering only above `threshold` comes to."""
    given = probabilities.max(axis=1) > threshold
    wrong = int((given & (probabilities.argmax(axis=1) != labels)).sum())
    answered = int(given.sum())
    return Coverage(threshold, answered / max(len(labels), 1), wrong / max(answered, 1))


def coverage_curve(probabilities: NDArray[Any], labels: NDArray[np.uint8]) -> list[Coverage]:
    """Return how coverage and error rate fall while the threshold rises from 0, until no answer is wrong.

    Its points lie midway between a wrong answer and the next surer one: there the error rate falls, and rounding
    changes no answer. Of many, about 200 are kept.
    """
    confidence = np.sort(probabilities.max(axis=1).astype(np.float64))
    wrong = np.sort(probabilities.max(axis=1)[probabilities.argmax(axis=1) != labels].astype(np.float64))
    surer = np.append(confidence, 1.0)[np.searchsorted(confidence, wrong, side="right")]
    thresholds = np.append(0.0, (wrong + surer) / 2)
    chosen = np.unique(np.linspace(0, len(wrong), min(len(wrong) + 1, POINTS)).round().astype(int))
    return [coverage_at(threshold, probabilities, labels) for threshold in thresholds[chosen].tolist()]


def _logits(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Return logits, the greatest of each row 0."""
    logs: NDArray[np.float64] = np.log(np.maximum(probabilities.astype(np.float64), 1e-45))
    return np.asarray(logs - logs.max(axis=1, keepdims=True))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(_is_number(each) and 0 <= each <= 1 for each in value)
