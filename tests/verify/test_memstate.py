"""Recordings: what they hold, how they are written, and files that are none."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordings import NETWORK, SETUP, noise, reference
from safetensors import safe_open
from safetensors.numpy import save_file

from groundup import backends
from groundup.backends.numpy import NumpyBackend
from groundup.errors import DataError, GroundupError, ParameterError, RecordingError
from groundup.layers import Dropout, Linear, ReLU
from groundup.losses import CrossEntropy, MeanSquaredError
from groundup.network import Network
from groundup.optimizers import SGD, AdamW
from groundup.verify.comparison import diff
from groundup.verify.memstate import FORMAT, Batch, Recording, Setup, record, replay
from groundup.verify.tolerances import precision_of

A = reference()
DROPPING = Setup(Network([Linear(36, 12), Dropout(0.5), ReLU(), Linear(12, 10)]), seed=7)


def same(one: Recording, other: Recording) -> bool:
    return list(one.values) == list(other.values) and all(
        np.array_equal(value, other.values[name]) and value.dtype == other.values[name].dtype
        for name, value in one.values.items()
    )


# --- Recording ----------------------------------------------------------------------------------------------------


def test_names_in_order_of_execution() -> None:
    names = list(A.values)
    state = [*NETWORK.state_shapes(), *(f"velocity/{name}" for name in NETWORK.parameters()), "steps"]
    step = ["pixels", "labels", "inputs", *(f"output/{i}" for i in range(5)), "loss"]
    gradients = [f"gradient/{i}.{name}" for i in (4, 2, 0) for name in ("weight", "bias")]
    expected = [f"step/0/{name}" for name in state]
    expected += [f"step/{number}/{name}" for number in (1, 2) for name in [*step, *gradients, *state]]
    assert names == expected
    assert A.steps == 2


@pytest.mark.parametrize("backend", backends.available())
def test_types_on_every_backend(backend: str) -> None:
    for precision in backends.get(backend).precisions:
        made = record(DROPPING, noise(DROPPING.network, 1), backend, precision)
        own = {"pixels": "uint8", "labels": "uint8", "steps": "int64"}
        for name, value in made.values.items():
            assert value.dtype.name == own.get(name.rpartition("/")[2], precision_of(precision).dtype), name


def test_the_values_are_those_of_a_training() -> None:
    program = NumpyBackend().compile(NETWORK, SETUP.loss, SETUP.optimizer, 6, "float64", SETUP.seed)
    for number, batch in enumerate(noise(NETWORK), 1):
        assert all(np.array_equal(A.state(number - 1)[name], value) for name, value in program.state().items())
        program.step(*batch, SETUP.learning_rate)
    assert all(np.array_equal(A.state(2)[name], value) for name, value in program.state().items())
    assert all(np.array_equal(a, b) for a, b in zip(A.batch(2), noise(NETWORK)[1], strict=True))


def test_the_masks_are_those_that_were_used() -> None:
    made = reference(DROPPING)
    for step in (1, 2):
        (mask,) = made.masks(step).values()
        assert np.array_equal(made.values[f"step/{step}/output/1"], made.values[f"step/{step}/output/0"] * mask)
        assert np.all((mask == 0) | (mask == 2))


def test_replay_repeats_and_lockstep_begins_anew() -> None:
    assert same(replay(A, "numpy", "float64"), A)
    assert same(replay(A, "numpy", "float64", lockstep=True), A)
    assert replay(A, "numpy", "float32", lockstep=True).lockstep


def test_labels_that_the_network_has_no_class_for() -> None:
    with pytest.raises(DataError, match="picture of class 10"):
        record(SETUP, [Batch(np.zeros((1, 1, 36), np.uint8), np.array([10], np.uint8))])


def test_an_unknown_backend_or_precision() -> None:
    with pytest.raises(ParameterError, match="unknown"):
        record(SETUP, noise(NETWORK), "abacus")
    with pytest.raises(ParameterError, match="float16"):
        record(SETUP, noise(NETWORK), "numpy", "float16")


# --- Files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setup",
    [SETUP, DROPPING, Setup(NETWORK, MeanSquaredError(), AdamW(beta1=0.8), 0.3, 5), Setup(NETWORK, CrossEntropy(0.2))],
)
def test_written_and_read(setup: Setup, tmp_path: Path) -> None:
    stepped = replay(reference(setup, 1), "numpy", "float32", lockstep=True)
    for made in (reference(setup, 1), stepped, replace(stepped, precision="mixed", compiler=True)):
        made.write(tmp_path / "new" / "a.safetensors")
        read = Recording.read(tmp_path / "new" / "a.safetensors")
        assert same(read, made)
        assert replace(read, values={}) == replace(made, values={})


def test_it_is_a_safetensors_file(tmp_path: Path) -> None:
    A.write(tmp_path / "a.safetensors")
    with safe_open(tmp_path / "a.safetensors", framework="numpy") as file:
        assert set(file.keys()) == set(A.values)
        assert json.loads(file.metadata()["groundup"])["order"] == list(A.values)


def test_arrays_that_do_not_lie_in_order(tmp_path: Path) -> None:
    turned = replace(A, values=A.values | {"step/1/0.weight": np.asfortranarray(A.values["step/1/0.weight"])})
    turned.write(tmp_path / "a.safetensors")
    assert same(Recording.read(tmp_path / "a.safetensors"), A)


def written(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """A recording of one step whose description was changed."""
    made = reference(steps=1)
    description: dict[str, Any] = {"format": FORMAT, "precision": "float64", "backend": "numpy"}
    description |= {"order": list(made.values), "setup": SETUP.description()}
    save_file(made.values, path, metadata={"groundup": json.dumps(change(description))})
    return path


def test_the_documented_description_is_enough(tmp_path: Path) -> None:
    read = Recording.read(written(tmp_path / "a.safetensors", lambda description: description))
    assert diff(read, reference(steps=1)).holds


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: [], 'does not say "format"'),
        (lambda d: d | {"format": "groundup memory states 9"}, 'does not say "format"'),
        (lambda d: d | {"order": "all"}, "order must be a list"),
        (lambda d: d | {"order": [1, 2]}, "order must be a list"),
        (lambda d: d | {"order": []}, "every array once"),
        (lambda d: d | {"order": d["order"][1:]}, "'step/0/0.weight'"),
        (lambda d: d | {"order": [*d["order"], "step/1/more"]}, "'step/1/more'"),
        (lambda d: d | {"order": [*d["order"], d["order"][0]]}, "every array once"),
        (lambda d: d | {"precision": 64}, "precision must be text"),
        (lambda d: d | {"backend": None}, "backend must be text"),
        (lambda d: d | {"lockstep": "yes"}, "lockstep must be true or false"),
        (lambda d: d | {"compiler": 1}, "compiler must be true or false"),
        (lambda d: d | {"setup": 5}, "setup must be a table"),
        (lambda d: d | {"setup": {}}, "setup.network must be a table"),
        (lambda d: d | {"setup": d["setup"] | {"speed": 1}}, "'speed' is unknown"),
        (lambda d: d | {"setup": d["setup"] | {"loss": {"type": "hinge"}}}, "setup.loss: type 'hinge' is unknown"),
        (lambda d: d | {"setup": d["setup"] | {"optimizer": 3}}, "setup.optimizer must be a table"),
        (lambda d: d | {"setup": d["setup"] | {"learning_rate": "fast"}}, "learning_rate must be a number above 0"),
        (lambda d: d | {"setup": d["setup"] | {"seed": -1}}, "seed must be an integer"),
        (
            lambda d: d | {"setup": d["setup"] | {"network": {"layers": [{"type": "Linear"}]}}},
            "inputs and outputs missing",
        ),
    ],
)
def test_descriptions_that_are_none(tmp_path: Path, change: Callable[[Any], Any], words: str) -> None:
    path = written(tmp_path / "broken.safetensors", change)
    with pytest.raises(RecordingError) as caught:
        Recording.read(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    A.write(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    save_file({"a": np.zeros(3)}, tmp_path / "plain")
    save_file({"a": np.zeros(3)}, tmp_path / "text", metadata={"groundup": "{"})
    save_file({"a": np.zeros(3)}, tmp_path / "deep", metadata={"groundup": "[" * 100_000})
    save_file({"a": np.zeros(3)}, tmp_path / "long", metadata={"groundup": "9" * 10_000})
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "huge header").write_bytes(struct.pack("<Q", 2**62) + whole[8:])
    header = json.dumps({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    (tmp_path / "bfloat16").write_bytes(struct.pack("<Q", len(header)) + header + bytes(2))
    for name in ("plain", "text", "deep", "long", "empty", "half", "huge header", "bfloat16", "missing", "."):
        with pytest.raises(RecordingError, match=r"\S"):
            Recording.read(tmp_path / name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(place=st.integers(0, 3000), byte=st.integers(0, 255))
def test_one_broken_byte(tmp_path: Path, place: int, byte: int) -> None:
    """A changed byte is a `GroundupError`, or a recording that differs or does not: never anything else."""
    path = tmp_path / "a.safetensors"
    if not path.exists():
        reference(steps=1).write(path)
    data = bytearray(path.read_bytes())
    data[place] = byte
    (tmp_path / "b.safetensors").write_bytes(data)
    with contextlib.suppress(GroundupError):
        broken = Recording.read(tmp_path / "b.safetensors")
        diff(broken, A)
        diff(A, broken)


def test_an_older_file_survives(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    A.write(path)
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        replace(A, values=A.values | {"broken": None}).write(path)  # type: ignore[dict-item]
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.safetensors"]


def test_optimizers_are_described(tmp_path: Path) -> None:
    made = record(Setup(NETWORK, optimizer=SGD(momentum=0.5, clip_norm=2.0)), noise(NETWORK, 1))
    made.write(tmp_path / "a.safetensors")
    assert Recording.read(tmp_path / "a.safetensors").setup == made.setup
