"""From the path of a pen to a picture, prepared as MNIST's makers prepared theirs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FRAME = 28  # pixels a side of a picture
BOX = 20  # pixels a side of the box that a digit fills
SHARPNESS = 1.5  # of a dot's edge, in 1/pixel^2: so high that dots don't swell each other, so low that none shows


def fit(places: Floats, radius: Floats) -> tuple[Floats, Floats, Floats]:
    """Scale paths so that their ink fills the box, keeping the aspect.

    Parameters
    ----------
    places : ndarray, shape (N, S, 2)
        Where the pen is, (x, y), in any unit.
    radius : ndarray, shape (N, S)
        Half the width of the ink there, in pixels; 0 where the pen leaves none.

    Returns
    -------
    places : ndarray, shape (N, S, 2)
        In pixels of the box. The ink's longer side reaches from 0 to 20, the shorter is centred.
    radius : ndarray, shape (N, S)
        In pixels.
    unit : ndarray, shape (N,)
        How many pixels one unit of the given places became.
    """
    inked = (radius > 0)[..., None]
    low, high = _extent(places, inked, np.float32(0))
    thickness = 2 * radius.mean(axis=1, where=radius > 0)
    unit = (BOX - thickness) / (high - low).max(axis=1)
    places = places * unit[:, None, None]
    low, high = _extent(places, inked, radius[..., None])
    correction = BOX / (high - low).max(axis=1)
    places = (places - (low + high)[:, None] / 2) * correction[:, None, None] + BOX / 2
    return places, radius * correction[:, None], unit * correction


def _extent(places: Floats, inked: NDArray[np.bool_], radius: Floats | np.float32) -> tuple[Floats, Floats]:
    """Return the corners (N, 2) of the box around the ink."""
    low = np.where(inked, places - radius, np.inf).min(axis=1)
    high = np.where(inked, places + radius, -np.inf).max(axis=1)
    return low.astype(np.float32), high.astype(np.float32)


def ink(places: Floats, radius: Floats, length: Floats, softness: Floats, roughness: Floats) -> NDArray[np.uint8]:
    """Draw paths with round dots of ink that melt together.

    The dot of sample s darkens a point at the distance d by exp(k (radius^2 - d^2)), and the ink ends where all dots
    together reach 1. Such a dot is a product of a function of x and one of y, so that a whole picture is one product
    of two matrices.

    Parameters
    ----------
    places : ndarray, shape (N, S, 2)
        Where the pen is, (x, y), in pixels of the box.
    radius : ndarray, shape (N, S)
        Half the width of the ink, in pixels; 0 for none.
    length : ndarray, shape (N, S)
        The length of path that each sample stands for, in pixels.
    softness : ndarray, shape (N,)
        Over how many pixels the ink's edge fades.
    roughness : ndarray, shape (N, 20, 20)
        How far the edge is moved outwards in each pixel, in pixels.

    Returns
    -------
    ndarray of uint8, shape (N, 20, 20)
        255 is full ink.
    """
    centres = np.arange(BOX, dtype=np.float32) + np.float32(0.5)
    across, down = (np.exp(-SHARPNESS * (centres - places[..., axis, None]) ** 2) for axis in (0, 1))  # (N, S, 20)
    dot = np.exp(SHARPNESS * radius**2) * length * np.sqrt(SHARPNESS / np.pi) * (radius > 0)  # (N, S)
    darkness = (down * dot[..., None]).transpose(0, 2, 1) @ across  # (N, 20, 20)
    near = np.log(np.maximum(darkness, 1e-30)) / SHARPNESS  # radius^2 - d^2 of the nearest dot
    typical = radius.mean(axis=1, where=radius > 0)[:, None, None]
    inside = typical - np.sqrt(np.maximum(typical**2 - near, 0))  # how far inside the ink, in pixels
    covered: Floats = np.clip(0.5 + (inside + roughness) / softness[:, None, None], 0, 1)
    return np.rint(255 * covered).astype(np.uint8)


def centre(boxes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put boxes (N, 20, 20) into frames (N, 28, 28), the centre of mass to the frame's centre, by whole pixels."""
    count = len(boxes)
    across = np.arange(BOX)
    mass = boxes.sum(axis=(1, 2))
    corners = []
    for profile in (boxes.sum(axis=2), boxes.sum(axis=1)):  # rows, columns: (N, 20)
        middle = profile @ across / mass
        corners.append(np.clip(np.rint(FRAME / 2 - middle).astype(np.int64), 0, FRAME - BOX)[:, None] + across)
    frames = np.zeros((count, FRAME, FRAME), dtype=np.uint8)
    frames[np.arange(count)[:, None, None], corners[0][:, :, None], corners[1][:, None, :]] = boxes
    return frames
