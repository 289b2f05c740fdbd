"""The interpreter: runs the layers' own functions, one after another, on arrays of one library."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from groundup import randomness
from groundup.augmentation import Augmentation
from groundup.backends.program import Observer, Progress
from groundup.errors import StateError
from groundup.layers import structure
from groundup.layers.base import Array, Arrays, Shape
from groundup.losses import Loss, one_hot
from groundup.network import Network
from groundup.optimizers import Optimizer, clip_norm

Record = Callable[[str, Array], None]


def _forget(name: str, value: Array) -> None:
    """Record nothing."""


class Interpreter(ABC):
    """A `Program` for any array library; a backend says only how its arrays are made."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        seed: int,
        initial: Arrays,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.seed = seed
        self.augmentation = augmentation
        self.masks = network.masks()
        self.load_state(dict(initial))

    @abstractmethod
    def array(self, values: Any, shape: Shape) -> Array:
        """Return `values`, float64 in C order or an array, as an array of this library and precision, never shared."""

    @abstractmethod
    def inputs(self, pixels: Any) -> Array:
        """Return pixels (N, height, width) uint8 as the network's normalised inputs (N, *input_shape)."""

    @abstractmethod
    def integers(self, values: Any) -> Array:
        """Return labels (N,), or one number of steps, as an array of this library's int64."""

    def chosen(self, examples: Any, indices: Any) -> Any:
        """Return the pictures or labels at `indices`."""
        return examples[indices]

    def mask(self, shape: Shape, rate: float, key: int) -> Array:
        """Return a mask of `shape`: 0 with probability `rate`, otherwise 1 / (1 - rate)."""
        kept = 1 / (1 - rate)
        drawn = randomness.uniforms(math.prod(shape), key)
        return self.array(array("d", [kept if number >= rate else 0.0 for number in drawn]), shape)

    def step(self, pixels: Any, labels: Any, learning_rate: float) -> Progress:
        """Train on one batch."""
        return self._run(pixels, labels, learning_rate, _forget)

    def epoch(self, pixels: Any, labels: Any, order: Any, learning_rates: Sequence[float], observe: Observer) -> None:
        """Train on the pictures at `order`, a batch for each learning rate, until done or told to stop."""
        for number, learning_rate in enumerate(learning_rates):
            batch = order[number * self.batch_size : (number + 1) * self.batch_size]
            if observe(self.step(self.chosen(pixels, batch), self.chosen(labels, batch), learning_rate)):
                return

    def trace(self, pixels: Any, labels: Any, learning_rate: float) -> dict[str, Array]:
        """Train on one batch, and return every named value on the way, in order of execution."""
        values: dict[str, Array] = {}
        self._run(pixels, labels, learning_rate, lambda name, value: values.update({name: _copy(value)}))
        return values | self.state()

    def predict(self, pixels: Any) -> Array:
        """Return the network's outputs (N, classes) without training."""
        return self.network.forward(self.params, self.inputs(pixels))[0]

    def activations(self, pixels: Any) -> list[tuple[str, Array]]:
        """Return the inputs and each layer's outputs, each with a name for people, without training."""
        x = self.inputs(pixels)
        named = [("input", x)]
        steps = structure.forward_steps(self.network.layers, self.params, x)
        return named + [
            (f"{i} {layer}", y) for i, (layer, (y, _)) in enumerate(zip(self.network.layers, steps, strict=True))
        ]

    def state(self) -> dict[str, Array]:
        """Return parameters, buffers, moments and ``steps``, as copies."""
        named = {name: _copy(value) for name, value in self.params.items()}
        for name, own in self.moments.items():
            named |= {f"{moment}/{name}": _copy(value) for moment, value in own.items()}
        return named | {"steps": self.integers(self.steps)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`; moments begin anew where it has none."""
        shapes = self.network.state_shapes()
        moment_shapes = {
            f"{moment}/{name}": shape
            for name, shape in self.network.parameters().items()
            for moment in self.optimizer.moments
        }
        given = {name: value for name, value in state.items() if name != "steps"}
        known = shapes if given.keys() == shapes.keys() else shapes | moment_shapes
        check_names(given, known)
        zeros = {name: array("d", bytes(8 * math.prod(shape))) for name, shape in moment_shapes.items()}
        self.params = {name: self.array(given[name], shape) for name, shape in shapes.items()}
        self.moments = {
            name: {moment: self.array((zeros | given)[f"{moment}/{name}"], shape) for moment in self.optimizer.moments}
            for name, shape in self.network.parameters().items()
        }
        self.steps = int(state.get("steps", 0))

    def _run(self, pixels: Any, labels: Any, learning_rate: float, record: Record) -> Progress:
        self.steps += 1
        x, wanted, count = self.inputs(self._augmented(pixels)), self.integers(labels), len(labels)
        record("inputs", x)
        y, loss, gradients, buffers = self._gradients(self.params | self._masks(count), x, wanted, record)
        if self.optimizer.clip_norm:
            gradients = clip_norm(gradients, self.optimizer.clip_norm)
        for name, gradient in gradients.items():
            record(f"gradient/{name}", gradient)
        self.params |= buffers
        self._update(gradients, learning_rate)
        xp = y.__array_namespace__()
        correct = int(xp.count_nonzero(xp.argmax(y, axis=1) == wanted))
        return Progress(1, count, loss * count, correct)

    def _augmented(self, pixels: Any) -> Any:
        """Return pixels (N, height, width) as this step trains on them."""
        if not self.augmentation:
            return pixels
        import numpy as np  # augmentation is none of the network's mathematics, and not written in pure Python

        from groundup.augmentation.pixels import augmented

        key = randomness.key(self.seed, "augmentation", self.steps)
        return augmented(np.asarray(pixels), self.augmentation, key)

    def _gradients(
        self, params: Arrays, x: Array, wanted: Array, record: Record
    ) -> tuple[Array, float, Arrays, Arrays]:  # x (N, *input_shape), wanted (N,)
        """Return outputs (N, classes), loss, the gradient by every parameter, and the new buffers."""
        y, loss, saved, residuals = self._forward(params, x, wanted, record)
        _, gradients = self.network.backward(params, saved, self.loss.backward(residuals), input_gradient=False)
        return y, float(loss), gradients, self.network.updated_buffers(params, saved)

    def _forward(
        self, params: Arrays, x: Array, wanted: Array, record: Record
    ) -> tuple[Array, Array, list[Any], Any]:  # x (N, *input_shape), wanted (N,)
        """Return outputs and loss in training, the layers' residuals and the loss's."""
        saved = []
        for index, (y, residuals) in enumerate(structure.forward_steps(self.network.layers, params, x, True)):
            record(f"output/{index}", y)
            saved.append(residuals)
        loss, residuals = self.loss.forward(y, one_hot(wanted, y.shape[1], like=y))
        record("loss", loss)
        return y, loss, saved, residuals

    def _update(self, gradients: Arrays, learning_rate: float) -> None:
        for name, gradient in gradients.items():
            self.params[name], self.moments[name] = self.optimizer.update(
                self.params[name], gradient, self.moments[name], learning_rate, self.steps
            )

    def _masks(self, count: int) -> dict[str, Array]:
        """Return this step's random masks for `count` examples, by name."""
        return {
            name: self.mask((count, *shape), rate, randomness.key(self.seed, "mask", name, self.steps))
            for name, (shape, rate) in self.masks.items()
        }


def check_names(given: dict[str, Any], shapes: dict[str, Shape]) -> None:
    """Raise `StateError` unless `given` has exactly the names and sizes of `shapes`."""
    missing, unknown = sorted(shapes.keys() - given.keys()), sorted(given.keys() - shapes.keys())
    if missing or unknown:
        problem = f"{missing[0]} is missing" if missing else f"{unknown[0]} is unknown"
        raise StateError(f"the arrays do not fit the network: {problem}; it has {', '.join(shapes)}")
    for name, shape in shapes.items():
        actual = getattr(given[name], "shape", None)
        if isinstance(given[name], array):
            actual = shape if len(given[name]) == math.prod(shape) else (len(given[name]),)
        if actual is None or tuple(actual) != shape:
            raise StateError(f"the arrays do not fit the network: {name} has shape {actual} instead of {shape}")


def _copy(value: Array) -> Array:
    xp = value.__array_namespace__()
    return xp.asarray(value, copy=True)
