"""What would change the answer: a small change of the pixels, or a part of the picture covered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundup.inspection.activations import Floats
from groundup.inspection.gradients import Logits, check_label
from groundup.models.model import Model

OVERSHOOT = 0.05, 0.1
"""By how much the first step goes too far, and each one after it more: borders are straight only nearby."""

SMALLEST_GAP = 0.02
"""Of two logits: what is nearer than this to the border is still led across it."""

CANDIDATES = 4
"""Answers that are looked at in each step: those with the largest logits."""

HALVINGS = 8
"""Of the way back to the picture."""


@dataclass(frozen=True)
class Change:
    """A picture that the network answers differently, and how little it differs.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (height, width)
        The changed picture.
    before, after : int
        The answers.
    distance : float
        The length of the change: the root of the summed squares, where 1 is one pixel from background to full ink.
    steps : int
        Gradient steps that it took.
    """

    pixels: NDArray[np.uint8]
    before: int
    after: int
    distance: float
    steps: int


def smallest_change(
    model: Model, pixels: NDArray[np.uint8], target: int | None = None, steps: int = 30
) -> Change | None:
    """Return a picture close to this one that the network answers differently; None if none was found.

    Each step goes straight to the nearest border between two answers, as if the network were linear there
    (DeepFool; Moosavi-Dezfooli, Fawzi and Frossard, 2016), and no pixel leaves 0 to 255. Then the way back is halved
    as long as the answer stays the new one. The result is a whole picture of bytes, and the network was asked.

    Parameters
    ----------
    model : Model
    pixels : ndarray of uint8, shape (height, width)
    target : int, optional
        The answer wanted; by default whichever is nearest.
    steps : int
        Gradient steps at most.

    Raises
    ------
    ParameterError
        If the model knows no class of the target's number.
    """
    if target is not None:
        check_label(model, target)
    logits = Logits(model, "float32")
    before = logits.answer(pixels)
    wanted = [each for each in range(len(model.class_names)) if each != before] if target is None else [target]
    if before in wanted:
        return None
    x = pixels.astype(np.float64) / 255
    for step in range(1, steps + 1):
        towards = _to_nearest_border(logits, x, wanted)
        if towards is None:
            return None
        x = np.clip(x + (1 + OVERSHOOT[0] + OVERSHOOT[1] * (step - 1)) * towards, 0, 1)
        if logits.answer(_bytes(x)) in wanted:
            return _shortened(logits, pixels, x, before, wanted, step)
    return None


def _to_nearest_border(logits: Logits, x: Floats, wanted: Sequence[int]) -> Floats | None:
    """Return the change (height, width) that leads to the nearest wanted answer, were the network linear."""
    values = logits.values(x * 255)
    leader = max(set(range(len(values))) - set(wanted), key=lambda answer: float(values[answer]))
    candidates = sorted(wanted, key=lambda answer: -values[answer])[:CANDIDATES]
    slopes = logits.slopes(x * 255, [leader, *candidates])
    changes = []
    for answer, slope in zip(candidates, slopes[1:] - slopes[:1], strict=True):
        direction = np.where(((x >= 1) & (slope > 0)) | ((x <= 0) & (slope < 0)), 0, slope)  # no pixel can go there
        steepness = float((direction * direction).sum())
        if steepness > 0:
            gap = max(float(values[leader] - values[answer]), SMALLEST_GAP)
            changes.append(direction * (gap / steepness))
    return min(changes, key=np.linalg.norm, default=None)


def _shortened(
    logits: Logits, pixels: NDArray[np.uint8], x: Floats, before: int, wanted: Sequence[int], steps: int
) -> Change:
    """Return the nearest picture on the straight way from `pixels` to `x` that halving finds."""
    start = pixels / 255
    near, far = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        if logits.answer(_bytes(start + middle * (x - start))) in wanted:
            far = middle
        else:
            near = middle
    found = _bytes(start + far * (x - start))
    distance = float(np.linalg.norm((found.astype(np.float64) - pixels) / 255))
    return Change(found, before, logits.answer(found), distance, steps)


def _bytes(x: Floats) -> NDArray[np.uint8]:
    return np.round(np.clip(x, 0, 1) * 255).astype(np.uint8)


def occlusion(model: Model, pixels: NDArray[np.uint8], label: int, side: int = 5, backend: str = "auto") -> Floats:
    """Return by how much the probability of `label` falls when the picture is covered there (height, width).

    A square of background is laid over every second place, and each pixel's number is the mean over the squares
    that covered it (Zeiler and Fergus, 2014). Negative where covering makes the label more probable.

    Parameters
    ----------
    model : Model
    pixels : ndarray of uint8, shape (height, width)
    label : int
    side : int
        The square's side in pixels.
    backend : str
        What runs the network.

    Raises
    ------
    ParameterError
        If the model knows no class of this number.
    """
    check_label(model, label)
    corners = [(top, left) for top in _starts(pixels.shape[0], side) for left in _starts(pixels.shape[1], side)]
    pictures = np.repeat(pixels[np.newaxis], len(corners) + 1, axis=0)  # the last one stays as it is
    covered = np.zeros(pictures.shape, bool)
    for number, (top, left) in enumerate(corners):
        covered[number, max(top, 0) : top + side, max(left, 0) : left + side] = True
    pictures[covered] = 0
    probabilities = model.predict(pictures, backend)[:, label].astype(np.float64)
    falls = probabilities[-1] - probabilities[:-1]
    return np.asarray(np.tensordot(falls, covered[:-1], axes=1) / covered.sum(axis=0))


def _starts(length: int, side: int) -> range:
    """Return where squares begin, so that every pixel is covered and the edges as often as the middle."""
    return range(1 - side, length, 2)
