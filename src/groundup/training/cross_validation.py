"""Cross-validation: every training picture is held out once."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from groundup.data.datasets import Data
from groundup.data.splits import stratified_folds
from groundup.models.configuration import Configuration
from groundup.models.evaluation import Evaluation
from groundup.training.loop import fit
from groundup.training.watching import Watcher


@dataclass(frozen=True)
class CrossValidation:
    """The evaluations of all folds, each by a model that never saw them; fewer if it was interrupted."""

    configuration: Configuration
    folds: tuple[Evaluation, ...]
    interrupted: bool

    def summary(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        accuracies = [fold.accuracy for fold in self.folds]
        return {
            "network": self.configuration.name,
            "folds": [{"accuracy": fold.accuracy, "loss": fold.loss, "count": fold.count} for fold in self.folds],
            "mean": statistics.fmean(accuracies) if accuracies else None,
            "standard_deviation": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
            "interrupted": self.interrupted,
        }


def cross_validate(
    configuration: Configuration, data: Data, folds: int, watch: Watcher | None = None
) -> CrossValidation:
    """Train `folds` times on all training pictures but one fold, and measure on that fold.

    The folds are stratified by class; the test pictures are not touched, and no epoch is chosen by the fold.

    Raises
    ------
    GroundupError
        If configuration and data do not fit each other, or there are fewer pictures than folds.
    """
    configuration = replace(configuration, validation=0.0, patience=0, data_sha256="")
    indices = stratified_folds(data.train.labels, folds, configuration.seed)
    measured: list[Evaluation] = []
    for number, held_out in enumerate(indices, 1):
        rest = np.setdiff1d(np.arange(len(data.train)), held_out)
        parts = Data(
            data.name,
            data.origin,
            data.train.subset(rest, f"{data.train.name} without fold {number}"),
            data.train.subset(held_out, f"{data.train.name} fold {number}"),
        )
        result = fit(configuration, parts, watch=watch)
        if result.test is None:
            return CrossValidation(configuration, tuple(measured), interrupted=True)
        measured.append(result.test)
    return CrossValidation(configuration, tuple(measured), interrupted=False)
