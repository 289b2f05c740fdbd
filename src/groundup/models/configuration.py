"""Everything that a training run depends on, in one frozen value that is written beside its result."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from groundup.augmentation import Augmentation
from groundup.checks import Checked, integer, real, shown
from groundup.descriptions import build, build_one, describe, refuse_unknown, table
from groundup.errors import ConfigurationError, GroundupError
from groundup.initializers import INITIALIZERS, Initializer
from groundup.losses import LOSSES, CrossEntropy, Loss
from groundup.network import Network
from groundup.optimizers import OPTIMIZERS, SGD, Optimizer
from groundup.schedules import SCHEDULES, ConstantRate, Schedule

FAMILIES: dict[str, Mapping[str, type]] = {
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "initializer": INITIALIZERS,
}
"""The fields that are chosen from a table of classes."""
SETTLING_RATE = 1 / 8
"""The learning rate at the beginning of the settling, as a share of the schedule's factor 1; it falls to 0."""
SETTLING_STRENGTH = 0.4
"""How strongly pictures are deformed while a training settles, of how strongly they were before."""


@dataclass(frozen=True)
class Configuration(Checked):
    """A training run, described to the last hyperparameter: the same configuration and data give the same model.

    Parameters
    ----------
    network : Network
        What is trained.
    name : str
        What a person calls the network: ``"mlp"``, ``"784-800-10"``.
    data : str or None
        The data set's source, as `groundup.data.load` takes it; None for the first that can be had.
    data_sha256 : str
        A digest of the pictures and labels that were trained on; empty until they are known.
    loss, optimizer, schedule : Loss, Optimizer, Schedule
        What is minimised, how, and with which learning rate when.
    initializer : Initializer or None
        Of all weights; None for what suits each layer's activation.
    augmentation : Augmentation
        How strongly the pictures are deformed in training; not at all by default.
    init_from : str or None
        A model file, run folder or shipped model's name, whose weights training starts from, instead of random ones.
    learning_rate : float
        The schedule's factor 1.
    epochs : int
        Passes over the training pictures.
    batch_size : int
        Pictures a step; 0 for all at once.
    validation : float
        How many of the training pictures are held out for validation: a share below 1, or a number of pictures.
    patience : int
        Stop after so many epochs without a better validation accuracy; 0 never.
    settling : float
        Share of the epochs, rounded to whole ones, that follow the schedule's: on pictures that are deformed less
        (`SETTLING_STRENGTH`), so that the network ends on such as it will be asked about, at a learning rate that falls
        from a small one (`SETTLING_RATE`) to 0.
    select : str
        The epoch whose model is the result: the ``"best"``, of the highest validation accuracy, of equals the least
        loss; or the ``"last"``, for a schedule that ends near a learning rate of 0: a better one before it is luck.
    average : float
        What the moving average of the weights, which then is the model, keeps of itself a step: 0.999; 0 for none.
    snapshots : int
        How many models to keep on the way, evenly spaced up to the settling, in the run folder's ``snapshots/``: with
        the schedule `CosineRestarts` of as many cycles, a committee for the price of one training (Huang et al., 2017).
    backend, precision : str
        What runs it, and the arithmetic: ``"auto"`` is the fastest backend, and the first of the backend's precisions.
    seed : int
        Initial weights, order of pictures, dropout masks and augmentation all come from it.
    """

    network: Network
    name: str
    data: str | None = None
    data_sha256: str = ""
    loss: Loss = field(default_factory=CrossEntropy)
    optimizer: Optimizer = field(default_factory=SGD)
    schedule: Schedule = field(default_factory=ConstantRate)
    initializer: Initializer | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    init_from: str | None = None
    learning_rate: float = real(above=0, default=0.1)
    epochs: int = integer(at_least=1, default=10)
    batch_size: int = integer(at_least=0, default=100)
    validation: float = real(at_least=0, default=0.1)
    patience: int = integer(at_least=0, default=0)
    settling: float = real(at_least=0, below=1, default=0.0)
    select: str = "best"
    average: float = real(at_least=0, below=1, default=0.0)
    snapshots: int = integer(at_least=0, default=0)
    backend: str = "auto"
    precision: str = "auto"
    seed: int = integer(at_least=0, default=0)

    def __post_init__(self) -> None:
        """Hold every field against its range, and the parts against their tables."""
        super().__post_init__()
        if self.validation > 1 and self.validation != int(self.validation):
            raise ConfigurationError(f"validation must be a share below 1 or a whole number, not {self.validation}")
        if self.snapshots > self.settles_after:
            limit = f"{self.settles_after}, the schedule's epochs"
            raise ConfigurationError(f"snapshots must be at most {limit}, not {self.snapshots}")
        if self.select not in ("best", "last"):
            raise ConfigurationError(f"select must be 'best' or 'last', not {shown(self.select)}")
        if not isinstance(self.augmentation, Augmentation):
            raise ConfigurationError(f"augmentation must be an Augmentation, not {shown(self.augmentation)}")
        for name, kinds in FAMILIES.items():
            value = getattr(self, name)
            if not isinstance(value, (*kinds.values(), type(None))) or (value is None and name != "initializer"):
                there = ", ".join(kind.__name__ for kind in kinds.values())
                raise ConfigurationError(f"{name} must be one of {there}, as an instance, not {shown(value)}")

    @property
    def settles_after(self) -> int:
        """The number of epochs before the settling."""
        return self.epochs - round(self.epochs * self.settling)

    def learning_rate_at(self, epoch: int, step: int, steps: int) -> float:
        """Return the learning rate of a step of an epoch of so many `steps`; epoch and step are counted from 0."""
        before, settling = self.settles_after, self.epochs - self.settles_after
        if epoch < before or not settling:
            return self.learning_rate * self.schedule.factor(epoch * steps + step, steps, before)
        settled = ((epoch - before) * steps + step) / (settling * steps)
        return self.learning_rate * SETTLING_RATE * (1 - settled)

    def augmentation_in(self, epoch: int) -> Augmentation:
        """Return how strongly the pictures are deformed in an epoch, counted from 0."""
        settles = self.settling and epoch >= self.settles_after
        return self.augmentation.scaled(SETTLING_STRENGTH) if settles else self.augmentation

    def as_table(self) -> dict[str, Any]:
        """Return plain values for TOML; what is None is left out."""
        plain = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _TABLES}
        chosen = {name: (getattr(self, name), kinds) for name, kinds in FAMILIES.items()}
        tables: dict[str, Any] = {name: describe(value, kinds) for name, (value, kinds) in chosen.items() if value}
        tables["augmentation"] = asdict(self.augmentation)
        tables["network"] = self.network.description()
        return {name: value for name, value in (plain | tables).items() if value is not None}

    @classmethod
    def from_table(cls, values: Mapping[str, Any]) -> Configuration:
        """Return the configuration that `as_table` described.

        Raises
        ------
        ConfigurationError
            If a name is unknown or missing, or a value is out of range; the message says which.
        """
        try:
            refuse_unknown(values, [each.name for each in fields(cls)], "configuration", ConfigurationError)
            made = dict(values)
            made["network"] = Network.from_description(table(values.get("network"), "network", ConfigurationError))
            for name, kinds in FAMILIES.items():
                if name in values:
                    made[name] = build(values[name], kinds, name, ConfigurationError)
            if "augmentation" in values:
                made["augmentation"] = build_one(
                    Augmentation, values["augmentation"], "augmentation", ConfigurationError
                )
            for name in ("name", "data", "data_sha256", "init_from", "backend", "precision"):
                if not isinstance(made.get(name, ""), str):
                    raise ConfigurationError(f"{name} must be text, not {made[name]!r}")
            made.setdefault("name", "own")
            return cls(**made)
        except ConfigurationError:
            raise
        except GroundupError as error:
            raise ConfigurationError(str(error)) from None

    def as_toml(self) -> str:
        """Return the configuration as the text of a TOML file."""
        import tomli_w

        return tomli_w.dumps(self.as_table())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Configuration:
        """Read a configuration from a TOML file; errors as for `from_table`, naming the file."""
        values = read_toml(path)
        try:
            return cls.from_table(values)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None


_TABLES = {"network", "augmentation", *FAMILIES}


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a TOML file's tables.

    Raises
    ------
    ConfigurationError
        If there is no such file, or it is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError, or a number of thousands of digits
        raise ConfigurationError(f"{path}: is not TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{path}: is nested too deeply") from None
