"""New arrays: from numbers that are there, or filled."""

from __future__ import annotations

import math
from array import array as machine_array
from collections.abc import Sequence
from typing import Any

from groundup.backends.lists.array import Array
from groundup.backends.lists.dtypes import BOOL, FLOAT64, INT64, DataType, of_number, result_type
from groundup.backends.lists.kernels import Values
from groundup.backends.lists.layout import Shape

BUFFER_TYPES = {"?": BOOL, "f": FLOAT64, "d": FLOAT64} | dict.fromkeys("bBhHiIlLqQ", INT64)
"""What becomes of the numbers in other libraries' memory, by their code in Python's `struct`."""


def asarray(obj: Any, /, *, dtype: DataType | None = None, copy: bool | None = None) -> Array:
    """Return an array of what is given.

    Parameters
    ----------
    obj : Array, number, sequence or buffer
        An array, a number, lists within lists, or an object with the buffer protocol: memoryview, `array.array`,
        a NumPy array.
    dtype : DataType, optional
        The type; by default the one that the numbers have together.
    copy : bool, optional
        True always copies, False never does; by default only what must be copied is.

    Raises
    ------
    ValueError
        If lists have different lengths, or a copy is needed that `copy` forbids.
    TypeError
        If something is not a number.
    """
    if isinstance(obj, Array):
        wanted = dtype or obj.dtype
        if wanted is obj.dtype and not copy:
            return obj
        return astype(obj, wanted) if copy is not False else _refuse_copy()
    if copy is False:
        _refuse_copy()
    made = _from_number_or_nested(obj) if isinstance(obj, bool | int | float | list | tuple) else _from_buffer(obj)
    return made if dtype is None or dtype is made.dtype else astype(made, dtype)


def _refuse_copy() -> Any:
    raise ValueError("this cannot become an array without a copy")


def _from_number_or_nested(obj: Any) -> Array:
    shape: list[int] = []
    values: Values = [obj]
    while values and all(isinstance(each, list | tuple) for each in values):
        lengths = {len(each) for each in values}
        if len(lengths) > 1:
            raise ValueError(f"lists of {' and '.join(map(str, sorted(lengths)))} elements side by side make no array")
        shape += lengths
        values = [number for each in values for number in each]
    for each in values:
        if of_number(each) is None:
            raise TypeError(f"an array holds numbers, not {type(each).__name__}")
    dtype = result_type(*(kind() for kind in {type(each) for each in values})) if values else FLOAT64
    return Array.of(list(map(dtype.python, values)), tuple(shape), dtype)


def _from_buffer(obj: Any) -> Array:
    try:
        view = memoryview(obj)
    except TypeError:
        raise TypeError(f"{type(obj).__name__} cannot become an array: give numbers in lists, or a buffer") from None
    if view.format not in BUFFER_TYPES:
        known = ", ".join(BUFFER_TYPES)
        raise TypeError(f"a buffer of type {view.format!r} cannot become an array; these can: {known}")
    dtype = BUFFER_TYPES[view.format]
    code = "B" if dtype is BOOL else view.format
    return Array.of(list(map(dtype.python, machine_array(code, view.tobytes()))), view.shape or (), dtype)


def astype(x: Array, dtype: DataType, /, *, copy: bool = True) -> Array:
    """Return the elements as `dtype`: from float to integer without what follows the point; not zero is true."""
    if dtype is x.dtype and not copy:
        return x
    values = x.elements()
    return Array.of(list(values if dtype is x.dtype else map(dtype.python, values)), x.shape, dtype)


def full(shape: int | Sequence[int], fill_value: float, *, dtype: DataType | None = None) -> Array:
    """Return an array in which every element is `fill_value`."""
    shape = _shape(shape)
    dtype = dtype or result_type(fill_value)
    return Array.of([dtype.python(fill_value)] * math.prod(shape), shape, dtype)


def zeros(shape: int | Sequence[int], *, dtype: DataType = FLOAT64) -> Array:
    """Return an array of zeros."""
    return full(shape, 0, dtype=dtype)


def ones(shape: int | Sequence[int], *, dtype: DataType = FLOAT64) -> Array:
    """Return an array of ones."""
    return full(shape, 1, dtype=dtype)


def empty(shape: int | Sequence[int], *, dtype: DataType = FLOAT64) -> Array:
    """Return an array of which nothing is promised but its shape: here, of zeros."""
    return zeros(shape, dtype=dtype)


def full_like(x: Array, /, fill_value: float, *, dtype: DataType | None = None) -> Array:
    """Return an array shaped as `x`, and of its type, in which every element is `fill_value`."""
    return full(x.shape, fill_value, dtype=dtype or x.dtype)


def zeros_like(x: Array, /, *, dtype: DataType | None = None) -> Array:
    """Return zeros, shaped as `x` and of its type."""
    return full_like(x, 0, dtype=dtype)


def ones_like(x: Array, /, *, dtype: DataType | None = None) -> Array:
    """Return ones, shaped as `x` and of its type."""
    return full_like(x, 1, dtype=dtype)


def empty_like(x: Array, /, *, dtype: DataType | None = None) -> Array:
    """Return an array shaped as `x` and of its type, of which nothing else is promised."""
    return zeros_like(x, dtype=dtype)


def arange(start: float, /, stop: float | None = None, step: float = 1, *, dtype: DataType | None = None) -> Array:
    """Return start, start + step, start + 2 step, ... as long as it is before `stop`.

    With one number alone, that is `stop`, and it starts at 0.
    """
    start, stop = (0, start) if stop is None else (start, stop)
    dtype = dtype or result_type(start, stop, step)
    count = max(math.ceil((stop - start) / step), 0)
    return Array.of([dtype.python(start + number * step) for number in range(count)], (count,), dtype)


def linspace(start: float, stop: float, /, num: int, *, dtype: DataType = FLOAT64, endpoint: bool = True) -> Array:
    """Return `num` numbers at equal distances, from `start` to `stop`, which is the last one if `endpoint`."""
    gaps = max(num - 1 if endpoint else num, 1)
    values = [start + number * (stop - start) / gaps for number in range(num)]
    if endpoint and num > 1:
        values[-1] = stop
    return Array.of(list(map(dtype.python, values)), (num,), dtype)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: DataType = FLOAT64) -> Array:
    """Return a matrix with ones on the diagonal, or `k` columns to its right, and zeros elsewhere."""
    columns = n_rows if n_cols is None else n_cols
    values = [dtype.python(column == row + k) for row in range(n_rows) for column in range(columns)]
    return Array.of(values, (n_rows, columns), dtype)


def _shape(shape: int | Sequence[int]) -> Shape:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(size < 0 for size in sizes):
        raise ValueError(f"shape {sizes} has a negative size")
    return sizes
