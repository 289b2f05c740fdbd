"""What every recogniser does, be it one network or a committee of several; and reading one from its file."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from groundup.data.datasets import Dataset
from groundup.errors import GroundupError, ModelError, ParameterError
from groundup.models import shipped, storage
from groundup.models.calibration import Calibration, tempered
from groundup.models.evaluation import Evaluation
from groundup.models.views import VIEWS, views_of


class Recogniser(ABC):
    """Says which class a picture shows.

    Attributes
    ----------
    class_names : tuple of str
        One name for each class.
    training : dict
        How it came to be (configuration, data set, figures), as plain values for JSON.
    calibration : Calibration or None
        What validation pictures said about its probabilities.
    """

    class_names: tuple[str, ...]
    training: Mapping[str, Any]
    calibration: Calibration | None

    @abstractmethod
    def uncalibrated(self, pixels: NDArray[np.uint8], backend: str = "auto") -> NDArray[Any]:
        """Return probabilities (N, classes) for pixels (N, height, width) uint8, as training has left them."""

    @abstractmethod
    def save(self, path: str | os.PathLike[str], store: str = "float32") -> None:
        """Write a file that `load` reads; errors as for `storage.write`."""

    @classmethod
    @abstractmethod
    def from_file(cls, description: Mapping[str, Any], state: dict[str, NDArray[np.float32]]) -> Self:
        """Return what a file's description and arrays hold; raises `GroundupError` if they make none."""

    def predict(self, pixels: NDArray[np.uint8], backend: str = "auto", views: int = 1) -> NDArray[Any]:
        """Return the probability of each class, (N, classes), for pixels (N, height, width) uint8, 255 ink on 0.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (N, height, width)
            0 is background, 255 full ink.
        backend : str
            What runs the network.
        views : int
            How often each picture is looked at, 1 to 9: as it is, smaller, larger, turned, stretched, leaning
            (`groundup.models.views.VIEWS`); the probabilities are averaged.

        Raises
        ------
        DataError
            If the pictures are not of the size that the network takes.
        ParameterError
            If there are no so many views.
        """
        if not 1 <= views <= len(VIEWS):
            raise ParameterError(f"a picture has 1 to {len(VIEWS)} views, not {views}")
        answers = [self.uncalibrated(view, backend) for view in views_of(pixels, views)]
        return self.calibrated(mean_of(answers))

    def calibrated(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities (N, classes) at the temperature that validation pictures gave."""
        return probabilities if self.calibration is None else tempered(probabilities, self.calibration.temperature)

    def evaluate(self, dataset: Dataset, backend: str = "auto", views: int = 1) -> Evaluation:
        """Return accuracy, loss and confusion matrix on `dataset`.

        The loss of answers that are averages is the negative log-likelihood of the average; otherwise the network's.

        Raises
        ------
        ModelError
            If the data set has other classes.
        """
        self.check_classes(dataset)
        probabilities = self.predict(dataset.images, backend, views)
        right = probabilities[np.arange(len(dataset)), dataset.labels].astype(np.float64)
        loss = float(-np.log(np.maximum(right, 1e-45)).mean()) if len(dataset) else math.nan
        return Evaluation.of(probabilities, dataset.labels, loss, self.class_names)

    def check_classes(self, dataset: Dataset) -> None:
        """Raise `ModelError` if the data set has other classes than those that this recogniser knows."""
        if dataset.class_names != self.class_names:
            raise ModelError(
                f"the model knows the classes {', '.join(self.class_names)}, "
                f"but {dataset.name} has {', '.join(dataset.class_names)}"
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model file, the best model of a run folder, or a shipped model by its name.

        `Recogniser.load` reads whatever a file holds, `Model.load` one network, `Committee.load` a committee.

        Raises
        ------
        ModelError
            If there is no such file, or it is broken or does not hold what is wanted; the message says what is wrong.
        """
        path = shipped.found(path)
        if path.is_dir():
            path = path / "model.safetensors"
        try:
            found = _recogniser(*storage.read(path))
            if not isinstance(found, cls):
                raise ModelError(f"holds a {type(found).__name__.lower()}, and a {cls.__name__.lower()} is needed here")
        except FileNotFoundError:
            raise ModelError(f"{path}: there is no such model file; {shipped.sentence()}") from None
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
        except GroundupError as error:
            raise ModelError(f"{path}: {error}") from None
        return found


def _recogniser(description: object, state: dict[str, NDArray[np.float32]]) -> Recogniser:
    from groundup.models import committee, model

    kinds: dict[str, type[Recogniser]] = {model.FORMAT: model.Model, committee.FORMAT: committee.Committee}
    form = description.get("format") if isinstance(description, dict) else None
    if not isinstance(description, dict) or not isinstance(form, str) or form not in kinds:
        raise ModelError(f'does not say "format": "{model.FORMAT}" or "{committee.FORMAT}"')
    return kinds[form].from_file(description, state)


def mean_of(answers: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the mean of arrays of one shape and type."""
    return np.asarray(sum(answers[1:], start=answers[0]) / len(answers), answers[0].dtype)
