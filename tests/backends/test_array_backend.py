"""The door to other array libraries: which there are, what is refused, and a training through one.

That they compute what every backend computes is tested in test_conformance.py.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from command_line import groundup
from groundup import backends
from groundup.backends.array import LIBRARIES, ArrayBackend, ArrayProgram, StandardArray, installed
from groundup.errors import ParameterError
from groundup.layers import BatchNorm, Dropout, Linear, ReLU
from groundup.losses import CrossEntropy
from groundup.network import Network
from groundup.optimizers import SGD, Adam
from small_data import PIXELS, data, folder

NETWORK = Network([Linear(PIXELS, 12), BatchNorm(12), ReLU(), Dropout(0.2), Linear(12, 10)])
SMALL = data(60, 120)


@pytest.fixture(params=["torch", "array_api_strict"])
def library(request: pytest.FixtureRequest) -> str:
    if request.param not in installed():
        pytest.skip(f"needs array-api-compat and {request.param}")
    return str(request.param)


def compiled(library: str, **options: Any) -> ArrayProgram:
    return ArrayBackend(library).compile(NETWORK, CrossEntropy(), Adam(), 20, **options)


def test_the_door(library: str) -> None:
    backend = backends.get(f"array:{library}")
    assert backend.name == f"array:{library}"
    assert backend.precisions == ("float32", "float64")


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_arrays_are_the_librarys_own(library: str, precision: str) -> None:
    program = compiled(library, precision=precision)
    program.step(SMALL.train.images[:20], SMALL.train.labels[:20], 0.01)
    for name, value in program.state().items():
        assert type(value.bare).__module__.partition(".")[0] == library
        assert str(value.dtype).rpartition(".")[2] == ("int64" if name == "steps" else precision)


def test_predictions_are_those_of_numpy_in_batches(library: str) -> None:
    pictures = np.concatenate([SMALL.test.images] * 5)  # more than one batch of predictions
    expected = backends.get("numpy").compile(NETWORK, CrossEntropy(), Adam(), 20, "float64").predict(pictures)
    found = compiled(library, precision="float64").predict(pictures)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_state_goes_on_bit_for_bit(library: str) -> None:
    first = compiled(library)
    first.step(SMALL.train.images[:20], SMALL.train.labels[:20], 0.01)
    state = first.state()
    second = compiled(library, state=state)
    kept = {name: np.array(value) for name, value in state.items()}
    for program in (first, second):
        program.step(SMALL.train.images[20:40], SMALL.train.labels[20:40], 0.01)
    for name, value in first.state().items():
        assert np.array(value).tobytes() == np.array(second.state()[name]).tobytes()
        assert np.array(state[name]).tobytes() == kept[name].tobytes()  # a copy, which no step changes


def test_moments_do_not_become_subnormal(library: str) -> None:
    program = ArrayBackend(library).compile(NETWORK, CrossEntropy(), SGD(momentum=0.9), 20)
    before = program.state()
    program.load_state(
        {name: np.full(np.shape(value), 1e-38, np.float32) for name, value in before.items() if "/" in name}
        | {name: np.array(value) for name, value in before.items() if "/" not in name}
        | {"steps": 63}
    )
    program.step(np.zeros_like(SMALL.train.images[:20]), SMALL.train.labels[:20], 0.01)
    assert not np.array(program.state()["velocity/0.weight"]).any()


def test_a_wrapped_array(library: str) -> None:
    xp = ArrayBackend(library).namespace
    x = xp.asarray(np.array([[1.0, 2.0], [3.0, 5.0]]))
    assert isinstance(x, StandardArray)
    assert x.__array_namespace__() is xp
    assert (x.shape, x.ndim, len(x)) == ((2, 2), 2, 2)
    results = [x @ x.T, 1 / x, x**2, 2.0 - x, -x, x[0, :], xp.concat([x, x]), x != 2.0, ~(x > 2.0) | (x >= 5.0)]
    y = np.array(x)
    expected = [y @ y.T, 1 / y, y**2, 2.0 - y, -y, y[0], np.concatenate([y, y]), y != 2.0, ~(y > 2.0) | (y >= 5.0)]
    for found, wanted in zip(results, expected, strict=True):
        assert isinstance(found, StandardArray)
        np.testing.assert_array_equal(np.array(found), wanted)
    assert x.tolist() == y.tolist()
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    assert float(xp.sum(x)) == 11.0
    same = x
    x[:, 0] += 10.0
    x /= 2.0
    assert x is same
    assert x.tolist() == [[5.5, 1.0], [6.5, 2.5]]


def test_what_is_refused(library: str) -> None:
    with pytest.raises(ParameterError, match=r"array:.* has the precisions float32 and float64, not float16"):
        compiled(library, precision="float16")


@pytest.mark.parametrize("name", ["array:abacus", "array:", "array:os", "array"])
def test_an_unknown_library(name: str) -> None:
    with pytest.raises(ParameterError, match="is unknown; there are"):
        backends.get(name)


@pytest.mark.parametrize("missing", ["array_api_compat", "torch"])
def test_a_library_that_is_not_installed(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def imported(name: str) -> Any:
        if name == missing:
            raise ImportError(f"No module named {name!r}")
        return SimpleNamespace()

    monkeypatch.setattr(importlib, "import_module", imported)
    with pytest.raises(
        ParameterError, match=rf"needs array-api-compat and torch: No module named '{missing}'.*Install"
    ):
        ArrayBackend("torch")


def test_a_library_without_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def asarray(value: float) -> Any:
        raise RuntimeError("no CUDA-capable device is detected")

    monkeypatch.setattr(importlib, "import_module", lambda name: SimpleNamespace(asarray=asarray, array_namespace=None))
    with pytest.raises(ParameterError, match="array:cupy cannot run here: no CUDA-capable device"):
        ArrayBackend("cupy")


def test_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "cupy" else name)
    assert installed() == [library for library in LIBRARIES if library != "cupy"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "array_api_compat" else name)
    assert installed() == []


def test_groundup_info() -> None:
    assert groundup("info", "--json").json["array_libraries"] == installed()


def test_groundup_train(library: str, tmp_path: Path) -> None:
    pictures = folder(tmp_path / "data", SMALL)
    arguments = ["--network", f"{PIXELS}-8-10", "--data", pictures, "--epochs", 2, "--json"]
    results = []
    for backend in (f"array:{library}", "numpy"):
        done = groundup("train", *arguments, "--backend", backend, "--out", tmp_path / backend.replace(":", "-"))
        assert done.code == 0, done.err
        assert done.json["backend"] == backend
        results.append(done.json)
    assert results[0]["test_accuracy"] == pytest.approx(results[1]["test_accuracy"], abs=0.02)


def test_groundup_train_on_nothing(tmp_path: Path) -> None:
    pictures = folder(tmp_path / "data", SMALL)
    done = groundup("train", "--network", f"{PIXELS}-8-10", "--data", pictures, "--backend", "array:abacus")
    assert done.code == 2
    assert "array library 'abacus' is unknown; there are torch, cupy, array_api_strict" in done.err
