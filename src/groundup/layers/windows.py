"""Windows that slide over pictures: what convolution and pooling share.

A window of `size` x `size` moves by `stride`. Its cell (i, j) visits a grid of pixels, which is a strided slice of
the picture; there are size² such slices, each (..., rows, columns) for all windows at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from groundup.layers.base import Array, Shape, ShapeMismatch


def window_grid(inputs: Shape, size: int, stride: int, padding: int = 0) -> Shape:
    """Return (rows, columns): how many windows fit into pictures of shape `inputs` (channels, height, width).

    Raises
    ------
    ShapeMismatch
        If the input is no picture, or the picture is smaller than the window.
    """
    if len(inputs) != 3:
        raise ShapeMismatch("takes pictures of shape (channels, height, width)")
    if min(inputs[1:]) + 2 * padding < size:
        raise ShapeMismatch(f"takes pictures of at least {size - 2 * padding}x{size - 2 * padding} pixels")
    return tuple((side + 2 * padding - size) // stride + 1 for side in inputs[1:])


def window_cells(pictures: Array, size: int, stride: int) -> list[Array]:
    """Return the size² slices of `pictures` (..., height, width), row by row: each (..., rows, columns)."""
    return [pictures[key] for key in _slices(pictures.shape, size, stride)]


def add_window_cells(cells: Sequence[Array], shape: Shape, stride: int) -> Array:
    """Return pictures of `shape` (..., height, width) with each cell's values added where the cell was cut out.

    The transpose of `window_cells`: pixels that several windows share receive the sum.
    """
    size = round(len(cells) ** 0.5)
    xp = cells[0].__array_namespace__()
    pictures = xp.zeros(shape, dtype=cells[0].dtype)
    for key, cell in zip(_slices(shape, size, stride), cells, strict=True):
        pictures[key] += cell
    return pictures


def pad(pictures: Array, padding: int) -> Array:
    """Return `pictures` (..., height, width) with a frame of `padding` zeros around each."""
    if padding == 0:
        return pictures
    xp = pictures.__array_namespace__()
    *front, height, width = pictures.shape
    framed = xp.zeros((*front, height + 2 * padding, width + 2 * padding), dtype=pictures.dtype)
    framed[..., padding : padding + height, padding : padding + width] = pictures
    return framed


def unpad(pictures: Array, padding: int) -> Array:
    """Return `pictures` without their frame of `padding` pixels."""
    if padding == 0:
        return pictures
    return pictures[..., padding:-padding, padding:-padding]


def channels_first(pictures: Array) -> Array:
    """Swap the first two axes: (N, channels, ...) to (channels, N, ...) and back."""
    xp = pictures.__array_namespace__()
    return xp.permute_dims(pictures, (1, 0, 2, 3))


def _slices(shape: Shape, size: int, stride: int) -> list[tuple[object, ...]]:
    rows, columns = window_grid((1, *shape[-2:]), size, stride)
    reach_down, reach_right = (rows - 1) * stride + 1, (columns - 1) * stride + 1
    return [
        (..., slice(i, i + reach_down, stride), slice(j, j + reach_right, stride))
        for i in range(size)
        for j in range(size)
    ]
