"""The arithmetic on flat lists: each kernel takes lists of equal length, and returns a new list.

Python raises where IEEE 754 has a result: 1.0 / 0.0, exp(1000.0), log(0.0). Such a kernel first runs over the whole
list at the speed of `map`; only if that raises, it goes through it again with the careful functions of `ieee`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from groundup.backends import ieee
from groundup.backends.lists.dtypes import BOOL, FLOAT64, INT64, NUMERIC, DataType

Values = list[Any]
ListFunction = Callable[..., Values]

ANY = (BOOL, INT64, FLOAT64)
WHOLE = (BOOL, INT64)


@dataclass(frozen=True)
class Kernel:
    """A function of each element by itself.

    Parameters
    ----------
    name : str
        Its name in the array API standard.
    summary : str
        What it gives, for people.
    apply : callable
        From lists of equal length to a list.
    accepts : tuple of DataType
        The types that it takes.
    returns : DataType or None
        The type of the result; None for that of the operands. Where it is float64, integers become floats first.
    """

    name: str
    summary: str
    apply: ListFunction
    accepts: tuple[DataType, ...] = NUMERIC
    returns: DataType | None = None


def each(function: Callable[..., Any]) -> ListFunction:
    """Return `function`, of numbers, as a function of lists."""
    return lambda *operands: list(map(function, *operands))


def careful(fast: Callable[..., Any], exact: Callable[..., Any]) -> ListFunction:
    """Return `fast` as a function of lists; of floats where it raises, `exact` is used instead."""

    def apply(*operands: Values) -> Values:
        try:
            return list(map(fast, *operands))
        except (ArithmeticError, ValueError):
            if isinstance(operands[0][0], int):  # an integer has no infinity
                raise
            return list(map(exact, *operands))

    return apply


def rounding(function: Callable[[float], int]) -> ListFunction:
    """Return a rounding to integers as a function of lists; floats stay floats, and keep the sign of zero."""

    def rounded(number: float) -> float:
        if isinstance(number, int) or not math.isfinite(number):
            return number
        return math.copysign(float(function(number)), number)

    return each(rounded)


def _maximum(a: Values, b: Values) -> Values:
    return [x if x >= y or x != x else y for x, y in zip(a, b, strict=True)]  # x != x: NaN wins


def _minimum(a: Values, b: Values) -> Values:
    return [x if x <= y or x != x else y for x, y in zip(a, b, strict=True)]


def _power(a: Values, b: Values) -> Values:
    if a and isinstance(a[0], float):
        return careful(math.pow, ieee.power)(a, b)
    if any(y < 0 for y in b):
        raise ValueError("an integer to a negative power is no integer: make it float64 first")
    return list(map(operator.pow, a, b))


def _sign(a: Values) -> Values:
    return [x if x != x else type(x)((x > 0) - (x < 0)) for x in a]


def _invert(a: Values) -> Values:
    return [not x if isinstance(x, bool) else ~x for x in a]


ADD = Kernel("add", "a + b", each(operator.add))
SUBTRACT = Kernel("subtract", "a - b", each(operator.sub))
MULTIPLY = Kernel("multiply", "a · b", each(operator.mul))
DIVIDE = Kernel("divide", "a / b", careful(operator.truediv, ieee.divide), returns=FLOAT64)
FLOOR_DIVIDE = Kernel(
    "floor_divide", "the largest whole number not above a / b", careful(operator.floordiv, ieee.floor_divide)
)
REMAINDER = Kernel("remainder", "a - b · floor(a / b), with the sign of b", careful(operator.mod, ieee.remainder))
POW = Kernel("pow", "a to the power b", _power)
MAXIMUM = Kernel("maximum", "the larger of a and b; NaN if either is", _maximum)
MINIMUM = Kernel("minimum", "the smaller of a and b; NaN if either is", _minimum)
ATAN2 = Kernel("atan2", "the angle of the point (b, a)", each(math.atan2), returns=FLOAT64)
HYPOT = Kernel("hypot", "√(a² + b²)", each(math.hypot), returns=FLOAT64)
COPYSIGN = Kernel("copysign", "a with the sign of b", each(math.copysign), returns=FLOAT64)

EQUAL = Kernel("equal", "whether a = b", each(operator.eq), ANY, BOOL)
NOT_EQUAL = Kernel("not_equal", "whether a ≠ b", each(operator.ne), ANY, BOOL)
LESS = Kernel("less", "whether a < b", each(operator.lt), returns=BOOL)
LESS_EQUAL = Kernel("less_equal", "whether a ≤ b", each(operator.le), returns=BOOL)
GREATER = Kernel("greater", "whether a > b", each(operator.gt), returns=BOOL)
GREATER_EQUAL = Kernel("greater_equal", "whether a ≥ b", each(operator.ge), returns=BOOL)

AND = Kernel("bitwise_and", "a and b, bit by bit", each(operator.and_), WHOLE)
OR = Kernel("bitwise_or", "a or b, bit by bit", each(operator.or_), WHOLE)
XOR = Kernel("bitwise_xor", "a or b but not both, bit by bit", each(operator.xor), WHOLE)
INVERT = Kernel("bitwise_invert", "not a, bit by bit", _invert, WHOLE)

LOGICAL_AND = Kernel("logical_and", "a and b", each(operator.and_), (BOOL,))
LOGICAL_OR = Kernel("logical_or", "a or b", each(operator.or_), (BOOL,))
LOGICAL_XOR = Kernel("logical_xor", "a or b but not both", each(operator.xor), (BOOL,))
LOGICAL_NOT = Kernel("logical_not", "not a", each(operator.not_), (BOOL,))

NEGATIVE = Kernel("negative", "-a", each(operator.neg))
POSITIVE = Kernel("positive", "a", list)
ABS = Kernel("abs", "the size of a, without its sign", each(abs))
SQUARE = Kernel("square", "a²", lambda a: [x * x for x in a])
SIGN = Kernel("sign", "-1, 0 or 1; NaN of NaN", _sign)
RECIPROCAL = Kernel("reciprocal", "1 / a", careful(lambda a: 1.0 / a, lambda a: ieee.divide(1.0, a)), returns=FLOAT64)
FLOOR = Kernel("floor", "the largest whole number not above a", rounding(math.floor))
CEIL = Kernel("ceil", "the smallest whole number not below a", rounding(math.ceil))
TRUNC = Kernel("trunc", "a without what follows the point", rounding(math.trunc))
ROUND = Kernel("round", "the nearest whole number; of two, the even one", rounding(round))
SIGNBIT = Kernel("signbit", "whether a has a minus sign", each(lambda a: math.copysign(1.0, a) < 0), returns=BOOL)
ISFINITE = Kernel("isfinite", "whether a is neither infinite nor NaN", each(math.isfinite), returns=BOOL)
ISINF = Kernel("isinf", "whether a is infinite", each(math.isinf), returns=BOOL)
ISNAN = Kernel("isnan", "whether a is NaN", each(math.isnan), returns=BOOL)


def _function(name: str) -> Kernel:
    """Return the kernel of a function of Python's `math`, NaN or infinite where that raises."""
    fast = getattr(math, name)
    return Kernel(name, f"{name} a", careful(fast, getattr(ieee, name, fast)), returns=FLOAT64)


EXP, EXPM1, SQRT = map(_function, ("exp", "expm1", "sqrt"))
LOG, LOG1P, LOG2, LOG10 = map(_function, ("log", "log1p", "log2", "log10"))
SIN, COS, TAN = map(_function, ("sin", "cos", "tan"))
ASIN, ACOS, ATAN = map(_function, ("asin", "acos", "atan"))
SINH, COSH, TANH = map(_function, ("sinh", "cosh", "tanh"))
ASINH, ACOSH, ATANH = map(_function, ("asinh", "acosh", "atanh"))
