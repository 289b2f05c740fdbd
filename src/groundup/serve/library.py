"""What all visitors may look at and none may change: the models to choose from, and the data set."""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from groundup.data import Data, load
from groundup.data.sources import VARIABLE, cache_folder
from groundup.errors import DataError
from groundup.models import shipped
from groundup.models.recogniser import Recogniser
from groundup.serve.novelty import Novelty, learn
from groundup.serve.worker import Workers

READERS = 4  # threads: enough for a slow drawing not to keep a quick one waiting


@dataclass
class Library:
    """Models and data, each read once, when it is first wanted. Safe to use from several threads.

    Parameters
    ----------
    own : str, optional
        A model file or run folder that is offered besides the shipped models, and before them.
    source : str, optional
        The data set's name or folder, as `groundup.data.load` takes it.
    workers : Workers
        The processes that visitors may have for training.
    readers : Executor
        The threads that read what visitors draw; nothing that takes long goes there.
    """

    own: str | None = None
    source: str | None = None
    workers: Workers = field(default_factory=Workers, repr=False)
    readers: Executor = field(default_factory=lambda: ThreadPoolExecutor(READERS, "reader"), repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)
    _models: dict[str, Recogniser] = field(default_factory=dict, repr=False)
    _data: Data | None = field(default=None, repr=False)
    _novelties: dict[str, Novelty | None] = field(default_factory=dict, repr=False)
    _loading: Any = field(default_factory=Lock, repr=False)
    _learning: Any = field(default_factory=Lock, repr=False)

    def names(self) -> list[str]:
        """Return the models' names; the first is the one to begin with."""
        others = sorted(shipped.names(), key=lambda name: (name != shipped.DEFAULT, name))
        return list(dict.fromkeys([*([self.own] if self.own else []), *others]))

    def model(self, name: str) -> Recogniser:
        """Return one of the models.

        Raises
        ------
        ModelError
            If it cannot be read.
        """
        with self._lock:
            if name not in self._models:
                self._models[name] = Recogniser.load(name)
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

    def novelty(self, recogniser: Recogniser) -> Novelty | None:
        """Return what tells digits that a model knows from what is no digit; None where nothing does.

        This takes a second, one at a time: call it in a thread. Of the library's own models it is kept.
        """
        data = self.data()
        names = [name for name, model in self._models.items() if model is recogniser]
        with self._learning:
            if not names:
                return learn(recogniser, data)
            if names[0] not in self._novelties:
                self._novelties[names[0]] = learn(recogniser, data)
            return self._novelties[names[0]]

    def _is_here(self) -> bool:
        return bool(self.source or os.environ.get(VARIABLE) or (cache_folder() / "mnist").is_dir())


def _spare() -> Data:
    """Return a data set that comes with a package."""
    try:
        return load("sample")
    except DataError:
        return load("strokes")
