"""tinygrad, a training step under its `TinyJit`, on the device that it calls CPU: C through clang."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contestants import initial_state, normalized
from groundup import SGD, Adam, AdamW, Configuration, CrossEntropy, Dataset, layers

if not shutil.which("clang"):
    # Debian's packages of clang carry the version in the program's name.
    os.environ.setdefault(
        "CC", next(filter(shutil.which, (f"clang-{version}" for version in range(30, 13, -1))), "clang")
    )
os.environ.setdefault("DEV", "CPU")  # read when tinygrad is imported

from tinygrad import Context, Tensor, TinyJit, nn


class Trainer:
    """Parameters, an optimizer, and a jitted step for each size of batch."""

    def __init__(self, configuration: Configuration, train: Dataset, setting: str) -> None:
        self.configuration = configuration
        self.pixels = normalized(configuration.network, train.images)
        self.labels = train.labels.astype(np.int32)
        self.parameters = {name: Tensor(value).is_param_() for name, value in initial_state(configuration).items()}
        self.optimizer = optimizer_of(configuration, list(self.parameters.values()))
        self.steps: dict[int, Any] = defaultdict(lambda: TinyJit(self._step))
        tensors = nn.state.get_parameters(self.optimizer)
        self.beginning = [(tensor.realize(), tensor.numpy().copy()) for tensor in tensors]

    def begin(self) -> None:
        """Give parameters and moments the values that they began with; the jitted steps know where they are."""
        for tensor, value in self.beginning:
            tensor.assign(Tensor(value)).realize()

    def epoch(self, order: NDArray[np.int64], rates: Sequence[float]) -> None:
        """Train for an epoch."""
        size = self.configuration.batch_size
        with Context(TRAINING=1):
            for number, rate in enumerate(rates):
                batch = order[number * size : (number + 1) * size]
                given = self.pixels[batch], self.labels[batch], np.array([rate], np.float32)
                self.steps[len(batch)](*(Tensor(each).realize() for each in given))
        for parameter in self.parameters.values():
            parameter.numpy()  # waits until the last step is done

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the outputs."""
        parts = np.split(normalized(self.configuration.network, pixels), range(1000, len(pixels), 1000))
        return np.concatenate([self._forward(Tensor(part)).numpy() for part in parts])

    def _step(self, pixels: Tensor, labels: Tensor, rate: Tensor) -> None:
        self.optimizer.lr.assign(rate)
        self.optimizer.zero_grad()
        assert isinstance(self.configuration.loss, CrossEntropy)
        smoothing = self.configuration.loss.label_smoothing
        self._forward(pixels).sparse_categorical_crossentropy(labels, label_smoothing=smoothing).backward()
        Tensor.realize(self.optimizer.lr, *self.optimizer.schedule_step())

    def _forward(self, x: Tensor) -> Tensor:
        for index, layer in enumerate(self.configuration.network.layers):
            weight, bias = (self.parameters.get(f"{index}.{name}") for name in ("weight", "bias"))
            match layer:
                case layers.Linear():
                    x = x.linear(weight.transpose(), bias)
                case layers.Conv2d():
                    x = x.conv2d(weight, bias)
                case layers.MaxPool2d():
                    x = x.max_pool2d((layer.size, layer.size))
                case layers.ReLU():
                    x = x.relu()
                case layers.Flatten():
                    x = x.flatten(1)
                case _:
                    raise NotImplementedError(f"{layer} is in no network here")
        return x


def optimizer_of(configuration: Configuration, parameters: list[Tensor]) -> nn.optim.Optimizer:
    """Return tinygrad's optimizer with the same hyperparameters; the learning rate is set at each step."""
    optimizer = configuration.optimizer
    match optimizer:
        case SGD():
            return nn.optim.SGD(parameters, momentum=optimizer.momentum)
        case AdamW():
            betas = {"b1": optimizer.beta1, "b2": optimizer.beta2, "eps": optimizer.epsilon}
            return nn.optim.AdamW(parameters, **betas, weight_decay=optimizer.weight_decay)
        case Adam():
            return nn.optim.Adam(parameters, b1=optimizer.beta1, b2=optimizer.beta2, eps=optimizer.epsilon)
    raise NotImplementedError(f"{optimizer} is used nowhere here")
