"""Memory states: every named value of some training steps, in order of execution, in a file that any language writes.

The file's format is documented in docs/memstate.md.
"""

from __future__ import annotations

import json
import math
import os
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundup import backends, randomness
from groundup.backends.interpreter import Interpreter
from groundup.backends.numpy import uniforms
from groundup.backends.program import Program
from groundup.checks import Checked, integer, real
from groundup.descriptions import build, describe, refuse_unknown, table
from groundup.errors import DataError, GroundupError, RecordingError
from groundup.files import replacing
from groundup.layers import Shape
from groundup.losses import LOSSES, CrossEntropy, Loss
from groundup.network import Network
from groundup.optimizers import OPTIMIZERS, SGD, Optimizer
from groundup.verify.tolerances import precision_of

FORMAT = "groundup memory states 1"
MAXIMUM_NUMBERS = 2**28
"""Numbers in one layer's output that a comparison computes; a file that asks for more is refused."""

Values = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Setup(Checked):
    """What is trained, and how: enough to compute every value of a recording again from its data.

    Parameters
    ----------
    network, loss, optimizer
        As in a training.
    learning_rate : float
        Of every step.
    seed : int
        Gives the initial state and the masks.
    """

    network: Network
    loss: Loss = field(default_factory=CrossEntropy)
    optimizer: Optimizer = field(default_factory=SGD)
    learning_rate: float = real(above=0, default=0.1)
    seed: int = integer(at_least=0, default=0)

    def state_shapes(self) -> dict[str, Shape]:
        """Return the name and shape of every parameter, buffer and moment, and of ``steps``."""
        moments = {
            f"{moment}/{name}": shape
            for name, shape in self.network.parameters().items()
            for moment in self.optimizer.moments
        }
        return self.network.state_shapes() | moments | {"steps": ()}

    def masks(self, count: int, step: int) -> Values:
        """Return the masks of one step on `count` examples, in float64: 0 or 1 / (1 - rate)."""
        return {
            name: np.where(
                uniforms(count * math.prod(shape), randomness.key(self.seed, "mask", name, step)) >= rate,
                1 / (1 - rate),
                0.0,
            ).reshape(count, *shape)
            for name, (shape, rate) in self.network.masks().items()
        }

    def description(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "network": self.network.description(),
            "loss": describe(self.loss, LOSSES),
            "optimizer": describe(self.optimizer, OPTIMIZERS),
            "learning_rate": self.learning_rate,
            "seed": self.seed,
        }

    @classmethod
    def from_description(cls, description: object) -> Setup:
        """Return the setup that `description` describes, or raise a `GroundupError` that says where it is wrong."""
        values = dict(table(description, "setup", RecordingError))
        refuse_unknown(values, ["network", "loss", "optimizer", "learning_rate", "seed"], "setup", RecordingError)
        values["network"] = Network.from_description(table(values.get("network"), "setup.network", RecordingError))
        for name, kinds in (("loss", LOSSES), ("optimizer", OPTIMIZERS)):
            if name in values:
                values[name] = build(values[name], kinds, f"setup.{name}", RecordingError)
        return cls(**values)


class Batch(NamedTuple):
    """The pictures of one step: pixels (N, height, width) uint8 and labels (N,) uint8."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class Recording:
    """Every named value of some training steps.

    Parameters
    ----------
    values : dict of ndarray
        In order of execution. ``step/0/0.weight`` is the state before the first step; of step 2 there are
        ``step/2/pixels``, ``step/2/labels``, ``step/2/mask/3.mask``, ``step/2/inputs``, ``step/2/output/0``,
        ``step/2/loss``, ``step/2/gradient/0.weight``, and the state after it: ``step/2/0.weight``,
        ``step/2/velocity/0.weight``, ``step/2/steps``.
    precision : str
        Of the arithmetic, as `groundup.verify.tolerances.PRECISIONS` names it.
    backend : str
        What computed them: a backend's name, or any other.
    setup : Setup, optional
        What was trained; a recording without it can only be compared with one that has it.
    lockstep : bool
        Whether each step began from the state of another recording, and not from what the step before left.
    compiler : bool
        Whether a compiler made the program. It may fuse layers, so ``inputs`` and the outputs of all layers but the
        last may be missing.
    """

    values: Values
    precision: str
    backend: str
    setup: Setup | None = None
    lockstep: bool = False
    compiler: bool = False

    @property
    def steps(self) -> int:
        """How many steps were recorded."""
        return max((int(found[1]) for name in self.values if (found := re.match(r"step/(\d{1,9})/", name))), default=0)

    def state(self, step: int) -> Values:
        """Return parameters, buffers, moments and ``steps`` after `step`; after step 0, the initial ones.

        Raises
        ------
        RecordingError
            If the recording has no setup, or not all of this state.
        """
        setup = self.complete_setup()
        return {name: self._required(f"step/{step}/{name}", shape) for name, shape in setup.state_shapes().items()}

    def batch(self, step: int) -> Batch:
        """Return the pictures of `step`, counted from 1; errors as for `state`."""
        network = self.complete_setup().network
        pixels, labels = (self._required(f"step/{step}/{name}") for name in ("pixels", "labels"))
        if (
            labels.ndim != 1
            or len(pixels) != len(labels)
            or math.prod(pixels.shape[1:]) != math.prod(network.input_shape)
        ):
            raise RecordingError(
                f"step/{step}/pixels of shape {pixels.shape} and labels of shape {labels.shape} are no batch "
                f"for a network with inputs of shape {network.input_shape}"
            )
        if pixels.dtype != np.uint8 or labels.dtype != np.uint8:
            raise RecordingError(f"step/{step}/pixels and labels must be bytes, not {pixels.dtype} and {labels.dtype}")
        return Batch(pixels, labels)

    def masks(self, step: int) -> Values:
        """Return the masks of `step`, by name; errors as for `state`."""
        network, count = self.complete_setup().network, len(self.batch(step).labels)
        shapes = {name: (count, *shape) for name, (shape, _) in network.masks().items()}
        return {name: self._required(f"step/{step}/mask/{name}", shape) for name, shape in shapes.items()}

    def complete_setup(self) -> Setup:
        """Return the setup, or raise `RecordingError`."""
        if self.setup is None:
            raise RecordingError(
                f"the recording of {self.backend} does not say what was trained: it has no setup. "
                "Give the one that has it first"
            )
        return self.setup

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the recording as safetensors.

        Raises
        ------
        OSError
            If the file cannot be written; an older file of that name is then still whole.
        """
        from safetensors.numpy import save

        description = {
            "format": FORMAT,
            "precision": self.precision,
            "backend": self.backend,
            "lockstep": self.lockstep,
            "compiler": self.compiler,
            "order": list(self.values),
        }
        if self.setup is not None:
            description["setup"] = self.setup.description()
        values = {name: np.ascontiguousarray(value).reshape(value.shape) for name, value in self.values.items()}
        with replacing(path) as temporary:
            temporary.write_bytes(save(values, metadata={"groundup": json.dumps(description)}))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Recording:
        """Read a recording. Nothing in a file is ever executed.

        Raises
        ------
        RecordingError
            If there is no such file, or it is broken or no recording; the message says what is wrong.
        """
        try:
            return cls._from_description(*_read_safetensors(Path(path)))
        except OSError as error:
            raise RecordingError(f"{path}: cannot be read: {error.strerror}") from None
        except GroundupError as error:
            raise RecordingError(f"{path}: {error}") from None

    @classmethod
    def _from_description(cls, description: object, values: Values) -> Recording:
        if not isinstance(description, dict) or description.get("format") != FORMAT:
            raise RecordingError(f'does not say "format": "{FORMAT}"')
        order = description.get("order")
        if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
            raise RecordingError("order must be a list of the names")
        astray = sorted(values.keys() ^ set(order))
        if astray or len(order) != len(values):
            raise RecordingError(f"order must hold the name of every array once; see {(astray or order)[0]!r}")
        for name in ("precision", "backend"):
            if not isinstance(description.get(name), str):
                raise RecordingError(f"{name} must be text")
        flags = {name: description.get(name, False) for name in ("lockstep", "compiler")}
        for name, flag in flags.items():
            if not isinstance(flag, bool):
                raise RecordingError(f"{name} must be true or false")
        setup = Setup.from_description(description["setup"]) if "setup" in description else None
        ordered = {name: values[name] for name in order}
        return cls(ordered, description["precision"], description["backend"], setup, **flags)

    def _required(self, name: str, shape: Shape | None = None) -> NDArray[Any]:
        if name not in self.values:
            raise RecordingError(f"the recording of {self.backend} lacks {name}: nothing can be computed from it")
        found = self.values[name]
        if shape is not None and found.shape != shape:
            raise RecordingError(f"{name} of {self.backend} has shape {found.shape} instead of {shape}")
        if found.dtype.kind not in "fiu":
            raise RecordingError(f"{name} of {self.backend} holds {found.dtype}, not numbers of a precision")
        return found


def record(setup: Setup, batches: Sequence[Batch], backend: str = "numpy", precision: str = "float64") -> Recording:
    """Train one step on each batch, from the setup's initial state, and keep every named value.

    Raises
    ------
    GroundupError
        If the backend does not know the precision or a layer, or the pictures do not fit the network.
    """
    for batch in batches:
        if batch.labels.max(initial=0) >= setup.network.output_shape[0]:
            raise DataError(
                f"there is a picture of class {batch.labels.max()}, but the network tells only "
                f"{setup.network.output_shape[0]} classes apart"
            )
    program = backends.get(backend).compile(
        setup.network, setup.loss, setup.optimizer, len(batches[0].labels), precision, setup.seed
    )
    return _run(setup, program, backend, precision, enumerate(batches, 1))


def replay(reference: Recording, backend: str, precision: str, *, lockstep: bool = False) -> Recording:
    """Train on the data of `reference`, from its initial state, on another backend.

    With `lockstep` each step begins from the state that `reference` had before it: what differs then was computed
    differently in that very step.

    Raises
    ------
    GroundupError
        If `reference` lacks data or state, or the backend does not know the precision or a layer.
    """
    setup, numbers = reference.complete_setup(), range(1, reference.steps + 1)
    program = backends.get(backend).compile(
        setup.network, setup.loss, setup.optimizer, len(reference.batch(1).labels), precision, setup.seed
    )

    def batches() -> Iterator[tuple[int, Batch]]:
        for number in numbers:
            if lockstep or number == 1:
                program.load_state(_loadable(reference.state(number - 1)))
            yield number, reference.batch(number)

    program.load_state(_loadable(reference.state(0)))
    return _run(setup, program, backend, precision, batches(), lockstep=lockstep)


def _run(
    setup: Setup, program: Program, backend: str, precision: str, batches: Iterator[tuple[int, Batch]], **flags: bool
) -> Recording:
    values = {f"step/0/{name}": as_numpy(value, name, precision) for name, value in program.state().items()}
    for number, batch in batches:
        values |= {f"step/{number}/{name}": value for name, value in batch._asdict().items()}
        for name, mask in setup.masks(len(batch.labels), number).items():
            values[f"step/{number}/mask/{name}"] = mask.astype(precision_of(precision).dtype)
        for name, value in program.trace(*batch, setup.learning_rate).items():
            values[f"step/{number}/{name}"] = as_numpy(value, name, precision)
    return Recording(values, precision, backend, setup, compiler=not isinstance(program, Interpreter), **flags)


def type_of(name: str, precision: str) -> str:
    """Return the type that a value of this name has in a recording of this precision."""
    last = name.rpartition("/")[2]
    return {"pixels": "uint8", "labels": "uint8", "steps": "int64"}.get(last, precision_of(precision).dtype)


def as_numpy(value: Any, name: str, precision: str) -> NDArray[Any]:
    """Return an array of any backend as NumPy's, with its own type where it is NumPy's already."""
    if isinstance(value, np.ndarray | np.generic):
        return np.array(value)
    return np.array(value.tolist(), dtype=type_of(name, precision)).reshape(value.shape)


def _loadable(state: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return a state in the form that every backend takes."""
    arrays = {name: array("d", value.ravel().tolist()) for name, value in state.items() if name != "steps"}
    return arrays | {"steps": int(state["steps"])}


def check_size(recording: Recording) -> None:
    """Raise `RecordingError` if computing this recording again would take more memory than any sensible one does."""
    network = recording.complete_setup().network
    for number in range(1, recording.steps + 1):
        count = len(recording.batch(number).labels)
        if count * max(map(math.prod, [network.input_shape, *network.output_shapes()])) > MAXIMUM_NUMBERS:
            raise RecordingError(f"step/{number}: {count} pictures are too many for this network to compare at once")


def _read_safetensors(path: Path) -> tuple[Any, Values]:
    from safetensors import SafetensorError, safe_open

    path.open("rb").close()  # safetensors reports a missing file in its own words
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except (SafetensorError, AttributeError, TypeError, ValueError) as error:  # the latter: what NumPy cannot hold
        raise RecordingError(f"is not a whole safetensors file: {error}") from None
    if "groundup" not in metadata:
        raise RecordingError('is a safetensors file, but its metadata has no "groundup": it is no recording')
    try:
        return json.loads(metadata["groundup"]), values
    except (ValueError, RecursionError) as error:
        raise RecordingError(f'the metadata "groundup" is not JSON: {error}') from None
