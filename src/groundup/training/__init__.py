"""Training: from a configuration and a data set to a model."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from groundup.data import load
from groundup.data.datasets import Data
from groundup.models.configuration import Configuration
from groundup.models.recipes import recipe
from groundup.network import Network
from groundup.training.history import History
from groundup.training.loop import Result, fit, resume
from groundup.training.watching import Watcher

__all__ = ["Configuration", "History", "Result", "Watcher", "fit", "resume", "train"]


def train(
    network: str | Network | Configuration = "mlp",
    data: str | Data | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    watch: Watcher | None = None,
    **settings: Any,
) -> Result:
    """Train a network and measure it on the test pictures.

    Parameters
    ----------
    network : str, Network or Configuration
        A recipe's name, sizes such as ``"784-800-10"``, a TOML file, a `Network`, or a whole configuration.
    data : str or Data, optional
        The pictures, or their source as `groundup.data.load` takes it; by default MNIST from wherever it can be had.
    out : path, optional
        A new folder for the run's files; without it nothing is written.
    watch : Watcher, optional
        Is told of progress, and may stop the run.
    **settings
        Any field of `Configuration`: ``epochs=5``, ``optimizer=groundup.Adam()``.

    Returns
    -------
    Result
        ``.model``, ``.history``, ``.test`` (an `Evaluation`), ``.seconds``, ...

    Raises
    ------
    GroundupError
        If the network, the data or a setting cannot be used; the message says why.

    Examples
    --------
    >>> result = groundup.train("784-32-10", "strokes", epochs=2)  # doctest: +SKIP
    >>> result.test.accuracy  # doctest: +SKIP
    """
    configuration = network if isinstance(network, Configuration) else recipe(network)
    configuration = replace(configuration, **settings)
    if not isinstance(data, Data):
        configuration = replace(configuration, data=data or configuration.data)
        data = load(configuration.data)
    folder = Path(out) if out is not None else None
    return fit(configuration, data, folder=folder, keep=out is not None, watch=watch)
