"""The functions of the array API standard that the layers call, for arrays of Values.

Those that compute go through the table of Value's operations; those that only move elements are the ones of `lists`.
"""

# ruff: noqa: A001 - the standard has the names of some of Python's own functions

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from groundup.backends.lists import creation, manipulation
from groundup.backends.lists import elementwise as choosing
from groundup.backends.lists.array import Array
from groundup.backends.lists.manipulation import axes_of
from groundup.backends.lists.reductions import Axes
from groundup.backends.scalar.array import ValueArray, elementwise, matmul, node

__all__ = ["matmul"]

exp = partial(elementwise, "exp")
log = partial(elementwise, "log")
sqrt = partial(elementwise, "sqrt")
tanh = partial(elementwise, "tanh")
abs = partial(elementwise, "abs")
maximum = partial(elementwise, "max")


def sum(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> ValueArray:
    """Return the sums along `axis`, each one node."""
    return _reduced(lambda terms: node("sum", *terms), x, axis, keepdims)


def mean(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> ValueArray:
    """Return the means along `axis`."""
    count = math.prod(x.shape[each] for each in axes_of(axis, x.ndim))
    return elementwise("/", sum(x, axis=axis, keepdims=keepdims), count)


def max(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> ValueArray:
    """Return the largest along `axis`; of equal ones, the first has the gradient."""
    return _reduced(lambda numbers: node("max", *numbers), x, axis, keepdims)


def _reduced(fold: Callable[[list[Any]], Any], x: Array, axis: Axes, keepdims: bool) -> ValueArray:
    """Return `fold` of the elements along `axis`; with `keepdims` these axes stay, with size 1."""
    axes = axes_of(axis, x.ndim)
    kept = [each for each in range(x.ndim) if each not in axes]
    elements = manipulation.permute_dims(x, [*kept, *axes]).elements()
    length = math.prod(x.shape[each] for each in axes)
    folded = [fold(elements[start : start + length]) for start in range(0, len(elements), length)]
    shape = tuple(1 if each in axes else size for each, size in enumerate(x.shape) if keepdims or each in kept)
    return ValueArray.of(folded, shape, x.dtype)


def _moving(function: Callable[..., Array]) -> Callable[..., ValueArray]:
    """Return a function of `lists` whose result is an array of Values."""

    def moved(*operands: Any, **options: Any) -> ValueArray:
        found = function(*operands, **options)
        return ValueArray(found.values, found.layout, found.dtype, found.fixed)

    return moved


arange = _moving(creation.arange)
asarray = _moving(creation.asarray)
astype = _moving(creation.astype)
expand_dims = _moving(manipulation.expand_dims)
ones_like = _moving(creation.ones_like)
permute_dims = _moving(manipulation.permute_dims)
reshape = _moving(manipulation.reshape)
stack = _moving(manipulation.stack)
where = _moving(choosing.where)
zeros = _moving(creation.zeros)
