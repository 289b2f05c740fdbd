"""The Python side of the C++ program: what is told to it, and what comes back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.augmentation.settings import Augmentation, fixed_point
from groundup.backends.compiled import (
    StepKeys,
    check_batch,
    checked_examples,
    checked_order,
    checked_pixels,
    complete_state,
)
from groundup.backends.native import _native
from groundup.backends.program import Observer, Progress, check_precision
from groundup.backends.threads import thread_count
from groundup.errors import NetworkError, ParameterError
from groundup.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Shape,
    Sigmoid,
    Softmax,
    Tanh,
)
from groundup.layers.base import Arrays
from groundup.losses import CrossEntropy, Loss, MeanSquaredError
from groundup.network import Network
from groundup.optimizers import SGD, Adam, AdamW, Optimizer

Description = tuple[Any, ...]
"""A layer as the C++ program takes it: its kind, its parameters' prefix where it has any, its settings."""

VALUES, GRADIENT = -1, 3
"""What a parameter has, besides its moments 0, 1 and 2."""

WIDEST_WINDOW = 255
"""Pixels a side of a max-pool's window: the place of the largest is kept in 16 bits, of which one value says none."""

REPORT_EVERY = 0.05
"""Seconds of training before whoever watches is told, and asked whether to stop."""

PLAIN = (ReLU, Sigmoid, Tanh, Softmax, Flatten, GlobalAvgPool)

RULES: dict[type[Layer], Callable[[Any, str], Description]] = {
    Linear: lambda layer, prefix: (prefix, layer.inputs, layer.outputs, layer.bias),
    Conv2d: lambda layer, prefix: (
        prefix,
        layer.inputs,
        layer.outputs,
        layer.size,
        layer.stride,
        layer.padding,
        layer.bias,
    ),
    BatchNorm: lambda layer, prefix: (prefix, layer.features, layer.momentum, layer.epsilon),
    LeakyReLU: lambda layer, prefix: (layer.slope,),
    MaxPool2d: lambda layer, prefix: (layer.size, layer.step),
    AvgPool2d: lambda layer, prefix: (layer.size, layer.step),
    **{kind: lambda layer, prefix: () for kind in PLAIN},
}


class NativeBackend:
    """Own C++ kernels for every instruction set that the processor may have.

    Parameters
    ----------
    threads : int, optional
        How many threads a program may use; by default what ``GROUNDUP_THREADS`` says, or else one for each processor
        that this process may use.
    """

    name = "native"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = thread_count(threads)

    @property
    def precisions(self) -> tuple[str, ...]:
        """Float32, and mixed: bfloat16 products; the better one for this processor first."""
        return ("mixed", "float32") if _native.bfloat16_in_hardware() else ("float32", "mixed")

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
    ) -> NativeProgram:
        """Return a program that begins with `state`, or with the network's initial state of this `seed`."""
        check_precision(self, precision)
        begin = network.initial_state(seed) if state is None else state
        return NativeProgram(
            network, loss, optimizer, batch_size, seed, begin, precision == "mixed", self.threads, augmentation
        )


class NativeProgram:
    """A network compiled into C++: its state lives there, in the layout that the kernels like."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        seed: int,
        initial: Arrays,
        mixed: bool,
        threads: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.augmentation = augmentation
        masks = list(network.masks())
        self._keys = StepKeys(network, augmentation, seed)
        normalization = network.normalization
        self._program = _native.new_program(
            descriptions(network.layers, "", iter(range(len(masks)))),
            _picture(network.input_shape),
            len(network.input_shape) == 1,
            1 / normalization.deviation,
            -normalization.mean / normalization.deviation,
            math.prod(network.output_shape),
            _loss(loss),
            _optimizer(optimizer),
            fixed_point(augmentation) if augmentation else None,
            len(masks),
            batch_size,
            mixed,
            threads,
        )
        self.load_state(dict(initial))

    def step(self, pixels: Any, labels: Any, learning_rate: float) -> Progress:
        """Train on one batch."""
        pixels, labels = self._batch(pixels, labels)
        self.steps += 1
        keys = self._keys.of(self.steps, 1)
        return Progress(*self._program.step(pixels, labels, learning_rate, self.steps, keys))

    def epoch(self, pixels: Any, labels: Any, order: Any, learning_rates: Sequence[float], observe: Observer) -> None:
        """Train on the pictures at `order`, a batch for each learning rate, until done or told to stop."""

        def count(done: tuple[int, int, float, int]) -> bool:
            progress = Progress(*done)
            self.steps += progress.steps
            return observe(progress)

        pixels, labels = checked_examples(self.network, pixels, labels, self.augmentation)
        order = checked_order(order, len(labels))
        self._program.epoch(
            pixels,
            labels,
            order,
            learning_rates,
            self.steps + 1,
            self._keys.of(self.steps + 1, len(learning_rates)),
            len(self._keys),
            REPORT_EVERY,
            count,
        )

    def predict(self, pixels: Any) -> NDArray[np.float32]:
        """Return the network's outputs (N, classes) without training."""
        outputs = np.empty((len(pixels), *self.network.output_shape), np.float32)
        self._program.predict(outputs, checked_pixels(self.network, pixels))
        return outputs

    def trace(self, pixels: Any, labels: Any, learning_rate: float) -> dict[str, Any]:
        """Train on one batch, and return every named value on the way, in order of execution."""
        pixels, labels = self._batch(pixels, labels)
        self.steps += 1
        keys = self._keys.of(self.steps, 1)
        done, inputs, outputs = self._program.trace(pixels, labels, learning_rate, self.steps, keys)
        progress = Progress(*done)
        values: dict[str, NDArray[Any]] = {"inputs": inputs.reshape(len(pixels), *self.network.input_shape)}
        values |= {
            f"output/{index}": value.reshape(len(pixels), *shape)
            for index, (value, shape) in enumerate(zip(outputs, self.network.output_shapes(), strict=True))
        }
        values["loss"] = np.array(progress.loss / progress.examples, np.float32)
        values |= {
            f"gradient/{name}": self._program.get(name, GRADIENT).reshape(shape)
            for name, shape in self.network.parameters().items()
        }
        return values | self.state()

    def state(self) -> dict[str, Any]:
        """Return parameters, buffers, moments and ``steps``, as copies."""
        named = {
            name: self._program.get(name, VALUES).reshape(shape) for name, shape in self.network.state_shapes().items()
        }
        for name, shape in self.network.parameters().items():
            for number, moment in enumerate(self.optimizer.moments):
                named[f"{moment}/{name}"] = self._program.get(name, number).reshape(shape)
        return named | {"steps": np.array(self.steps)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`; moments begin anew where it has none."""
        values = complete_state(self.network, self.optimizer, state)
        for name in self.network.state_shapes():
            self._program.set(name, VALUES, values[name])
        for name in self.network.parameters():
            for number, moment in enumerate(self.optimizer.moments):
                self._program.set(name, number, values[f"{moment}/{name}"])
        self.steps = int(state.get("steps", 0))
        self._program.refresh()

    def _batch(self, pixels: Any, labels: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        check_batch(labels, self.batch_size)
        return checked_examples(self.network, pixels, labels, self.augmentation)


def descriptions(layers: Sequence[Layer], prefix: str, masks: Any) -> list[Description]:
    """Return the layers as the C++ program takes them.

    Raises
    ------
    NetworkError
        If it does not know one; the message names it.
    """
    return [_description(layer, f"{prefix}{index}.", masks) for index, layer in enumerate(layers)]


def _description(layer: Layer, prefix: str, masks: Any) -> Description:
    kind = type(layer)
    if isinstance(layer, Residual):
        return (kind.__name__, descriptions(layer.layers, prefix, masks))
    if isinstance(layer, Dropout):
        return (kind.__name__, layer.rate, next(masks))
    if isinstance(layer, MaxPool2d) and layer.size > WIDEST_WINDOW:
        limit = f"native pools windows of at most {WIDEST_WINDOW} pixels a side"
        raise NetworkError(f"layer {prefix[:-1]}, {layer}: {limit}; the backend numpy pools any")
    if kind not in RULES:
        raise NetworkError(
            f"backend native does not know layer {prefix[:-1]}, {layer}; the backend numpy runs any layer"
        )
    return (kind.__name__, *RULES[kind](layer, prefix))


def _loss(loss: Loss) -> tuple[int, float]:
    if type(loss) is CrossEntropy:
        return 0, loss.label_smoothing
    if type(loss) is MeanSquaredError:
        return 1, 0.0
    raise ParameterError(f"backend native does not know the loss {loss}")


def _optimizer(optimizer: Optimizer) -> dict[str, Any]:
    kinds = {SGD: 0, Adam: 1, AdamW: 2}
    if type(optimizer) not in kinds:
        raise ParameterError(f"backend native does not know the optimizer {optimizer}")
    numbers = ("momentum", "dampening", "beta1", "beta2", "epsilon", "weight_decay", "clip_norm")
    settings: dict[str, Any] = {name: float(getattr(optimizer, name, 0)) for name in numbers}
    settings |= {name: bool(getattr(optimizer, name, False)) for name in ("nesterov", "amsgrad")}
    return settings | {"kind": kinds[type(optimizer)], "moments": len(optimizer.moments)}


def _picture(shape: Shape) -> Shape:
    """Return (channels, height, width) of one picture; features are one row of pixels."""
    return (1, 1, *shape) if len(shape) == 1 else shape
