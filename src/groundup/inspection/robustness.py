"""How many answers stay right while pictures are spoilt more and more: by noise, rotation, thickness and others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundup.augmentation import pixels as stages
from groundup.data.datasets import Dataset
from groundup.errors import ParameterError
from groundup.models.recogniser import Recogniser

Pixels = NDArray[np.uint8]

ONE = stages.ONE
NOISE_SEED = 0


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    """Return pictures (N, height, width) with normal noise of this standard deviation, as a share of full ink.

    The noise is always the same, only stronger or weaker: so a slider changes nothing but its strength.
    """
    noise = np.random.default_rng(NOISE_SEED).standard_normal(pixels.shape, np.float32)
    return np.clip(np.rint(pixels + 255 * deviation * noise), 0, 255).astype(np.uint8)


def rotated(pixels: Pixels, degrees: float) -> Pixels:
    """Return pictures (N, height, width) turned around their centre, counter-clockwise; from outside comes paper."""
    angle = math.radians(degrees)
    return _resampled(pixels, np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]))


def thickened(pixels: Pixels, amount: float) -> Pixels:
    """Return pictures (N, height, width) whose strokes are `amount` pixels wider at every edge, or thinner below 0."""
    return stages.thickened(pixels, np.full((len(pixels), 1, 1), round(amount * ONE)))


def blurred(pixels: Pixels, deviation: float) -> Pixels:
    """Return pictures (N, height, width) blurred by a Gaussian of this standard deviation, in pixels."""
    return stages.blurred(pixels, np.full((len(pixels), 1, 1), round(deviation * ONE)))


def scaled(pixels: Pixels, factor: float) -> Pixels:
    """Return pictures (N, height, width) whose digits are `factor` times as large, around the centre."""
    return _resampled(pixels, np.eye(2) / factor)


def _resampled(pixels: Pixels, matrix: NDArray[np.float64]) -> Pixels:
    """Return pictures whose place p, (row, column) from the centre, shows what was at matrix @ p."""
    count, height, width = pixels.shape
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    places = np.moveaxis(np.indices((height, width)), 0, 2) - centre  # (height, width, 2)
    sources = np.rint((places @ matrix.T + centre) * ONE).astype(np.int32)
    rows, columns = (np.broadcast_to(sources[:, :, axis], (count, height, width)) for axis in (0, 1))
    return stages.sampled(pixels, rows, columns)


@dataclass(frozen=True)
class Disturbance:
    """One way to spoil pictures, as strongly as one likes.

    Parameters
    ----------
    apply : callable
        Takes pictures (N, height, width) uint8 and a strength; returns pictures of the same shape.
    strengths : tuple of float
        What a curve is measured at, in rising order.
    neutral : float
        The strength that leaves pictures as they are.
    unit : str
        What a strength counts.
    """

    apply: Callable[[Pixels, float], Pixels]
    strengths: tuple[float, ...]
    neutral: float
    unit: str


DISTURBANCES: Mapping[str, Disturbance] = {
    "noise": Disturbance(noisy, (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1), 0, "of full ink"),
    "rotation": Disturbance(rotated, (-90, -75, -60, -45, -30, -15, 0, 15, 30, 45, 60, 75, 90), 0, "degrees"),
    "thickness": Disturbance(thickened, (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3), 0, "pixels an edge"),
    "blur": Disturbance(blurred, (0, 0.5, 1, 1.5, 2, 2.5, 3), 0, "pixels"),
    "size": Disturbance(scaled, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4), 1, "times as large"),
}
"""Every disturbance by name."""


class Point(NamedTuple):
    """The share of right answers, 0 to 1, at one strength."""

    strength: float
    accuracy: float


def disturbance(kind: str) -> Disturbance:
    """Return the disturbance of this name, or raise `ParameterError`."""
    if kind not in DISTURBANCES:
        raise ParameterError(f"disturbance {kind!r} is unknown; there are {', '.join(DISTURBANCES)}")
    return DISTURBANCES[kind]


def disturbed(pixels: Pixels, strengths: Mapping[str, float]) -> Pixels:
    """Return pictures spoilt in several ways, each as strongly as `strengths` says by name.

    The digit is thickened, resized and turned before it is blurred, and noise comes last: as with a pen, paper and a
    camera.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (N, height, width)
        Pictures, which stay as they are.
    strengths : dict of float
        By names of `DISTURBANCES`; who is not named is left out.

    Raises
    ------
    ParameterError
        If a name is unknown.
    """
    for kind in strengths:
        disturbance(kind)
    for kind in ("thickness", "size", "rotation", "blur", "noise"):
        if kind in strengths and strengths[kind] != DISTURBANCES[kind].neutral:
            pixels = DISTURBANCES[kind].apply(pixels, strengths[kind])
    return pixels


def accuracy_curve(recogniser: Recogniser, dataset: Dataset, kind: str) -> list[Point]:
    """Return the accuracy on `dataset` at every strength of one disturbance.

    Raises
    ------
    GroundupError
        If there is no such disturbance, or the data set does not fit the recogniser.
    """
    chosen = disturbance(kind)
    return [
        Point(strength, recogniser.evaluate(replace(dataset, images=chosen.apply(dataset.images, strength))).accuracy)
        for strength in chosen.strengths
    ]
