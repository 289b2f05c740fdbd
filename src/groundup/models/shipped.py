"""The trained models that come with the package."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from groundup.errors import ModelError
from groundup.models import storage

FOLDER = Path(__file__).with_name("weights")

DEFAULT = "pictures"
"""The shipped model that reads a person's pictures, unless told otherwise."""


def names() -> list[str]:
    """Return the names of the shipped models."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def file(name: str) -> Path:
    """Return where the shipped model of this name is, or would be."""
    return FOLDER / f"{name}.safetensors"


def found(path: str | os.PathLike[str]) -> Path:
    """Return the file or run folder `path`; or the shipped model of that name, if there is no such file or run."""
    given = Path(path)
    if given.is_file() or (given / "model.safetensors").exists() or str(given) not in names():
        return given
    return file(str(given))


def called(path: str | os.PathLike[str]) -> str:
    """Return what a model is called: as its run folder is, or as its file is without the ending."""
    given = Path(path)
    return given.absolute().name if given.is_dir() else given.stem


def default() -> Path:
    """Return the model that answers when none is named: the shipped one, or the newest run's where none is.

    Raises
    ------
    ModelError
        If there is neither.
    """
    if file(DEFAULT).is_file():
        return file(DEFAULT)
    from groundup.training.run import Run

    return Run.newest().model_file


def sentence() -> str:
    """Return what there is, for an error message."""
    there = names()
    return f"shipped with groundup: {', '.join(there)}" if there else "no models are shipped with this groundup"


def descriptions() -> dict[str, dict[str, Any]]:
    """Return each shipped model's file size in bytes and test accuracy, by name.

    Raises
    ------
    ModelError
        If a file is broken.
    """
    described = {}
    for name in names():
        path = file(name)
        try:
            training = storage.read_description(path).get("training", {})
        except (ModelError, AttributeError) as error:
            raise ModelError(f"{path}: {error}") from None
        described[name] = {"bytes": path.stat().st_size, "test_accuracy": training.get("test_accuracy")}
    return described
