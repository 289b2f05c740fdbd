"""A model: a network with its state, ready to recognise; and the files that hold one."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup import backends
from groundup.backends.interpreter import check_names
from groundup.backends.numpy import NumpyProgram
from groundup.data.datasets import DIGITS, Dataset
from groundup.descriptions import build, describe
from groundup.errors import GroundupError, ModelError
from groundup.files import replacing
from groundup.layers import Softmax
from groundup.losses import LOSSES, CrossEntropy, Loss, one_hot
from groundup.models.evaluation import Evaluation
from groundup.network import Network
from groundup.optimizers import SGD

FORMAT = "groundup model 1"


@dataclass(frozen=True)
class Model:
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

    def predict(self, pixels: NDArray[np.uint8], backend: str = "auto") -> NDArray[Any]:
        """Return the probability of each class, (N, classes), for pixels (N, height, width) uint8, 255 ink on 0.

        Logits go through softmax. A network trained on squared errors gives scores: they are divided by their sum.

        Raises
        ------
        DataError
            If the pictures are not of the size that the network takes.
        """
        return self.probabilities(self.outputs(pixels, backend))

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities (N, classes) for the network's outputs (N, classes)."""
        if isinstance(self.network.layers[-1], Softmax):
            return outputs
        if isinstance(self.loss, CrossEntropy):
            return np.asarray(Softmax().forward({}, outputs)[0])
        scores = np.maximum(outputs, np.finfo(outputs.dtype).tiny)
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def evaluate(self, dataset: Dataset, backend: str = "auto") -> Evaluation:
        """Return accuracy, loss and confusion matrix on `dataset`."""
        if dataset.class_names != self.class_names:
            raise ModelError(
                f"the model knows the classes {', '.join(self.class_names)}, "
                f"but {dataset.name} has {', '.join(dataset.class_names)}"
            )
        outputs = self.outputs(dataset.images, backend).astype(np.float64)
        targets = one_hot(dataset.labels, len(self.class_names), like=outputs)
        loss = float(self.loss.forward(outputs, targets)[0]) if len(dataset) else math.nan
        return Evaluation.of(self.probabilities(outputs), dataset.labels, loss, self.class_names)

    def activations(self, pixels: NDArray[np.uint8]) -> list[tuple[str, NDArray[Any]]]:
        """Return the input and every layer's output for one picture (height, width) uint8, each with a name."""
        program = NumpyProgram(self.network, self.loss, SGD(), 1, 0, self.state)
        return [(name, np.asarray(value[0])) for name, value in program.activations(pixels[np.newaxis])]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model: plain JSON if the name ends in ``.json``, otherwise safetensors.

        Raises
        ------
        OSError
            If the file cannot be written; an older file of that name is then still whole.
        """
        with replacing(path) as temporary:
            if Path(path).suffix == ".json":
                temporary.write_text(self._as_json(), encoding="utf-8")
            else:
                from safetensors.numpy import save

                state = {name: np.ascontiguousarray(value) for name, value in self.state.items()}
                temporary.write_bytes(save(state, metadata={"groundup": json.dumps(self._description())}))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read a model file, or the best model of a run folder. Nothing in a file is ever executed.

        Raises
        ------
        ModelError
            If there is no such file, or it is broken or does not hold a model; the message says what is wrong.
        """
        path = Path(path)
        if path.is_dir():
            path = path / "model.safetensors"
        try:
            if path.exists() and not path.is_file():
                raise ModelError("is not a file")
            description, state = _read_json(path) if path.suffix == ".json" else _read_safetensors(path)
            return cls._from_description(description, state)
        except FileNotFoundError:
            raise ModelError(f"{path}: there is no such model file") from None
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
        except GroundupError as error:
            raise ModelError(f"{path}: {error}") from None

    def _description(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "network": self.network.description(),
            "loss": describe(self.loss, LOSSES),
            "class_names": list(self.class_names),
            "training": dict(self.training),
        }

    def _as_json(self) -> str:
        state = {name: _readable(np.asarray(value)) for name, value in self.state.items()}
        return json.dumps(self._description() | {"state": state}, indent=None, separators=(", ", ": "))

    @classmethod
    def _from_description(cls, description: object, state: dict[str, NDArray[Any]]) -> Model:
        if not isinstance(description, dict) or description.get("format") != FORMAT:
            raise ModelError(f'does not say "format": "{FORMAT}"')
        names = description.get("class_names")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ModelError("class_names must be a list of strings")
        training = description.get("training", {})
        if not isinstance(training, dict):
            raise ModelError("training must be a table")
        network = Network.from_description(description.get("network", {}))
        loss = build(description.get("loss"), LOSSES, "loss", ModelError)
        return cls(network, state, loss, tuple(names), training)


def _readable(values: NDArray[Any]) -> Any:
    """Return nested lists of the shortest decimals that read back to the same float32."""
    shortest = [float(f"{value:.9g}") for value in values.ravel().tolist()]
    return np.array(shortest).reshape(values.shape).tolist()


def _read_safetensors(path: Path) -> tuple[Any, dict[str, NDArray[Any]]]:
    from safetensors import SafetensorError, safe_open

    path.open("rb").close()  # safetensors reports a missing file in its own words
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except (SafetensorError, AttributeError, TypeError, ValueError) as error:  # the latter: what NumPy cannot hold
        raise ModelError(f"is not a whole safetensors file: {error}") from None
    if "groundup" not in metadata:
        raise ModelError('is a safetensors file, but its metadata has no "groundup": it is not a model of this package')
    return _parse(metadata["groundup"]), {name: _floats(name, value) for name, value in state.items()}


def _read_json(path: Path) -> tuple[Any, dict[str, NDArray[Any]]]:
    try:
        description = _parse(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ModelError("is not a text file in UTF-8") from None
    state = description.pop("state", None) if isinstance(description, dict) else None
    if not isinstance(state, dict):
        raise ModelError('has no table "state" of named arrays')
    return description, {name: _floats(name, value) for name, value in state.items()}


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:  # JSONDecodeError, or a number of thousands of digits
        raise ModelError(f"is not JSON: {error}") from None
    except RecursionError:
        raise ModelError("is JSON nested too deeply to be a model") from None


def _floats(name: str, values: Any) -> NDArray[np.float32]:
    """Return `values` as float32, or raise `ModelError`."""
    # NumPy makes every element of an array as wide as the longest text in it: a small file could ask for terabytes.
    if isinstance(values, list) and not _all_numbers(values):
        raise ModelError(f"{name} must hold numbers alone")
    try:
        found = np.asarray(values)
    except ValueError:
        raise ModelError(f"{name}: is no regular array of numbers") from None
    if found.dtype.kind not in "fiu":
        raise ModelError(f"{name} must hold numbers, not {found.dtype}")
    with np.errstate(over="ignore"):
        floats = found.astype(np.float32)
    if not np.isfinite(floats).all():
        raise ModelError(f"{name} holds NaN or infinity: the training that made it diverged")
    return floats


def _all_numbers(values: Any, axes: int = 64) -> bool:
    """Return whether lists, nested no deeper than NumPy's arrays, hold numbers and nothing else."""
    if isinstance(values, list):
        return axes > 0 and all(_all_numbers(each, axes - 1) for each in values)
    return isinstance(values, int | float) and not isinstance(values, bool)
