"""The functions of each element by itself, as the array API standard names them."""

# ruff: noqa: A001, A002 - the standard has the names of some of Python's own functions

from __future__ import annotations

from collections.abc import Callable

from groundup.backends.lists import kernels
from groundup.backends.lists.array import Array, elementwise, spread
from groundup.backends.lists.dtypes import BOOL, result_type
from groundup.backends.lists.kernels import Kernel
from groundup.backends.lists.layout import broadcast_shapes

Number = bool | int | float


def _of_one(kernel: Kernel) -> Callable[[Array], Array]:
    def function(x: Array, /) -> Array:
        return elementwise(kernel, x)

    return _named(function, kernel)


def _of_two(kernel: Kernel) -> Callable[[Array | float, Array | float], Array]:
    def function(x1: Array | float, x2: Array | float, /) -> Array:
        return elementwise(kernel, x1, x2)

    return _named(function, kernel)


def _named(function: Callable[..., Array], kernel: Kernel) -> Callable[..., Array]:
    function.__name__ = function.__qualname__ = kernel.name
    function.__doc__ = f"Return {kernel.summary}, for each element; arrays broadcast."
    return function


add = _of_two(kernels.ADD)
subtract = _of_two(kernels.SUBTRACT)
multiply = _of_two(kernels.MULTIPLY)
divide = _of_two(kernels.DIVIDE)
floor_divide = _of_two(kernels.FLOOR_DIVIDE)
remainder = _of_two(kernels.REMAINDER)
pow = _of_two(kernels.POW)
maximum = _of_two(kernels.MAXIMUM)
minimum = _of_two(kernels.MINIMUM)
atan2 = _of_two(kernels.ATAN2)
hypot = _of_two(kernels.HYPOT)
copysign = _of_two(kernels.COPYSIGN)

equal = _of_two(kernels.EQUAL)
not_equal = _of_two(kernels.NOT_EQUAL)
less = _of_two(kernels.LESS)
less_equal = _of_two(kernels.LESS_EQUAL)
greater = _of_two(kernels.GREATER)
greater_equal = _of_two(kernels.GREATER_EQUAL)

logical_and = _of_two(kernels.LOGICAL_AND)
logical_or = _of_two(kernels.LOGICAL_OR)
logical_xor = _of_two(kernels.LOGICAL_XOR)
logical_not = _of_one(kernels.LOGICAL_NOT)
bitwise_and = _of_two(kernels.AND)
bitwise_or = _of_two(kernels.OR)
bitwise_xor = _of_two(kernels.XOR)
bitwise_invert = _of_one(kernels.INVERT)

negative = _of_one(kernels.NEGATIVE)
positive = _of_one(kernels.POSITIVE)
abs = _of_one(kernels.ABS)
square = _of_one(kernels.SQUARE)
sign = _of_one(kernels.SIGN)
reciprocal = _of_one(kernels.RECIPROCAL)
floor = _of_one(kernels.FLOOR)
ceil = _of_one(kernels.CEIL)
trunc = _of_one(kernels.TRUNC)
round = _of_one(kernels.ROUND)
signbit = _of_one(kernels.SIGNBIT)
isfinite = _of_one(kernels.ISFINITE)
isinf = _of_one(kernels.ISINF)
isnan = _of_one(kernels.ISNAN)

exp = _of_one(kernels.EXP)
expm1 = _of_one(kernels.EXPM1)
sqrt = _of_one(kernels.SQRT)
log = _of_one(kernels.LOG)
log1p = _of_one(kernels.LOG1P)
log2 = _of_one(kernels.LOG2)
log10 = _of_one(kernels.LOG10)
sin = _of_one(kernels.SIN)
cos = _of_one(kernels.COS)
tan = _of_one(kernels.TAN)
asin = _of_one(kernels.ASIN)
acos = _of_one(kernels.ACOS)
atan = _of_one(kernels.ATAN)
sinh = _of_one(kernels.SINH)
cosh = _of_one(kernels.COSH)
tanh = _of_one(kernels.TANH)
asinh = _of_one(kernels.ASINH)
acosh = _of_one(kernels.ACOSH)
atanh = _of_one(kernels.ATANH)


def clip(x: Array, /, min: Array | float | None = None, max: Array | float | None = None) -> Array:
    """Return each element, but no less than `min` and no more than `max`."""
    low = x if min is None else maximum(x, min)
    high = low if max is None else minimum(low, max)
    return positive(high)


def where(condition: Array, x1: Array | float, x2: Array | float, /) -> Array:
    """Return the element of `x1` where `condition` is true, and of `x2` elsewhere; all three broadcast."""
    if condition.dtype is not BOOL:
        raise TypeError(f"where takes a condition of bool, not {condition.dtype}")
    dtype = result_type(x1, x2)
    shape = broadcast_shapes(*(each.shape for each in (condition, x1, x2) if isinstance(each, Array)))
    chosen = zip(spread(condition, shape, BOOL), spread(x1, shape, dtype), spread(x2, shape, dtype), strict=True)
    return Array.of([one if true else other for true, one, other in chosen], shape, dtype)
