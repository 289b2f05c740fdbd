"""A plan: the buffers and the launches that a step of training, or an answer, comes to, recorded layer by layer.

A plan knows no GPU. What it records becomes one piece of CUDA C++ (`source`), with every size in it a constant, and a
list of launches, which a device runs in order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from groundup.errors import ParameterError
from groundup.layers.base import Shape

THREADS = 256
"""In a block, unless a kernel says otherwise."""

WARPS = THREADS // 32
"""In a block: a warp is 32 threads that run in step."""

NOTHING = "Nothing"
"""The last template argument of a kernel that may do more to each number of its result, but does not: see `fusion`."""

MOST_ELEMENTS = 2**31 - 1
"""Of an activation: kernels count them in 32 bits."""

DTYPES = {name: np.dtype(name) for name in ("float32", "float64", "int32", "uint8", "uint64")} | {
    "Step": np.dtype([("number", "i4"), ("first", "i4"), ("examples", "i4"), ("learning_rate", "f4")])
}
"""The elements of a buffer as NumPy has them; ``Step`` is the struct in kernels/common.cuh."""

POINTERS = {
    "float32": "float *",
    "float64": "double *",
    "int32": "int *",
    "uint8": "unsigned char *",
    "uint64": "unsigned long long *",
    "Step": "Step *",
}
"""What a kernel is given for a buffer, by the type of its elements."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """Memory of the GPU, in C order; an activation's first axis has room for a whole batch."""

    name: str
    shape: Shape
    dtype: str = "float32"
    zeroed: bool = True
    """Whether it is all zeros before the first launch; otherwise it may hold anything."""
    base: Buffer | None = None
    """The buffer of which this is a part, if it has no memory of its own."""
    offset: int = 0
    """Elements of `base` before the first of this."""

    @property
    def size(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def item(self) -> int:
        """Bytes of an element."""
        return DTYPES[self.dtype].itemsize

    @property
    def each(self) -> int:
        """How many elements an example has, where the first axis is the batch."""
        return math.prod(self.shape[1:])

    def view(self, name: str, shape: Shape, offset: int = 0) -> Buffer:
        """Return the same memory, or a part of it from `offset` on, as another shape: nothing is launched for it."""
        return Buffer(name, tuple(shape), self.dtype, self.zeroed, self.base or self, self.offset + offset)


Argument = Buffer | int | float | None


@dataclass(frozen=True)
class Kernel:
    """A function template of `kernels/`, with its template arguments: one kernel of the program."""

    function: str
    template: tuple[int | str, ...]
    parameters: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in the program, the same for the same kernel."""
        parts = [str(part).replace("-", "minus") for part in self.template]
        nulls = [f"without{number}" for number, kind in enumerate(self.parameters) if kind == "nullptr"]
        return "_".join([self.function, *parts, *nulls])

    @property
    def source(self) -> str:
        """The CUDA C++ that makes a kernel of the template."""
        template = f"<{', '.join(map(str, self.template))}>" if self.template else ""
        named = [kind if kind == "nullptr" else f"a{number}" for number, kind in enumerate(self.parameters)]
        declared = ", ".join(
            f"{kind} {name}" for kind, name in zip(self.parameters, named, strict=True) if kind != "nullptr"
        )
        body = f"{self.function}{template}({', '.join(named)});"
        return f'extern "C" __global__ void __launch_bounds__({THREADS}) {self.name}({declared}) {{ {body} }}'


@dataclass(frozen=True)
class Launch:
    """A kernel with its grid (x, y, z), its threads a block, and its arguments."""

    kernel: Kernel
    grid: tuple[int, int, int]
    block: int
    arguments: tuple[Argument, ...]


@dataclass
class Plan:
    """Records buffers and launches.

    Some buffers every plan has. Of unknown size, written from outside: the data set's ``pixels`` and ``labels``, the
    ``order`` in which its examples are taken, and the ``steps`` ahead with their ``step_keys``. Of these the first
    launch copies one, number ``taken``, to ``step`` and ``keys``: the random keys of the network's masks, then the
    augmentation's. What comes out, added up over the steps: ``loss``, the sum over the examples, and ``correct``, how
    many were read right.

    Parameters
    ----------
    batch_size : int
        Examples that an activation has room for. How many a step has, kernels read in the GPU's memory:
        ``step->examples``.
    mixed : bool
        Whether products round their operands to bfloat16.
    training : bool
        Whether layers behave as in training, and a backward pass will follow.
    key_count : int
        How many random keys a step has.
    """

    batch_size: int
    mixed: bool
    training: bool
    key_count: int = 0
    buffers: list[Buffer] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pixels = self.buffer("pixels", (0,), "uint8")
        self.labels = self.buffer("labels", (0,), "uint8")
        self.order = self.buffer("order", (0,), "int32")
        self.steps = self.buffer("steps", (0,), "Step")
        self.step_keys = self.buffer("step_keys", (0,), "uint64")
        self.taken = self.buffer("taken", (1,), "int32")
        self.step = self.buffer("step", (1,), "Step")
        self.keys = self.buffer("keys", (max(self.key_count, 1),), "uint64")
        self.loss = self.buffer("loss", (1,), "float64")
        self.correct = self.buffer("correct", (1,), "uint64")
        self.launch("next_step", (self.key_count,), (1,), self.step, self.keys, self.taken, self.steps, self.step_keys)

    def buffer(self, name: str, shape: Sequence[int], dtype: str = "float32") -> Buffer:
        """Return a new buffer, zeroed before the first launch."""
        made = Buffer(name, tuple(shape), dtype)
        self.buffers.append(made)
        return made

    def activation(self, name: str, shape: Sequence[int], dtype: str = "float32") -> Buffer:
        """Return a new buffer of `shape` for each example of a batch; it holds anything at first."""
        made = Buffer(name, (self.batch_size, *shape), dtype, zeroed=False)
        if made.size > MOST_ELEMENTS:
            raise ParameterError(
                f"backend cuda: {name} has {made.size:,} numbers for a batch of {self.batch_size}, and its kernels "
                f"count to {MOST_ELEMENTS:,}: smaller batches (--batch-size) have fewer"
            )
        self.buffers.append(made)
        return made

    def launch(
        self,
        function: str,
        template: Sequence[int | str],
        grid: Sequence[int],
        *arguments: Argument,
        block: int = THREADS,
    ) -> None:
        """Record that ``function<template>(arguments)`` runs on a grid of (x, y, z) blocks; None is a null pointer."""
        constants = tuple(each if isinstance(each, str) else int(each) for each in template)  # True is no C++
        parameters = tuple(_parameter(argument) for argument in arguments)
        x, y, z = (*grid, 1, 1)[:3]
        self.launches.append(Launch(Kernel(function, constants, parameters), (x, y, z), block, arguments))

    def launch_each(self, function: str, template: Sequence[int | str], count: int, *arguments: Argument) -> None:
        """Record a launch with a thread for each of `count` elements."""
        self.launch(function, template, (blocks(count),), *arguments)


def blocks(count: int, each: int = THREADS) -> int:
    """Return how many blocks of `each` elements `count` elements take; at least one."""
    return max(1, -(-count // each))


def _parameter(argument: Argument) -> str:
    if argument is None:
        return "nullptr"
    if isinstance(argument, Buffer):
        return POINTERS[argument.dtype]
    return "int" if isinstance(argument, int) else "float"
