"""Ball arithmetic: arrays that know how far a computation of the same numbers, with its roundings, may be from them.

A `Ball` is a float64 array with a radius for every element. Each operation adds up its own roundings, as
`groundup.verify.tolerances` counts them, and what it inherits from its operands: for z = x · y the radius is
|x|·ry + |y|·rx + rx·ry + u·|z|. The layers are written in the terms of the array API standard and run on balls
unchanged, so the tolerance of every number of a network is *derived*, by the same text that computes the number.

Derived: all arithmetic, sums and products (length of the reduction times u times Σ|a·b|, in any order of summation),
elementwise functions (by their slope within the ball), maxima, the rounding of operands to bfloat16. Where a ball lies
across a kink (a ReLU's input around 0, two pixels of a pool that are equal but for rounding) both sides are possible,
and the radius reaches to the other.

Not derived: other formulas for the same thing. Whoever computes a variance as E[x²] - E[x]² makes other errors than
E[(x - E[x])²], and is told so. Nor a sum that the layers write as several, one after another, and somebody as one.

Source: W. Tucker, "Validated Numerics", 2011; N. Higham, 2002, section 3.3 (running error analysis).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.verify.tolerances import (
    ARITHMETIC,
    BFLOAT16_ROUNDOFF,
    DIVISION,
    FUNCTION,
    OWN_ROUNDING,
    SMALLEST_NORMAL_BFLOAT16,
    Floats,
    Rounding,
)

Axis = int | tuple[int, ...] | None

BFLOAT16_BITS = 8
"""The significant bits of a bfloat16 number; float32 has 24."""

BFLOAT16_LAST_PLACE = -133
"""The exponent of the smallest bfloat16 number; below 2⁻¹²⁶ all of them lie 2⁻¹³³ apart."""


def bfloat16(x: Floats) -> Floats:
    """Return the nearest bfloat16 number of each, ties to even."""
    _, exponent = np.frexp(x)
    place = np.maximum(exponent - BFLOAT16_BITS, BFLOAT16_LAST_PLACE)
    rounded: Floats = np.ldexp(np.rint(np.ldexp(x, -place)), place)
    return rounded


class Ball:
    """An array of numbers with their radii; what the layers use of an array, and no more.

    Parameters
    ----------
    value : ndarray of float64
        The numbers.
    radius : ndarray of float64
        How far another computation may be from each; broadcast to the shape of `value`.
    rounding : Rounding
        What each operation adds.
    """

    __array_ufunc__ = None  # a NumPy number on the left leaves the operation to us
    __hash__ = None  # type: ignore[assignment]  # == compares element by element

    def __init__(self, value: Any, radius: Any, rounding: Rounding) -> None:
        self.value: Floats = np.asarray(value, dtype=np.float64)
        self.radius: Floats = np.broadcast_to(np.asarray(radius, dtype=np.float64), self.value.shape)
        self.rounding = rounding

    def __array_namespace__(self) -> BallNamespace:
        return BallNamespace(self.rounding)

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each axis."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self.value.size

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """Of the numbers: always float64."""
        return self.value.dtype

    @property
    def T(self) -> Ball:  # noqa: N802 - the standard's name
        """The transpose of a matrix."""
        return self.moved(np.transpose)

    def moved(self, move: Callable[[Any], Any]) -> Ball:
        """Return the ball whose numbers are moved about: nothing is computed."""
        return Ball(move(self.value), move(self.radius), self.rounding)

    def other(self, operand: Any) -> Ball:
        """Return an operand, a ball or a plain number, as a ball."""
        if isinstance(operand, Ball):
            return operand
        return Ball(operand, self.rounding.of_constant(float(operand)), self.rounding)

    def rounded(self, value: Floats, inherited: Any, roundings: int = ARITHMETIC) -> Ball:
        """Return the result of one operation with what it inherits from its operands.

        The other computation rounds its own result, which may be larger than ours by what it inherited.
        """
        return Ball(value, inherited + self.rounding.of(np.abs(value) + inherited, roundings), self.rounding)

    def as_operand(self) -> Ball:
        """Return what a matrix product makes of this array: in mixed precision, its numbers rounded to bfloat16.

        A larger number is never rounded to a smaller one. So what lies between c - r and c + r is rounded to something
        between what these two are rounded to: mostly to one and the same, and then nothing is uncertain any more. Nor
        can any two such numbers be further from each other than they were, and the rounding of each.
        """
        if not self.rounding.bfloat16_products:
            return self
        reach = self.radius * (1 + OWN_ROUNDING)
        least, largest = bfloat16(self.value - reach), bfloat16(self.value + reach)
        flushed = (least < SMALLEST_NORMAL_BFLOAT16) & (largest > -SMALLEST_NORMAL_BFLOAT16)  # possibly, to 0
        least = np.where(flushed, np.minimum(least, 0), least)
        largest = np.where(flushed, np.maximum(largest, 0), largest)
        apart = reach + 2 * (BFLOAT16_ROUNDOFF * (np.abs(self.value) + reach) + SMALLEST_NORMAL_BFLOAT16)
        return Ball(bfloat16(self.value), np.minimum(largest - least, apart), self.rounding)

    def __add__(self, operand: Any) -> Ball:
        y = self.other(operand)
        return self.rounded(self.value + y.value, self.radius + y.radius)

    def __sub__(self, operand: Any) -> Ball:
        y = self.other(operand)
        return self.rounded(self.value - y.value, self.radius + y.radius)

    def __mul__(self, operand: Any) -> Ball:
        y = self.other(operand)
        inherited = np.abs(self.value) * y.radius + (np.abs(y.value) + y.radius) * self.radius
        return self.rounded(self.value * y.value, inherited)

    def __truediv__(self, operand: Any) -> Ball:
        y = self.other(operand)
        quotient = self.value / y.value
        nearest = np.maximum(np.abs(y.value) - y.radius, 0)  # to zero: then nothing is known, and the radius infinite
        return self.rounded(quotient, (self.radius + np.abs(quotient) * y.radius) / nearest, DIVISION)

    def __matmul__(self, operand: Ball) -> Ball:
        x, y = self.as_operand(), operand.as_operand()
        magnitudes = np.abs(x.value) @ np.abs(y.value)
        inherited = np.abs(x.value) @ y.radius + x.radius @ (np.abs(y.value) + y.radius)
        own = self.rounding.of(magnitudes + inherited, x.shape[-1])
        return Ball(x.value @ y.value, inherited + own, self.rounding)

    def __pow__(self, exponent: int) -> Ball:
        assert exponent == 2, "the layers square and do nothing else"
        return self * self

    def __neg__(self) -> Ball:
        return Ball(-self.value, self.radius, self.rounding)

    def __radd__(self, number: float) -> Ball:
        return self + number

    def __rsub__(self, number: float) -> Ball:
        return self.other(number) - self

    def __rmul__(self, number: float) -> Ball:
        return self * number

    def __rtruediv__(self, number: float) -> Ball:
        return self.other(number) / self

    def __gt__(self, operand: Any) -> Condition:
        y = self.other(operand)
        difference, reach = self.value - y.value, self.radius + y.radius
        # At a distance of exactly 0 without any error, or of the whole reach, nothing is uncertain: 0 > 0 is false.
        return Condition(difference > 0, np.abs(difference) < reach)

    def __eq__(self, operand: object) -> Condition:  # type: ignore[override]  # element by element
        y = self.other(operand)
        difference, reach = self.value - y.value, self.radius + y.radius
        same = (difference == 0) & (self.radius == y.radius)  # one number, compared with itself: see `maximum`
        return Condition(difference == 0, (np.abs(difference) <= reach) & ~same)

    def __getitem__(self, key: Any) -> Ball:
        return Ball(self.value[key], self.radius[key], self.rounding)

    def __setitem__(self, key: Any, value: Ball) -> None:
        self.value[key] = value.value
        if not self.radius.flags.writeable:
            self.radius = self.radius.copy()
        self.radius[key] = value.radius


@dataclass(frozen=True, eq=False)
class Condition:
    """The outcome of a comparison of balls.

    Parameters
    ----------
    holds : ndarray of bool
        Whether it holds between their centres.
    uncertain : ndarray of bool
        Whether another computation may find the opposite.
    """

    holds: NDArray[np.bool_]
    uncertain: NDArray[np.bool_]

    def __and__(self, other: Condition) -> Condition:
        possible = (self.holds | self.uncertain) & (other.holds | other.uncertain)
        return Condition(self.holds & other.holds, possible & (self.uncertain | other.uncertain))

    def __invert__(self) -> Condition:
        return Condition(~self.holds, self.uncertain)


class BallNamespace:
    """The functions of the array API standard that layers, losses and optimizers call, on balls."""

    def __init__(self, rounding: Rounding) -> None:
        self._rounding = rounding

    def zeros(self, shape: Sequence[int], *, dtype: Any = None) -> Ball:
        """Return exact zeros."""
        return Ball(np.zeros(shape), 0.0, self._rounding)

    def ones_like(self, x: Ball) -> Ball:
        """Return exact ones."""
        return Ball(np.ones(x.shape), 0.0, self._rounding)

    def astype(self, x: Condition, dtype: Any) -> Ball:
        """Return 1 where a condition holds and 0 elsewhere; where it is uncertain, either is possible."""
        return Ball(x.holds.astype(np.float64), x.uncertain.astype(np.float64), self._rounding)

    def reshape(self, x: Ball, shape: Sequence[int]) -> Ball:
        """Return the same numbers in another shape."""
        return x.moved(lambda array: np.reshape(array, shape))

    def permute_dims(self, x: Ball, axes: tuple[int, ...]) -> Ball:
        """Return the same numbers with the axes in another order."""
        return x.moved(lambda array: np.permute_dims(array, axes))

    def expand_dims(self, x: Ball, *, axis: int) -> Ball:
        """Return the same numbers with one more axis."""
        return x.moved(lambda array: np.expand_dims(array, axis))

    def broadcast_to(self, x: Ball, shape: Sequence[int]) -> Ball:
        """Return the same numbers, repeated."""
        return x.moved(lambda array: np.broadcast_to(array, shape))

    def stack(self, balls: Sequence[Ball], *, axis: int) -> Ball:
        """Return several balls along a new axis."""
        values, radii = ([each.value for each in balls], [each.radius for each in balls])
        return Ball(np.stack(values, axis=axis), np.stack(radii, axis=axis), self._rounding)

    def abs(self, x: Ball) -> Ball:
        """Return magnitudes, which rounding never touches."""
        return Ball(np.abs(x.value), x.radius, self._rounding)

    def exp(self, x: Ball) -> Ball:
        """Return exponentials; the curve is steeper above."""
        value = np.exp(x.value)
        return self._function(value, value * np.expm1(x.radius))

    def log(self, x: Ball) -> Ball:
        """Return natural logarithms; the curve is steeper below, and unknown where the ball reaches 0."""
        return self._function(np.log(x.value), -np.log1p(-np.minimum(x.radius / x.value, 1.0)))

    def tanh(self, x: Ball) -> Ball:
        """Return hyperbolic tangents; the curve is steepest nearest 0."""
        nearest = np.maximum(np.abs(x.value) - x.radius, 0)
        return self._function(np.tanh(x.value), x.radius * (1 - np.tanh(nearest) ** 2))

    def sqrt(self, x: Ball) -> Ball:
        """Return square roots; nobody takes the root of a negative number.

        The curve is steeper below, but a ball that reaches below 0 may reach further above.
        """
        root = np.sqrt(x.value)
        below = root - np.sqrt(np.maximum(x.value - x.radius, 0))
        return self._function(root, np.maximum(below, np.sqrt(x.value + x.radius) - root))

    def maximum(self, x: Ball, y: Ball) -> Ball:
        """Return the larger of each two numbers.

        Where either may be the larger, the radius is made larger by the least possible, so that the result equals
        neither of the two for certain (`Ball.__eq__`).
        """
        value = np.maximum(x.value, y.value)
        above = np.maximum(x.radius - (value - x.value), y.radius - (value - y.value))
        below = np.minimum(x.radius + (value - x.value), y.radius + (value - y.value))
        radius = np.maximum(above, below)
        same = (x.value == y.value) & (x.radius == y.radius)
        contested = (np.abs(x.value - y.value) <= x.radius + y.radius) & ~same
        return Ball(value, np.where(contested, np.nextafter(radius, np.inf), radius), self._rounding)

    def max(self, x: Ball, *, axis: int, keepdims: bool = False) -> Ball:
        """Return the largest number along an axis."""
        value = np.max(x.value, axis=axis, keepdims=True)
        above = np.max(x.radius - (value - x.value), axis=axis, keepdims=True)
        below = np.min(x.radius + (value - x.value), axis=axis, keepdims=True)
        largest = Ball(value, np.maximum(above, below), self._rounding)
        return largest if keepdims else largest.moved(lambda array: np.squeeze(array, axis))

    def sum(self, x: Ball, *, axis: Axis = None, keepdims: bool = False) -> Ball:
        """Return sums, added in any order."""
        value = np.sum(x.value, axis=axis, keepdims=keepdims)
        magnitudes = np.sum(np.abs(x.value), axis=axis, keepdims=keepdims)
        length = x.size // max(value.size, 1)
        inherited = np.sum(x.radius, axis=axis, keepdims=keepdims)
        return Ball(value, inherited + self._rounding.of(magnitudes + inherited, length), self._rounding)

    def mean(self, x: Ball, *, axis: Axis = None, keepdims: bool = False) -> Ball:
        """Return means: sums, divided."""
        total = self.sum(x, axis=axis, keepdims=keepdims)
        return total / (x.size / max(total.size, 1))

    def where(self, condition: Condition, x: Any, y: Any) -> Ball:
        """Return `x` where the condition holds and `y` elsewhere; where that is uncertain, with both in the radius."""
        one = Ball(0.0, 0.0, self._rounding)
        x, y = one.other(x), one.other(y)
        value = np.where(condition.holds, x.value, y.value)
        radius = np.where(condition.holds, x.radius, y.radius)
        apart = np.where(condition.holds, y.radius, x.radius) + np.abs(x.value - y.value)
        return Ball(value, np.where(condition.uncertain, np.maximum(radius, apart), radius), self._rounding)

    def _function(self, value: Floats, inherited: Floats) -> Ball:
        return Ball(value, inherited + self._rounding.of(np.abs(value) + inherited, FUNCTION), self._rounding)


def clipped(gradients: Mapping[str, Ball], maximum: float) -> dict[str, Ball]:
    """Return what `groundup.optimizers.clip_norm` makes of gradients, where the norm, too, is known but for rounding.

    The scale is the smaller of 1 and maximum / norm, so that no decision is left to chance at a norm near `maximum`.
    """
    xp = next(iter(gradients.values())).__array_namespace__()
    squares = [xp.sum(gradient * gradient) for gradient in gradients.values()]
    norm = xp.sqrt(xp.sum(xp.stack(squares, axis=0)))
    scale = -xp.maximum(-(maximum / (norm + 1e-6)), -xp.ones_like(norm))
    return {name: gradient * scale for name, gradient in gradients.items()}
