"""One curve, drawn by many hands with many pens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from groundup.data.strokes import hand, pen
from groundup.data.strokes.curves import Curve


def draw_curve(curve: Curve, count: int, rng: np.random.Generator, pen_width: float = 1.0) -> NDArray[np.uint8]:
    """Draw `count` variations of a curve, with pens so many times as wide as usual; return pictures (count, 28, 28)."""
    points = hand.bend(curve.points, count, rng)  # (N, P, 2)
    places, steps = curve.places @ points, curve.steps @ points  # (N, S, 2)
    radius = np.float32(pen_width) * hand.press(curve, steps, rng)  # (N, S)
    places, radius, unit = pen.fit(places, radius)
    length = np.hypot(steps[..., 0], steps[..., 1]) * unit[:, None]
    softness = rng.uniform(*hand.SOFTNESS, size=count).astype(np.float32)
    roughness = hand.ROUGHNESS * rng.standard_normal((count, pen.BOX, pen.BOX), dtype=np.float32)
    return pen.centre(pen.ink(places, radius, length, softness, roughness))
