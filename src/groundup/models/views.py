"""Test-time augmentation: a picture is looked at as it is, and slightly deformed, and the answers are averaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundup.augmentation.pixels import CHUNK, ONE, sampled

Pixels = NDArray[np.uint8]


class View(NamedTuple):
    """One way to look at a picture."""

    rotation: float = 0.0
    """Degrees."""
    height: float = 0.0
    """Share by which it looks lower; below 0, taller."""
    width: float = 0.0
    """Share by which it looks narrower; below 0, wider."""
    shear: float = 0.0
    """Pixels a row that it leans."""


VIEWS = (
    View(),
    View(height=0.1, width=0.1),
    View(height=-0.1, width=-0.1),
    View(rotation=8),
    View(rotation=-8),
    View(height=0.1, width=-0.1),
    View(height=-0.1, width=0.1),
    View(shear=0.1),
    View(shear=-0.1),
)
"""As it is, then in pairs: smaller and larger, turned, stretched and leaning, about as far as other hands would."""


def views_of(pixels: Pixels, count: int) -> Iterator[Pixels]:
    """Give the pictures (N, height, width) as they look in each of the first `count` of `VIEWS`."""
    yield pixels
    for view in VIEWS[1:count]:
        yield seen(pixels, view)


def seen(pixels: Pixels, view: View) -> Pixels:
    """Return pictures (N, height, width), all of them deformed alike, around their centre; outside is black."""
    angle = np.radians(view.rotation)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = turned @ [[1 + view.height, 0], [view.shear, 1 + view.width]]
    centre = (np.array(pixels.shape[1:]) - 1).reshape(2, 1, 1) / 2
    places = np.tensordot(matrix, np.indices(pixels.shape[1:]) - centre, axes=1) + centre
    rows, columns = np.rint(ONE * places).astype(np.int32)
    result = np.empty_like(pixels)
    for start in range(0, len(pixels), CHUNK):
        part = pixels[start : start + CHUNK]
        result[start : start + CHUNK] = sampled(
            part, np.broadcast_to(rows, part.shape), np.broadcast_to(columns, part.shape)
        )
    return result
