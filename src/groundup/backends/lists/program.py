"""The `lists` backend: the layers' own functions on arrays in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from groundup.augmentation import Augmentation
from groundup.backends.interpreter import Interpreter
from groundup.backends.lists.array import Array
from groundup.backends.lists.creation import asarray, astype
from groundup.backends.lists.dtypes import FLOAT64, INT64
from groundup.backends.lists.manipulation import reshape
from groundup.errors import DataError, ParameterError
from groundup.layers.base import Arrays, Shape
from groundup.losses import Loss
from groundup.network import Network
from groundup.optimizers import Optimizer


class ListsProgram(Interpreter):
    """An interpreter on `groundup.backends.lists.Array`.

    Pixels and labels are anything with the buffer protocol: what `groundup.data.idx.read` returns, or a NumPy array.
    """

    def array(self, values: Any, shape: Shape) -> Array:
        """Return a new array of float64."""
        return reshape(astype(asarray(values), FLOAT64), shape)

    def inputs(self, pixels: Any) -> Array:
        """Return the network's normalised inputs (N, *input_shape)."""
        view = memoryview(pixels)
        count, *sides = view.shape or ()
        if math.prod(sides) != math.prod(self.network.input_shape):
            raise DataError(
                f"pictures of {'x'.join(map(str, sides))} pixels do not fit the network's inputs "
                f"of shape {self.network.input_shape}"
            )
        normalization = self.network.normalization
        levels = [(level - normalization.mean) / normalization.deviation for level in range(256)]
        values = list(map(levels.__getitem__, view.tobytes()))
        return Array.of(values, (count, *self.network.input_shape), FLOAT64)

    def integers(self, values: Any) -> Array:
        """Return labels (N,) as int64."""
        return asarray(values, dtype=INT64)

    def chosen(self, examples: Any, indices: Sequence[int]) -> memoryview:
        """Return the pictures or labels at `indices`."""
        view = memoryview(examples)
        _, *sides = view.shape or ()
        size = math.prod(sides)
        numbers = view.cast("B")
        rows = [numbers[index * size : (index + 1) * size] for index in map(int, indices)]
        return memoryview(b"".join(rows)).cast("B", (len(rows), *sides))


class ListsBackend:
    """What NumPy does, in pure Python; needs the standard library alone."""

    name = "lists"
    precisions = ("float64",)
    program: type[ListsProgram] = ListsProgram

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        precision: str = "float64",
        seed: int = 0,
        state: Arrays | None = None,
        augmentation: Augmentation | None = None,
    ) -> ListsProgram:
        """Return a program that begins with `state`, or with the network's initial state of this `seed`."""
        if precision not in self.precisions:
            raise ParameterError(f"backend {self.name} has the precision float64, Python's own, not {precision}")
        begin = network.initial_state(seed) if state is None else state
        return self.program(network, loss, optimizer, batch_size, seed, begin, augmentation)
