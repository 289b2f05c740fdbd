"""Arrays of Values: shapes, views and slices are those of `lists`, and all arithmetic goes through the table of Value.

An element may be a plain number, too: a constant. Where an operation has constants alone, so has its result.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from groundup.backends.lists.array import Array, spread
from groundup.backends.lists.dtypes import FLOAT64
from groundup.backends.lists.layout import broadcast_shapes
from groundup.backends.scalar.value import OPERATIONS, Value, apply, number


def _operators(operation: str) -> tuple[Callable[[Array, Any], Any], Callable[[Array, Any], Any]]:
    """Return the methods of an operator, with the array on the left and on the right."""

    def left(self: Array, other: Any) -> Any:
        return elementwise(operation, self, other) if isinstance(other, Array | int | float) else NotImplemented

    def right(self: Array, other: Any) -> Any:
        return elementwise(operation, other, self) if isinstance(other, Array | int | float) else NotImplemented

    return left, right


class ValueArray(Array):
    """An N-dimensional array whose elements are Values and plain numbers."""

    __slots__ = ()

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """Return the module of the functions that work on this array."""
        from groundup.backends.scalar import namespace

        return namespace

    __add__, __radd__ = _operators("+")
    __sub__, __rsub__ = _operators("-")
    __mul__, __rmul__ = _operators("*")
    __truediv__, __rtruediv__ = _operators("/")
    __pow__, __rpow__ = _operators("**")

    def __neg__(self) -> ValueArray:
        return elementwise("neg", self)

    def __matmul__(self, other: Array) -> ValueArray:
        return matmul(self, other)


def as_values(array: Array, *, constant: bool = False) -> ValueArray:
    """Return the numbers of `array` as new Values, or unchanged as constants."""
    numbers = array.elements()
    return ValueArray.of(list(numbers) if constant else list(map(Value, numbers)), array.shape, FLOAT64)


def as_numbers(array: Array) -> Array:
    """Return the plain numbers of `array`."""
    return Array.of(list(map(number, array.elements())), array.shape, array.dtype)


def as_gradients(array: Array) -> Array:
    """Return the gradients of an array of Values."""
    return Array.of([value.gradient for value in array.elements()], array.shape, FLOAT64)


def node(operation: str, *inputs: Value | float) -> Value | float:
    """Return a Value if there is one among `inputs`, otherwise a plain number."""
    if any(isinstance(each, Value) for each in inputs):
        return apply(operation, *inputs)
    return OPERATIONS[operation].compute(*inputs)


def elementwise(operation: str, *operands: Array | float) -> ValueArray:
    """Return the result of `operation` for each element; arrays and numbers broadcast."""
    shape = broadcast_shapes(*(each.shape for each in operands if isinstance(each, Array)))
    elements = (spread(each, shape, FLOAT64) for each in operands)
    return ValueArray.of([node(operation, *inputs) for inputs in zip(*elements, strict=True)], shape, FLOAT64)


def matmul(x1: Array, x2: Array, /) -> ValueArray:  # x1 (n, k), x2 (k, m)
    """Return the matrix product (n, m): every element is one sum of k products."""
    rows, columns = x1.tolist(), x2.T.tolist()
    products = [node("sum", *map(operator.mul, row, column)) for row in rows for column in columns]
    return ValueArray.of(products, (len(rows), len(columns)), FLOAT64)
