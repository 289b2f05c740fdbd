"""The three kinds of numbers that an array can hold, and how they mix."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundup.backends.lists.array import Array


@dataclass(frozen=True)
class DataType:
    """What the elements of an array are.

    Parameters
    ----------
    name : str
        Its name in the array API standard.
    python : type
        The class of every element in the flat list.
    """

    name: str
    python: type

    def __repr__(self) -> str:
        return self.name


BOOL = DataType("bool", bool)
INT64 = DataType("int64", int)
FLOAT64 = DataType("float64", float)

LADDER = (BOOL, INT64, FLOAT64)
"""Where two types meet, the result has the one further to the right."""

NUMERIC = (INT64, FLOAT64)
KINDS = {
    "bool": (BOOL,),
    "signed integer": (INT64,),
    "unsigned integer": (),
    "integral": (INT64,),
    "real floating": (FLOAT64,),
    "complex floating": (),
    "numeric": NUMERIC,
}
"""The standard's names for groups of types."""


def of_number(value: object) -> DataType | None:
    """Return the type that a Python number becomes, or None if `value` is not one."""
    return next((each for each in LADDER if isinstance(value, each.python)), None)


def result_type(*operands: Array | DataType | float) -> DataType:
    """Return the type that arrays, types and Python numbers have together.

    Integers beside floats become floats, as in NumPy; the standard leaves that open.

    Raises
    ------
    TypeError
        If booleans meet numbers, or an operand is neither an array nor a number.
    """
    types = list(map(_type_of, operands))
    found = max(types, key=LADDER.index)
    if BOOL in types and found is not BOOL:
        raise TypeError(f"bool and {found} do not mix: say which with astype")
    return found


def _type_of(operand: Array | DataType | float) -> DataType:
    if isinstance(operand, DataType):
        return operand
    dtype = of_number(operand) or getattr(operand, "dtype", None)
    if not isinstance(dtype, DataType):
        raise TypeError(f"{type(operand).__name__} is neither an array of this kind nor a number: see asarray")
    return dtype


def can_cast(source: Array | DataType, target: DataType) -> bool:
    """Return whether `source` becomes `target` where the two meet."""
    dtype = source if isinstance(source, DataType) else source.dtype
    return dtype is target or (dtype, target) == NUMERIC


def isdtype(dtype: DataType, kind: DataType | str | tuple[DataType | str, ...]) -> bool:
    """Return whether `dtype` is `kind`: a type, a group's name such as ``"real floating"``, or any of a tuple."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, each) for each in kind)
    if isinstance(kind, str):
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of types; there are {', '.join(KINDS)}")
        return dtype in KINDS[kind]
    return dtype is kind


@dataclass(frozen=True)
class FloatLimits:
    """What `finfo` returns: the limits of floats in IEEE 754 double precision."""

    bits: int = 64
    eps: float = sys.float_info.epsilon
    max: float = sys.float_info.max
    min: float = -sys.float_info.max
    smallest_normal: float = sys.float_info.min
    dtype: DataType = FLOAT64


@dataclass(frozen=True)
class IntegerLimits:
    """What `iinfo` returns. Python's integers know no limits; these are the standard's for int64."""

    bits: int = 64
    max: int = 2**63 - 1
    min: int = -(2**63)
    dtype: DataType = INT64


def finfo(x: Array | DataType, /) -> FloatLimits:
    """Return the limits of float64."""
    _expect(x, FLOAT64)
    return FloatLimits()


def iinfo(x: Array | DataType, /) -> IntegerLimits:
    """Return the limits of int64."""
    _expect(x, INT64)
    return IntegerLimits()


def _expect(given: Any, wanted: DataType) -> None:
    dtype = getattr(given, "dtype", given)
    if dtype is not wanted:
        raise TypeError(f"these are the limits of {wanted}, not of {dtype}")
