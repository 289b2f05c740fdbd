"""Handwritten-digit recognition, built from the ground up.

Everything a program needs is here by name; the module that defines a name is imported when the name is first used,
so that the command line answers at once and the mathematics loads nothing but the standard library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from groundup.data import load as load_data
    from groundup.data.datasets import Data, Dataset
    from groundup.errors import GroundupError
    from groundup.layers import (
        AvgPool2d,
        BatchNorm,
        Conv2d,
        Dropout,
        Flatten,
        GlobalAvgPool,
        LeakyReLU,
        Linear,
        MaxPool2d,
        ReLU,
        Residual,
        Sigmoid,
        Softmax,
        Tanh,
    )
    from groundup.losses import CrossEntropy, MeanSquaredError
    from groundup.models.committee import Committee
    from groundup.models.evaluation import Evaluation
    from groundup.models.model import Model
    from groundup.models.recogniser import Recogniser
    from groundup.network import Network, Normalization
    from groundup.optimizers import SGD, Adam, AdamW
    from groundup.pictures.digits import Digit, read_digits
    from groundup.training import Configuration, History, train

_MODULES = {
    "groundup.data": ("load_data",),
    "groundup.data.datasets": ("Data", "Dataset"),
    "groundup.errors": ("GroundupError",),
    "groundup.layers": (
        "AvgPool2d",
        "BatchNorm",
        "Conv2d",
        "Dropout",
        "Flatten",
        "GlobalAvgPool",
        "LeakyReLU",
        "Linear",
        "MaxPool2d",
        "ReLU",
        "Residual",
        "Sigmoid",
        "Softmax",
        "Tanh",
    ),
    "groundup.losses": ("CrossEntropy", "MeanSquaredError"),
    "groundup.models.committee": ("Committee",),
    "groundup.models.evaluation": ("Evaluation",),
    "groundup.models.model": ("Model",),
    "groundup.models.recogniser": ("Recogniser",),
    "groundup.network": ("Network", "Normalization"),
    "groundup.optimizers": ("SGD", "Adam", "AdamW"),
    "groundup.pictures.digits": ("Digit", "read_digits"),
    "groundup.training": ("Configuration", "History", "train"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "AvgPool2d",
    "BatchNorm",
    "Committee",
    "Configuration",
    "Conv2d",
    "CrossEntropy",
    "Data",
    "Dataset",
    "Digit",
    "Dropout",
    "Evaluation",
    "Flatten",
    "GlobalAvgPool",
    "GroundupError",
    "History",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "MeanSquaredError",
    "Model",
    "Network",
    "Normalization",
    "ReLU",
    "Recogniser",
    "Residual",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "load_data",
    "read_digits",
    "train",
]


def __getattr__(name: str) -> object:
    """Import a public name's module when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'groundup' has no attribute {name!r}")
    module = importlib.import_module(_HOME[name])
    return getattr(module, "load" if name == "load_data" else name)


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
