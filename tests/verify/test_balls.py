"""Ball arithmetic against float32 and float64 themselves, and against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.verify.balls import Ball, clipped
from groundup.verify.tolerances import Rounding

SINGLE = Rounding.between("float32")
XP = Ball(0.0, 0.0, SINGLE).__array_namespace__()
UNARY: dict[str, Any] = {
    "exp": lambda xp, x: xp.exp(x),
    "tanh": lambda xp, x: xp.tanh(x),
    "log": lambda xp, x: xp.log(xp.abs(x) + 0.125),
    "sqrt": lambda xp, x: xp.sqrt(xp.abs(x)),
    "abs": lambda xp, x: xp.abs(x),
    "neg": lambda xp, x: -x,
    "square": lambda xp, x: x**2,
    "sum": lambda xp, x: xp.sum(x, axis=1),
    "sum of all": lambda xp, x: xp.sum(x),
    "mean": lambda xp, x: xp.mean(x, axis=0, keepdims=True),
    "max": lambda xp, x: xp.max(x, axis=1),
    "max kept": lambda xp, x: xp.max(x, axis=1, keepdims=True),
    "constant": lambda xp, x: 0.1 * x + 1 / 3,
    "reciprocal": lambda xp, x: 1 / (xp.abs(x) + 0.5),
    "from the right": lambda xp, x: 2 - x,
    "choice": lambda xp, x: xp.where(x > 0.5, x, 0.3 * x),
    "mask": lambda xp, x: xp.astype(x > 0, x.dtype) * x,
}
BINARY: dict[str, Any] = {
    "add": lambda xp, x, y: x + y,
    "subtract": lambda xp, x, y: x - y,
    "multiply": lambda xp, x, y: x * y,
    "divide": lambda xp, x, y: x / (y * y + 1),
    "matmul": lambda xp, x, y: x @ y.T,
    "maximum": lambda xp, x, y: xp.maximum(x, y),
    "stack": lambda xp, x, y: xp.stack([x, y], axis=1),
    "softmax": lambda xp, x, y: xp.exp(x - xp.max(x, axis=1, keepdims=True)) * y,
}


def numbers(seed: int, scale: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, (5, 7))


def near(x: np.ndarray, seed: int) -> tuple[Ball, np.ndarray]:
    """A ball, and float32 numbers somewhere within it."""
    radius = np.abs(x) * 1e-5
    moved = x + radius * 0.99 * np.random.default_rng(seed).uniform(-1, 1, x.shape)
    return Ball(x, radius + np.abs(x) * 2.0**-24, SINGLE), moved.astype(np.float32)


def assert_inside(ball: Ball, other: Any) -> None:
    assert ball.shape == np.shape(other)
    assert np.all(np.abs(ball.value - np.asarray(other, np.float64)) <= ball.radius)


@pytest.mark.parametrize("name", UNARY)
@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-6, 0.1, 1.0, 20.0]))
def test_functions_of_one_array(name: str, seed: int, scale: float) -> None:
    ball, single = near(numbers(seed, scale), seed)
    result = UNARY[name](XP, ball)
    assert_inside(result, UNARY[name](np, single))
    assert_inside(result, UNARY[name](np, ball.value))
    assert np.all(np.isfinite(result.radius))


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-6, 0.1, 1.0, 20.0]))
def test_functions_of_two_arrays(name: str, seed: int, scale: float) -> None:
    x, a = near(numbers(seed, scale), seed)
    y, b = near(numbers(seed + 1, 1.0), seed + 1)
    assert_inside(BINARY[name](XP, x, y), BINARY[name](np, a, b))


def test_a_dot_product_has_the_textbook_bound() -> None:
    x, y = numbers(1, 1.0), numbers(2, 1.0)
    bound = 7 * (2.0**-24 + 2.0**-53) * (np.abs(x) @ np.abs(y).T)
    assert np.allclose((Ball(x, 0, SINGLE) @ Ball(y, 0, SINGLE).T).radius, bound, rtol=1e-12)


def test_the_bound_holds_for_the_exact_result() -> None:
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(1, 500)).astype(np.float32), generator.normal(size=(500, 1)).astype(np.float32)
    ball = Ball(x, 0, SINGLE) @ Ball(y, 0, SINGLE)
    exact = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x[0], y[:, 0], strict=True))
    running = np.float32(0)
    for a, b in zip(x[0], y[:, 0], strict=True):
        running += a * b
    for found in (float(exact), float(running), float((x @ y)[0, 0])):
        assert abs(found - ball.value[0, 0]) <= ball.radius[0, 0]


def test_zero_times_anything_is_exact() -> None:
    zero, x = Ball(np.zeros(3), 0, SINGLE), Ball([1.0, 2.0, 3.0], 0, SINGLE)
    for result in (zero * x, zero @ x, zero + zero, XP.maximum(zero, -x), XP.exp(zero) - 1):
        assert not result.value.any()
    assert not (zero * x).radius.any()
    assert not XP.maximum(zero, -x).radius.any()  # a dead ReLU is dead for everyone
    assert not np.any((zero > 0).uncertain)


def test_a_kink_within_the_radius_reaches_to_the_other_side() -> None:
    x = Ball([-1e-9, 1e-9, 0.5], [1e-8, 1e-8, 1e-8], SINGLE)
    slope = XP.astype(x > 0, x.dtype)
    assert slope.value.tolist() == [0, 1, 1]
    assert slope.radius.tolist() == [1, 1, 0]
    either = XP.where(x > 0, Ball([5.0, 5.0, 5.0], 0, SINGLE), Ball([2.0, 2.0, 2.0], 0, SINGLE))
    assert either.radius.tolist() == [3, 3, 0]


def test_the_first_of_a_pools_ties() -> None:
    a, b = Ball([1.0, 1.0, 3.0], [0, 1e-9, 1e-9], SINGLE), Ball([1.0, 1.0 + 1e-10, 2.0], [0, 1e-9, 1e-9], SINGLE)
    largest = XP.maximum(a, b)
    first, second = a == largest, b == largest
    assert first.uncertain.tolist() == [False, True, False]
    assert second.uncertain.tolist() == [False, True, False]
    later = second & ~first
    assert (later.holds | later.uncertain).tolist() == [False, True, False]


def test_nothing_is_known_about_a_quotient_by_zero() -> None:
    with np.errstate(all="ignore"):
        assert (1.0 / Ball([1e-9], [1e-8], SINGLE)).radius == np.inf
        assert XP.log(Ball([1e-9], [1e-8], SINGLE)).radius == np.inf


@pytest.mark.parametrize("value", [0.0, 1e-40, 1e-30, 1e-8, 0.5])
@pytest.mark.parametrize("radius", [0.0, 1e-32, 1e-9, 0.3])
def test_roots_near_zero(value: float, radius: float) -> None:
    root = XP.sqrt(Ball([value], [radius], SINGLE))
    for other in (max(value - radius, 0.0), value + radius):
        assert abs(np.sqrt(other) - root.value[0]) <= root.radius[0]


def test_a_quotient_may_be_a_product_with_the_reciprocal() -> None:
    x, y = np.random.default_rng(1).uniform(1, 2, (2, 10_000)).astype(np.float32)
    assert np.any(x / y != x * (1 / y))
    for quotient in (x / y, x * (1 / y)):
        assert_inside(Ball(x, 0, SINGLE) / Ball(y, 0, SINGLE), quotient)


def test_numbers_that_may_be_flushed_to_zero() -> None:
    tiny = Ball([1e-40, 1e-39], 0, SINGLE)
    for result in (
        tiny * 0.5,
        tiny + tiny,
        tiny @ Ball([1.0, 1.0], 0, SINGLE),
        XP.sum(tiny),
        tiny * Ball(4.0, 0, SINGLE),
    ):
        assert np.all(result.radius >= np.abs(result.value))


def test_constants_that_float32_holds_are_exact() -> None:
    assert SINGLE.of_constant(0.5) == 0
    assert SINGLE.of_constant(0.1) > 0


@pytest.mark.parametrize("maximum", [0.1, 1e3])
def test_clipping(maximum: float) -> None:
    x, single = near(numbers(1, 1.0), 1)
    norm = np.float32(np.sqrt(np.sum(single * single)))
    expected = single * np.minimum(np.float32(maximum) / (norm + np.float32(1e-6)), np.float32(1))
    assert_inside(clipped({"a": x}, maximum)["a"], expected)
