"""`Value`: every derivative against central differences and PyTorch; sharing, order, repetition and freeing."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from groundup.backends.scalar import Value
from groundup.backends.scalar.value import OPERATIONS, computed, maximum, total

UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": lambda a: -a,
    "abs": abs,
    "exp": lambda a: a.exp(),
    "log": lambda a: a.log(),
    "sqrt": lambda a: a.sqrt(),
    "tanh": lambda a: a.tanh(),
    "relu": lambda a: a.relu(),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}
EVERY: dict[str, Callable[..., Any]] = {**UNARY, **BINARY, "max": maximum, "sum": lambda a, b: total([a, b])}
SPECIAL = [-3.0, -2.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 3.0, math.inf, -math.inf, math.nan]
ORDINARY = [0.3, 0.7, 1.9]


def arguments(name: str, numbers: list[float]) -> list[tuple[float, ...]]:
    return list(itertools.product(numbers, repeat=1 if name in UNARY else 2))


def gradients(result: Any, inputs: list[Any]) -> list[float]:
    result.backward()
    return [each.gradient for each in inputs]


def test_every_operation_is_here() -> None:
    assert EVERY.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", EVERY)
def test_central_differences(name: str) -> None:
    for numbers in arguments(name, [*ORDINARY, -1.3] if name not in ("log", "sqrt", "**") else ORDINARY):
        if name == "max" and numbers[0] == numbers[1]:
            continue
        inputs = [Value(each) for each in numbers]
        found = gradients(EVERY[name](*inputs), inputs)
        for place, gradient in enumerate(found):
            step = 1e-6
            above, below = (
                EVERY[name](*[Value(each + sign * step * (i == place)) for i, each in enumerate(numbers)]).data
                for sign in (1, -1)
            )
            assert gradient == pytest.approx((above - below) / (2 * step), rel=1e-7, abs=1e-9), (name, numbers)


@pytest.mark.parametrize("name", [each for each in EVERY if each not in ("max", "sum")])
def test_pytorch_and_ieee_754(name: str, torch: Any) -> None:
    for numbers in arguments(name, SPECIAL + ORDINARY):
        ours = [Value(each) for each in numbers]
        theirs = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in numbers]
        y, their_y = EVERY[name](*ours), EVERY[name](*theirs)
        y.backward()
        their_y.backward()
        np.testing.assert_allclose(y.data, their_y.item(), rtol=1e-15, err_msg=f"{name} {numbers}")
        if all(map(math.isfinite, numbers)):
            found, expected = [each.gradient for each in ours], [each.grad.item() for each in theirs]
            np.testing.assert_allclose(found, expected, rtol=1e-14, err_msg=f"derivatives of {name} {numbers}")


@pytest.mark.parametrize("name", BINARY)
def test_plain_numbers_on_either_side(name: str) -> None:
    operation = BINARY[name]
    for a, b in arguments(name, ORDINARY):
        both = [Value(a), Value(b)]
        expected = gradients(operation(*both), both)
        left, right = Value(a), Value(b)
        y, z = operation(left, b), operation(a, right)
        assert y.data == z.data == operation(*both).data
        y.backward()
        z.backward()
        assert [left.gradient, right.gradient] == expected
        assert y.inputs == (left, b)
        assert z.inputs[0] == a
        assert type(z.inputs[0]) is float


def test_integers_and_numpy_numbers_are_numbers() -> None:
    x = Value(3)
    assert (2 * x).data == (x * 2).data == (np.float64(2) * x).data == (x * np.float64(2)).data == 6.0
    assert type(x.data) is float
    assert isinstance(np.float64(2) * x, Value)


@pytest.mark.parametrize("numbers", arguments("max", SPECIAL), ids=str)
def test_maximum(numbers: tuple[float, float]) -> None:
    a, b = map(Value, numbers)
    y = maximum(a, b)
    np.testing.assert_array_equal(y.data, np.maximum(*numbers))  # equal, whatever the sign of a zero
    y.backward()
    if not math.isnan(y.data):
        assert (a.gradient, b.gradient) == ((0.0, 1.0) if numbers[1] > numbers[0] else (1.0, 0.0))


def test_the_largest_of_many() -> None:
    numbers = [Value(each) for each in (1.0, 3.0, 2.0, 3.0)]
    y = maximum(*numbers, 2.5)
    y.backward()
    assert (y.data, len(y.inputs)) == (3.0, 5)
    assert [each.gradient for each in numbers] == [0.0, 1.0, 0.0, 0.0]
    assert maximum(Value(2.0)).data == 2.0


def test_where_there_is_no_derivative() -> None:
    """What the docstring promises."""
    for make, number, expected in [
        (Value.relu, 0.0, 0.0),
        (abs, 0.0, 0.0),
        (Value.sqrt, 0.0, math.inf),
        (Value.log, 0.0, math.inf),
        (lambda x: maximum(0.0, x), 0.0, 0.0),
        (lambda x: maximum(x, 0.0), 0.0, 1.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: 0.0**x, 0.0, 0.0),
        (lambda x: x**0.5, 0.0, math.inf),
        (lambda x: x**3, -2.0, 12.0),
        (lambda x: (-2.0) ** x, 2.0, math.nan),
    ]:
        x = Value(number)
        make(x).backward()
        np.testing.assert_equal(x.gradient, expected)
    assert (Value(0.0) ** Value(0.0)).data == 1.0
    assert math.isnan(((-8.0) ** Value(1 / 3)).data)
    assert Value(0.0).log().data == -math.inf
    assert Value(1000.0).exp().data == math.inf


def test_powers_beyond_the_range_are_infinite() -> None:
    for numbers in [(-10.0, 401.0), (-10.0, 400.0), (10.0, 400.0), (0.0, -1.0), (-0.0, -1.0), (-0.0, -2.0)]:
        with np.errstate(all="ignore"):
            assert (Value(numbers[0]) ** numbers[1]).data == np.power(*numbers)


# --- Comparisons and refusals --------------------------------------------------------------------------------------


def test_comparisons_are_those_of_the_numbers() -> None:
    for a, b in itertools.product(SPECIAL, repeat=2):
        for left, right in ((Value(a), Value(b)), (Value(a), b), (a, Value(b))):
            assert (left < right) is (a < b)
            assert (left <= right) is (a <= b)
            assert (left > right) is (a > b)
            assert (left >= right) is (a >= b)
            assert (left == right) is (a == b)
            assert (left != right) is (a != b)
    assert Value(2.0)
    assert not Value(0.0)
    assert Value(2.0) != "2"


def test_what_is_refused() -> None:
    x = Value(2.0)
    for wrong in (lambda: x + "1", lambda: "1" * x, lambda: x**None, lambda: x < "1"):
        with pytest.raises(TypeError):
            wrong()  # type: ignore[no-untyped-call]  # that the operands are wrong is the point
    with pytest.raises(TypeError, match="float"):
        float(x)  # type: ignore[arg-type]  # as above
    with pytest.raises(TypeError, match="must be real number"):
        math.exp(x)  # type: ignore[arg-type]  # as above
    with pytest.raises(TypeError, match="unhashable"):
        {x: 1}  # noqa: B018 - hashing it is the test
    with pytest.raises(AttributeError):
        x.grad = 1.0  # type: ignore[attr-defined]  # a misspelt attribute is found at once


def test_arrays_may_take_over() -> None:
    class Anything:
        def __radd__(self, other: Any) -> str:
            return "mine"

    assert Value(1.0) + Anything() == "mine"  # type: ignore[operator]  # any class that knows Values


def test_how_it_is_shown() -> None:
    x = Value(0.5, "x")
    (x * 3).backward()
    assert repr(x) == "Value(0.5, 'x', gradient=3.0)"
    assert repr(Value(2)) == "Value(2.0, gradient=0.0)"


# --- Graphs --------------------------------------------------------------------------------------------------------


def test_gradients_add_up_over_shared_nodes() -> None:
    x = Value(3.0)
    shared = x * x  # 9
    y = shared * shared + shared - x * 2  # x⁴ + x² - 2x
    y.backward()
    assert x.gradient == 4 * 27 + 2 * 3 - 2
    assert shared.gradient == 2 * 9 + 1


def test_the_same_number_twice_in_one_operation() -> None:
    for name, expected in {"+": 2.0, "-": 0.0, "*": 6.0, "/": 0.0, "max": 1.0, "sum": 2.0}.items():
        x = Value(3.0)
        EVERY[name](x, x).backward()
        assert x.gradient == pytest.approx(expected), name


def test_shared_nodes_are_visited_once() -> None:
    """A backward that walks every path would take 2**1000 steps here."""
    x = y = Value(1.0)
    for _ in range(1000):
        y = y + y
    y.backward()
    assert x.gradient == 2.0**1000
    assert len(computed(y)) == 1000


def test_a_sum_of_many_is_one_node() -> None:
    terms = [Value(float(i)) for i in range(784)]
    y = total([*terms, 0.5])
    assert y.data == sum(range(784)) + 0.5
    assert computed(y) == [y]
    y.backward()
    assert {each.gradient for each in terms} == {1.0}
    assert total([]).data == 0.0


def test_the_order_is_from_left_to_right() -> None:
    a, b = Value(2.0), Value(3.0)
    product, power = a * b, b**2
    y = (power + product) - product / power
    assert [node.operation for node in computed(y)] == ["**", "*", "+", "/", "-"]
    assert computed(y)[:2] == [power, product]
    assert computed(a) == []


@given(st.data())
def test_every_node_comes_after_its_inputs(data: st.DataObject) -> None:
    nodes = [Value(1.0), Value(2.0)]
    for _ in range(data.draw(st.integers(1, 30))):
        picked = data.draw(st.lists(st.integers(0, len(nodes) - 1), min_size=1, max_size=4))
        nodes.append(total([nodes[i] for i in picked]))
    order = computed(nodes[-1])
    places = {id(node): place for place, node in enumerate(order)}
    assert len(places) == len(order)
    assert order[-1] is nodes[-1]
    for node in order:
        for each in node.inputs:
            assert isinstance(each, Value)
            assert not each.inputs or places[id(each)] < places[id(node)]


@given(st.data())
def test_random_graphs_against_pytorch(torch: Any, data: st.DataObject) -> None:
    number = st.floats(0.1, 2.0).map(lambda each: round(each, 3)) | st.floats(-2.0, -0.1).map(
        lambda each: round(each, 3)
    )
    ours: list[Any] = [Value(each) for each in data.draw(st.lists(number, min_size=1, max_size=4))]
    theirs = [torch.tensor(each.data, dtype=torch.float64, requires_grad=True) for each in ours]
    leaves = len(ours)
    for _ in range(data.draw(st.integers(1, 25))):
        name = data.draw(st.sampled_from(sorted(EVERY)))
        count = 1 if name in UNARY else 2
        picked = [data.draw(st.integers(0, len(ours) - 1)) for _ in range(count)]
        mine, other = [ours[i] for i in picked], [theirs[i] for i in picked]
        if count == 2 and name not in ("max", "sum") and data.draw(st.booleans()):
            place, constant = data.draw(st.integers(0, 1)), data.draw(number)
            mine[place] = other[place] = constant
        numbers = [each.data if isinstance(each, Value) else each for each in mine]
        assume(_is_smooth(name, numbers) or (name == "max" and picked[0] == picked[1]))
        ours.append(EVERY[name](*mine))
        theirs.append({"max": torch.maximum, "sum": torch.add}.get(name, EVERY[name])(*other))
        assume(abs(ours[-1].data) < 100)
    ours[-1].backward()
    theirs[-1].backward()
    steps = [abs(node.gradient * each) for node in computed(ours[-1]) for each in node.derivatives()]
    assume(max(steps, default=1.0) < 1e4)
    bound = 1e-12 * max(1.0, *steps)
    for mine, other in zip(ours[:leaves], theirs[:leaves], strict=True):
        expected = 0.0 if other.grad is None else other.grad.item()
        assert mine.gradient == pytest.approx(expected, rel=1e-12, abs=bound)


def _is_smooth(name: str, numbers: list[float]) -> bool:
    """Say whether the operation is smooth where `numbers` are, so that one rounding error changes little."""
    far = 0.05
    match name:
        case "log" | "sqrt":
            return numbers[0] > far
        case "relu" | "abs":
            return abs(numbers[0]) > far
        case "/":
            return abs(numbers[1]) > far
        case "max":
            return abs(numbers[0] - numbers[1]) > far
        case "**":
            return numbers[0] > far
        case _:
            return True


# --- Repetition ----------------------------------------------------------------------------------------------------


def test_leaves_add_up_and_the_rest_is_new() -> None:
    x = Value(3.0)
    inside = x * x
    y = inside * 2
    for times in (1, 2, 3):
        y.backward()
        assert (y.gradient, inside.gradient, x.gradient) == (1.0, 2.0, 12.0 * times)
    x.gradient = 0.0
    y.backward()
    assert x.gradient == 12.0


def test_two_results_of_one_graph() -> None:
    x = Value(3.0)
    inside = x * x
    first, second = inside * 2, inside + x
    first.backward()
    second.backward()
    assert x.gradient == 12.0 + 7.0
    assert inside.gradient == 1.0


def test_repetition_as_pytorch(torch: Any) -> None:
    ours, theirs = Value(0.7), torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    results = []
    for x in (ours, theirs):
        inside = x.tanh() * x
        results.append((inside * inside, inside + x))
    for order in ([0, 0], [1], [0, 1, 0]):
        for which in order:
            results[0][which].backward()
            results[1][which].backward(retain_graph=True)
        assert ours.gradient == pytest.approx(theirs.grad.item(), rel=1e-14)


def test_backward_of_a_leaf() -> None:
    x = Value(3.0)
    x.backward()
    x.backward()
    assert x.gradient == 2.0


def test_an_unrelated_number_has_no_gradient() -> None:
    x, y = Value(1.0), Value(2.0)
    (x * 2).backward()
    assert y.gradient == 0.0


MILLION = """
import sys, threading
from groundup.backends.scalar import Value

def run():
    x = y = Value(1.0)
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    print(y.data, x.gradient)
    del y
    print("freed")

sys.setrecursionlimit(100)
threading.stack_size(256 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


def test_a_chain_of_a_million_nodes() -> None:
    """On a stack of 256 KiB: neither the walk nor the freeing of a long chain may recurse."""
    finished = subprocess.run([sys.executable, "-c", MILLION], capture_output=True, text=True, check=False)
    assert finished.stderr == ""
    assert finished.stdout.split() == ["1000001.0", "1.0", "freed"]
    assert finished.returncode == 0
