"""The `numpy` backend: the layers' own functions on NumPy arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.augmentation import Augmentation
from groundup.augmentation.pixels import drawn
from groundup.backends.interpreter import Interpreter
from groundup.backends.program import Progress, check_precision
from groundup.errors import DataError
from groundup.layers.base import Arrays, Shape
from groundup.losses import Loss
from groundup.network import Network
from groundup.optimizers import Optimizer

FLUSH_EVERY = 64
"""Steps between two flushes of moments that are almost subnormal."""

ALMOST_SUBNORMAL = 2.0**20
"""Times the smallest normal number: what decays below this is set to zero before it can become subnormal."""

PREDICTION_BATCH = 500
"""Pictures at a time in prediction: large enough for fast products, small enough for the caches."""


class NumpyBackend:
    """Vectorised forward and backward passes on one array library that everyone knows."""

    name = "numpy"
    precisions = ("float32", "float64")

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        precision: str = "float32",
        seed: int = 0,
        state: Arrays | None = None,
        augmentation: Augmentation | None = None,
    ) -> NumpyProgram:
        """Return a program that begins with `state`, or with the network's initial state of this `seed`."""
        check_precision(self, precision)
        begin = network.initial_state(seed) if state is None else state
        return NumpyProgram(network, loss, optimizer, batch_size, seed, begin, precision, augmentation)


class NumpyProgram(Interpreter):
    """An interpreter on `numpy.ndarray`."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        seed: int,
        initial: Arrays,
        precision: str = "float32",
        augmentation: Augmentation | None = None,
    ) -> None:
        self.dtype: Any = np.dtype(precision).type
        super().__init__(network, loss, optimizer, batch_size, seed, initial, augmentation)

    def array(self, values: Any, shape: Shape) -> NDArray[Any]:
        """Return a new array of this program's precision."""
        return np.array(values, dtype=self.dtype).reshape(shape)

    def inputs(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the network's normalised inputs (N, *input_shape)."""
        if math.prod(pixels.shape[1:]) != math.prod(self.network.input_shape):
            raise DataError(
                f"pictures of {'x'.join(map(str, pixels.shape[1:]))} pixels do not fit the network's inputs "
                f"of shape {self.network.input_shape}"
            )
        normalization = self.network.normalization
        x = pixels.astype(self.dtype)
        x *= 1 / normalization.deviation
        if normalization.mean:
            x -= self.dtype(normalization.mean / normalization.deviation)
        return x.reshape(len(pixels), *self.network.input_shape)

    def integers(self, values: Any) -> NDArray[np.int64]:
        """Return labels (N,) as int64."""
        return np.asarray(values).astype(np.int64)

    def chosen(self, examples: NDArray[np.uint8], indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the pictures or labels at `indices`; `take` copies them in half the time of indexing."""
        return examples.take(indices, axis=0)

    def mask(self, shape: Shape, rate: float, key: int) -> NDArray[Any]:
        """Return a mask of `shape`: 0 with probability `rate`, otherwise 1 / (1 - rate)."""
        kept = uniforms(math.prod(shape), key) >= rate
        return np.multiply(kept, 1 / (1 - rate), dtype=self.dtype).reshape(shape)

    def step(self, pixels: NDArray[np.uint8], labels: NDArray[np.uint8], learning_rate: float) -> Progress:
        """Train on one batch."""
        progress = super().step(pixels, labels, learning_rate)
        if self.steps % FLUSH_EVERY == 0:
            self._flush()
        return progress

    def predict(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the network's outputs (N, classes) without training."""
        outputs = np.empty((len(pixels), *self.network.output_shape), self.dtype)
        for start in range(0, len(pixels), PREDICTION_BATCH):
            outputs[start : start + PREDICTION_BATCH] = super().predict(pixels[start : start + PREDICTION_BATCH])
        return outputs

    def _flush(self) -> None:
        """Set moments that are about to become subnormal to zero.

        The momentum of a pixel that is rarely lit only decays. Below the smallest normal number the processor takes
        a hundred times as long for every addition, and a whole epoch takes half as long again.
        """
        tiny = float(np.finfo(self.dtype).smallest_normal) * ALMOST_SUBNORMAL
        for own in self.moments.values():
            for moment in own.values():
                moment[np.abs(moment) < tiny] = 0


def uniforms(count: int, key: int) -> NDArray[np.float32]:
    """Return `groundup.randomness.uniforms(count, key)` as an array."""
    bits = drawn(np.uint64(key), np.arange(count, dtype=np.uint64))
    bits >>= np.uint64(40)
    return np.multiply(bits, 2.0**-24, dtype=np.float32)
