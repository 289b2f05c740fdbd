"""Where buffers lie on a device, and a plan that is ready to run there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.backends.cuda.device import Call, Device, Memory, Place
from groundup.backends.cuda.plan import DTYPES, Buffer, Launch, Plan
from groundup.backends.cuda.source import program_source
from groundup.layers.base import Shape

STEPS_TOGETHER = 16
"""Steps in one graph: between two kernels of a graph the GPU waits less than between two graphs."""


class Storage:
    """The memory of buffers."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._memories: dict[Buffer, Memory] = {}
        self._sizes: dict[Buffer, int] = {}

    def allocate(self, buffers: Iterable[Buffer]) -> None:
        """Give each of the buffers memory, if it has none yet."""
        for buffer in buffers:
            if buffer not in self._memories:
                self._allocate(buffer, buffer.size)

    def write(self, buffer: Buffer, values: NDArray[Any]) -> None:
        """Copy `values`, of any shape, into a buffer."""
        place = self.place(buffer)
        if values.size:
            self.device.write(place.memory, place.offset, np.ascontiguousarray(values, DTYPES[buffer.dtype]))

    def read(self, buffer: Buffer, shape: Shape | None = None) -> NDArray[Any]:
        """Return a buffer's contents, or those of its first part, of another shape."""
        values = np.empty(buffer.shape if shape is None else shape, DTYPES[buffer.dtype])
        place = self.place(buffer)
        self.device.read(place.memory, place.offset, values)
        return values

    def fit(self, buffer: Buffer, values: NDArray[Any]) -> bool:
        """Copy `values` into a buffer of unknown size; return whether it had to move, to where there is room."""
        moved = values.size > self._sizes[buffer]
        if moved:
            self._memories.pop(buffer)
            self._allocate(buffer, values.size)
        self.write(buffer, values)
        return moved

    def place(self, buffer: Buffer) -> Place:
        """Return where a buffer begins."""
        return Place(self._memories[buffer.base or buffer], buffer.offset * buffer.item)

    def call(self, launch: Launch) -> Call:
        """Return a launch with the addresses of its buffers."""
        arguments = tuple(
            self.place(each) if isinstance(each, Buffer) else each for each in launch.arguments if each is not None
        )
        return Call(launch.kernel.name, launch.grid, launch.block, arguments)

    def _allocate(self, buffer: Buffer, size: int) -> None:
        self._memories[buffer] = self.device.allocate(max(size, 1) * buffer.item, buffer.zeroed)
        self._sizes[buffer] = size


class Runner:
    """A plan on a device: compiled when its first step runs, and given what its steps work on.

    Parameters
    ----------
    plan : Plan
        What a step is.
    storage : Storage
        Where the buffers lie that the plan has not made itself.
    """

    def __init__(self, plan: Plan, storage: Storage) -> None:
        self.plan = plan
        self._storage = storage
        self._graphs: dict[int, Callable[[], None]] = {}
        self._resident: tuple[Any, ...] = ()
        storage.allocate(plan.buffers)

    def load_examples(self, pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        """Copy the data set to the GPU, unless it lies there already and is an array that nobody can have changed."""
        known = len(self._resident) == 2 and self._resident[0] is pixels and self._resident[1] is labels
        if known and not (pixels.flags.writeable or labels.flags.writeable):
            return
        self._fit(self.plan.pixels, pixels)
        self._fit(self.plan.labels, labels)
        self._resident = (pixels, labels)

    def load_steps(self, order: NDArray[Any], learning_rates: NDArray[np.float32], number: int, keys: Any) -> None:
        """Say what comes: one step for each of `learning_rates`, the first of which has this number.

        Parameters
        ----------
        order : ndarray of int64
            The examples of all steps, one after another.
        learning_rates : ndarray of float32, shape (steps,)
            Each step's.
        number : int
            The first step's, counted from 1 over the whole training.
        keys : ndarray of uint64
            Each step's random keys.
        """
        steps = np.zeros(len(learning_rates), DTYPES["Step"])
        steps["number"] = np.arange(number, number + len(steps))
        steps["first"] = np.arange(len(steps)) * self.plan.batch_size
        steps["examples"] = np.minimum(len(order) - steps["first"], self.plan.batch_size)
        steps["learning_rate"] = learning_rates
        self._fit(self.plan.order, order)
        self._fit(self.plan.steps, steps)
        self._fit(self.plan.step_keys, keys)
        self._storage.write(self.plan.taken, np.zeros(1))

    def run(self, count: int) -> None:
        """Run the next `count` steps; they are under way when this returns."""
        for together in [STEPS_TOGETHER] * (count // STEPS_TOGETHER) + [1] * (count % STEPS_TOGETHER):
            self._graph(together)()

    def take_totals(self) -> tuple[float, int]:
        """Return the loss's sum and the count of right answers since they were last asked for."""
        loss, correct = (self._storage.read(each) for each in (self.plan.loss, self.plan.correct))
        self._storage.write(self.plan.loss, np.zeros(1))
        self._storage.write(self.plan.correct, np.zeros(1))
        return float(loss[0]), int(correct[0])

    def prepare(self, count: int) -> None:
        """Compile what `count` steps need."""
        for together in (STEPS_TOGETHER,) * (count >= STEPS_TOGETHER) + (1,) * (count % STEPS_TOGETHER > 0):
            self._graph(together)

    def _graph(self, together: int) -> Callable[[], None]:
        if together not in self._graphs:
            calls = [self._storage.call(launch) for launch in self.plan.launches]
            source = program_source(self.plan.launches)
            self._graphs[together] = self._storage.device.record(source, calls * together)
        return self._graphs[together]

    def _fit(self, buffer: Buffer, values: NDArray[Any]) -> None:
        if self._storage.fit(buffer, values):
            self._graphs.clear()  # they have the old address
