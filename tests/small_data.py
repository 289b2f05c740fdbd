"""Small pictures that are quickly learned, for tests that train."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from groundup.data import idx_folders
from groundup.data.datasets import Data, Dataset

SIDE = 6
PIXELS = SIDE * SIDE


def pictures(count: int, seed: int, noise: float = 60.0) -> Dataset:
    """Return `count` pictures of ten classes: one pattern a class, and noise; the corner pixels are always dark."""
    patterns = np.random.default_rng(0).integers(0, 256, (10, SIDE, SIDE))
    generator = np.random.default_rng([1, seed])
    labels = generator.permutation(np.arange(count) % 10).astype(np.uint8)
    images = np.clip(patterns[labels] + generator.normal(0, noise, (count, SIDE, SIDE)), 0, 255).astype(np.uint8)
    images[:, [0, 0, -1, -1], [0, -1, 0, -1]] = 0
    return Dataset(images, labels, f"patterns/{seed}")


def data(train: int = 200, test: int = 100, noise: float = 60.0) -> Data:
    """Return such pictures to train and to test on."""
    return Data("patterns", "the tests", pictures(train, 1, noise), pictures(test, 2, noise))


def folder(path: Path, made: Data) -> Path:
    """Write `made` as four IDX files into `path`, and return it."""
    idx_folders.write(path, made.train, made.test)
    return path
