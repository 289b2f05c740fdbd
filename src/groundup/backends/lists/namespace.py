"""The functions of the Python array API standard (data-apis.org/array-api) for `lists` arrays, as far as they go.

>>> from groundup.backends.lists import namespace as xp
>>> x = xp.asarray([[1.0, 2.0], [3.0, 4.0]])
>>> xp.sum(x, axis=0)
Array([4.0, 6.0], dtype=float64)
"""

# ruff: noqa: A001, A004, F401 - the standard has the names of some of Python's own functions

import math

from groundup.backends.lists.creation import (
    arange,
    asarray,
    astype,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from groundup.backends.lists.dtypes import BOOL, FLOAT64, INT64, can_cast, finfo, iinfo, isdtype, result_type
from groundup.backends.lists.elementwise import (
    abs,
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_invert,
    bitwise_or,
    bitwise_xor,
    ceil,
    clip,
    copysign,
    cos,
    cosh,
    divide,
    equal,
    exp,
    expm1,
    floor,
    floor_divide,
    greater,
    greater_equal,
    hypot,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    positive,
    pow,
    reciprocal,
    remainder,
    round,
    sign,
    signbit,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    trunc,
    where,
)
from groundup.backends.lists.manipulation import (
    broadcast_arrays,
    broadcast_to,
    concat,
    expand_dims,
    flip,
    matrix_transpose,
    moveaxis,
    permute_dims,
    reshape,
    squeeze,
    stack,
)
from groundup.backends.lists.products import matmul
from groundup.backends.lists.reductions import (
    all,
    any,
    argmax,
    argmin,
    count_nonzero,
    max,
    mean,
    min,
    prod,
    std,
    sum,
    var,
)

bool, int64, float64 = BOOL, INT64, FLOAT64
e, inf, nan, newaxis, pi = math.e, math.inf, math.nan, None, math.pi
