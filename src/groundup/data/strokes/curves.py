"""Smooth curves through a style's points: Catmull-Rom splines, as matrices, so that one product draws many at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SPACING = 0.03  # distance between two samples of a curve, in heights of a digit: about half a pixel

# The spline between b and c of four successive points a, b, c, d: their weights in 1, t, t^2 and t^3.
CATMULL_ROM = np.array([[0, 1, 0, 0], [-0.5, 0, 0.5, 0], [1, -2.5, 2, -0.5], [-0.5, 1.5, -1.5, 0.5]])


@dataclass(frozen=True)
class Curve:
    """The strokes of a style, sampled: places and steps are linear in the points that the pen passes.

    Parameters
    ----------
    points : ndarray, shape (P, 2)
        The points of all strokes after each other, in heights of the digit.
    places : ndarray, shape (S, P)
        ``places @ points`` are the places of the S samples.
    steps : ndarray, shape (S, P)
        ``steps @ points`` is how far, and which way, the pen goes for each sample.
    stroke : ndarray of int, shape (S,)
        The number of each sample's stroke.
    progress : ndarray, shape (S,)
        How far along its stroke each sample lies, between 0 and 1.
    """

    points: Floats
    places: Floats
    steps: Floats
    stroke: NDArray[np.int64]
    progress: Floats


def sample(path: str) -> Curve:
    """Sample the curve of a style's path, written as in `skeletons`."""
    strokes = [stroke.split() for stroke in path.split(" / ")]
    points = np.array([[float(x) / 100 for x in word.rstrip("!").split(",")] for words in strokes for word in words])
    places, steps, stroke, progress = [], [], [], []
    first = 0
    for number, words in enumerate(strokes):
        corners = [index for index, word in enumerate(words) if word.endswith("!")]
        place, step = _spline(points, first + np.arange(len(words)), [first + corner for corner in corners])
        places.append(place)
        steps.append(step)
        stroke.append(np.full(len(place), number))
        progress.append((np.arange(len(place)) + 0.5) / len(place))
        first += len(words)
    return Curve(
        points.astype(np.float32),
        np.concatenate(places).astype(np.float32),
        np.concatenate(steps).astype(np.float32),
        np.concatenate(stroke),
        np.concatenate(progress).astype(np.float32),
    )


def _spline(
    points: NDArray[np.float64], order: NDArray[np.int64], corners: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrices (samples, P) of places and steps of the stroke that passes `points` in `order`."""
    # An end or a corner counts twice: there the curve knows nothing of what lies beyond.
    twice = [order[0], *corners, order[-1]]
    visits = np.sort(np.concatenate([order, twice]))
    places, steps = [], []
    for a, b, c, d in np.lib.stride_tricks.sliding_window_view(visits, 4):
        if b == c:
            continue
        count = int(np.ceil(np.hypot(*(points[c] - points[b])) / SPACING))
        t = (np.arange(count) + 0.5) / count
        selected = np.eye(len(points))[[a, b, c, d]]  # (4, P)
        powers = np.stack([np.ones(count), t, t**2, t**3], axis=1)  # (count, 4)
        slopes = np.stack([np.zeros(count), np.ones(count), 2 * t, 3 * t**2], axis=1)
        places.append(powers @ CATMULL_ROM @ selected)
        steps.append(slopes @ CATMULL_ROM @ selected / count)
    return np.concatenate(places), np.concatenate(steps)
