"""What makes two people's digits differ: the hand that bends a skeleton, and the pen that it holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from groundup.data.strokes.curves import Curve

Floats = NDArray[np.float32]

# How far hands and pens stray: standard deviations, unless it says else. Lengths are in heights of a digit.
JITTER = 0.035  # of every point, by itself
WARP = 0.045  # of whole regions, together
WAVES = 4.0  # of a region's size: radians per height
HASTE = 0.3  # logarithm of a writer's own factor for both
ASPECT_MEAN, ASPECT = 0.08, 0.25  # logarithm of the width's factor
BALANCE = 0.22  # logarithm of the exponent of y, which gives the upper or the lower half more room
TAPER = 0.15  # how much wider the top is than the middle
SLANT_MEAN, SLANT = 0.10, 0.27  # sideways shift per height
ROTATION = 0.13  # radians
PEN_MEAN, PEN = 1.26, 0.33  # half the ink's width: its median in pixels, the deviation of its logarithm
NIB = 0.10  # share of the width that depends on direction
PRESSURE = 0.10  # share of the width that comes and goes along the path
SOFTNESS = (0.9, 1.3)  # pixels over which the ink's edge fades: least and most
ROUGHNESS = 0.12  # of the edge, in pixels


def bend(points: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return `count` variations (N, P, 2) of the points (P, 2) of a skeleton."""
    haste: Floats = np.exp(_normal(rng, HASTE, count, 1, 1))
    moved = points + haste * _normal(rng, JITTER, count, *points.shape)  # (N, P, 2)
    moved += haste * _warp(moved, rng)
    x, y = moved[..., 0], moved[..., 1]  # (N, P)
    x = x - x.mean(axis=1, keepdims=True)
    y = np.maximum(y, 0) ** np.exp(_normal(rng, BALANCE, count, 1))
    x = x * np.exp(ASPECT_MEAN + _normal(rng, ASPECT, count, 1)) * (1 + _normal(rng, TAPER, count, 1) * (1 - 2 * y))
    x = x + (SLANT_MEAN + _normal(rng, SLANT, count, 1)) * (0.5 - y)
    angle = _normal(rng, ROTATION, count, 1)
    return np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=-1)


def _warp(points: Floats, rng: np.random.Generator) -> Floats:
    """Return shifts (N, P, 2) that vary slowly over the plane: three waves in x and three in y."""
    count = len(points)
    direction = _normal(rng, WAVES, count, 2, 2, 3)
    phase = 2 * np.pi * rng.random((count, 2, 1, 3), dtype=np.float32)
    height = _normal(rng, WARP, count, 2, 1, 3)
    waves: Floats = height * np.sin(points[:, None] @ direction + phase)  # (N, 2, P, 3)
    shifts: Floats = waves.sum(axis=-1).transpose(0, 2, 1)
    return shifts


def press(curve: Curve, steps: Floats, rng: np.random.Generator) -> Floats:
    """Return half the ink's width (N, S), in pixels, where the pen takes the steps (N, S, 2) along a curve."""
    count = len(steps)
    held = np.pi * rng.random((count, 1), dtype=np.float32)  # the angle of the nib
    width = 1 + _normal(rng, NIB, count, 1) * np.cos(2 * (np.arctan2(steps[..., 1], steps[..., 0]) - held))
    for waves in (1, 2, 4):
        phase = 2 * np.pi * (waves * (curve.progress + curve.stroke) + rng.random((count, 1), dtype=np.float32))
        width += _normal(rng, PRESSURE / np.sqrt(waves), count, 1) * np.sin(phase)
    radius: Floats = PEN_MEAN * np.exp(_normal(rng, PEN, count, 1)) * np.clip(width, 0.5, 1.6)
    return radius.astype(np.float32)


def _normal(rng: np.random.Generator, deviation: float, *shape: int) -> Floats:
    """Return numbers distributed normally around 0, without the tails: nobody strays that far."""
    return np.float32(deviation) * np.clip(rng.standard_normal(shape, dtype=np.float32), -2, 2)
