"""Changing a training's settings while it runs: another configuration, and the state carried over to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from groundup.augmentation import HANDWRITING
from groundup.errors import ConfigurationError
from groundup.layers import Dropout, Layer, LeakyReLU, Linear, ReLU, Residual, Sigmoid, Tanh
from groundup.models.configuration import Configuration
from groundup.network import Network
from groundup.optimizers import SGD, Adam, Optimizer


@dataclass(frozen=True)
class Change:
    """What should be different from now on; None stays as it is.

    Parameters
    ----------
    learning_rate : float, optional
        The schedule's factor 1.
    momentum : float, optional
        The share of the velocity that SGD keeps; of Adam, beta1.
    batch_size : int, optional
        Pictures a step; 0 for all at once.
    dropout : float, optional
        The rate of every Dropout layer. A network without one gets them, after the activations of its linear layers.
    augmentation : float, optional
        How strongly pictures are deformed, as a share of `groundup.augmentation.HANDWRITING`.
    """

    learning_rate: float | None = None
    momentum: float | None = None
    batch_size: int | None = None
    dropout: float | None = None
    augmentation: float | None = None

    @property
    def rebuilds(self) -> bool:
        """Whether a program must be compiled anew for it."""
        return any(each is not None for each in (self.momentum, self.batch_size, self.dropout, self.augmentation))

    def applied(self, configuration: Configuration) -> Configuration:
        """Return the configuration with this change.

        Raises
        ------
        GroundupError
            If a value is out of range, or the network has no place for dropout.
        """
        values: dict[str, Any] = {}
        if self.learning_rate is not None:
            values["learning_rate"] = self.learning_rate
        if self.momentum is not None:
            values["optimizer"] = with_momentum(configuration.optimizer, self.momentum)
        if self.batch_size is not None:
            values["batch_size"] = self.batch_size
        if self.dropout is not None and self.dropout != dropout(configuration.network):
            values["network"] = with_dropout(configuration.network, self.dropout)
        if self.augmentation is not None:
            values["augmentation"] = HANDWRITING.scaled(self.augmentation)
        return replace(configuration, **values)


def momentum(optimizer: Optimizer) -> float:
    """Return the share of the velocity that SGD keeps; of Adam, beta1."""
    return optimizer.momentum if isinstance(optimizer, SGD) else getattr(optimizer, "beta1", 0.0)


def with_momentum(optimizer: Optimizer, share: float) -> Optimizer:
    """Return the optimizer with another momentum; raises `GroundupError` if it is out of range."""
    if isinstance(optimizer, SGD):
        return replace(optimizer, momentum=share, nesterov=optimizer.nesterov and share > 0)
    return replace(optimizer, beta1=share) if isinstance(optimizer, Adam) else optimizer


def dropout(network: Network) -> float:
    """Return the rate of the network's first Dropout layer; 0 if it has none."""
    return next((layer.rate for layer in _flat(network.layers) if isinstance(layer, Dropout)), 0.0)


def with_dropout(network: Network, rate: float) -> Network:
    """Return the network with this rate in every Dropout layer, or with such layers where it had none.

    New ones stand after the activation of every linear layer but the last. Layers after them are renumbered.

    Raises
    ------
    GroundupError
        If the rate is out of range, or there is no such activation.
    """
    layers: list[Layer] = []
    if any(isinstance(layer, Dropout) for layer in _flat(network.layers)):
        layers = [_with_rate(layer, rate) for layer in network.layers]
    else:
        for before, layer in zip([None, *network.layers], network.layers, strict=False):
            hidden = isinstance(before, Linear) and isinstance(layer, ReLU | LeakyReLU | Sigmoid | Tanh)
            layers += [layer, Dropout(rate)] if hidden and layer is not network.layers[-1] else [layer]
        if len(layers) == len(network.layers):
            raise ConfigurationError("this network has no hidden linear layer whose units could be dropped")
    return Network(layers, network.input_shape, network.normalization)


def carried(state: Mapping[str, Any], before: Configuration, after: Configuration) -> dict[str, Any]:
    """Return a program's state as a program of another configuration takes it.

    Weights are renamed where layers have new numbers. Moments are kept if the optimizer still has all of them, and
    begin anew otherwise.

    Parameters
    ----------
    state : mapping of str to array
        What `Program.state` returned.
    before, after : Configuration
        What the program was compiled for, and what the next one will be; their networks differ in layers without
        parameters at most.
    """
    names = dict(zip(before.network.state_shapes(), after.network.state_shapes(), strict=True))
    kept = set(after.optimizer.moments) <= set(before.optimizer.moments)
    moved: dict[str, Any] = {}
    for name, value in state.items():
        kind, _, own = name.rpartition("/")
        if own not in names:
            moved[name] = value  # the number of steps
        elif not kind or kind not in before.optimizer.moments or (kept and kind in after.optimizer.moments):
            moved[f"{kind}/{names[own]}" if kind else names[own]] = value
    return moved


def _with_rate(layer: Layer, rate: float) -> Layer:
    if isinstance(layer, Residual):
        return Residual([_with_rate(each, rate) for each in layer.layers])
    return Dropout(rate) if isinstance(layer, Dropout) else layer


def _flat(layers: Any) -> list[Layer]:
    return [each for layer in layers for each in (_flat(layer.layers) if isinstance(layer, Residual) else [layer])]
