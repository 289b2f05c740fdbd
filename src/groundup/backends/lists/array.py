"""The N-dimensional array: a flat list of numbers, and a layout that says where its elements are."""

from __future__ import annotations

import math
import sys
from array import array as machine_array
from collections.abc import Callable
from operator import index
from typing import Any, Self

from groundup.backends.lists import kernels
from groundup.backends.lists.dtypes import BOOL, FLOAT64, INT64, DataType, result_type
from groundup.backends.lists.kernels import Kernel, Values
from groundup.backends.lists.layout import Layout, Shape, broadcast_shapes, gather, scatter

SHOWN = 1000
"""Of more elements than this, `repr` shows only the shape."""


Operator = Callable[["Array", Any], Any]


def _operators(kernel: Kernel) -> tuple[Operator, Operator, Operator]:
    """Return an operator: with an array on its left, with a number there, and in place, for all views to see."""

    def forward(self: Array, other: Any) -> Any:
        return elementwise(kernel, self, other) if _is_operand(other) else NotImplemented

    def reflected(self: Array, other: Any) -> Any:
        return elementwise(kernel, other, self) if _is_operand(other) else NotImplemented

    def in_place(self: Array, other: Any) -> Any:
        self.assign(elementwise(kernel, self, other))
        return self

    return forward, reflected, in_place


def _is_operand(other: object) -> bool:
    return isinstance(other, Array | bool | int | float)


class Array:
    """An N-dimensional array. Make one with `asarray`, `zeros`, `arange` and their like, or take a view of another.

    Parameters
    ----------
    values : list
        The numbers, all of the type's Python class; shared with every view.
    layout : Layout
        Which of them are the elements.
    dtype : DataType
        Their type.
    fixed : bool
        Whether it refuses to be changed, as a broadcast view does, in which several elements are one number.
    """

    __slots__ = ("dtype", "fixed", "layout", "values")
    __array_ufunc__ = None  # a NumPy number on the left leaves the operation to us
    __hash__ = None  # type: ignore[assignment]  # == compares element by element

    def __init__(self, values: Values, layout: Layout, dtype: DataType, fixed: bool = False) -> None:
        self.values = values
        self.layout = layout
        self.dtype = dtype
        self.fixed = fixed

    @classmethod
    def of(cls, values: Values, shape: Shape, dtype: DataType) -> Self:
        """Return an array that takes over the list `values`, in order."""
        return cls(values, Layout.row_major(shape), dtype)

    def view(self, layout: Layout, fixed: bool = False) -> Self:
        """Return another look at the same numbers."""
        return type(self)(self.values, layout, self.dtype, self.fixed or fixed)

    @property
    def shape(self) -> Shape:
        """The size of each axis."""
        return self.layout.shape

    @property
    def strides(self) -> tuple[int, ...]:
        """How many places of the flat list lie between neighbours along each axis."""
        return self.layout.strides

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return self.layout.size

    @property
    def device(self) -> str:
        """Where it lies: always ``"cpu"``."""
        return "cpu"

    @property
    def T(self) -> Self:  # noqa: N802 - the standard's name
        """The transpose of a matrix, a view."""
        if self.ndim != 2:
            raise ValueError(f"T is for two axes, not for shape {self.shape}: see permute_dims")
        return self.view(self.layout.permuted((1, 0)))

    @property
    def mT(self) -> Self:  # noqa: N802 - the standard's name
        """The transpose of every matrix in a stack, a view."""
        if self.ndim < 2:
            raise ValueError(f"mT is for two axes or more, not for shape {self.shape}")
        return self.view(self.layout.permuted((*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)))

    def elements(self) -> Values:
        """Return the elements in order, as one list. It may be the array's own: not to be changed."""
        return gather(self.values, self.layout)

    def tolist(self) -> Any:
        """Return the elements as lists within lists, or the number if there are no axes."""
        nested = list(self.elements())
        if not self.shape:
            return nested[0]
        for axis in range(self.ndim - 1, 0, -1):
            size, count = self.shape[axis], math.prod(self.shape[:axis])
            nested = [nested[number * size : (number + 1) * size] for number in range(count)]
        return nested

    def __getitem__(self, key: Any) -> Self:
        """Return a view of the elements at `key`: integers, slices, Ellipsis, None, or a tuple of these."""
        return self.view(self.layout.select(key))

    def __setitem__(self, key: Any, value: Array | float) -> None:
        """Set the elements at `key` to a number, or to an array that broadcasts to their shape."""
        self[key].assign(value)

    def assign(self, value: Array | float) -> None:
        """Set every element to `value`, a number, or an array that broadcasts to this shape."""
        if self.fixed:
            raise ValueError("a view made by broadcasting cannot be changed: several of its elements are one number")
        if result_type(self, value) is not self.dtype:
            raise TypeError(f"an array of {self.dtype} cannot take {getattr(value, 'dtype', value)}: use astype")
        scatter(self.values, self.layout, spread(value, self.shape, self.dtype))

    __add__, __radd__, __iadd__ = _operators(kernels.ADD)
    __sub__, __rsub__, __isub__ = _operators(kernels.SUBTRACT)
    __mul__, __rmul__, __imul__ = _operators(kernels.MULTIPLY)
    __truediv__, __rtruediv__, __itruediv__ = _operators(kernels.DIVIDE)
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operators(kernels.FLOOR_DIVIDE)
    __mod__, __rmod__, __imod__ = _operators(kernels.REMAINDER)
    __pow__, __rpow__, __ipow__ = _operators(kernels.POW)
    __and__, __rand__, __iand__ = _operators(kernels.AND)
    __or__, __ror__, __ior__ = _operators(kernels.OR)
    __xor__, __rxor__, __ixor__ = _operators(kernels.XOR)
    __eq__, _, _ = _operators(kernels.EQUAL)
    __ne__, _, _ = _operators(kernels.NOT_EQUAL)
    __lt__, _, _ = _operators(kernels.LESS)
    __le__, _, _ = _operators(kernels.LESS_EQUAL)
    __gt__, _, _ = _operators(kernels.GREATER)
    __ge__, _, _ = _operators(kernels.GREATER_EQUAL)

    def __neg__(self) -> Array:
        return elementwise(kernels.NEGATIVE, self)

    def __pos__(self) -> Array:
        return elementwise(kernels.POSITIVE, self)

    def __abs__(self) -> Array:
        return elementwise(kernels.ABS, self)

    def __invert__(self) -> Array:
        return elementwise(kernels.INVERT, self)

    def __matmul__(self, other: Any) -> Any:
        from groundup.backends.lists.products import matmul

        return matmul(self, other) if isinstance(other, Array) else NotImplemented

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    def __bool__(self) -> bool:
        return bool(self._only())

    def __int__(self) -> int:
        return int(self._only())

    def __float__(self) -> float:
        return float(self._only())

    def __index__(self) -> int:
        if self.dtype is not INT64:
            raise TypeError(f"an index is an integer, not {self.dtype}")
        return index(self._only())

    def _only(self) -> Any:
        if self.shape:
            raise TypeError(f"only an array without axes is one number, not one of shape {self.shape}")
        return self.values[self.layout.offset]

    def __repr__(self) -> str:
        if self.size > SHOWN:
            return f"Array(shape={self.shape}, dtype={self.dtype})"
        return f"Array({self.tolist()}, dtype={self.dtype})"

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """Return the module of the functions that work on this array."""
        from groundup.backends.lists import namespace

        return namespace

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """A copy for NumPy: ``numpy.asarray(array)`` works, though nothing here knows NumPy."""
        code, kind = {BOOL: ("b", "b1"), INT64: ("q", "i8"), FLOAT64: ("d", "f8")}[self.dtype]
        order = "<" if sys.byteorder == "little" else ">"
        return {
            "version": 3,
            "shape": self.shape,
            "typestr": order + kind,
            "data": memoryview(machine_array(code, self.elements())),
        }


def spread(operand: Array | float, shape: Shape, dtype: DataType) -> Values:
    """Return the elements of `operand` in order, broadcast to `shape`, as numbers of `dtype`. Not to be changed."""
    if not isinstance(operand, Array):
        return [dtype.python(operand)] * math.prod(shape)
    layout = operand.layout if operand.shape == shape else operand.layout.broadcast(shape)
    values = gather(operand.values, layout)
    return values if operand.dtype is dtype else list(map(dtype.python, values))


def elementwise(kernel: Kernel, *operands: Array | float) -> Array:
    """Return `kernel` of each element of the operands, arrays or numbers, broadcast together.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If the kernel does not take the type.
    """
    dtype = result_type(*operands)
    if dtype not in kernel.accepts:
        raise TypeError(f"{kernel.name} takes {' or '.join(map(str, kernel.accepts))}, not {dtype}")
    if kernel.returns is FLOAT64:
        dtype = FLOAT64
    shape = broadcast_shapes(*(operand.shape for operand in operands if isinstance(operand, Array)))
    values = kernel.apply(*(spread(operand, shape, dtype) for operand in operands))
    return Array.of(values, shape, kernel.returns or dtype)
