"""The Python side of a program whose steps run on a GPU: what is told to it, and what comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.augmentation.settings import Augmentation
from groundup.backends.compiled import (
    StepKeys,
    check_batch,
    checked_examples,
    checked_order,
    checked_pixels,
    complete_state,
)
from groundup.backends.cuda.device import Device
from groundup.backends.cuda.planning import Planned, Sides, Work, usual_sides
from groundup.backends.cuda.state import State
from groundup.backends.cuda.storage import Runner, Storage
from groundup.backends.program import Observer, Progress
from groundup.layers.base import Arrays
from groundup.losses import Loss
from groundup.network import Network
from groundup.optimizers import Optimizer

REPORT_EVERY = 0.05
"""Seconds of training before whoever watches is told, and asked whether to stop."""

FIRST_STEPS = 32
"""Of an epoch, after which it is known how long a step takes."""

PREDICTION_BATCH = 1024
"""Pictures at a time in prediction, at most."""


class CudaProgram:
    """A network as launches of kernels: its state and the data set lie in the GPU's memory.

    Parameters
    ----------
    device : Device
        What runs the launches.
    network, loss, optimizer, batch_size, seed, initial, augmentation
        As `groundup.backends.program.Backend.compile` takes them.
    mixed : bool
        Whether products round their operands to bfloat16.
    """

    def __init__(
        self,
        device: Device,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        seed: int,
        initial: Arrays,
        mixed: bool,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.augmentation = augmentation or None
        self._keys = StepKeys(network, self.augmentation, seed)
        self._state = State(network, optimizer)
        self._work = Work(network, loss, optimizer, self.augmentation, mixed, self._state, self._keys.masks)
        self._sides = usual_sides(network)
        self._planned = self._work.training(batch_size, self._sides)  # now: what is refused is refused before it runs
        self._trainer: Runner | None = None
        self._readers: dict[int, tuple[Planned, Runner]] = {}
        self._storage = Storage(device)
        self._storage.allocate(self._state.buffers)
        self.load_state(dict(initial))

    def step(self, pixels: Any, labels: Any, learning_rate: float) -> Progress:
        """Train on one batch."""
        check_batch(labels, self.batch_size)
        pixels, labels = checked_examples(self.network, pixels, labels, self.augmentation)
        trainer = self._training(pixels, labels, np.arange(len(labels)), [learning_rate])
        return self._trained(trainer, 1, len(labels))

    def epoch(self, pixels: Any, labels: Any, order: Any, learning_rates: Sequence[float], observe: Observer) -> None:
        """Train on the pictures at `order`, a batch for each learning rate, until done or told to stop."""
        pixels, labels = checked_examples(self.network, pixels, labels, self.augmentation)
        order = checked_order(order, len(labels))
        trainer = self._training(pixels, labels, order, learning_rates)
        done, steps = 0, FIRST_STEPS
        while done < len(learning_rates):
            steps = min(steps, len(learning_rates) - done)
            trainer.prepare(steps)
            began = time.perf_counter()
            examples = min((done + steps) * self.batch_size, len(order)) - done * self.batch_size
            progress = self._trained(trainer, steps, examples)
            seconds = time.perf_counter() - began
            if observe(progress):
                return
            done += steps
            steps = max(1, int(steps * REPORT_EVERY / seconds))

    def predict(self, pixels: Any) -> NDArray[np.float32]:
        """Return the network's outputs (N, classes) without training."""
        pixels = checked_pixels(self.network, pixels)
        outputs = np.empty((len(pixels), *self.network.output_shape), np.float32)
        if not len(pixels):
            return outputs
        planned, reader = self._reading(len(pixels))
        size = planned.plan.batch_size
        firsts = range(0, len(pixels), size)
        reader.load_examples(pixels, np.zeros(0, np.uint8))
        reader.load_steps(np.arange(len(pixels)), np.zeros(len(firsts), np.float32), 1, np.zeros(0, np.uint64))
        for first in firsts:
            reader.run(1)
            some = outputs[first : first + size]
            some[:] = self._storage.read(planned.outputs[-1], some.shape)
        return outputs

    def trace(self, pixels: Any, labels: Any, learning_rate: float) -> dict[str, Any]:
        """Train on one batch, and return every named value on the way, in order of execution."""
        progress = self.step(pixels, labels, learning_rate)
        read, count = self._storage.read, progress.examples
        values = {"inputs": read(self._planned.inputs, (count, *self.network.input_shape))}
        for index, (output, shape) in enumerate(zip(self._planned.outputs, self.network.output_shapes(), strict=True)):
            values[f"output/{index}"] = read(output, (count, *shape))
        values["loss"] = np.array(progress.loss / count, np.float32)
        values |= {f"gradient/{name}": read(gradient) for name, gradient in self._state.gradients.items()}
        return values | self.state()

    def state(self) -> dict[str, Any]:
        """Return parameters, buffers, moments and ``steps``, as copies."""
        named = {name: self._storage.read(buffer) for name, buffer in self._state.saved.items()}
        return named | {"steps": np.array(self.steps)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`; moments begin anew where it has none."""
        values = complete_state(self.network, self.optimizer, state)
        for name, buffer in self._state.saved.items():
            self._storage.write(buffer, values[name])
        self.steps = int(state.get("steps", 0))

    def _training(
        self, pixels: NDArray[np.uint8], labels: NDArray[np.uint8], order: Any, learning_rates: Sequence[float]
    ) -> Runner:
        """Return what runs the steps ahead, ready to."""
        sides: Sides = pixels.shape[1:] if self.augmentation else self._sides  # elsewhere a row of pixels is enough
        if self._trainer is None or sides != self._sides:
            if sides != self._sides:
                self._sides, self._planned = sides, self._work.training(self.batch_size, sides)
            self._trainer = Runner(self._planned.plan, self._storage)
        self._trainer.load_examples(pixels, labels)
        keys = self._keys.of(self.steps + 1, len(learning_rates))
        self._trainer.load_steps(order, np.array(learning_rates, np.float32), self.steps + 1, keys)
        return self._trainer

    def _trained(self, trainer: Runner, steps: int, examples: int) -> Progress:
        """Run the next steps, and return what they added up to once they are done."""
        trainer.run(steps)
        loss, correct = trainer.take_totals()
        self.steps += steps
        return Progress(steps, examples, loss, correct)

    def _reading(self, pictures: int) -> tuple[Planned, Runner]:
        """Return what answers batches that suit so many pictures: of 1, 2, 4 ... `PREDICTION_BATCH`."""
        size = min(1 << (pictures - 1).bit_length(), PREDICTION_BATCH)
        if size not in self._readers:
            planned = self._work.prediction(size)
            self._readers[size] = planned, Runner(planned.plan, self._storage)
        return self._readers[size]
