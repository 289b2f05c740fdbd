"""The backends: each a whole, working implementation of the same network."""

from __future__ import annotations

import importlib

from groundup.backends.program import Backend
from groundup.errors import ParameterError

_CLASSES = {"scalar": "ScalarBackend", "lists": "ListsBackend", "numpy": "NumpyBackend"}

NAMES = tuple(_CLASSES)
"""Every backend, from the lowest level to the highest; besides these, ``array:torch`` and the like."""


def get(name: str = "auto") -> Backend:
    """Return the backend called `name`; ``"auto"`` is the fastest that this machine has.

    Raises
    ------
    ParameterError
        If there is no such backend, or the array library that it is to run on is not installed.
    """
    if name == "auto":
        name = NAMES[-1]
    if name.startswith("array:"):
        return _on_library(name.removeprefix("array:"))
    if name not in _CLASSES:
        raise ParameterError(f"backend {name!r} is unknown; there are auto, {', '.join(NAMES)}, array:LIBRARY")
    backend: Backend = getattr(importlib.import_module(f"groundup.backends.{name}"), _CLASSES[name])()
    return backend


def _on_library(library: str) -> Backend:
    from groundup.backends.array import ArrayBackend

    return ArrayBackend(library)
