"""The backends: each a whole, working implementation of the same network."""

from __future__ import annotations

import importlib
import os
from importlib.machinery import PathFinder

from groundup.backends.program import Backend
from groundup.backends.threads import thread_count
from groundup.errors import ParameterError

_CLASSES = {
    "scalar": "ScalarBackend",
    "lists": "ListsBackend",
    "numpy": "NumpyBackend",
    "native": "NativeBackend",
    "cuda": "CudaBackend",
}

NAMES = tuple(_CLASSES)
"""Every backend, from the lowest level to the highest; besides these, ``array:torch`` and the like."""

NOT_BUILT = (
    "not built: it takes GCC or Clang, and Python's headers; install groundup again with them, "
    "and `pip install -v` shows what failed"
)
"""What is the matter with the backend `native` where it is not `available`."""


def available() -> tuple[str, ...]:
    """Return those of `NAMES` that this installation has and that may be taken unasked.

    ``native`` may not have been built, and ``cuda`` is experimental: it has never run on a GPU, and must be asked for.
    """
    return tuple(name for name in NAMES if name != "cuda" and (name != "native" or native_is_built()))


def native_is_built() -> bool:
    """Return whether the installation has the C++ of ``native``; nothing is imported for the answer."""
    places = [os.path.join(place, "native") for place in __path__]
    return PathFinder.find_spec("groundup.backends.native._native", places) is not None


def get(name: str = "auto", threads: int | None = None) -> Backend:
    """Return the backend called `name`; ``"auto"`` is the fastest that this installation has.

    Parameters
    ----------
    name : str
        One of `NAMES`, ``array:`` with a library's name, or ``auto``.
    threads : int, optional
        How many threads ``native`` runs on, 1 to 1024; by default what the environment variable ``GROUNDUP_THREADS``
        says, or else one for each processor that this process may use. The other backends leave it to their library.

    Raises
    ------
    ParameterError
        If there is no such backend, the array library that it is to run on is not installed, ``native`` was not
        built, there is no GPU for ``cuda``, or the machine lacks what ``GROUNDUP_ISA`` or `threads` ask for.
    """
    if name == "auto":
        name = available()[-1]
    if name.startswith("array:"):
        return _on_library(name.removeprefix("array:"))
    if name not in NAMES:
        raise ParameterError(f"backend {name!r} is unknown; there are auto, {', '.join(NAMES)}, array:LIBRARY")
    if name == "native" and not native_is_built():
        raise ParameterError(f"backend {name} is {NOT_BUILT}")
    options = {"threads": thread_count(threads)} if name == "native" else {}
    backend: Backend = getattr(importlib.import_module(f"groundup.backends.{name}"), _CLASSES[name])(**options)
    return backend


def _on_library(library: str) -> Backend:
    from groundup.backends.array import ArrayBackend

    return ArrayBackend(library)
