"""The array itself: views and their strides, indices, assignment, operators, conversions."""

from __future__ import annotations

import math
import operator
from array import array
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from lists_arrays import arrays, assert_equal, both, strided

from groundup.backends.lists import Array
from groundup.backends.lists import namespace as xp
from groundup.backends.lists.layout import Layout

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy warns where IEEE 754 has a result
OPERATORS = {
    "float64": ["add", "sub", "mul", "truediv", "floordiv", "pow", "lt", "le", "gt", "ge", "eq", "ne"],
    "int64": ["add", "sub", "mul", "and_", "or_", "xor", "lt", "eq"],
    "bool": ["and_", "or_", "xor", "eq", "ne"],
}
CASES = [(name, dtype) for dtype, names in OPERATORS.items() for name in names]


@given(data=st.data())
def test_indices_make_views(data: st.DataObject) -> None:
    values = data.draw(arrays("float64", hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)))
    key = data.draw(hnp.basic_indices(values.shape, allow_newaxis=True))
    for x in both(values):
        assert_equal(x[key], values[key])
        assert x[key].values is x.values


@given(data=st.data())
def test_views_of_views(data: st.DataObject) -> None:
    values = data.draw(arrays("float64", hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6)))
    x = xp.asarray(values)
    for _ in range(3):
        key = data.draw(hnp.basic_indices(values.shape, allow_newaxis=True, max_dims=4))
        values, x = np.asarray(values[key]), x[key]
        axes = data.draw(st.permutations(range(values.ndim)))
        values, x = values.transpose(axes), xp.permute_dims(x, axes)
        assert_equal(x, values)


@given(data=st.data())
def test_assignment(data: st.DataObject) -> None:
    values = data.draw(arrays("float64", hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)))
    key = data.draw(hnp.basic_indices(values.shape, allow_newaxis=True))
    shape = np.asarray(values[key]).shape
    smaller = tuple(data.draw(st.sampled_from([1, size])) for size in shape)[data.draw(st.integers(0, len(shape))) :]
    new = data.draw(st.floats(-9, 9) | arrays("float64", smaller))
    for x in both(values):
        expected = values.copy()
        expected[key] = new
        x[key] = strided(new) if isinstance(new, np.ndarray) else new
        assert_equal(x, expected)


def test_views_share_their_numbers() -> None:
    x = xp.reshape(xp.arange(12.0), (3, 4))
    same = [x.T, x[1:, ::-2], x[2], xp.reshape(x, (2, 6)), xp.flip(x), xp.expand_dims(x), xp.broadcast_to(x, (2, 3, 4))]
    for view in same:
        assert view.values is x.values
    column = x[:, 1]
    x[1, 1] = 50.0
    assert float(column[1]) == 50.0
    column += 1
    assert x.tolist() == [[0.0, 2.0, 2.0, 3.0], [4.0, 51.0, 6.0, 7.0], [8.0, 10.0, 10.0, 11.0]]
    x[:] = 0
    assert column.tolist() == [0.0, 0.0, 0.0]


def test_copies_share_nothing() -> None:
    x = xp.asarray([[1.0, 2.0], [3.0, 4.0]])
    copies = [xp.asarray(x, copy=True), xp.astype(x, xp.float64), +x, x + 0, xp.reshape(x, (4,), copy=True)]
    copies += [xp.reshape(x.T, (4,)), xp.asarray(np.asarray(x)), xp.concat([x]), xp.clip(x)]
    x[...] = 0
    assert all(float(copy[(0,) * copy.ndim]) == 1 for copy in copies)
    assert xp.asarray(x) is x
    assert xp.astype(x, xp.float64, copy=False) is x
    copies[0][...] = 9
    assert float(xp.sum(x)) == 0


@given(values=arrays("float64", (4, 4), st.floats(-9, 9)))
def test_assignment_from_itself(values: np.ndarray) -> None:
    turns = [lambda x: x.T, lambda x: x[::-1], lambda x: x[:, ::-1], lambda x: x[::-1, ::-1].T, lambda x: x]
    for turn in turns:
        for x in both(values):
            turn(x)[...] = x
            assert_equal(turn(x), values)
    for x in both(values):
        x[1:] = x[:-1]
        assert_equal(x, values[[0, 0, 1, 2]])


def test_strides_are_what_the_module_says() -> None:
    x = xp.reshape(xp.arange(6), (2, 3))
    assert x.strides == (3, 1)
    assert x.T.strides == (1, 3)
    assert x[:, ::-1].strides == (3, -1)
    assert x[:, ::-1].layout.offset == 2
    assert xp.broadcast_to(x, (4, 2, 3)).strides == (0, 3, 1)
    assert xp.expand_dims(x, axis=1).strides == (3, 0, 1)


def test_whole_arrays_are_one_run() -> None:
    """Joined axes make copies and sums fast: a lost join is a loss of speed that no other test would see."""
    assert Layout.row_major((2, 3, 4)).runs() == ([0], 24, 1)
    assert Layout((2, 3), (-3, -1), 5).runs() == ([5], 6, -1)
    assert Layout((3, 2), (1, 3)).runs() == ([0, 1, 2], 2, 3)
    assert Layout((4, 3), (0, 1)).runs() == ([0] * 4, 3, 1)
    assert Layout((4, 1, 3), (3, 7, 1)).runs() == ([0], 12, 1)
    assert Layout((), ()).runs() == ([0], 1, 1)


@pytest.mark.parametrize(("name", "dtype"), CASES)
@settings(max_examples=25)
@given(data=st.data())
def test_operators(name: str, dtype: str, data: st.DataObject) -> None:
    function = getattr(operator, name)
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    finite = st.floats(-4, 4) if name == "pow" else None  # NumPy takes x ** 0.5 for a square root, wrong at -inf
    a, b = (data.draw(arrays(dtype, shape, finite)) for shape in shapes)
    number = b.reshape(-1)[0].item()
    ours, theirs = strided(a), strict.asarray(a)
    assert_equal(function(ours, strided(b)), function(theirs, strict.asarray(b)), 1e-14)
    assert_equal(function(ours, number), function(theirs, number), 1e-14)
    assert_equal(function(number, ours), function(number, theirs), 1e-14)


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv", "ifloordiv", "ipow"])
@settings(max_examples=25)
@given(data=st.data())
def test_operators_in_place(name: str, data: st.DataObject) -> None:
    function = getattr(operator, name)
    a = data.draw(arrays("float64", (2, 3)))
    b = data.draw(arrays("float64", st.sampled_from([(), (3,), (2, 1), (2, 3)])))
    for x in both(a):
        whole = x.values
        assert function(x, strided(b)) is x
        assert x.values is whole
        assert_equal(x, function(a.copy(), b), 1e-14)
        assert function(x, 2.0) is x


def test_operators_of_one() -> None:
    values = np.array([[1.5, -2.0, 0.0]])
    for function in (operator.neg, operator.pos, abs):
        assert_equal(function(strided(values)), function(values))
    assert_equal(~strided(values > 0), ~(values > 0))
    assert_equal(~xp.asarray([5, -1]), ~np.array([5, -1]))
    remainder = xp.asarray([7, -7]) % 3
    assert_equal(remainder, np.array([7, -7]) % 3)
    remainder %= 2
    assert_equal(remainder, np.array([1, 0]))


def test_numbers_of_numpy_on_the_left() -> None:
    product = np.float64(2.0) * xp.asarray([1.0, 2.0])
    assert isinstance(product, Array)
    assert_equal(product, np.array([2.0, 4.0]))


def test_attributes() -> None:
    x = xp.zeros((2, 3, 4))
    assert (x.ndim, x.size, x.shape, x.device, x.dtype) == (3, 24, (2, 3, 4), "cpu", xp.float64)
    assert len(x) == 2
    assert [row.shape for row in x] == [(3, 4), (3, 4)]
    assert x.__array_namespace__() is xp
    assert x[0].T.shape == (4, 3)
    assert x.mT.shape == (2, 4, 3)
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)


def test_one_number() -> None:
    x = xp.asarray([[1.0, 2.5], [0.0, 3.0]])
    assert float(x[0, 1]) == 2.5
    assert int(x[0, 1]) == 2
    assert bool(x[0, 0])
    assert not x[1, 0]
    assert [10, 20, 30][xp.asarray([2, 1])[1]] == 20
    assert math.isnan(float(xp.asarray(math.nan)))
    assert x[1, 1].tolist() == 3.0
    assert x.T.tolist() == [[1.0, 0.0], [2.5, 3.0]]
    assert xp.zeros((2, 0)).tolist() == [[], []]


def test_repr() -> None:
    assert repr(xp.asarray([[1, 2], [3, 4]]).T) == "Array([[1, 3], [2, 4]], dtype=int64)"
    assert repr(xp.asarray(True)) == "Array(True, dtype=bool)"
    assert repr(xp.zeros((40, 30))) == "Array(shape=(40, 30), dtype=float64)"


@pytest.mark.parametrize("given", [
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2],
    np.array([[True, False]]),
    np.array(3.5),
    np.arange(3, dtype=np.int16),
    np.zeros((2, 0)),
])  # fmt: skip
def test_from_buffers_and_to_numpy(given: np.ndarray) -> None:
    wide = {"u": "int64", "i": "int64", "f": "float64", "b": "bool"}[given.dtype.kind]
    assert_equal(xp.asarray(given), given.astype(wide))
    assert_equal(xp.asarray(given, dtype=xp.float64), given.astype("float64"))
    if given.size and given.flags.c_contiguous:
        assert_equal(xp.asarray(memoryview(given)), given.astype(wide))


def test_from_python() -> None:
    assert_equal(xp.asarray([[1, 2.5], (3, True and 4)]), np.array([[1, 2.5], [3, 4]]))
    assert_equal(xp.asarray([]), np.array([]))
    assert_equal(xp.asarray([[], []]), np.zeros((2, 0)))
    assert_equal(xp.asarray(7), np.array(7))
    assert_equal(xp.asarray([True, False]), np.array([True, False]))
    assert_equal(xp.asarray(array("d", [1.0, 2.0])), np.array([1.0, 2.0]))
    assert_equal(xp.asarray(b"\x01\xff"), np.array([1, 255]))
    with pytest.raises(TypeError, match="bool and int64 do not mix"):
        xp.asarray([True, 2])


X = xp.reshape(xp.arange(6.0), (2, 3))
REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "row": (lambda: X[2], IndexError, "index 2 is out of range for axis 0 of size 2"),
    "column": (lambda: X[0, -4], IndexError, "index -4 is out of range for axis 1 of size 3"),
    "many": (lambda: X[0, 0, 0], IndexError, "3 indices for an array of 2 axes"),
    "dots": (lambda: X[..., ...], IndexError, "more than one Ellipsis"),
    "float": (lambda: X[1.0], TypeError, "an index is an integer, a slice, Ellipsis or None, not float"),
    "list": (lambda: X[[0, 1]], TypeError, "not list; to choose elements by a condition, use where"),
    "mask": (lambda: X[X > 1], TypeError, "use where"),
    "bool": (lambda: X[True], TypeError, "not bool"),
    "one bool": (lambda: X[X[0, 0] > 1], TypeError, "use where"),
    "assigned shape": (lambda: X.__setitem__(0, xp.zeros(4)), ValueError, r"shape \(4,\) does not broadcast to \(3,\)"),
    "assigned type": (lambda: xp.asarray([1]).__setitem__(0, 0.5), TypeError, "an array of int64 cannot take 0.5"),
    "assigned bool": (lambda: X.__setitem__(0, xp.asarray(True)), TypeError, "bool and float64 do not mix"),
    "broadcast": (
        lambda: xp.broadcast_to(X, (2, 2, 3)).__setitem__(0, 1.0),
        ValueError,
        "several of its elements are one",
    ),
    "grown": (lambda: operator.iadd(X[0], X), ValueError, r"shape \(2, 3\) does not broadcast to \(3,\)"),
    "float of many": (
        lambda: float(X),
        TypeError,
        r"only an array without axes is one number, not one of shape \(2, 3",
    ),
    "length": (lambda: len(X[0, 0]), TypeError, "an array without axes has no length"),
    "index": (lambda: [1][X[0, 0]], TypeError, "an index is an integer, not float64"),
    "T": (lambda: X[0].T, ValueError, r"T is for two axes, not for shape \(3,\)"),
    "mT": (lambda: X[0].mT, ValueError, "mT is for two axes or more"),
    "operand": (lambda: X + "1", TypeError, "unsupported operand"),
    "array": (lambda: X @ [1.0], TypeError, "unsupported operand"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors_say_what_is_wrong(name: str) -> None:
    call, error, because = REFUSED[name]
    with pytest.raises(error, match=because):
        call()
    assert X.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
