"""A folder of a few hundred digits for playgrounds that read all test digits again and again."""

from __future__ import annotations

from pathlib import Path

from groundup.data import idx_folders, strokes
from groundup.data.datasets import Dataset

TRAIN, TEST = 600, 400


def written(folder: Path) -> Path:
    """Write drawn digits into `folder`, as four IDX files."""
    train, test = (Dataset(*strokes.make(count, seed), "drawn") for seed, count in enumerate((TRAIN, TEST)))
    idx_folders.write(folder, train, test)
    return folder
