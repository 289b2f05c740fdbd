"""Arrays of `lists` beside the same ones of NumPy: shared by the tests of that backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from groundup.backends.lists import Array
from groundup.backends.lists import namespace as xp

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-310, 1e308, -1e308, np.inf, -np.inf, np.nan]
NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "float64": st.sampled_from(SPECIAL) | st.floats(-100, 100) | st.integers(-4, 4).map(float),
    "int64": st.integers(-9, 9),
    "bool": st.booleans(),
}


def arrays(dtype: str, shape: Any = None, numbers: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """Return a strategy for NumPy arrays: 0 to 3 axes, sizes 0 to 4, NaN and infinities among the floats."""
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4) if shape is None else shape
    return hnp.arrays(dtype, shapes, elements=NUMBERS[dtype] if numbers is None else numbers)


def strided(values: np.ndarray, backwards: bool = True) -> Array:
    """Return `values` as a view with gaps, its axes in the opposite order in memory and read backwards."""
    roomy = xp.full([2 * size + 1 for size in reversed(values.shape)], 1, dtype=getattr(xp, str(values.dtype)))
    turned = xp.permute_dims(roomy, range(values.ndim)[::-1])
    view = turned[tuple(slice(1, 2 * size + 1, 2) for size in values.shape)]
    view = xp.flip(view) if backwards else view
    view[...] = xp.asarray(values)
    return view


def both(values: np.ndarray) -> list[Array]:
    """Return `values` in order in memory, and as a strided view."""
    return [xp.asarray(values), strided(values)]


def assert_equal(ours: Any, theirs: Any, tolerance: float = 0.0) -> None:
    """Fail unless both have the same shape, type and numbers; NaN equals NaN."""
    theirs = np.asarray(theirs)
    assert isinstance(ours, Array)
    assert str(ours.dtype) == str(theirs.dtype)
    assert all(type(value) is ours.dtype.python for value in ours.elements())
    found = np.asarray(ours)
    assert found.shape == ours.shape == theirs.shape
    np.testing.assert_allclose(found, theirs, rtol=tolerance, atol=tolerance * 1e-300, equal_nan=True, strict=True)
