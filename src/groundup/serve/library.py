"""What all visitors may look at and none may change: the models to choose from, and the data set."""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.data import Data, load
from groundup.data.published import MNIST
from groundup.data.sources import VARIABLE, cache_folder
from groundup.errors import ConfigurationError, DataError
from groundup.models import shipped
from groundup.models.recogniser import Recogniser
from groundup.pictures.doubt import detector
from groundup.serve.batches import Classify, compiled
from groundup.serve.examiner import Examiner
from groundup.serve.pages import Pages
from groundup.serve.worker import Workers

READERS = 4  # threads: enough for a slow drawing not to keep a quick one waiting


@dataclass
class Library:
    """Models and data, each read once, when it is first wanted. Safe to use from several threads.

    Parameters
    ----------
    own : Path, optional
        A model that is offered before the shipped ones: a file, called as it is without its ending; a run folder,
        called as it is; or one of the shipped models, by its name.
    source : str, optional
        The data set's name or folder, as `groundup.data.load` takes it.
    workers : Workers
        The processes that visitors may have for training.
    pages : Pages
        The pages that they may have open.
    examiner : Examiner
        Measures models on test digits for all of them.
    readers : Executor
        The threads that read what visitors draw; nothing that takes long goes there.

    Raises
    ------
    ConfigurationError
        If the own model would be called as a shipped one, or there is no model at all.
    """

    own: Path | None = None
    source: str | None = None
    workers: Workers = field(default_factory=Workers, repr=False)
    pages: Pages = field(default_factory=Pages, repr=False)
    examiner: Examiner = field(default_factory=Examiner, repr=False)
    readers: Executor = field(default_factory=lambda: ThreadPoolExecutor(READERS, "reader"), repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)
    _files: dict[str, Path] = field(init=False, repr=False)
    _models: dict[str, Recogniser] = field(default_factory=dict, repr=False)
    _data: Data | None = field(default=None, repr=False)
    _detect: Classify | None = field(default=None, repr=False)
    _loading: Any = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        """Give every model a name of its own."""
        others = sorted(shipped.names(), key=lambda name: (name != shipped.DEFAULT, name))
        shelf = {name: shipped.file(name) for name in others}
        self._files = shelf if self.own is None else _own(self.own, shelf) | shelf
        if not self._files:
            raise ConfigurationError("no models are shipped with this groundup: train one, and name it with --model")

    def names(self) -> list[str]:
        """Return the models' names; the first is the one to begin with."""
        return list(self._files)

    def model(self, name: str) -> Recogniser:
        """Return one of the models.

        Raises
        ------
        ModelError
            If it cannot be read.
        """
        with self._lock:
            if name not in self._models:
                self._models[name] = Recogniser.load(self._files[name])
            return self._models[name]

    def data(self) -> Data:
        """Return the data set: the one asked for, or the best that is on this machine; nothing is downloaded.

        This may take seconds: call it in a thread.

        Raises
        ------
        DataError
            If the one asked for cannot be read.
        """
        with self._loading:
            if self._data is None:
                self._data = load(self.source) if self._is_here() else _spare()
            return self._data

    def detect(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the probabilities of ``digit`` and ``no digit``, (N, 2), for pixels (N, 28, 28) uint8."""
        with self._lock:
            if self._detect is None:
                self._detect = compiled(detector())
        return self._detect(pixels)

    def _is_here(self) -> bool:
        cached = cache_folder() / MNIST.name
        whole = all((cached / file.name).exists() for file in MNIST.files)
        return bool(self.source or os.environ.get(VARIABLE) or whole)


def described(data: Data) -> str:
    """Return what data set it is; of one that is not what a person would expect, also where it comes from."""
    if data.name in ("sample", "strokes"):
        return f"{data.name} ({data.origin})"
    return "MNIST" if data.name == MNIST.name else data.name


def _own(given: Path, shelf: dict[str, Path]) -> dict[str, Path]:
    """Return what a visitor's own model is called, and where it is."""
    path = shipped.found(given)
    name = shipped.called(path)
    if shelf.get(name, path) != path:
        raise ConfigurationError(
            f"{path} would be called {name!r}, as a model that is shipped with groundup: give it another name"
        )
    return {name: path}


def _spare() -> Data:
    """Return a data set that comes with a package."""
    try:
        return load("sample")
    except DataError:
        return load("strokes")
