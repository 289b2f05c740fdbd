"""A model: a network with its state, ready to recognise; and the files that hold one."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from groundup import backends, notebook
from groundup.backends.interpreter import check_names
from groundup.backends.numpy import NumpyProgram
from groundup.data.datasets import DIGITS, Dataset
from groundup.descriptions import build, describe
from groundup.errors import ModelError
from groundup.layers import Softmax
from groundup.losses import LOSSES, CrossEntropy, Loss, one_hot
from groundup.models import storage
from groundup.models.calibration import Calibration
from groundup.models.evaluation import Evaluation
from groundup.models.recogniser import Recogniser
from groundup.network import Network
from groundup.optimizers import SGD

FORMAT = "groundup model 1"


@dataclass(frozen=True)
class Model(Recogniser):
    """A network and everything that it takes to use it.

    Parameters
    ----------
    network : Network
        The layers, the input's shape and the normalisation.
    state : dict of ndarray
        Every parameter and buffer, named and shaped as `network.state_shapes()` says.
    loss : Loss
        What it was trained with; it says how outputs become probabilities.
    class_names : tuple of str
        One name for each output.
    training : dict
        How it came to be (configuration, data set, figures), as plain values for JSON.
    calibration : Calibration, optional
        What validation pictures said about its probabilities.

    Raises
    ------
    GroundupError
        If state or class names do not fit the network.
    """

    network: Network
    state: Mapping[str, NDArray[Any]]
    loss: Loss = field(default_factory=CrossEntropy)
    class_names: tuple[str, ...] = DIGITS
    training: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        """Refuse a state that belongs to another network."""
        check_names(dict(self.state), self.network.state_shapes())
        if self.network.output_shape != (len(self.class_names),):
            raise ModelError(
                f"the network's output has shape {self.network.output_shape}, "
                f"but there are {len(self.class_names)} classes"
            )

    def outputs(self, pixels: NDArray[np.uint8], backend: str = "auto") -> NDArray[Any]:
        """Return the network's outputs (N, classes) for pixels (N, height, width) uint8, 255 full ink on 0."""
        program = backends.get(backend).compile(self.network, self.loss, SGD(), batch_size=1, state=self.state)
        return np.asarray(program.predict(pixels))

    def uncalibrated(self, pixels: NDArray[np.uint8], backend: str = "auto") -> NDArray[Any]:
        """Return probabilities (N, classes) for pixels (N, height, width) uint8, as training has left them."""
        return self.probabilities(self.outputs(pixels, backend))

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities (N, classes) for the network's outputs (N, classes), uncalibrated.

        Logits go through softmax. A network trained on squared errors gives scores: they are divided by their sum.
        """
        if isinstance(self.network.layers[-1], Softmax):
            return outputs
        if isinstance(self.loss, CrossEntropy):
            return np.asarray(Softmax().forward({}, outputs)[0])
        scores = np.maximum(outputs, np.finfo(outputs.dtype).tiny)
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def evaluate(self, dataset: Dataset, backend: str = "auto", views: int = 1) -> Evaluation:
        """Return accuracy, loss and confusion matrix on `dataset`; see `Recogniser.evaluate`."""
        if views > 1:
            return super().evaluate(dataset, backend, views)
        self.check_classes(dataset)
        outputs = self.outputs(dataset.images, backend).astype(np.float64)
        targets = one_hot(dataset.labels, len(self.class_names), like=outputs)
        loss = float(self.loss.forward(outputs, targets)[0]) if len(dataset) else math.nan
        probabilities = self.calibrated(self.probabilities(outputs))
        return Evaluation.of(probabilities, dataset.labels, loss, self.class_names)

    def activations(self, pixels: NDArray[np.uint8]) -> list[tuple[str, NDArray[Any]]]:
        """Return the input and every layer's output for one picture (height, width) uint8, each with a name."""
        program = NumpyProgram(self.network, self.loss, SGD(), 1, 0, self.state)
        return [(name, np.asarray(value[0])) for name, value in program.activations(pixels[np.newaxis])]

    def save(self, path: str | os.PathLike[str], store: str = "float32") -> None:
        """Write the model: plain JSON if the name ends in ``.json``, otherwise safetensors.

        Parameters
        ----------
        path : path
            The file; an older one is replaced whole or not at all.
        store : str
            ``"float32"``, bit for bit, or ``"float16"``: a safetensors file half as large.

        Raises
        ------
        ConfigurationError
            If the weights do not go into float16.
        OSError
            If the file cannot be written; an older file of that name is then still whole.
        """
        storage.write(path, self.description(), self.state, store)

    def _repr_html_(self) -> str:
        """Display itself in a notebook: layers, accuracy, learning curves."""
        return notebook.model_html(self)

    def description(self) -> dict[str, Any]:
        """Return everything but the arrays as plain values for JSON."""
        described = {
            "format": FORMAT,
            "network": self.network.description(),
            "loss": describe(self.loss, LOSSES),
            "class_names": list(self.class_names),
            "training": dict(self.training),
        }
        return described if self.calibration is None else described | {"calibration": self.calibration.description()}

    @classmethod
    def from_file(cls, description: Mapping[str, Any], state: dict[str, NDArray[np.float32]]) -> Self:
        """Return the model that a file's description and arrays hold; raises `GroundupError` if they hold none."""
        names = description.get("class_names")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ModelError("class_names must be a list of strings")
        training = description.get("training", {})
        if not isinstance(training, dict):
            raise ModelError("training must be a table")
        network = Network.from_description(description.get("network", {}))
        loss = build(description.get("loss"), LOSSES, "loss", ModelError)
        told = description.get("calibration")
        calibration = None if told is None else Calibration.from_description(told)
        return cls(network, state, loss, tuple(names), training, calibration)
