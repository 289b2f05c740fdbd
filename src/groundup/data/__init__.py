"""Data sets of handwritten digits: reading, fetching, dividing.

>>> import groundup.data
>>> data = groundup.data.load("strokes")  # doctest: +SKIP

The names below are imported when they are first used: `groundup.data.idx` alone needs no third-party package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundup.data.datasets import Data, Dataset
    from groundup.data.sources import load
    from groundup.data.splits import split, stratified_folds
    from groundup.data.verification import Check, verify

__all__ = ["Check", "Data", "Dataset", "load", "split", "stratified_folds", "verify"]

_HOMES = {
    "Check": "verification",
    "Data": "datasets",
    "Dataset": "datasets",
    "load": "sources",
    "split": "splits",
    "stratified_folds": "splits",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
