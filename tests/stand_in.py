"""Programs as a compiler to fast code would make them, right ones and wrong ones, for the tests that tell them apart.

They run the layers on NumPy in float32, do what hardware does to the operands of matrix products, and may leave out
what a compiler fuses away. Nothing here is shared with the reference's own rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from groundup import backends
from groundup.backends.array import ArrayProgram, StandardArray, StandardNamespace

Change = Callable[[Any], Any]
Product = Callable[[Any, Any], Any]
SMALLEST_NORMAL = np.float32(2.0**-126)


def flushed(x: Any) -> Any:
    """Subnormal numbers become zero, as in a thread that is told so."""
    return np.where(np.abs(x) < SMALLEST_NORMAL, np.float32(0), x)


def nearest(x: Any) -> Any:
    """To bfloat16 as the processor does it: half of the last place is added, and ties made even, in the bits."""
    bits = np.ascontiguousarray(flushed(x), np.float32).view(np.uint32)
    bits = bits + (0x7FFF + ((bits >> 16) & 1))
    return (bits & np.uint32(0xFFFF0000)).view(np.float32)


def truncated(x: Any) -> Any:
    """The upper half of the bits, and no rounding."""
    return (np.ascontiguousarray(x, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def in_lanes(x: Any, y: Any) -> Any:
    """A product that adds every sixteenth number by itself, backwards, and flushes what is subnormal."""
    lanes = [x[:, lane::16][:, ::-1] @ y[lane::16][::-1] for lane in range(min(16, x.shape[1]))]
    return flushed(np.sum(lanes[::-1], axis=0, dtype=np.float32))


def one_by_one(x: Any, y: Any, rounded: Change = lambda total: total) -> Any:
    """A product that adds one number after another, and does something to the sum each time."""
    total = np.zeros((x.shape[0], y.shape[1]), np.float32)
    for place in range(x.shape[1]):
        total = rounded(total + x[:, place : place + 1] * y[place : place + 1])
    return total


RIGHT: dict[str, Product] = {
    "matmul": lambda x, y: nearest(x) @ nearest(y),
    "in lanes": lambda x, y: in_lanes(nearest(x), nearest(y)),
    "one by one": lambda x, y: one_by_one(nearest(x), nearest(y)),
    "in float64": lambda x, y: (nearest(x).astype(np.float64) @ nearest(y)).astype(np.float32),
}
WRONG: dict[str, Product] = {
    "truncated": lambda x, y: truncated(x) @ truncated(y),
    "only the left rounded": lambda x, y: nearest(x) @ y,
    "only the right rounded": lambda x, y: x @ nearest(y),
    "not rounded at all": lambda x, y: x @ y,
    "float16": lambda x, y: x.astype(np.float16).astype(np.float32) @ y.astype(np.float16).astype(np.float32),
    "accumulated in bfloat16": lambda x, y: one_by_one(nearest(x), nearest(y), nearest),
    "the result rounded, too": lambda x, y: nearest(nearest(x) @ nearest(y)),
    "the first product left out": lambda x, y: in_lanes(nearest(x)[:, 1:], nearest(y)[1:]),
}


class Products(StandardNamespace):
    """NumPy with matrix products of its own, if `StandardArray` asks it for them: see `registered`."""

    def __init__(self, product: Product) -> None:
        super().__init__(np)
        self.product = product

    def matmul(self, x: StandardArray, y: StandardArray) -> StandardArray:
        return StandardArray(self.product(x.bare, y.bare), self)


class LeavesOut(ArrayProgram):
    """An interpreter, but for the names that it does not trace."""

    left_out: tuple[str, ...] = ()

    def trace(self, pixels: Any, labels: Any, learning_rate: float) -> dict[str, Any]:
        values = super().trace(pixels, labels, learning_rate)
        return {name: value for name, value in values.items() if name not in self.left_out}


class Compiled:
    """A program that is no interpreter, and shows less of what it does."""

    def __init__(self, program: LeavesOut) -> None:
        self.trace, self.state, self.load_state = program.trace, program.state, program.load_state


class StandIn:
    """A backend with the products of a test.

    Parameters
    ----------
    product : Product
        Of two matrices.
    left_out : tuple of str
        Which names it does not trace.
    compiler : bool
        Whether it is one, and may leave out what is hidden.
    namespace : type of Products
        Where its other functions come from.
    """

    name = "stand-in"
    precisions = ("float32", "mixed")

    def __init__(
        self,
        product: Product = RIGHT["matmul"],
        left_out: tuple[str, ...] = (),
        compiler: bool = False,
        namespace: type[Products] = Products,
    ) -> None:
        self.products = namespace(product)
        self.left_out, self.compiler = left_out, compiler

    def compile(
        self, network: Any, loss: Any, optimizer: Any, batch_size: int, precision: str, seed: int = 0, state: Any = None
    ) -> Any:
        begin = network.initial_state(seed) if state is None else state
        plain = Products(lambda x, y: in_lanes(x, y))
        products = self.products if precision == "mixed" else plain
        program = LeavesOut(products, network, loss, optimizer, batch_size, seed, begin, "float32")
        program.left_out = self.left_out
        return Compiled(program) if self.compiler else program


def registered(monkeypatch: Any, backend: StandIn) -> None:
    """Let `backends.get` find a stand-in, and arrays its products, for the rest of a test."""
    get = backends.get
    monkeypatch.setattr(StandardArray, "__matmul__", lambda self, other: self.namespace.matmul(self, other))
    monkeypatch.setattr(backends, "get", lambda name="auto": backend if name == backend.name else get(name))
