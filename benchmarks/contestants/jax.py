"""JAX: a whole epoch in one compiled `lax.scan`, pictures as float32 with the channels last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from contestants import initial_state, normalized
from groundup import SGD, Adam, AdamW, Configuration, Conv2d, CrossEntropy, Dataset, Flatten, Linear, MaxPool2d, ReLU

Parameters = Mapping[str, jax.Array]


class Trainer:
    """Parameters and moments, and two functions of them: one for all full batches, one for what is left."""

    def __init__(self, configuration: Configuration, train: Dataset, setting: str) -> None:
        self.configuration = configuration
        self.pixels = jnp.asarray(self._inputs(train.images))
        self.labels = jnp.asarray(train.labels.astype(np.int32))
        self.steps = jax.jit(partial(steps, configuration), donate_argnums=0)
        self.forward = jax.jit(partial(forward, configuration))

    def begin(self) -> None:
        """Begin with new weights and moments."""
        parameters = {name: _inputs_first(value) for name, value in initial_state(self.configuration).items()}
        moments = {
            moment: {name: jnp.zeros_like(value) for name, value in parameters.items()}
            for moment in self.configuration.optimizer.moments
        }
        self.state = (parameters, moments, jnp.array(0))

    def epoch(self, order: NDArray[np.int64], rates: Sequence[float]) -> None:
        """Train for an epoch."""
        size, rates = self.configuration.batch_size, np.asarray(rates, np.float32)
        full = len(order) // size
        batches = order[: full * size].reshape(full, size)
        self.state = self.steps(self.state, self.pixels, self.labels, batches, rates[:full])
        if full * size < len(order):
            rest = order[full * size :].reshape(1, -1)
            self.state = self.steps(self.state, self.pixels, self.labels, rest, rates[full:])
        jax.block_until_ready(self.state)

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the outputs."""
        return np.asarray(self.forward(self.state[0], self._inputs(pixels)))

    def _inputs(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        inputs = normalized(self.configuration.network, pixels)
        return np.moveaxis(inputs, 1, -1) if inputs.ndim == 4 else inputs


def forward(configuration: Configuration, parameters: Parameters, x: jax.Array) -> jax.Array:
    """Return the outputs (N, classes) for x (N, features) or (N, height, width, channels)."""
    for index, layer in enumerate(configuration.network.layers):
        weight, bias = parameters.get(f"{index}.weight"), parameters.get(f"{index}.bias")
        match layer:
            case Linear():
                x = x @ weight + bias
            case Conv2d():
                x = lax.conv_general_dilated(x, weight, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
                x += bias
            case MaxPool2d():
                x = _pooled(x, layer.size)
            case ReLU():
                x = jax.nn.relu(x)
            case Flatten():
                x = jnp.moveaxis(x, -1, 1).reshape(len(x), -1)
            case _:
                raise NotImplementedError(f"{layer} is in no network here")
    return x


def steps(
    configuration: Configuration, state: Any, pixels: jax.Array, labels: jax.Array, batches: jax.Array, rates: jax.Array
) -> Any:
    """Return the state after a training step on each of `batches` (steps, batch size): indices of pictures."""

    def step(state: Any, each: Any) -> tuple[Any, None]:
        (parameters, moments, count), (batch, rate) = state, each
        gradients = jax.grad(partial(_loss, configuration))(parameters, pixels[batch], labels[batch])
        return (*_updated(configuration, parameters, moments, gradients, rate, count + 1), count + 1), None

    return lax.scan(step, state, (batches, rates))[0]


def _loss(configuration: Configuration, parameters: Parameters, pixels: jax.Array, labels: jax.Array) -> jax.Array:
    assert isinstance(configuration.loss, CrossEntropy)
    targets = jax.nn.one_hot(labels, 10) * (1 - configuration.loss.label_smoothing)
    targets += configuration.loss.label_smoothing / 10
    return -(targets * jax.nn.log_softmax(forward(configuration, parameters, pixels))).sum(axis=1).mean()


def _updated(
    configuration: Configuration, parameters: Any, moments: Any, gradients: Any, rate: jax.Array, count: jax.Array
) -> tuple[Any, Any]:
    """Return parameters and moments after an update."""
    optimizer, each = configuration.optimizer, jax.tree.map
    if isinstance(optimizer, SGD):
        velocity = each(lambda v, g: optimizer.momentum * v + g, moments["velocity"], gradients)
        return each(lambda p, v: p - rate * v, parameters, velocity), {"velocity": velocity}
    assert isinstance(optimizer, Adam)
    decay = 1 - rate * optimizer.weight_decay if isinstance(optimizer, AdamW) else 1.0
    mean = each(lambda m, g: optimizer.beta1 * m + (1 - optimizer.beta1) * g, moments["mean"], gradients)
    square = each(lambda s, g: optimizer.beta2 * s + (1 - optimizer.beta2) * g * g, moments["square"], gradients)
    rate = rate / (1 - optimizer.beta1**count)
    unbiased = 1 / jnp.sqrt(1 - optimizer.beta2**count)

    def moved(p: jax.Array, m: jax.Array, s: jax.Array) -> jax.Array:
        return decay * p - rate * m / (jnp.sqrt(s) * unbiased + optimizer.epsilon)

    return each(moved, parameters, mean, square), {"mean": mean, "square": square}


def _pooled(x: jax.Array, size: int) -> jax.Array:
    """Return the largest of each window; the gradient of this is much faster than that of `lax.reduce_window`."""
    count, height, width, channels = x.shape
    rows, columns = height // size, width // size
    windows = x[:, : rows * size, : columns * size].reshape(count, rows, size, columns, size, channels)
    return windows.max(axis=(2, 4))


def _inputs_first(value: NDArray[np.float32]) -> jax.Array:
    """Return a weight as JAX likes it: (inputs, outputs), or (height, width, inputs, outputs)."""
    return jnp.asarray(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T)
