"""What the neighbours of a digit tell of it: an ``o`` among letters is no zero.

Digits stand among digits and letters among letters, the more surely the closer they are. Along a row this is a hidden
Markov model with two states (L. R. Rabiner, "A tutorial on hidden Markov models", 1989): two neighbours that are *g*
heights apart belong together, and are of one kind, with the probability 0.9 exp(−(*g* / 0.3)²), and else are what they
are by themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.pictures.doubt import USUAL_ODDS

PRIOR = np.array([USUAL_ODDS, 1.0]) / (USUAL_ODDS + 1)  # of a digit, and of what is none
TOGETHER = 0.9  # of neighbours that touch are of one kind for sure: a digit may stand at a word's end, as in 5cm
REACH = 0.3  # of a height: letters of one word are closer than this, and words further apart
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
    gaps = np.maximum(left[1:] - right[:-1], 0) / np.median((bottom - top)[high])
    together = TOGETHER * np.exp(-((gaps / REACH) ** 2))
    as_digit, as_none = np.stack([probabilities, 1 - probabilities]) / PRIOR[:, None]
    looks = np.stack([as_digit, (1 - ALIKE) * as_none + ALIKE * as_digit], axis=1)
    tells = np.where(high[:, None], looks, 1.0)
    either = PRIOR * looks * _messages(tells, together) * _messages(tells[::-1], together[::-1])[::-1]
    return np.asarray(np.minimum(probabilities, either[:, 0] / either.sum(axis=1)))


def _messages(likelihoods: NDArray[Any], together: NDArray[Any]) -> NDArray[Any]:
    """Return how likely all before each look if it is a digit, and if it is none (N, 2), from (N, 2) and (N - 1,)."""
    messages = [np.ones(2)]
    for likelihood, alike in zip(likelihoods[:-1], together, strict=True):
        sent = likelihood * messages[-1]
        sent /= sent.sum()
        messages.append(alike * sent + (1 - alike) * (PRIOR @ sent))
    return np.array(messages)
