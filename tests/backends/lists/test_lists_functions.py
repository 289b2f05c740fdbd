"""Every function of the namespace against array-api-strict and NumPy, on random shapes, strides and values."""

from __future__ import annotations

import itertools
import math
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from lists_arrays import arrays, assert_equal, both, strided

from groundup.backends.lists import namespace as xp

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy warns where IEEE 754 has a result
FEW = settings(max_examples=15)
FLOAT, INTEGER, BOOLEAN = "float64", "int64", "bool"
ULPS = 1e-14  # of functions that the standard does not ask to be exactly rounded


def of(dtypes: tuple[str, ...], names: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(names.split(), dtypes)


NUMBERS, WHOLE, ANY = (FLOAT, INTEGER), (INTEGER, BOOLEAN), (FLOAT, INTEGER, BOOLEAN)
UNARY = {
    **of((FLOAT,), "acos acosh asin asinh atan atanh cos cosh exp expm1 log log1p log2 log10 sin sinh sqrt tan tanh"),
    **of((FLOAT,), "reciprocal signbit"),
    **of(NUMBERS, "abs negative positive square sign ceil floor round trunc isfinite isinf isnan"),
    **of(WHOLE, "bitwise_invert"),
    **of((BOOLEAN,), "logical_not"),
}
BINARY = {
    **of((FLOAT,), "divide atan2 copysign hypot"),
    **of(NUMBERS, "add subtract multiply pow floor_divide remainder maximum minimum"),
    **of(NUMBERS, "less less_equal greater greater_equal"),
    **of(ANY, "equal not_equal"),
    **of(WHOLE, "bitwise_and bitwise_or bitwise_xor"),
    **of((BOOLEAN,), "logical_and logical_or logical_xor"),
}
SUMS = {**of(NUMBERS, "sum prod"), **of((FLOAT,), "mean var std")}
EXTREMES = of(NUMBERS, "max min argmax argmin")
COUNTS = of(ANY, "all any count_nonzero")


def cases(functions: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(name, dtype) for name, dtypes in functions.items() for dtype in dtypes]


def theirs(name: str, *operands: Any, **options: Any) -> list[Any]:
    """Return what array-api-strict and NumPy give."""
    return [np.asarray(getattr(library, name)(*map(library.asarray, operands), **options)) for library in (strict, np)]


@pytest.mark.parametrize(("name", "dtype"), cases(UNARY))
@FEW
@given(data=st.data())
def test_functions_of_one_array(name: str, dtype: str, data: st.DataObject) -> None:
    values = data.draw(arrays(dtype))
    for expected in theirs(name, values):
        for x in both(values):
            assert_equal(getattr(xp, name)(x), expected, ULPS)


@pytest.mark.parametrize(("name", "dtype"), cases(BINARY))
@FEW
@given(data=st.data())
def test_functions_of_two_arrays_broadcast(name: str, dtype: str, data: st.DataObject) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=4, min_side=0)).input_shapes
    a, b = (data.draw(arrays(dtype, shape)) for shape in shapes)
    if dtype == INTEGER and name in ("floor_divide", "remainder"):
        b[b == 0] = 5
    if dtype == INTEGER and name == "pow":
        b = np.abs(b)
    for expected in theirs(name, a, b):
        for x, y in itertools.product(both(a), both(b)):
            assert_equal(getattr(xp, name)(x, y), _floored(name, a, b, expected), ULPS)


def _floored(name: str, a: np.ndarray, b: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return `expected`, but for quotients too large for a remainder, where NumPy itself varies, what Python has."""
    if name == "remainder" and a.dtype == np.float64:
        exact = np.vectorize(lambda x, y: math.nan if not y or math.isinf(x) else x % y, otypes=[float])
        return exact(*np.broadcast_arrays(a, b)) if expected.size else expected
    return expected


@pytest.mark.parametrize(("name", "dtype"), cases(SUMS | EXTREMES | COUNTS))
@FEW
@given(data=st.data())
def test_reductions(name: str, dtype: str, data: st.DataObject) -> None:
    sums_of_floats = name in SUMS and dtype == FLOAT  # 1e308 and inf have tests of their own
    small = st.floats(-8, 8, width=16) if sums_of_floats else st.integers(-1, 2) if name == "prod" else None
    sides = hnp.array_shapes(min_dims=0, max_dims=3, min_side=int(name in EXTREMES), max_side=4)
    values = data.draw(arrays(dtype, sides, small))
    single = st.none() | st.integers(-values.ndim, values.ndim - 1) if values.ndim else st.none()
    axes = hnp.valid_tuple_axes(values.ndim)
    axis = data.draw(single if name.startswith("arg") else single | axes)
    keepdims = data.draw(st.booleans())
    for expected in theirs(name, values, axis=axis, keepdims=keepdims):
        for x in both(values):
            found = getattr(xp, name)(x, axis=axis, keepdims=keepdims)
            assert found.shape == expected.shape
            np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12, atol=1e-12)
            assert str(found.dtype) == str(expected.dtype)


def test_sums_of_what_is_too_large_or_infinite() -> None:
    inf = math.inf
    for row in ([1e308, 1e308, -1e308], [inf, 1.0], [inf, -inf], [inf, math.nan], [-1e308, -1e308]):
        for expected in theirs("sum", np.array(row)):
            assert_equal(xp.sum(xp.asarray(row)), expected)
    assert float(xp.sum(xp.asarray([0.1] * 10))) == 1.0  # rounded once
    assert float(xp.sum(xp.asarray([1e16, 1.0, -1e16]))) == 1.0


def test_corrections_of_the_variance() -> None:
    values = np.array([[1.0, 4.0, 2.0], [0.0, 8.0, 8.0]])
    for name, correction in itertools.product(("var", "std"), (0, 1, 0.5, 2)):
        for expected in theirs(name, values, axis=1, correction=correction):
            assert_equal(getattr(xp, name)(xp.asarray(values), axis=1, correction=correction), expected, ULPS)


@pytest.mark.parametrize("name", EXTREMES)
def test_there_is_no_extreme_of_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=rf"no {name} of no elements: shape \(2, 0\), axis 1"):
        getattr(xp, name)(xp.zeros((2, 0)), axis=1)
    assert getattr(xp, name)(xp.zeros((0, 2)), axis=1).shape == (0,)


@given(data=st.data())
def test_where_and_clip(data: st.DataObject) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=4, min_side=0)).input_shapes
    condition = data.draw(arrays(BOOLEAN, shapes[0]))
    a, b = (data.draw(arrays(FLOAT, shape)) for shape in shapes[1:])
    for expected in theirs("where", condition, a, b):
        for view in (xp.asarray, strided):
            assert_equal(xp.where(view(condition), view(a), view(b)), expected)
    for low, high in ((-1.0, 2.0), (None, 0.5), (0.0, None), (None, None)):
        for library in (strict, np):
            assert_equal(xp.clip(strided(a), low, high), library.clip(library.asarray(a), low, high))


@given(data=st.data())
def test_matmul_of_any_shapes(data: st.DataObject) -> None:
    shapes = data.draw(
        hnp.mutually_broadcastable_shapes(signature="(n,k),(k,m)->(n,m)", max_dims=2, min_side=0, max_side=5)
    ).input_shapes
    shapes = (shapes[0][-1:] if data.draw(st.booleans()) else shapes[0], shapes[1])
    shapes = (shapes[0], shapes[1][-2:-1] if data.draw(st.booleans()) else shapes[1])
    dtype = data.draw(st.sampled_from([FLOAT, INTEGER]))
    numbers = st.sampled_from([0.0, 0.0, 0.5, -2.0, 3.0]) if dtype == FLOAT else None
    a, b = (data.draw(arrays(dtype, shape, numbers)) for shape in shapes)
    for expected in theirs("matmul", a, b):
        for x, y in itertools.product(both(a), both(b)):
            assert_equal(xp.matmul(x, y), expected)
            assert_equal(x @ y, expected)


@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 40), st.integers(1, 9)),
    zeros=st.sampled_from([0, 0.5, 0.9]),
    seed=st.integers(0, 99),
)
def test_matmul_is_as_exact_as_float64(sizes: tuple[int, int, int], zeros: float, seed: int) -> None:
    n, k, m = sizes
    generator = np.random.default_rng(seed)
    a, b = generator.normal(size=(n, k)), generator.normal(size=(k, m))
    (a if seed % 2 else b)[generator.random((n, k) if seed % 2 else (k, m)) < zeros] = 0
    bound = k * np.finfo(float).eps * (np.abs(a) @ np.abs(b))
    for x, y in itertools.product(both(a), both(b)):
        assert np.all(np.abs(np.asarray(x @ y) - a @ b) <= bound)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_zero_does_not_hide_infinity_or_nan(value: float, swapped: bool) -> None:
    many_zeros, broken = np.eye(5), np.ones((5, 5))
    broken[2, 3] = value
    a, b = (broken, many_zeros) if swapped else (many_zeros, broken)
    assert_equal(xp.asarray(a) @ xp.asarray(b), a @ b)


@given(data=st.data())
def test_shape_and_order(data: st.DataObject) -> None:
    values = data.draw(arrays(FLOAT, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3)))
    axes = data.draw(st.permutations(range(values.ndim)))
    axis = data.draw(st.integers(-values.ndim, values.ndim - 1))
    shape = data.draw(st.sampled_from([(-1,), values.shape[::-1], (*values.shape, 1), (1, values.size)]))
    shape = values.shape if not values.size and -1 in shape else shape
    calls: list[tuple[str, Any, dict[str, Any]]] = [
        ("permute_dims", (tuple(axes),), {}),
        ("moveaxis", (axis, axes[0]), {}),
        ("reshape", (shape,), {}),
        ("reshape", (shape,), {"copy": True}),
        ("expand_dims", (), {"axis": axis}),
        ("flip", (), {"axis": axis}),
        ("flip", (), {}),
    ]
    for x in both(values):
        for name, arguments, options in calls:
            for library in (strict, np):
                expected = getattr(library, name)(library.asarray(values), *arguments, **options)
                assert_equal(getattr(xp, name)(x, *arguments, **options), expected)
        assert_equal(xp.squeeze(xp.expand_dims(x, axis=axis), axis=axis), values)
        if values.ndim > 1:
            assert_equal(xp.matrix_transpose(x), np.matrix_transpose(values))
            assert_equal(x.mT, strict.asarray(values).mT)


@given(data=st.data())
def test_joining(data: st.DataObject) -> None:
    values = data.draw(arrays(FLOAT, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3)))
    axis = data.draw(st.integers(-values.ndim, values.ndim - 1))
    for library in (strict, np):
        three, ours = [library.asarray(values)] * 3, [xp.asarray(values), strided(values), xp.asarray(values)]
        assert_equal(xp.concat(ours, axis=axis), library.concat(three, axis=axis))
        assert_equal(xp.concat(ours, axis=None), library.concat(three, axis=None))
        assert_equal(xp.stack(ours, axis=axis), library.stack(three, axis=axis))
        assert_equal(xp.stack(ours, axis=values.ndim), library.stack(three, axis=values.ndim))


@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3, min_side=0))
def test_broadcasting(shapes: Any) -> None:
    values = [np.arange(math.prod(shape), dtype=np.float64).reshape(shape) for shape in shapes.input_shapes]
    for library in (strict, np):
        expected = library.broadcast_arrays(*map(library.asarray, values))
        for view in (xp.asarray, strided):
            for ours, each in zip(xp.broadcast_arrays(*map(view, values)), expected, strict=True):
                assert_equal(ours, each)
            assert_equal(xp.broadcast_to(view(values[0]), shapes.result_shape), expected[0])


@given(
    start=st.integers(-9, 9),
    stop=st.integers(-9, 9),
    step=st.integers(-4, 4).filter(bool),
    part=st.sampled_from([1, 0.5, 0.1]),
)
def test_ranges(start: int, stop: int, step: int, part: float) -> None:
    for library in (strict, np):
        numbers = xp.arange(start * part, stop, step * part)
        np.testing.assert_allclose(
            np.asarray(numbers), library.arange(start * part, stop, step * part), atol=1e-14, strict=True
        )
        assert_equal(xp.arange(stop), library.arange(stop))
        for endpoint in (True, False):
            expected = library.linspace(start, stop * part, abs(step), endpoint=endpoint)
            np.testing.assert_allclose(
                np.asarray(xp.linspace(start, stop * part, abs(step), endpoint=endpoint)), expected, atol=1e-14
            )
        assert_equal(xp.eye(abs(start), abs(stop), k=step), library.eye(abs(start), abs(stop), k=step))
        assert_equal(xp.eye(abs(step)), library.eye(abs(step)))


@pytest.mark.parametrize("library", [strict, np])
def test_filled(library: Any) -> None:
    x = xp.asarray([[1, 2, 3]])
    theirs = library.asarray([[1, 2, 3]])
    assert_equal(xp.zeros_like(x), library.zeros_like(theirs))
    assert_equal(xp.ones_like(x), library.ones_like(theirs))
    for name in ("zeros", "ones"):
        for shape in ((), 3, (2, 0), (2, 3)):
            assert_equal(getattr(xp, name)(shape), getattr(library, name)(shape))
            assert_equal(getattr(xp, name)(shape, dtype=xp.int64), getattr(library, name)(shape, dtype=library.int64))
    for value in (2.5, 7, True):
        assert_equal(xp.full((2, 2), value), library.full((2, 2), value))
    assert_equal(xp.full_like(x, 4), library.full_like(theirs, 4))
    assert xp.empty((2, 3)).shape == (2, 3)
    assert xp.empty_like(x).dtype is xp.int64


@given(values=arrays(FLOAT, numbers=st.floats(-1e6, 1e6)))
def test_types_become_other_types(values: np.ndarray) -> None:
    for x in both(values):
        for dtype in ("float64", "int64", "bool"):
            assert_equal(xp.astype(x, getattr(xp, dtype)), values.astype(dtype))
            assert_equal(xp.astype(xp.astype(x, xp.bool), getattr(xp, dtype)), values.astype(bool).astype(dtype))


def test_how_types_mix() -> None:
    kinds = ("bool", "integral", "signed integer", "unsigned integer", "real floating", "complex floating", "numeric")
    for name in ("bool", "int64", "float64"):
        ours, theirs = getattr(xp, name), getattr(np, name)
        for kind in kinds:
            assert xp.isdtype(ours, kind) == np.isdtype(theirs, kind)
        assert xp.isdtype(ours, ("bool", xp.int64)) == np.isdtype(theirs, ("bool", np.int64))
    assert xp.result_type(xp.int64, xp.float64) is xp.float64
    assert xp.result_type(xp.asarray(1), 2) is xp.int64
    assert xp.result_type(xp.asarray([1]), 2.5) is xp.float64
    assert xp.can_cast(xp.int64, xp.float64)
    assert xp.can_cast(xp.asarray(1.0), xp.float64)
    assert not xp.can_cast(xp.float64, xp.int64)
    assert_equal(xp.maximum(xp.asarray([1, 5]), 2.5), np.array([2.5, 5.0]))
    assert_equal(xp.asarray([1, 2]) / xp.asarray([2, 0]), np.array([0.5, np.inf]))
    assert_equal(xp.mean(xp.asarray([1, 2])), np.float64(1.5))


def test_limits() -> None:
    ours, theirs = xp.finfo(xp.float64), np.finfo(np.float64)
    for name in ("bits", "eps", "max", "min", "smallest_normal"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.dtype is xp.finfo(xp.zeros(1)).dtype is xp.float64
    integers = xp.iinfo(xp.int64)
    assert (integers.bits, integers.min, integers.max) == (64, np.iinfo(np.int64).min, np.iinfo(np.int64).max)


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "add": (lambda: xp.add(xp.zeros(3), xp.zeros((2, 4))), ValueError, r"\(3,\) and \(2, 4\) do not broadcast"),
    "bools": (lambda: xp.asarray([True]) + True, TypeError, "add takes int64 or float64, not bool"),
    "mixed": (lambda: xp.asarray([True]) * 2.0, TypeError, "bool and float64 do not mix: say which with astype"),
    "text": (lambda: xp.add(xp.zeros(3), "1"), TypeError, "str is neither an array of this kind nor a number"),
    "foreign": (lambda: xp.add(xp.zeros(3), np.zeros(3)), TypeError, "ndarray is neither an array of this kind"),
    "where": (lambda: xp.where(xp.ones(2), 1.0, 2.0), TypeError, "takes a condition of bool, not float64"),
    "pow": (lambda: xp.asarray([2]) ** -1, ValueError, "an integer to a negative power is no integer"),
    "whole": (lambda: xp.asarray([2]) // 0, ZeroDivisionError, "zero"),
    "inner": (lambda: xp.zeros((2, 3)) @ xp.zeros((2, 3)), ValueError, r"shapes \(2, 3\) and \(2, 3\) do not fit"),
    "0-d": (lambda: xp.zeros(()) @ xp.zeros((2, 3)), ValueError, r"shapes \(\) and \(2, 3\) do not fit"),
    "stack of": (lambda: xp.zeros((2, 1, 1)) @ xp.zeros((3, 1, 1)), ValueError, "do not broadcast"),
    "matmul bools": (lambda: xp.asarray([True]) @ xp.asarray([True]), TypeError, "matmul takes two arrays of int64"),
    "matmul number": (lambda: xp.matmul(xp.zeros(1), 2.0), TypeError, "matmul takes two arrays"),
    "sum": (lambda: xp.sum(xp.asarray([True])), TypeError, "sum takes int64 or float64, not bool"),
    "axis": (lambda: xp.sum(xp.zeros(3), axis=1), IndexError, "axis 1 is out of range for an array of 1 axes"),
    "axes": (lambda: xp.sum(xp.zeros((2, 3)), axis=(0, -2)), ValueError, "name an axis twice"),
    "reshape": (lambda: xp.reshape(xp.zeros((2, 3)), (4, -1)), ValueError, r"6 elements .* do not fit .*\(4, -1\)"),
    "view": (lambda: xp.reshape(xp.zeros((2, 3)).T, (6,), copy=False), ValueError, "reshaped without a copy"),
    "permute": (lambda: xp.permute_dims(xp.zeros((2, 3)), (0,)), ValueError, "must name each of the 2 axes once"),
    "move": (lambda: xp.moveaxis(xp.zeros((2, 3)), (0, 1), 0), ValueError, "2 axes cannot move to 1 places"),
    "squeeze": (lambda: xp.squeeze(xp.zeros((2, 3)), axis=0), ValueError, "only axes of size 1"),
    "broadcast": (lambda: xp.broadcast_to(xp.zeros(3), (2, 4)), ValueError, r"\(3,\) does not broadcast to \(2, 4\)"),
    "concat": (lambda: xp.concat([xp.zeros((2, 3)), xp.zeros((2, 4))]), ValueError, "differ elsewhere than on axis 0"),
    "stack": (lambda: xp.stack([xp.zeros(2), xp.zeros(3)]), ValueError, r"shapes \(2,\) and \(3,\) differ"),
    "negative": (lambda: xp.zeros((2, -1)), ValueError, "negative size"),
    "ragged": (lambda: xp.asarray([[1, 2], [3]]), ValueError, "lists of 1 and 2 elements side by side"),
    "uneven": (lambda: xp.asarray([[1], 2]), TypeError, "an array holds numbers, not list"),
    "words": (lambda: xp.asarray(["1"]), TypeError, "an array holds numbers, not str"),
    "object": (lambda: xp.asarray(object()), TypeError, "object cannot become an array: give numbers in lists"),
    "buffer": (lambda: xp.asarray(np.zeros(2, ">f4")), TypeError, "a buffer of type '>f' cannot become an array"),
    "copy": (lambda: xp.asarray([1.0], copy=False), ValueError, "without a copy"),
    "cast": (lambda: xp.asarray(xp.zeros(1), dtype=xp.int64, copy=False), ValueError, "without a copy"),
    "NaN": (lambda: xp.astype(xp.asarray([math.nan]), xp.int64), ValueError, "NaN"),
    "kind": (lambda: xp.isdtype(xp.int64, "real"), ValueError, "'real' is no kind of types; there are bool"),
    "finfo": (lambda: xp.finfo(xp.int64), TypeError, "limits of float64, not of int64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors_say_what_is_wrong(name: str) -> None:
    call, error, because = REFUSED[name]
    with pytest.raises(error, match=because):
        call()


def test_every_function_is_tested() -> None:
    """Each one that the namespace has is in a table above, or called by name in this file."""
    tested = UNARY | BINARY | SUMS | EXTREMES | COUNTS
    with open(__file__, encoding="utf-8") as file:
        text = file.read()
    functions = [name for name, each in vars(xp).items() if callable(each) and not name.startswith("_")]
    assert len(functions) > 90
    assert [
        name for name in functions if name not in tested and f"xp.{name}" not in text and f'"{name}"' not in text
    ] == []
