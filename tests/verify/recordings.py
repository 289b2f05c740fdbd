"""Recordings of small trainings, and what may become of them, for the tests of memory states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from groundup.layers import Linear, ReLU
from groundup.losses import CrossEntropy
from groundup.network import Network
from groundup.optimizers import SGD
from groundup.verify.memstate import Batch, Recording, Setup, record

NETWORK = Network([Linear(36, 12), ReLU(), Linear(12, 12), ReLU(), Linear(12, 10)])
SETUP = Setup(NETWORK, CrossEntropy(), SGD(momentum=0.9), 0.1, seed=3)


def noise(network: Network, steps: int = 2, count: int = 6) -> list[Batch]:
    """Pictures of noise, a third of it black."""
    batches = []
    for step in range(steps):
        generator = np.random.default_rng(step)
        shape = (count, 1, int(np.prod(network.input_shape)))
        pixels = np.where(generator.random(shape) < 0.3, 0, generator.integers(0, 256, shape)).astype(np.uint8)
        batches.append(Batch(pixels, generator.integers(0, network.output_shape[0], count).astype(np.uint8)))
    return batches


def reference(setup: Setup = SETUP, steps: int = 2) -> Recording:
    """Two steps of the reference."""
    return record(setup, noise(setup.network, steps))


def changed(recording: Recording, name: str, change: Callable[[Any], Any]) -> Recording:
    """The recording with one value changed."""
    return replace(recording, values=recording.values | {name: change(recording.values[name].copy())})


def without(recording: Recording, name: str) -> Recording:
    """The recording without one value."""
    return replace(recording, values={each: value for each, value in recording.values.items() if each != name})
