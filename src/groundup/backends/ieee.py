"""Python's arithmetic with the results that IEEE 754, and so every array library, gives where Python raises an error.

1 / 0 is infinite and log(-1) is NaN, so that a training that diverges looks the same on every backend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping


def divide(a: float, b: float) -> float:
    """Return a / b; of a zero `b`, an infinity of the right sign, or NaN for 0 / 0."""
    try:
        return a / b
    except ZeroDivisionError:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)


def floor_divide(a: float, b: float) -> float:
    """Return the largest whole number not above a / b; as `divide` for a zero `b`."""
    return a // b if b else divide(a, b)


def remainder(a: float, b: float) -> float:
    """Return a - b · floor(a / b), which has the sign of `b`; NaN for a zero `b`."""
    return a % b if b else math.nan


def power(a: float, b: float) -> float:
    """Return a to the power b: 0 ** 0 is 1, a negative `a` with a broken `b` gives NaN (never a complex number)."""
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf
    except ValueError:
        if a != 0:
            return math.nan
        return math.copysign(math.inf, a) if b % 2 == 1 else math.inf  # 1 / 0, by way of a negative power


def guarded(function: Callable[[float], float], poles: Mapping[float, float] | None = None) -> Callable[[float], float]:
    """Return a function of `math` that never raises.

    Too large a result is an infinity with the argument's sign, a pole is what `poles` says, and any other argument
    that has no result gives NaN.
    """
    places = poles or {}

    def safe(a: float) -> float:
        try:
            return function(a)
        except OverflowError:
            return math.copysign(math.inf, a)
        except ValueError:
            return places.get(a, math.nan)

    return safe


exp = guarded(math.exp)
expm1 = guarded(math.expm1)
sinh = guarded(math.sinh)
log = guarded(math.log, {0.0: -math.inf})
log2 = guarded(math.log2, {0.0: -math.inf})
log10 = guarded(math.log10, {0.0: -math.inf})
log1p = guarded(math.log1p, {-1.0: -math.inf})
sqrt = guarded(math.sqrt)
sin = guarded(math.sin)
cos = guarded(math.cos)
tan = guarded(math.tan)
asin = guarded(math.asin)
acos = guarded(math.acos)
acosh = guarded(math.acosh)
atanh = guarded(math.atanh, {1.0: math.inf, -1.0: -math.inf})
_cosh = guarded(math.cosh)


def cosh(a: float) -> float:
    """Return the hyperbolic cosine, infinite on both sides."""
    return _cosh(abs(a))
