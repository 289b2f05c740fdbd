"""How a flat list becomes an array of any shape: the one idea that everything else here stands on.

An array's numbers lie in one flat list. A `Layout` says where: element (i, j, k) is at

    offset + i · strides[0] + j · strides[1] + k · strides[2].

For a list of 6 numbers, shape (2, 3) with strides (3, 1) reads it row by row. Shape (3, 2) with strides (1, 3) is the
transpose, and not one number has moved. Offset 2 with strides (3, -1) reads each row backwards. A stride of 0 repeats
one number as often as one likes: that is broadcasting. So slices, transposes and broadcasts are *views*: new layouts
over the same list.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index
from typing import Any, NamedTuple

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """Which elements of a flat list an array is made of."""

    shape: Shape
    strides: tuple[int, ...]
    offset: int = 0

    @classmethod
    def row_major(cls, shape: Shape, offset: int = 0) -> Layout:
        """Return the layout of numbers that lie in order, the last axis fastest."""
        strides, step = [], 1
        for size in reversed(shape):
            strides.append(step)
            step *= size
        return cls(shape, tuple(reversed(strides)), offset)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    def runs(self) -> tuple[list[int], int, int]:
        """Return the elements in order as equal runs: where each starts, its length, and its step.

        Axes that lie in each other's order are joined first, so that a whole row-major array is a single run.
        """
        joined: list[tuple[int, int]] = []
        for size, stride in zip(self.shape, self.strides, strict=True):
            if size == 1:
                continue
            if joined and joined[-1][1] == size * stride:
                joined[-1] = (joined[-1][0] * size, stride)
            else:
                joined.append((size, stride))
        *outer, (length, step) = joined or [(1, 1)]
        starts = [self.offset]
        for size, stride in outer:
            starts = [start + number * stride for start in starts for number in range(size)]
        return starts, length, step

    def is_row_major(self) -> bool:
        """Return whether the elements lie in order, without gaps."""
        starts, _, step = self.runs()
        return self.size == 0 or (len(starts) == 1 and step == 1)

    def permuted(self, axes: Sequence[int]) -> Layout:
        """Return the layout with its axes in another order."""
        return Layout(tuple(self.shape[a] for a in axes), tuple(self.strides[a] for a in axes), self.offset)

    def broadcast(self, shape: Shape) -> Layout:
        """Return the layout stretched to `shape`: new axes in front, and axes of size 1 repeated.

        Raises
        ------
        ValueError
            If it does not fit.
        """
        added = len(shape) - len(self.shape)
        if added < 0 or any(own not in (1, new) for own, new in zip(self.shape, shape[added:], strict=True)):
            raise ValueError(f"shape {self.shape} does not broadcast to {shape}")
        strides = [0 if own == 1 else stride for own, stride in zip(self.shape, self.strides, strict=True)]
        return Layout(shape, (0,) * added + tuple(strides), self.offset)

    def select(self, key: Any) -> Layout:
        """Return the layout of ``array[key]``: integers, slices, one Ellipsis, None, or a tuple of these.

        Raises
        ------
        IndexError
            If an integer is out of range, or there are more indices than axes.
        TypeError
            If a part of the key is something else.
        """
        shape: list[int] = []
        strides: list[int] = []
        offset, axis = self.offset, 0
        for part in _expanded(key, len(self.shape)):
            if part is None:
                shape.append(1)
                strides.append(0)
                continue
            size, stride = self.shape[axis], self.strides[axis]
            if isinstance(part, slice):
                start, stop, step = part.indices(size)
                shape.append(len(range(start, stop, step)))
                strides.append(stride * step)
                offset += start * stride if shape[-1] else 0
            else:
                offset += _position(part, size, axis) * stride
            axis += 1
        return Layout(tuple(shape), tuple(strides), offset)


def _expanded(key: Any, axes: int) -> list[Any]:
    """Return an index for every axis, and a None for every new one."""
    parts = list(key) if isinstance(key, tuple) else [key]
    used = sum(part is not None and part is not Ellipsis for part in parts)
    places = [place for place, part in enumerate(parts) if part is Ellipsis]
    if used > axes or len(places) > 1:
        problem = "more than one Ellipsis" if used <= axes else f"{used} indices"
        raise IndexError(f"{problem} for an array of {axes} axes")
    place = places[0] if places else len(parts)
    return parts[:place] + [slice(None)] * (axes - used) + parts[place + 1 :]


def _position(part: Any, size: int, axis: int) -> int:
    try:
        position = index(part)
    except TypeError:
        position = None
    if position is None or isinstance(part, bool):
        raise TypeError(
            f"an index is an integer, a slice, Ellipsis or None, not {type(part).__name__}; "
            "to choose elements by a condition, use where"
        )
    if not -size <= position < size:
        raise IndexError(f"index {position} is out of range for axis {axis} of size {size}")
    return position % size


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return the shape that all `shapes` stretch to.

    Raises
    ------
    ValueError
        If two sizes of an axis differ and neither is 1.
    """
    axes = max(map(len, shapes), default=0)
    aligned = [(1,) * (axes - len(shape)) + shape for shape in shapes]
    found = tuple(next((size for size in sizes if size != 1), 1) for sizes in zip(*aligned, strict=True))
    if any(size not in (1, wanted) for shape in aligned for size, wanted in zip(shape, found, strict=True)):
        raise ValueError(f"shapes {' and '.join(map(str, shapes))} do not broadcast together")
    return found


def gather(values: list[Any], layout: Layout) -> list[Any]:
    """Return the elements in order. May be `values` itself: not to be changed."""
    if not layout.size:
        return []
    starts, length, step = layout.runs()
    if step == 0:
        return [values[start] for start in starts for _ in range(length)]
    if len(starts) == 1:
        whole = step == 1 and length == len(values)
        return values if whole else values[_run(starts[0], length, step)]
    found: list[Any] = []
    for start in starts:
        found += values[_run(start, length, step)]
    return found


def scatter(values: list[Any], layout: Layout, new: list[Any]) -> None:
    """Set the elements to `new`, in order."""
    if not layout.size:
        return
    starts, length, step = layout.runs()
    new = list(new) if new is values else new
    for number, start in enumerate(starts):
        values[_run(start, length, step)] = new[number * length : (number + 1) * length]


def _run(start: int, length: int, step: int) -> slice:
    last = start + (length - 1) * step
    if step > 0:
        return slice(start, last + 1, step)
    return slice(start, last - 1 if last else None, step)  # a stop of -1 would mean the end
