"""The backends: each a whole, working implementation of the same network."""

from __future__ import annotations

import importlib

from groundup.backends.program import Backend
from groundup.errors import ParameterError

_CLASSES = {"scalar": "ScalarBackend", "lists": "ListsBackend", "numpy": "NumpyBackend"}

NAMES = tuple(_CLASSES)
"""Every backend, from the lowest level to the highest."""


def get(name: str = "auto") -> Backend:
    """Return the backend called `name`; ``"auto"`` is the fastest that this machine has.

    Raises
    ------
    ParameterError
        If there is no such backend.
    """
    if name == "auto":
        name = NAMES[-1]
    if name not in _CLASSES:
        raise ParameterError(f"backend {name!r} is unknown; there are auto, {', '.join(NAMES)}")
    backend: Backend = getattr(importlib.import_module(f"groundup.backends.{name}"), _CLASSES[name])()
    return backend
