"""What compiled programs have in common: what they are given is checked in Python, since what runs checks nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup import randomness
from groundup.augmentation.settings import Augmentation, check_sides
from groundup.backends.interpreter import check_names
from groundup.errors import DataError
from groundup.layers.base import Shape
from groundup.network import Network
from groundup.optimizers import Optimizer

Bytes = NDArray[np.uint8]


def checked_pixels(network: Network, pixels: Any) -> Bytes:
    """Return pictures (N, height, width) of as many pixels as the network has inputs, or raise `DataError`."""
    if math.prod(pixels.shape[1:]) != math.prod(network.input_shape):
        raise DataError(
            f"pictures of {'x'.join(map(str, pixels.shape[1:]))} pixels do not fit the network's inputs "
            f"of shape {network.input_shape}"
        )
    return np.ascontiguousarray(pixels, np.uint8)


def checked_examples(
    network: Network, pixels: Any, labels: Any, augmentation: Augmentation | None
) -> tuple[Bytes, Bytes]:
    """Return pictures (N, height, width) and labels (N,) that fit the network and each other.

    Raises
    ------
    DataError
        If they do not.
    """
    pixels, labels = checked_pixels(network, pixels), np.ascontiguousarray(labels, np.uint8)
    if augmentation:
        check_sides(pixels.shape)
    if len(pixels) != len(labels):
        raise DataError(f"{len(pixels)} pictures, but {len(labels)} labels")
    classes = math.prod(network.output_shape)
    if labels.size and labels.max() >= classes:
        raise DataError(f"label {labels.max()} does not fit a network of {classes} classes")
    return pixels, labels


def check_batch(labels: Any, batch_size: int) -> None:
    """Raise `DataError` if a batch is larger than the program was compiled for."""
    if len(labels) > batch_size:
        raise DataError(f"a batch of {len(labels)} pictures, but the program was compiled for {batch_size}")


def checked_order(order: Any, examples: int) -> NDArray[np.int64]:
    """Return the order of an epoch, every number of which is that of an example, or raise `DataError`."""
    checked = np.ascontiguousarray(order, np.int64)
    if checked.size and not 0 <= checked.min() <= checked.max() < examples:
        raise DataError(f"the order names picture {checked.min()} or {checked.max()}, but there are {examples}")
    return checked


class StepKeys:
    """The random keys of each step: one for each of the network's masks, then the augmentation's, if there is one."""

    def __init__(self, network: Network, augmentation: Augmentation | None, seed: int) -> None:
        self.masks = {name: index for index, name in enumerate(network.masks())}
        self._seed = seed
        self._purposes = [("mask", name) for name in self.masks] + [("augmentation",)] * bool(augmentation)

    def __len__(self) -> int:
        return len(self._purposes)

    def of(self, first_step: int, steps: int) -> NDArray[np.uint64]:
        """Return the keys of so many steps, (steps · keys,)."""
        keys = [
            randomness.key(self._seed, *purpose, step)
            for step in range(first_step, first_step + steps)
            for purpose in self._purposes
        ]
        return np.array(keys, np.uint64)


def moment_shapes(network: Network, optimizer: Optimizer) -> dict[str, Shape]:
    """Return the name and shape of all that the optimizer keeps: ``velocity/3.weight``."""
    return {f"{moment}/{name}": shape for name, shape in network.parameters().items() for moment in optimizer.moments}


def complete_state(network: Network, optimizer: Optimizer, state: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Return `state` with moments that are 0 where it has none, without ``steps``.

    Raises
    ------
    StateError
        If a name is missing or unknown, or a shape differs.
    """
    shapes, moments = network.state_shapes(), moment_shapes(network, optimizer)
    given = {name: value for name, value in state.items() if name != "steps"}
    check_names(given, shapes if given.keys() == shapes.keys() else shapes | moments)
    return {
        name: np.ascontiguousarray(given[name], np.float32).reshape(shape)
        if name in given
        else np.zeros(shape, np.float32)
        for name, shape in (shapes | moments).items()
    }
