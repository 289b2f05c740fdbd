"""What is said where the backend cuda cannot run, and what CuPy is asked for where it can, of a CuPy that is none."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from command_line import groundup
from groundup import backends
from groundup.backends.cuda.device import Call, CupyDevice, Place
from groundup.errors import ParameterError


class FakeError(RuntimeError):
    """In the place of CuPy's errors."""


class Memory(np.ndarray):
    """In the place of CuPy's arrays."""

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self.ctypes.data)

    def set(self, values: Any, stream: Any) -> None:
        self[:] = values

    def get(self, stream: Any, out: Any) -> None:
        out[:] = self


class Stream:
    """Between begin_capture and end_capture, launches are kept for later."""

    def __init__(self, non_blocking: bool) -> None:
        self.captured: list[Callable[[], Any]] | None = None

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...

    def begin_capture(self) -> None:
        self.captured = []

    def end_capture(self) -> Any:
        captured, self.captured = self.captured, None
        return SimpleNamespace(launch=lambda stream: [each() for each in captured or []])


class FakeCupy:
    """As much of CuPy as `CupyDevice` takes, on a machine with so many GPUs of this capability."""

    __version__ = "14.0"

    def __init__(self, count: int = 1, capability: int = 90) -> None:
        self.stream = Stream(True)
        self.launched: list[Any] = []
        self.compiled: list[str] = []
        self.empty = self.zeros = lambda size, dtype: np.zeros(size, dtype).view(Memory)
        properties = {"name": b"H200", "totalGlobalMem": 141e9, "multiProcessorCount": 132, "major": 9, "minor": 0}
        self.cuda = SimpleNamespace(
            Device=lambda: SimpleNamespace(id=0, compute_capability=str(capability)),
            Stream=lambda non_blocking: self.stream,
            memory=SimpleNamespace(OutOfMemoryError=FakeError),
            runtime=SimpleNamespace(
                CUDARuntimeError=FakeError,
                getDeviceCount=lambda: count,
                getDeviceProperties=lambda number: properties,
                driverGetVersion=lambda: 13000,
                memGetInfo=lambda: (int(2e9), int(8e9)),
            ),
        )

    def RawModule(self, code: str, options: Any, backend: str) -> Any:  # noqa: N802 - CuPy's name
        self.compiled.append(code)

        def function(name: str) -> Callable[..., None]:
            def launch(*call: Any) -> None:
                assert self.stream.captured is not None, "launched, not recorded"
                self.stream.captured.append(lambda: self.launched.append((name, *call)))

            return launch

        return SimpleNamespace(compile=lambda: None, get_function=function)


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeCupy]:
    def installed(*machine: int) -> FakeCupy:
        made = FakeCupy(*machine)
        monkeypatch.setitem(sys.modules, "cupy", made)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: made)
        return made

    return installed


def failing(*arguments: Any) -> Any:
    raise FakeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version")


def assert_refused(message: str) -> None:
    """All doors say the same: Python's, the command line's, and `groundup info`, which goes on."""
    with pytest.raises(ParameterError, match=re.escape(message)):
        backends.get("cuda")
    done = groundup("memstate", "compare", "--backends", "cuda")
    assert (done.code, message in done.err.replace("\n", " ")) == (2, True)
    assert message in groundup("info", "--json").json["cuda"]
    assert backends.get().name != "cuda"


def test_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ParameterError, match=r"needs CuPy: .* pip install 'groundup\[cuda\]'"):
        backends.get("cuda")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert groundup("info", "--json").json["cuda"].startswith("CuPy is not installed: pip install")


def test_without_a_driver(cupy: Any) -> None:
    cupy().cuda.runtime.getDeviceCount = failing
    assert_refused("finds no GPU: cudaErrorInsufficientDriver")


def test_without_a_gpu(cupy: Any) -> None:
    cupy(0)
    assert_refused("finds no GPU; is CUDA_VISIBLE_DEVICES empty?")


def test_with_an_old_gpu(cupy: Any) -> None:
    cupy(1, 75)
    assert_refused("needs a GPU of compute capability 8.0 or later (Ampere, 2020); this one has 7.5")


def test_without_room(cupy: Any) -> None:
    made = cupy()
    made.empty = failing
    with pytest.raises(
        ParameterError, match=r"no room for 3.00 GB more: 2.00 of its 8.00 GB are free. Smaller batches"
    ):
        CupyDevice().allocate(int(3e9), zeroed=False)


def test_information(cupy: Any) -> None:
    cupy()
    told = groundup("info", "--json").json
    assert told["cuda"] == "experimental; CuPy 14.0"
    assert (told["gpu"], told["gpu_memory_gigabytes"], told["gpu_compute_capability"]) == ("H200", 141.0, "9.0")
    assert told["cuda_driver"] == "13.0"


def test_memory(cupy: Any) -> None:
    cupy()
    device = CupyDevice()
    memory = device.allocate(32, zeroed=True)
    device.write(memory, 8, np.array([[1, 2], [3, 4]], np.float32))
    read = np.empty((2, 1), np.float32)
    device.read(memory, 12, read)
    assert read.tolist() == [[2], [3]]


def test_what_is_recorded_runs_each_time(cupy: Any) -> None:
    made = cupy()
    device = CupyDevice()
    memory = device.allocate(32, zeroed=True)
    calls = [Call("a", (3, 2, 1), 256, (Place(memory, 8), 7, 0.5)), Call("b", (1, 1, 1), 64, ())]
    run = device.record("source", calls)
    device.record("source", calls[:1])
    assert made.compiled == ["source"]  # once
    assert made.launched == []
    run()
    run()
    name, grid, block, arguments = made.launched[2]
    assert (name, grid, block) == ("a", (3, 2, 1), (256,))
    assert arguments == (memory.ctypes.data + 8, 7, 0.5)
    assert [type(each) for each in arguments] == [np.uint64, np.int32, np.float32]
    assert [launch[0] for launch in made.launched] == ["a", "b", "a", "b"]
