"""What it means for two numbers to be equal: the one table that every comparison takes its tolerances from.

A computer rounds after every operation. The exact result z becomes z · (1 + d) with |d| <= u, the unit roundoff of the
arithmetic. So a tolerance is never chosen. It is counted: how many roundings lie between two numbers that ought to be
the same, and how large were the numbers that were rounded? For a sum of n products, in whatever order they are added,

    |computed - exact| <= n · u · Σ|a·b|        (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, 3.1)

`groundup.verify.balls` applies this, operation by operation, to a whole network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.errors import RecordingError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Precision:
    """The arithmetic of a recording.

    Parameters
    ----------
    dtype : str
        Of every number that is recorded.
    bfloat16_products : bool
        Whether matrix products round their operands to bfloat16; all else is done in `dtype`.
    """

    dtype: str
    bfloat16_products: bool = False


PRECISIONS = {
    "float32": Precision("float32"),
    "float64": Precision("float64"),
    "mixed": Precision("float32", bfloat16_products=True),
}
"""The precisions that a recording may have, by the name that a backend gives them."""

UNIT_ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}
"""The largest relative error of one rounding, to nearest, in each type."""

FLUSHED = {"float32": 2.0**-106, "float64": 2.0**-1002}
"""What may become zero: 2²⁰ times the smallest normal number. Hardware and the numpy backend flush such numbers."""

BFLOAT16_ROUNDOFF = 2.0**-8
"""The largest relative error of the rounding to bfloat16."""

SMALLEST_NORMAL_BFLOAT16 = 2.0**-126
"""Hardware may take a smaller operand of a matrix product to be zero."""

ARITHMETIC = 1
"""Roundings of +, - and *, which IEEE 754 rounds correctly."""

DIVISION = 2
"""Roundings of a quotient: it may be a product with the reciprocal."""

FUNCTION = 4
"""Roundings that exp, log, tanh and square root are worth: 2 units in the last place, where these are coarsest.

NumPy's float32 comes up to 3.95 (log, with AVX2).
"""

NORMALIZATION = 4
"""Roundings of (pixel - mean) / deviation, in any order, each of no more than (pixel + |mean|) / deviation."""

OWN_ROUNDING = 2.0**-40
"""The relative error of a tolerance itself, which is a sum of thousands of numbers in float64."""

DIFFERENCE_STEP = 2.0**-17
"""Of a central difference in float64: the cube root of 2u, which balances its two errors, step² and u / step."""

DIFFERENCE_ERROR = 1e-6
"""The largest relative error of a central difference: step² = 6e-11, times the third derivative, relative to the first.

That ratio is a property of the network, so no table can know it; 10⁴ leaves room for curved ones, and every mistake
of a gradient that has ever been published is above 10⁻³.
"""

LOSS_ROUNDINGS = 64
"""Roundings of a loss in float64 that a central difference has to live with, each divided by the step."""


@dataclass(frozen=True)
class Rounding:
    """The roundings between two computations of the same numbers.

    Parameters
    ----------
    unit : float
        The sum of both unit roundoffs.
    floor : float
        The absolute error where a number is so small that either may flush it to zero.
    bfloat16_products : bool
        Whether the operands of matrix products are rounded to bfloat16.
    """

    unit: float
    floor: float
    bfloat16_products: bool = False

    @classmethod
    def between(cls, *precisions: str) -> Rounding:
        """Return what lies between computations in these precisions; float64, in which we reckon, is always one.

        Raises
        ------
        RecordingError
            If the table does not know a precision.
        """
        found = [precision_of(name) for name in precisions]
        types = [*(each.dtype for each in found), "float64"]
        mixed = any(each.bfloat16_products for each in found)
        return cls(sum(UNIT_ROUNDOFF[each] for each in types), max(FLUSHED[each] for each in types), mixed)

    def of(self, magnitude: Any, roundings: float = ARITHMETIC) -> Floats:
        """Return the error of so many roundings of numbers of this magnitude (an array, or a number); 0 is exact."""
        return np.where(magnitude == 0, 0.0, roundings * self.unit * magnitude + self.floor)

    def of_constant(self, value: float) -> float:
        """Return the error of a constant: none if even float32 holds it exactly."""
        with np.errstate(over="ignore", under="ignore"):
            exact = not math.isfinite(value) or float(np.float32(value)) == value
        return 0.0 if exact else self.unit * abs(value)


def precision_of(name: str) -> Precision:
    """Return the precision called `name`, or raise `RecordingError`."""
    if name not in PRECISIONS:
        raise RecordingError(f"no tolerance is known for the precision {name!r}; there are {', '.join(PRECISIONS)}")
    return PRECISIONS[name]


def gradient_error(
    analytic: float, numeric: float, typical: float, loss: float, step: float = DIFFERENCE_STEP
) -> float:
    """Return the relative error of a derivative; up to `DIFFERENCE_ERROR` it agrees with its central difference.

    Parameters
    ----------
    analytic, numeric : float
        The derivative and the difference.
    typical : float
        The root mean square of the parameter's gradient. The error is relative to the largest of these three, and to
        no less than what the loss's rounding makes of a difference: a gradient of 0 may come out as 1e-10.
    loss : float
        Whose roundings the difference divides by its step.
    step : float
        Of the difference.
    """
    rounding = LOSS_ROUNDINGS * UNIT_ROUNDOFF["float64"] * max(abs(loss), 1.0) / step
    return abs(analytic - numeric) / (max(abs(analytic), abs(numeric), typical) + rounding / DIFFERENCE_ERROR)
