"""What the neighbours of a digit tell of it: an ``o`` among letters is no zero.

Digits stand among digits and letters among letters, the more surely the closer they are. Along a row this is a hidden
Markov model with two states (L. R. Rabiner, "A tutorial on hidden Markov models", 1989): two neighbours that are *g*
heights apart belong together, and are of one kind, with the probability 0.9 exp(−*g*), and else are what they are by
themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.pictures.doubt import USUAL_ODDS

PRIOR = np.array([USUAL_ODDS, 1.0]) / (USUAL_ODDS + 1)  # of a digit, and of what is none
TOGETHER = 0.9  # of what touches: a digit may stand at a word's end, as in 5cm
ALIKE = 0.05  # of what is none looks just like a digit: o, l, s, z
HIGH = 0.6  # of the highest in the row: what is lower is a sign or a dot, and tells nothing of what it stands beside


def in_context(probabilities: NDArray[Any], boxes: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Return the probability that each of a row is a digit, also given what stands beside it.

    It is never higher than without: signs stand among digits and are none for it.

    Parameters
    ----------
    probabilities : ndarray, shape (N,)
        That each is a digit, by its looks alone.
    boxes : ndarray of int, shape (N, 4)
        Left, top, right, bottom of each, from left to right.

    Returns
    -------
    ndarray, shape (N,)
    """
    left, top, right, bottom = boxes.T
    high = bottom - top >= HIGH * (bottom - top).max()
    share = TOGETHER * np.exp(-np.maximum(left[1:] - right[:-1], 0) / np.median((bottom - top)[high]))
    as_digit, as_none = np.stack([probabilities, 1 - probabilities]) / PRIOR[:, None]
    looks = np.stack([as_digit, (1 - ALIKE) * as_none + ALIKE * as_digit], axis=1)
    tells = np.where(high[:, None], looks, 1.0)
    either = PRIOR * looks * _told(tells, share) * _told(tells[::-1], share[::-1])[::-1]
    return np.asarray(np.minimum(probabilities, either[:, 0] / either.sum(axis=1)))


def _told(likelihoods: NDArray[Any], share: NDArray[Any]) -> NDArray[Any]:
    """Return what each is told by all before it: how likely they look if it is a digit, and if it is none (N, 2)."""
    told = [np.ones(2)]
    for likelihood, together in zip(likelihoods[:-1], share, strict=True):
        said = likelihood * told[-1]
        said /= said.sum()
        told.append(together * said + (1 - together) * (PRIOR @ said))
    return np.array(told)
