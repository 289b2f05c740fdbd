"""Windows that slide over pictures: what convolution and pooling share.

A window of `size` x `size` moves by `stride`. Its cell (i, j) visits a grid of pixels, which is a strided slice of
the pictures; there are size² such slices, each with that cell of all windows at once.

Inside, pictures lie with the batch last: (channels, height, width, N). A slice then is made of runs of N numbers
that are neighbours in memory, which every array library copies, compares and adds at full speed. Outside they are
(N, channels, height, width) views of the same memory.
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


def batch_last(pictures: Array) -> Array:
    """Return (channels, height, width, N), in this order in memory, for pictures (N, channels, height, width)."""
    xp = pictures.__array_namespace__()
    turned = xp.permute_dims(pictures, (1, 2, 3, 0))
    return xp.reshape(xp.reshape(turned, (-1,)), turned.shape)  # copies, unless it lies so already


def batch_first(pictures: Array) -> Array:
    """Return a view (N, channels, height, width) of pictures (channels, height, width, N)."""
    xp = pictures.__array_namespace__()
    return xp.permute_dims(pictures, (3, 0, 1, 2))


def window_cells(pictures: Array, size: int, stride: int) -> list[Array]:
    """Return the size² slices of `pictures` (channels, height, width, N): each (channels, rows, columns, N)."""
    return [pictures[key] for key in _slices(pictures.shape, size, stride)]


def add_window_cells(cells: Sequence[Array], shape: Shape, stride: int) -> Array:
    """Return pictures of `shape` (channels, height, width, N) with each cell's numbers added where it was cut out.

    The transpose of `window_cells`: pixels that several windows share receive the sum.
    """
    size = round(len(cells) ** 0.5)
    xp = cells[0].__array_namespace__()
    pictures = xp.zeros(shape, dtype=cells[0].dtype)
    for key, cell in zip(_slices(shape, size, stride), cells, strict=True):
        pictures[key] += cell
    return pictures


def pad(pictures: Array, padding: int) -> Array:
    """Return `pictures` (channels, height, width, N) with a frame of `padding` zeros around each."""
    if padding == 0:
        return pictures
    xp = pictures.__array_namespace__()
    channels, height, width, count = pictures.shape
    framed = xp.zeros((channels, height + 2 * padding, width + 2 * padding, count), dtype=pictures.dtype)
    framed[:, padding : padding + height, padding : padding + width, :] = pictures
    return framed


def unpad(pictures: Array, padding: int) -> Array:
    """Return `pictures` (channels, height, width, N) without their frame of `padding` pixels."""
    return pictures[:, padding:-padding, padding:-padding, :] if padding else pictures


def _slices(shape: Shape, size: int, stride: int) -> list[tuple[slice, ...]]:
    rows, columns = window_grid(shape[:3], size, stride)
    reach_down, reach_right = (rows - 1) * stride + 1, (columns - 1) * stride + 1
    return [
        (slice(None), slice(i, i + reach_down, stride), slice(j, j + reach_right, stride), slice(None))
        for i in range(size)
        for j in range(size)
    ]
