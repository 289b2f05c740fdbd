"""What of the ink is a digit at all: a second network says, which has seen letters, signs and scribbles as well.

A recogniser of ten classes must choose one of them, and may be sure: an H is a four to it. The second network has two
classes; `groundup train --network digits-or-not` trains it, and it comes with the package.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from groundup.data.datasets import DIGITS

if TYPE_CHECKING:
    from groundup.models.recogniser import Recogniser

IsDigit = Callable[[NDArray[np.uint8]], NDArray[Any]]
"""Returns for pictures in MNIST's form, (N, 28, 28) uint8, the probability that each is a digit, (N,)."""

FILE = Path(__file__).with_name("digits-or-not.safetensors")
LEARNED_ODDS = 14 / 9
"""Digits for each picture that is none, among those that the network learned from."""
USUAL_ODDS = 50.0
"""The same in pictures that people want read: seven of ten thousand validation digits are then taken for none."""


def detector() -> Recogniser:
    """Return the network that tells digits from anything else: its classes are ``digit`` and ``no digit``."""
    from groundup.models.recogniser import Recogniser

    return Recogniser.load(FILE)


def doubting(recogniser: Recogniser, tell: Callable[[NDArray[np.uint8]], NDArray[Any]]) -> IsDigit | None:
    """Return what says whether a picture is a digit at all; None for a recogniser of other things than digits.

    Parameters
    ----------
    recogniser : Recogniser
        What reads.
    tell : callable
        Returns the detector's answers, (N, 2).
    """
    return (lambda pixels: usual(tell(pixels)[:, 0])) if recogniser.class_names == DIGITS else None


def usual(probabilities: NDArray[Any]) -> NDArray[Any]:
    """Return the probabilities of a digit, (N,), at `USUAL_ODDS` instead of `LEARNED_ODDS` (Bayes)."""
    favour = USUAL_ODDS / LEARNED_ODDS
    return np.asarray(favour * probabilities / (favour * probabilities + 1 - probabilities))
