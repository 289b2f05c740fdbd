"""Many elements become one: sums, means, extremes, counts."""

# ruff: noqa: A001 - the standard has the names of some of Python's own functions

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from typing import Any

from groundup.backends.lists.array import Array
from groundup.backends.lists.creation import astype
from groundup.backends.lists.dtypes import BOOL, FLOAT64, INT64, NUMERIC, DataType
from groundup.backends.lists.elementwise import divide, sqrt, square
from groundup.backends.lists.kernels import Values
from groundup.backends.lists.manipulation import axes_of

Axes = int | Sequence[int] | None


def _reduce(fold: Callable[[Values], Any], x: Array, axis: Axes, keepdims: bool, dtype: DataType) -> Array:
    """Return `fold` of the elements along `axis`, or of all; with `keepdims` these axes stay, with size 1."""
    reduced = axes_of(axis, x.ndim)
    kept = [each for each in range(x.ndim) if each not in reduced]
    turned = x.view(x.layout.permuted([*kept, *reduced]))
    values, length = turned.elements(), math.prod(x.shape[each] for each in reduced)
    shape = tuple(1 if each in reduced else size for each, size in enumerate(x.shape) if keepdims or each in kept)
    rows = (values[number * length : (number + 1) * length] for number in range(math.prod(shape)))
    return Array.of([fold(row) for row in rows], shape, dtype)


def _expect(name: str, x: Array, accepted: tuple[DataType, ...] = NUMERIC) -> None:
    if x.dtype not in accepted:
        raise TypeError(f"{name} takes {' or '.join(map(str, accepted))}, not {x.dtype}")


def _expect_elements(name: str, x: Array, axis: Axes) -> None:
    _expect(name, x)
    if 0 in (x.shape[each] for each in axes_of(axis, x.ndim)):
        raise ValueError(f"there is no {name} of no elements: shape {x.shape}, axis {axis}")


def sum(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Return the sum. Of floats it is rounded once, at the end, so that it does not depend on their order."""
    _expect("sum", x)
    return _reduce(_exact_sum if x.dtype is FLOAT64 else builtins.sum, x, axis, keepdims, x.dtype)


def _exact_sum(row: Values) -> float:
    try:
        return math.fsum(row)
    except (OverflowError, ValueError):  # too large, or inf - inf
        return builtins.sum(row, 0.0)


def prod(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Return the product."""
    _expect("prod", x)
    one = x.dtype.python(1)
    return _reduce(lambda row: math.prod(row, start=one), x, axis, keepdims, x.dtype)


def mean(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Return the mean; NaN of no elements."""
    _expect("mean", x)
    return divide(sum(astype(x, FLOAT64, copy=False), axis=axis, keepdims=keepdims), _count(x, axis))


def var(x: Array, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """Return the variance: squared distances from the mean, summed, by their number less `correction`."""
    distances = square(x - mean(x, axis=axis, keepdims=True))
    divisor = builtins.max(_count(x, axis) - correction, 0)
    return divide(sum(distances, axis=axis, keepdims=keepdims), divisor)


def std(x: Array, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """Return the standard deviation, the root of the variance."""
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _count(x: Array, axis: Axes) -> int:
    return math.prod(x.shape[each] for each in axes_of(axis, x.ndim))


def max(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Return the largest element; NaN if there is one."""
    _expect_elements("max", x, axis)
    return _reduce(_nan_or(builtins.max), x, axis, keepdims, x.dtype)


def min(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Return the smallest element; NaN if there is one."""
    _expect_elements("min", x, axis)
    return _reduce(_nan_or(builtins.min), x, axis, keepdims, x.dtype)


def _nan_or(extreme: Callable[[Values], Any]) -> Callable[[Values], Any]:
    """Return `extreme`, or NaN for rows that have one: Python's `max` may pass over it."""

    def fold(row: Values) -> Any:
        # The sum tells at once that there is no NaN; inf - inf makes one, too, hence the second look.
        return math.nan if math.isnan(builtins.sum(row)) and builtins.any(map(math.isnan, row)) else extreme(row)

    return fold


def argmax(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the place of the largest element, of several the first; of NaN, if there is one."""
    _expect_elements("argmax", x, axis)
    return _reduce(_place_of(builtins.max), x, axis, keepdims, INT64)


def argmin(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the place of the smallest element, of several the first; of NaN, if there is one."""
    _expect_elements("argmin", x, axis)
    return _reduce(_place_of(builtins.min), x, axis, keepdims, INT64)


def _place_of(extreme: Callable[[Values], Any]) -> Callable[[Values], int]:
    def fold(row: Values) -> int:
        nan = next((place for place, number in enumerate(row) if number != number), None)
        return row.index(extreme(row)) if nan is None else nan

    return fold


def all(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Return whether every element is true, or not zero."""
    return _reduce(builtins.all, x, axis, keepdims, BOOL)


def any(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Return whether some element is true, or not zero."""
    return _reduce(builtins.any, x, axis, keepdims, BOOL)


def count_nonzero(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Return how many elements are true, or not zero."""
    return _reduce(lambda row: len(row) - row.count(0), x, axis, keepdims, INT64)
