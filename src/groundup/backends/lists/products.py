"""The matrix product, and why most of an MNIST picture costs nothing.

A row of a product is a sum of the right matrix's rows, each weighted by a number of the left matrix's row::

    (a @ b)[i] = a[i, 0] · b[0] + a[i, 1] · b[1] + ...

So a number that is zero saves a whole row, and four fifths of a picture's pixels are zero. Since (a @ b)ᵀ = bᵀ @ aᵀ,
the zeros of either matrix can be used: those that save more. In pure Python this is also the fastest order: a row is
one list comprehension, and with eight rows at a time the sums so far are read and written an eighth as often.
"""

from __future__ import annotations

import math
from itertools import compress
from typing import Any

from groundup.backends.lists.array import Array, spread
from groundup.backends.lists.dtypes import NUMERIC, result_type
from groundup.backends.lists.kernels import Values
from groundup.backends.lists.layout import broadcast_shapes

Matrix = list[Values]

STARTING = 8
"""What it costs to begin with a row, in multiplications."""


def matmul(x1: Array, x2: Array, /) -> Array:
    """Return the matrix product of (..., n, k) and (..., k, m); stacks of matrices broadcast.

    A vector on the left is a matrix of one row, on the right of one column; that axis is then left out of the result.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    TypeError
        If an operand is boolean, or no array.
    """
    dtype = result_type(x1, x2)
    if dtype not in NUMERIC or not isinstance(x1, Array) or not isinstance(x2, Array):
        raise TypeError(f"matmul takes two arrays of {' or '.join(map(str, NUMERIC))}")
    left = x1[None, :] if x1.ndim == 1 else x1
    right = x2[:, None] if x2.ndim == 1 else x2
    if not x1.shape or not x2.shape or left.shape[-1] != right.shape[-2]:
        raise ValueError(f"shapes {x1.shape} and {x2.shape} do not fit: (n, k) @ (k, m) needs the same k twice")
    stack = broadcast_shapes(left.shape[:-2], right.shape[:-2])
    rows, inner, columns = left.shape[-2], left.shape[-1], right.shape[-1]
    a = _matrices(spread(left, (*stack, rows, inner), dtype), rows, inner, math.prod(stack))
    b = _matrices(spread(right, (*stack, inner, columns), dtype), inner, columns, math.prod(stack))
    zero = dtype.python(0)
    found: Values = []
    for one, other in zip(a, b, strict=True):
        for row in product(one, other, columns, zero):
            found += row
    shape = stack + (rows,) * (x1.ndim > 1) + (columns,) * (x2.ndim > 1)
    return Array.of(found, shape, dtype)


def product(a: Matrix, b: Matrix, columns: int, zero: float) -> Matrix:
    """Return the product of a (n, k) and b (k, m), lists of rows; m is `columns`, for when there is no row."""
    if not a or not b or not columns:
        return [[zero] * columns for _ in a]
    costs = _nonzero(a) * (columns + STARTING), _nonzero(b) * (len(a) + STARTING)
    if costs[0] <= costs[1]:
        return _weighted_rows(a, b, zero)
    return _transposed(_weighted_rows(_transposed(b), _transposed(a), zero))


def _weighted_rows(a: Matrix, b: Matrix, zero: float) -> Matrix:
    """Return a @ b: for each row of `a`, the sum of the rows of `b` with that row's numbers as weights."""
    # Where b has an infinity or NaN, a zero of a is no longer nothing: 0 · inf is NaN.
    skipping = all(math.isfinite(sum(row)) for row in b)
    everything, nothing = [True] * len(b), [zero] * len(b[0])
    found = []
    for weights in a:
        used = weights if skipping else everything
        found.append(_weighted_sum(list(compress(weights, used)), list(compress(b, used)), nothing))
    return found


def _weighted_sum(weights: Values, rows: Matrix, nothing: Values) -> Values:
    """Return Σ weight · row, eight rows at a time; the lists are filled up to a multiple of eight with nothing."""
    missing = -len(weights) % 8
    weights += nothing[:1] * missing
    rows += [nothing] * missing
    total = nothing
    for first in range(0, len(weights), 8):
        a, b, c, d, e, f, g, h = weights[first : first + 8]
        total = [
            s + a * p + b * q + c * r + d * t + e * u + f * v + g * w + h * x
            for s, p, q, r, t, u, v, w, x in zip(total, *rows[first : first + 8], strict=True)
        ]
    return total


def _nonzero(matrix: Matrix) -> int:
    return sum(len(row) - row.count(0.0) for row in matrix)


def _transposed(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def _matrices(values: Values, rows: int, columns: int, count: int) -> list[Matrix]:
    """Return `count` matrices, each a list of rows, from their numbers in order."""
    each: Any = [values[start * columns : (start + 1) * columns] for start in range(rows * count)]
    return [each[number * rows : (number + 1) * rows] for number in range(count)]
