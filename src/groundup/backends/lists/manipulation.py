"""The same elements in another shape or order; where it can be, the result is a view of the same numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from groundup.backends.lists.array import Array, spread
from groundup.backends.lists.dtypes import result_type
from groundup.backends.lists.layout import Layout, Shape, broadcast_shapes


def axis_of(axis: int, ndim: int) -> int:
    """Return an axis counted from the front, or raise IndexError; a negative one counts from the end."""
    if not -ndim <= axis < ndim:
        raise IndexError(f"axis {axis} is out of range for an array of {ndim} axes")
    return axis % ndim


def axes_of(axes: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return axes counted from the front, all of them for None; raise if one is out of range or there twice."""
    if axes is None:
        return tuple(range(ndim))
    found = tuple(axis_of(axis, ndim) for axis in ((axes,) if isinstance(axes, int) else axes))
    if len(set(found)) != len(found):
        raise ValueError(f"axes {axes} name an axis twice")
    return found


def reshape(x: Array, /, shape: int | Sequence[int], *, copy: bool | None = None) -> Array:
    """Return the elements, in order, in another shape. One size may be -1: what remains.

    A view if they lie in order; with ``copy=True`` never, with ``copy=False`` a view or a ValueError.
    """
    wanted = _completed((shape,) if isinstance(shape, int) else tuple(shape), x)
    if x.layout.is_row_major() and not copy:
        return x.view(Layout.row_major(wanted, x.layout.offset))
    if copy is False:
        raise ValueError(f"an array of shape {x.shape} and strides {x.strides} cannot be reshaped without a copy")
    return Array.of(list(x.elements()), wanted, x.dtype)


def _completed(shape: Shape, x: Array) -> Shape:
    known = math.prod(size for size in shape if size != -1)
    if shape.count(-1) == 1 and known and x.size % known == 0:
        shape = tuple(x.size // known if size == -1 else size for size in shape)
    if min(shape, default=0) < 0 or math.prod(shape) != x.size:
        raise ValueError(f"{x.size} elements of shape {x.shape} do not fit into shape {shape}")
    return shape


def permute_dims(x: Array, /, axes: Sequence[int]) -> Array:
    """Return a view with the axes in another order: axis i of the result is axis ``axes[i]`` of `x`."""
    order = axes_of(axes, x.ndim)
    if len(order) != x.ndim:
        raise ValueError(f"axes {axes} must name each of the {x.ndim} axes once")
    return x.view(x.layout.permuted(order))


def moveaxis(x: Array, source: int | Sequence[int], destination: int | Sequence[int], /) -> Array:
    """Return a view in which the axes `source` stand at `destination`, and the others keep their order."""
    moved, places = axes_of(source, x.ndim), axes_of(destination, x.ndim)
    if len(moved) != len(places):
        raise ValueError(f"{len(moved)} axes cannot move to {len(places)} places")
    order = [axis for axis in range(x.ndim) if axis not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return permute_dims(x, order)


def matrix_transpose(x: Array, /) -> Array:
    """Return a view with the last two axes exchanged."""
    return x.mT


def expand_dims(x: Array, /, *, axis: int = 0) -> Array:
    """Return a view with a new axis of size 1 at place `axis`."""
    place = axis_of(axis, x.ndim + 1)
    return x[(slice(None),) * place + (None,)]


def squeeze(x: Array, /, axis: int | Sequence[int]) -> Array:
    """Return a view without the axes `axis`, whose sizes must be 1."""
    gone = axes_of(axis, x.ndim)
    if any(x.shape[each] != 1 for each in gone):
        raise ValueError(f"only axes of size 1 can be squeezed, not axis {axis} of shape {x.shape}")
    return x[tuple(0 if each in gone else slice(None) for each in range(x.ndim))]


def flip(x: Array, /, *, axis: int | Sequence[int] | None = None) -> Array:
    """Return a view with the elements in reverse order along `axis`, or along all."""
    turned = axes_of(axis, x.ndim)
    return x[tuple(slice(None, None, -1 if each in turned else 1) for each in range(x.ndim))]


def broadcast_to(x: Array, /, shape: Sequence[int]) -> Array:
    """Return a view stretched to `shape`. It cannot be changed, since several elements are one number."""
    return x.view(x.layout.broadcast(tuple(shape)), fixed=True)


def broadcast_arrays(*arrays: Array) -> list[Array]:
    """Return views of all arrays, stretched to the shape that they broadcast to."""
    shape = broadcast_shapes(*(x.shape for x in arrays))
    return [broadcast_to(x, shape) for x in arrays]


def concat(arrays: Sequence[Array], /, *, axis: int | None = 0) -> Array:
    """Return the arrays joined along an axis that is there; with None, all their elements in one row."""
    if axis is None:
        return concat([reshape(x, (-1,)) for x in arrays])
    place = axis_of(axis, arrays[0].ndim)
    others = [x.shape[:place] + x.shape[place + 1 :] for x in arrays]
    if any(x.ndim != arrays[0].ndim for x in arrays) or any(shape != others[0] for shape in others):
        raise ValueError(f"shapes {' and '.join(str(x.shape) for x in arrays)} differ elsewhere than on axis {axis}")
    dtype = result_type(*arrays)
    turned = [moveaxis(x, place, 0) for x in arrays]
    values = [number for x in turned for number in spread(x, x.shape, dtype)]
    joined = Array.of(values, (sum(len(x) for x in turned), *others[0]), dtype)
    return moveaxis(joined, 0, place)


def stack(arrays: Sequence[Array], /, *, axis: int = 0) -> Array:
    """Return the arrays, all of one shape, side by side along a new axis."""
    if any(x.shape != arrays[0].shape for x in arrays):
        raise ValueError(f"shapes {' and '.join(str(x.shape) for x in arrays)} differ")
    place = axis_of(axis, arrays[0].ndim + 1)
    return moveaxis(concat([expand_dims(x) for x in arrays]), 0, place)
