"""PyTorch, in settings made of words.

``float32``, or ``bfloat16`` (training by autocast, inference with weights of that type); ``fused``: the optimizer's
update of all parameters in one kernel; ``compile``: `torch.compile`, for inference with frozen weights;
``channels_last``: the memory layout; ``one-thread``: instead of as many as there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from contestants import Predictor, for_bytes, initial_state, normalized
from groundup import SGD, Adam, AdamW, Configuration, CrossEntropy, Dataset, Network, layers
from groundup.layers.base import Arrays
from groundup.optimizers import Optimizer


def module(layer: layers.Layer, inputs: layers.Shape) -> nn.Module:
    """Return PyTorch's module for a layer; a BatchNorm's depends on the shape of its inputs."""
    match layer:
        case layers.Linear():
            return nn.Linear(layer.inputs, layer.outputs, layer.bias)
        case layers.Conv2d():
            return nn.Conv2d(layer.inputs, layer.outputs, layer.size, layer.stride, layer.padding, bias=layer.bias)
        case layers.MaxPool2d():
            return nn.MaxPool2d(layer.size, layer.step)
        case layers.BatchNorm():
            kind = nn.BatchNorm2d if len(inputs) == 3 else nn.BatchNorm1d
            return kind(layer.features, layer.epsilon, layer.momentum)
        case layers.ReLU():
            return nn.ReLU()
        case layers.Flatten():
            return nn.Flatten()
    raise NotImplementedError(f"{layer} is in no network here")


def sequential(network: Network) -> nn.Sequential:
    """Return PyTorch's counterpart of a network, whose parameters have the same names."""
    shapes = [network.input_shape, *network.output_shapes()]
    return nn.Sequential(*(module(layer, shape) for layer, shape in zip(network.layers, shapes, strict=False)))


def load(counterpart: nn.Sequential, state: Arrays) -> None:
    """Give a network's counterpart its parameters and buffers."""
    missing, unknown = counterpart.load_state_dict(
        {name: torch.from_numpy(np.array(value, np.float32)) for name, value in state.items()}, strict=False
    )
    assert not unknown
    assert all(name.endswith("num_batches_tracked") for name in missing)


def optimizer_of(optimizer: Optimizer, counterpart: nn.Sequential, fused: bool) -> torch.optim.Optimizer:
    """Return PyTorch's optimizer with the same hyperparameters; the learning rate is set at each step."""
    match optimizer:
        case SGD():
            return torch.optim.SGD(
                counterpart.parameters(),
                momentum=optimizer.momentum,
                dampening=optimizer.dampening,
                nesterov=optimizer.nesterov,
                weight_decay=optimizer.weight_decay,
                fused=fused,
            )
        case Adam():
            kind = torch.optim.AdamW if isinstance(optimizer, AdamW) else torch.optim.Adam
            return kind(
                counterpart.parameters(),
                betas=(optimizer.beta1, optimizer.beta2),
                eps=optimizer.epsilon,
                weight_decay=optimizer.weight_decay,
                fused=fused,
            )
    raise NotImplementedError(f"{optimizer} is used nowhere here")


class Trainer:
    """A network, an optimizer, and the pictures in memory as float32."""

    def __init__(self, configuration: Configuration, train: Dataset, setting: str) -> None:
        words = setting.split()
        assert isinstance(configuration.loss, CrossEntropy)
        self.configuration, self.fused = configuration, "fused" in words
        self.pixels = torch.from_numpy(normalized(configuration.network, train.images))
        self.labels = torch.from_numpy(train.labels.astype(np.int64))
        self.network = sequential(configuration.network)
        if "channels_last" in words:
            self.network = self.network.to(memory_format=torch.channels_last)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=configuration.loss.label_smoothing)
        self.half = torch.autocast("cpu", torch.bfloat16, enabled="bfloat16" in words)
        # Without `dynamic=False`, the last batch, which is smaller, would bring slower code for any size.
        self.loss = torch.compile(self._loss, dynamic=False) if "compile" in words else self._loss

    def begin(self) -> None:
        """Begin with new weights and moments."""
        load(self.network, initial_state(self.configuration))
        self.optimizer = optimizer_of(self.configuration.optimizer, self.network, self.fused)

    def epoch(self, order: NDArray[np.int64], rates: Sequence[float]) -> None:
        """Train for an epoch."""
        self.network.train()
        batches = torch.from_numpy(order).split(self.configuration.batch_size)
        for batch, rate in zip(batches, rates, strict=True):
            self.optimizer.param_groups[0]["lr"] = rate
            self.optimizer.zero_grad()
            self.loss(self.pixels[batch], self.labels[batch]).backward()
            self.optimizer.step()

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the outputs."""
        self.network.eval()
        with torch.inference_mode():
            parts = torch.from_numpy(normalized(self.configuration.network, pixels)).split(1000)
            return torch.cat([self.network(part) for part in parts]).numpy()

    def _loss(self, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with self.half:
            return self.criterion(self.network(pixels), labels)


def predictor(network: Network, state: Arrays, setting: str, batch_size: int) -> Predictor:
    """Return a function that recognises pictures, `batch_size` at a time."""
    words = setting.split()
    if "one-thread" in words:
        torch.set_num_threads(1)
    counterpart = sequential(network).eval()
    load(counterpart, for_bytes(network, state))
    kind = torch.bfloat16 if "bfloat16" in words else torch.float32
    counterpart = counterpart.to(kind)
    if "channels_last" in words:
        counterpart = counterpart.to(memory_format=torch.channels_last)

    def outputs(pixels: torch.Tensor) -> torch.Tensor:
        return counterpart(pixels.reshape(-1, *network.input_shape).to(kind)).float()

    if "compile" in words:
        torch._inductor.config.freezing = True
        outputs = torch.compile(outputs, dynamic=False)

    def predict(pixels: NDArray[np.uint8]) -> NDArray[Any]:
        with torch.inference_mode():
            parts = [outputs(part) for part in torch.from_numpy(pixels).split(batch_size)]
            return (parts[0] if len(parts) == 1 else torch.cat(parts)).numpy()

    return predict
