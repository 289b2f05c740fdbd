"""Many small pictures beside each other in one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def mosaic(arrays: NDArray[np.floating], columns: int) -> NDArray[np.floating]:
    """Tile pictures (N, height, width) in rows of `columns`, a gap of nan between them, into one (H, W)."""
    number, height, width = arrays.shape
    gap = max(1, min(height, width) // 12)
    rows = math.ceil(number / columns)
    tiled = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for index, array in enumerate(arrays):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        tiled[top : top + height, left : left + width] = array
    return tiled
