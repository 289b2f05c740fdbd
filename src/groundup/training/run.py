"""A run folder: the configuration, metrics, models and checkpoint of one training run."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.backends.program import NOTHING, Progress
from groundup.errors import ConfigurationError, ModelError
from groundup.files import replacing
from groundup.json_text import to_json
from groundup.models.configuration import Configuration
from groundup.models.model import Model
from groundup.training.history import History

RUNS = Path("runs")
"""Where runs go unless told, below the working folder."""


@dataclass(frozen=True)
class Position:
    """How far a run has come.

    Parameters
    ----------
    history : History
        The epochs that are complete.
    done : Progress
        What the epoch after them has added up to so far.
    seconds : float
        The time that this took.
    """

    history: History = field(default_factory=History)
    done: Progress = NOTHING
    seconds: float = 0.0


@dataclass(frozen=True)
class Run:
    """The files of one training run.

    ``config.toml`` repeats it; ``metrics.jsonl`` has one line an epoch; ``model.safetensors`` is the model of the
    selected epoch and ``last.safetensors`` the newest; ``snapshots/`` has models kept on the way, if the configuration
    says so; ``checkpoint.safetensors`` is where an interrupted run goes on; ``curves.png`` and ``result.json`` come
    last. The folder appears whole, with a first checkpoint in it, and each file is replaced in one step: however a run
    ends, it can be resumed.
    """

    folder: Path

    @classmethod
    def create(cls, folder: Path, configuration: Configuration, state: dict[str, NDArray[Any]]) -> Run:
        """Make a run folder, holding the beginning of the run.

        Raises
        ------
        ConfigurationError
            If the folder is there already and not empty, or has no name of its own.
        """
        if folder.name in ("", ".."):
            raise ConfigurationError(f"{folder} cannot become a run folder: give --out a name")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigurationError(f"{folder} is there already: choose another --out, or --resume {folder}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = folder.with_name(f".{folder.name}.partial-{secrets.token_hex(4)}")
        temporary.mkdir()
        try:
            begun = cls(temporary)
            with replacing(begun.configuration_file) as file:
                file.write_text(configuration.as_toml(), encoding="utf-8")
            begun.save_checkpoint(Position(), state)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return cls(folder)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Run:
        """Return the run in `folder`.

        Raises
        ------
        ConfigurationError
            If it is no run folder.
        """
        run = cls(Path(folder))
        if not run.configuration_file.is_file():
            raise ConfigurationError(f"{folder} is no run folder: it has no config.toml")
        return run

    @classmethod
    def newest(cls, below: Path = RUNS) -> Run:
        """Return the run whose model was written last.

        Raises
        ------
        ModelError
            If there is none.
        """
        models = [cls(path.parent) for path in below.glob("*/model.safetensors")]
        if not models:
            raise ModelError(f"there is no trained model in {below}/ yet: run `groundup train`, or name one (--model)")
        return max(models, key=lambda run: run.model_file.stat().st_mtime)

    @property
    def configuration_file(self) -> Path:
        """The configuration, as TOML."""
        return self.folder / "config.toml"

    @property
    def model_file(self) -> Path:
        """The model of the selected epoch, of those so far."""
        return self.folder / "model.safetensors"

    @property
    def result_file(self) -> Path:
        """What the finished run came to, as JSON."""
        return self.folder / "result.json"

    def configuration(self) -> Configuration:
        """Return the run's configuration."""
        return Configuration.read(self.configuration_file)

    def result(self) -> dict[str, Any] | None:
        """Return what the run came to, or None if it is not finished."""
        if not self.result_file.is_file():
            return None
        found = json.loads(self.result_file.read_text(encoding="utf-8"))
        assert isinstance(found, dict)
        return found

    def save_epoch(self, history: History, model: Model, selected: bool) -> None:
        """Keep the model of the newest epoch, as the run's result, too, if it is `selected`, and the metrics of all."""
        model.save(self.folder / "last.safetensors")
        if selected:
            model.save(self.model_file)
        with replacing(self.folder / "metrics.jsonl") as file:
            file.write_text(history.as_jsonl(), encoding="utf-8")

    def save_snapshot(self, model: Model, epoch: int) -> None:
        """Keep the model of this epoch for good."""
        model.save(self.folder / "snapshots" / f"epoch-{epoch:04}.safetensors")

    def save_result(self, result: dict[str, Any], history: History, model: Model) -> None:
        """Keep the finished run's curves, its model with its figures, and the result."""
        from groundup import plots

        plots.save(plots.curves(history), self.folder / "curves.png")
        model.save(self.model_file)
        with replacing(self.result_file) as file:
            file.write_text(to_json(result, indent=1) + "\n", encoding="utf-8")

    def save_checkpoint(self, position: Position, state: dict[str, NDArray[Any]]) -> None:
        """Keep how far the run has come, in one file: all of it or none."""
        from safetensors.numpy import save

        written = {
            "history": list(position.history),
            "done": position.done._asdict(),
            "seconds": position.seconds,
        }
        arrays = {name: np.asarray(value, order="C") for name, value in state.items()}
        with replacing(self.folder / "checkpoint.safetensors") as file:
            file.write_bytes(save(arrays, metadata={"groundup_checkpoint": json.dumps(written)}))

    def load_checkpoint(self) -> tuple[Position, dict[str, NDArray[Any]]]:
        """Return how far the run had come.

        Raises
        ------
        ModelError
            If the checkpoint is missing or broken.
        """
        from safetensors import SafetensorError, safe_open

        path = self.folder / "checkpoint.safetensors"
        try:
            with safe_open(path, framework="numpy") as file:
                written = json.loads(file.metadata()["groundup_checkpoint"])
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            history = History(tuple(written["history"]))
            return Position(history, Progress(**written["done"]), written["seconds"]), state
        except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"{path} is not a whole checkpoint: {error}") from None


def free_folder(name: str) -> Path:
    """Return a run folder that is not there yet: called by name and time, then with a number."""
    stem = f"{name}-{datetime.now():%Y-%m-%d-%H%M%S}"
    names = (RUNS / (f"{stem}-{number}" if number else stem) for number in range(1_000_000))
    return next(folder for folder in names if not folder.exists())
