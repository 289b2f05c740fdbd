"""The same network in PyTorch: what our mathematics is held against.

A test file that imports this one is skipped where PyTorch is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from groundup import layers
from groundup.losses import CrossEntropy, Loss
from groundup.network import Network
from groundup.optimizers import SGD, Adam, AdamW, Optimizer

torch = pytest.importorskip("torch", reason="compares with PyTorch: install groundup[oracles]")
nn: Any = torch.nn


class Residual(nn.Sequential):  # type: ignore[misc]  # torch is imported by a function, so its types are not known
    def forward(self, x: Any) -> Any:
        return x + super().forward(x)


class Dropout(nn.Module):  # type: ignore[misc]  # as above
    """Dropout whose mask is given, as ours is; that `torch.nn.Dropout` does the same is tested by itself."""

    mask: Any

    def forward(self, x: Any) -> Any:
        return x * self.mask if self.training else x


def module(layer: layers.Layer, inputs: layers.Shape = ()) -> Any:
    """Return PyTorch's module for `layer`; a BatchNorm's depends on the shape of its inputs."""
    match layer:
        case layers.Linear():
            made = nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)
        case layers.Conv2d():
            made = nn.Conv2d(
                layer.inputs, layer.outputs, layer.size, stride=layer.stride, padding=layer.padding, bias=layer.bias
            )
        case layers.MaxPool2d():
            made = nn.MaxPool2d(layer.size, stride=layer.stride or None)
        case layers.AvgPool2d():
            made = nn.AvgPool2d(layer.size, stride=layer.stride or None)
        case layers.GlobalAvgPool():
            made = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case layers.BatchNorm():
            kind = nn.BatchNorm1d if len(inputs) == 1 else nn.BatchNorm2d
            made = kind(layer.features, eps=layer.epsilon, momentum=layer.momentum)
        case layers.Dropout():
            made = Dropout()
        case layers.Flatten():
            made = nn.Flatten()
        case layers.Residual():
            made = Residual(*modules(layer.layers, inputs))
        case layers.ReLU():
            made = nn.ReLU()
        case layers.LeakyReLU():
            made = nn.LeakyReLU(layer.slope)
        case layers.Sigmoid():
            made = nn.Sigmoid()
        case layers.Tanh():
            made = nn.Tanh()
        case layers.Softmax():
            made = nn.Softmax(dim=1)
        case _:
            raise NotImplementedError(f"{layer} has no counterpart here")
    return made.double()


def modules(members: Sequence[layers.Layer], inputs: layers.Shape) -> list[Any]:
    """Return PyTorch's modules for a sequence of layers."""
    made = []
    for layer in members:
        made.append(module(layer, inputs))
        inputs = layer.output_shape(inputs)
    return made


def sequential(network: Network) -> Any:
    """Return the `torch.nn.Sequential` in float64 that computes what `network` does."""
    return nn.Sequential(*modules(network.layers, network.input_shape))


def loss_function(loss: Loss) -> Any:
    """Return PyTorch's loss of the same definition."""
    if isinstance(loss, CrossEntropy):
        return nn.CrossEntropyLoss(label_smoothing=loss.label_smoothing)
    return nn.MSELoss()


def optimizer_of(optimizer: Optimizer, parameters: Iterable[Any], learning_rate: float) -> Any:
    """Return PyTorch's optimizer with the same hyperparameters."""
    match optimizer:
        case SGD():
            return torch.optim.SGD(
                parameters,
                lr=learning_rate,
                momentum=optimizer.momentum,
                dampening=optimizer.dampening,
                nesterov=optimizer.nesterov,
                weight_decay=optimizer.weight_decay,
            )
        case Adam():
            kind = torch.optim.AdamW if isinstance(optimizer, AdamW) else torch.optim.Adam
            return kind(
                parameters,
                lr=learning_rate,
                betas=(optimizer.beta1, optimizer.beta2),
                eps=optimizer.epsilon,
                weight_decay=optimizer.weight_decay,
                amsgrad=optimizer.amsgrad,
            )
    raise NotImplementedError(f"{optimizer} has no counterpart here")


def tensor(array: Any, *, gradient: bool = False) -> Any:
    """Return a tensor with a copy of the array's numbers."""
    return torch.tensor(np.asarray(array), requires_grad=gradient)


def load(twin: Any, named: Mapping[str, Any]) -> None:
    """Give `twin` the parameters and buffers, under our names and no others, and the masks."""
    masks = {name: array for name, array in named.items() if name == "mask" or name.endswith(".mask")}
    twin.load_state_dict({name: tensor(array) for name, array in named.items() if name not in masks}, strict=True)
    give_masks(twin, masks)


def give_masks(twin: Any, masks: Mapping[str, Any]) -> None:
    """Give the Dropouts of `twin` the masks of their next step."""
    for name, mask in masks.items():
        twin.get_submodule(name.removesuffix("mask").removesuffix(".")).mask = tensor(mask)


def state(twin: Any) -> dict[str, np.ndarray]:
    """Return the parameters and buffers of `twin`, without the count of batches, which we do not keep."""
    return {
        name: value.detach().numpy().copy()
        for name, value in twin.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def gradients(twin: Any) -> dict[str, np.ndarray]:
    """Return the gradient of every parameter of `twin`."""
    return {name: parameter.grad.numpy().copy() for name, parameter in twin.named_parameters()}
