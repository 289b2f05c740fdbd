"""A number that remembers how it was made, and so can say how everything it was made of changes it.

That is the whole of automatic differentiation. Arithmetic on a `Value` does what it does on a float, and notes the
operation and its inputs: a graph of numbers grows. `backward` walks it from the result to the beginnings, and at each
node applies the chain rule: an input's gradient grows by the node's gradient times the derivative of the one
operation between them. The derivatives stand in a table, a line for each operation, and there is nothing else.

>>> from groundup.backends.scalar import Value
>>> a, b = Value(3.0), Value(2.0)
>>> y = a * b + a**2
>>> y.backward()
>>> y.data, a.gradient, b.gradient
(15.0, 8.0, 3.0)

The reverse mode is Linnainmaa's (1970); the form of this page owes to Karpathy's micrograd (2020), and the table of
rules to Johnson's Autodidax (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, cast

from groundup.backends.ieee import divide, exp, log, power, sqrt


class Operation(NamedTuple):
    """What one operation computes from numbers, and its derivative by each of them."""

    compute: Callable[..., float]
    derivatives: Callable[..., tuple[float, ...]]
    """Of the result y and the inputs."""


# fmt: off
OPERATIONS = {
    "+":    Operation(lambda a, b: a + b,             lambda y, a, b: (1.0, 1.0)),
    "-":    Operation(lambda a, b: a - b,             lambda y, a, b: (1.0, -1.0)),
    "*":    Operation(lambda a, b: a * b,             lambda y, a, b: (b, a)),
    "/":    Operation(divide,                         lambda y, a, b: (divide(1.0, b), divide(-y, b))),
    "**":   Operation(power,                          lambda y, a, b: (_by_base(a, b), _by_exponent(y, a, b))),
    "neg":  Operation(lambda a: -a,                   lambda y, a: (-1.0,)),
    "abs":  Operation(abs,                            lambda y, a: (_sign(a),)),
    "exp":  Operation(exp,                            lambda y, a: (y,)),
    "log":  Operation(log,                            lambda y, a: (divide(1.0, a),)),
    "sqrt": Operation(sqrt,                           lambda y, a: (divide(0.5, y),)),
    "tanh": Operation(math.tanh,                      lambda y, a: (1.0 - y * y,)),
    "relu": Operation(lambda a: _largest(0.0, a),     lambda y, a: (1.0 if a > 0 else 0.0,)),
    "max":  Operation(lambda *many: _largest(*many),  lambda y, *many: _at_first(y, many)),
    "sum":  Operation(lambda *many: sum(many),        lambda y, *many: (1.0,) * len(many)),
}
# fmt: on


class Value:
    """A number in a graph of numbers.

    It mixes with plain numbers on either side; those are constants and need no gradient. Comparisons look at the
    number alone, give true or false, and leave no trace in the graph. Where Python would raise an error, results are
    those of IEEE 754: 1 / 0 is infinite, log(-1) is NaN.

    Where a function has no derivative, `backward` takes these: 0 for `relu` and `abs` at 0; of two equal numbers, the
    first is the `maximum`; infinity for `sqrt` and `log` at 0. 0 ** 0 is 1, and its derivatives are 0. By the
    exponent of a negative base, the derivative is NaN.

    Parameters
    ----------
    data : float
        The number.
    name : str
        What `explain` calls it.

    Attributes
    ----------
    gradient : float
        The derivative of what `backward` was called on by this number; see there.
    operation : str
        The key in `OPERATIONS` of what made it; empty for a leaf, a number that was not computed.
    inputs : tuple of Value or float
        What that operation was given.

    Raises
    ------
    TypeError
        If `data` is no number. A Value is none: ``float(value)`` is refused, because whatever was computed from the
        float would silently have no gradient; write ``value.data``.
    """

    __slots__ = ("data", "gradient", "inputs", "name", "operation")

    def __init__(
        self, data: float, name: str = "", operation: str = "", inputs: tuple[Value | float, ...] = ()
    ) -> None:
        self.data = float(data)
        self.gradient = 0.0
        self.name = name
        self.operation = operation
        self.inputs = inputs

    def backward(self) -> None:
        """Find the derivative of this number by every Value that it was made of, and add it to their gradients.

        Leaves add up the gradients of all calls, as PyTorch's do: set ``leaf.gradient = 0.0`` before one that begins
        anew. All other nodes hold the gradient of the newest call alone, so a second call adds the same again to the
        leaves and is never wrong inside. Nothing is freed: the graph lives as long as its result.
        """
        order = computed(self)
        for node in order:
            node.gradient = 0.0
        self.gradient += 1.0
        for node in reversed(order):
            gradient = node.gradient
            for each, derivative in zip(node.inputs, node.derivatives(), strict=True):
                if isinstance(each, Value):
                    each.gradient += gradient * derivative

    def derivatives(self) -> tuple[float, ...]:
        """Return the derivative of this node, one that was computed, by each of its inputs alone."""
        numbers = [each.data if isinstance(each, Value) else each for each in self.inputs]
        return OPERATIONS[self.operation].derivatives(self.data, *numbers)

    def exp(self) -> Value:
        """Return e to the power of this number."""
        return apply("exp", self)

    def log(self) -> Value:
        """Return the natural logarithm: -inf for 0, NaN below."""
        return apply("log", self)

    def sqrt(self) -> Value:
        """Return the square root: NaN for negative numbers."""
        return apply("sqrt", self)

    def tanh(self) -> Value:
        """Return the hyperbolic tangent."""
        return apply("tanh", self)

    def relu(self) -> Value:
        """Return the larger of 0 and this number; the derivative at 0 is 0."""
        return apply("relu", self)

    def __neg__(self) -> Value:
        return apply("neg", self)

    def __abs__(self) -> Value:
        return apply("abs", self)

    def __add__(self, other: Value | float) -> Value:
        return apply("+", self, other)

    def __radd__(self, other: float) -> Value:
        return apply("+", other, self)

    def __sub__(self, other: Value | float) -> Value:
        return apply("-", self, other)

    def __rsub__(self, other: float) -> Value:
        return apply("-", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return apply("*", self, other)

    def __rmul__(self, other: float) -> Value:
        return apply("*", other, self)

    def __truediv__(self, other: Value | float) -> Value:
        return apply("/", self, other)

    def __rtruediv__(self, other: float) -> Value:
        return apply("/", other, self)

    def __pow__(self, other: Value | float) -> Value:
        return apply("**", self, other)

    def __rpow__(self, other: float) -> Value:
        return apply("**", other, self)

    def __eq__(self, other: object) -> bool:  # and so a Value, which can change, is no key of a dict
        return self.data.__eq__(number(other))

    def __lt__(self, other: Value | float) -> bool:
        return self.data.__lt__(number(other))

    def __le__(self, other: Value | float) -> bool:
        return self.data.__le__(number(other))

    def __gt__(self, other: Value | float) -> bool:
        return self.data.__gt__(number(other))

    def __ge__(self, other: Value | float) -> bool:
        return self.data.__ge__(number(other))

    def __bool__(self) -> bool:
        return self.data != 0

    def __repr__(self) -> str:
        named = f", {self.name!r}" if self.name else ""
        return f"Value({self.data!r}{named}, gradient={self.gradient!r})"


def apply(operation: str, *inputs: Value | float) -> Value:
    """Return what `operation` makes of `inputs`, with the memory of it."""
    numbers = []
    for each in inputs:
        if isinstance(each, Value):
            numbers.append(each.data)
        elif isinstance(each, (int, float)):
            numbers.append(each)
        else:
            return NotImplemented  # an operator's answer: perhaps the other operand, an array, knows what to do
    return Value(OPERATIONS[operation].compute(*numbers), "", operation, inputs)


def maximum(*numbers: Value | float) -> Value:
    """Return the largest of one number or more; of equal ones, the first. NaN if one is NaN."""
    return apply("max", *numbers)


def total(terms: Iterable[Value | float]) -> Value:
    """Return the sum of many numbers as one node of the graph, where ``+`` makes a chain of nodes."""
    return apply("sum", *terms)


def computed(result: Value) -> list[Value]:
    """Return every computed Value in the graph of `result`, each once, and after all those that it was made of.

    A topological order, and always the same one: inputs are visited from left to right. The path from the result to
    the node at hand is kept on a list, not on Python's stack, which would overflow after a thousand operations.
    """
    order: list[Value] = []
    seen: set[int] = set()
    path: list[Value | None] = [result] if result.inputs else []
    while path:
        node = path.pop()
        if node is None:  # all inputs of the node below are done
            order.append(cast(Value, path.pop()))
        elif id(node) not in seen:
            seen.add(id(node))
            path += (node, None)
            path += [each for each in reversed(node.inputs) if isinstance(each, Value) and each.inputs]
    return order


def number(value: Any) -> Any:
    """Return a Value's number, and anything else as it is."""
    return value.data if isinstance(value, Value) else value


def _largest(first: float, *others: float) -> float:
    """Return the largest number, of equal ones the first; NaN if there is one."""
    for each in others:
        if each > first or each != each:
            first = each
    return first


def _at_first(y: float, numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Return 1 at the first of `numbers` that is `y`, and 0 elsewhere."""
    first = numbers.index(y) if y in numbers else 0
    return tuple(float(place == first) for place in range(len(numbers)))


def _sign(a: float) -> float:
    return 0.0 if a == 0 else math.copysign(1.0, a)


def _by_base(a: float, b: float) -> float:
    return b * power(a, b - 1.0) if b != 0 else 0.0


def _by_exponent(y: float, a: float, b: float) -> float:
    return 0.0 if a == 0 and b >= 0 else y * log(a)
