"""The machine that runs a plan's launches: a GPU through CuPy, or anything else that keeps this protocol.

CuPy is asked for memory, for compilation by NVRTC and for CUDA graphs. None of its own kernels takes part.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from groundup.errors import ParameterError

Memory = Any
"""A piece of a device's memory; only the device knows what it is."""

INSTALL = "pip install 'groundup[cuda]'"

OLDEST = 80
"""The compute capability, times ten, below which a GPU has no tensor cores for bfloat16."""

COMPILER_OPTIONS = ("--std=c++20",)
"""What NVRTC is told, besides the architecture. No --use_fast_math: float32 is to be float32."""


class Place(NamedTuple):
    """An address that a kernel is given."""

    memory: Memory
    offset: int
    """Bytes from the beginning."""


class Call(NamedTuple):
    """A kernel with all that it is given, in order: addresses, 32-bit integers, float32."""

    kernel: str
    grid: tuple[int, int, int]
    block: int
    arguments: tuple[Place | int | float, ...]


class Device(Protocol):
    """Memory, and kernels that run on it one after another."""

    def allocate(self, size: int, zeroed: bool) -> Memory:
        """Return `size` bytes, all 0 or else of any value.

        Raises
        ------
        ParameterError
            If there is no room.
        """

    def write(self, memory: Memory, offset: int, values: NDArray[Any]) -> None:
        """Copy `values` into `memory` from byte `offset` on, once everything that was launched before has run."""

    def read(self, memory: Memory, offset: int, values: NDArray[Any]) -> None:
        """Fill `values` with what is in `memory` from byte `offset` on, once everything has run."""

    def record(self, source: str, calls: Sequence[Call]) -> Callable[[], None]:
        """Compile `source`, CUDA C++, and return what runs the calls in order, each time that it is called."""


class CupyDevice:
    """The GPU that CuPy takes, with a stream of its own.

    Raises
    ------
    ParameterError
        If CuPy or the driver is missing, or there is no GPU, or it is too old.
    """

    def __init__(self) -> None:
        self._cupy = _cupy()
        self._stream = self._cupy.cuda.Stream(non_blocking=True)
        self._module = cache(self._compiled)

    def allocate(self, size: int, zeroed: bool) -> Memory:
        """Return `size` bytes of the GPU's memory, as CuPy's array of bytes."""
        try:
            with self._stream:
                return (self._cupy.zeros if zeroed else self._cupy.empty)(size, np.uint8)
        except self._cupy.cuda.memory.OutOfMemoryError:
            free, whole = self._cupy.cuda.runtime.memGetInfo()
            raise ParameterError(
                f"the GPU has no room for {size / 1e9:,.2f} GB more: {free / 1e9:,.2f} of its {whole / 1e9:,.2f} GB "
                "are free. Smaller batches (--batch-size) take less"
            ) from None

    def write(self, memory: Memory, offset: int, values: NDArray[Any]) -> None:
        """Copy `values` into `memory` from byte `offset` on, once everything that was launched before has run."""
        contents = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        memory[offset : offset + contents.size].set(contents, stream=self._stream)

    def read(self, memory: Memory, offset: int, values: NDArray[Any]) -> None:
        """Fill `values` with what is in `memory` from byte `offset` on, once everything has run."""
        contents = values.reshape(-1).view(np.uint8)
        memory[offset : offset + contents.size].get(stream=self._stream, out=contents)

    def record(self, source: str, calls: Sequence[Call]) -> Callable[[], None]:
        """Return the launch of a CUDA graph, which costs the processor about as much as that of one kernel."""
        module = self._module(source)
        launches = [(module.get_function(call.kernel), call.grid, (call.block,), _packed(call)) for call in calls]
        with self._stream:
            self._stream.begin_capture()
            for function, grid, block, arguments in launches:
                function(grid, block, arguments)
            graph = self._stream.end_capture()

        def run() -> None:
            graph.launch(self._stream)

        return run

    def _compiled(self, source: str) -> Any:
        """Return CuPy's module; CuPy keeps what it has compiled in a folder, by source and architecture."""
        module = self._cupy.RawModule(code=source, options=COMPILER_OPTIONS, backend="nvrtc")
        module.compile()
        return module


def _packed(call: Call) -> tuple[Any, ...]:
    """Return the arguments as CuPy takes them, each of the size that the kernel expects."""
    return tuple(
        np.uint64(each.memory.data.ptr + each.offset)
        if isinstance(each, Place)
        else np.int32(each)
        if isinstance(each, int)
        else np.float32(each)
        for each in call.arguments
    )


def _cupy() -> Any:
    """Return the module, on a machine where it finds a GPU that serves."""
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise ParameterError(f"backend cuda needs CuPy: {error}. {INSTALL} installs it") from None
    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        raise ParameterError(
            f"backend cuda finds no GPU: {error}. `nvidia-smi` shows NVIDIA's driver, if any"
        ) from None
    if count == 0:
        raise ParameterError("backend cuda finds no GPU; is CUDA_VISIBLE_DEVICES empty?")
    capability = int(cupy.cuda.Device().compute_capability)
    if capability < OLDEST:
        raise ParameterError(
            f"backend cuda needs a GPU of compute capability {OLDEST / 10} or later (Ampere, 2020); this one has "
            f"{capability / 10}"
        )
    return cupy


def information() -> dict[str, Any]:
    """Return what `groundup info` says of the GPU: its name, memory and driver, or why there is none."""
    if importlib.util.find_spec("cupy") is None:
        return {"cuda": f"CuPy is not installed: {INSTALL}"}
    try:
        cupy = _cupy()
    except ParameterError as error:
        return {"cuda": str(error)}
    runtime = cupy.cuda.runtime
    properties = runtime.getDeviceProperties(cupy.cuda.Device().id)
    driver = runtime.driverGetVersion()
    return {
        "cuda": f"experimental; CuPy {cupy.__version__}",
        "gpu": properties["name"].decode(),
        "gpu_memory_gigabytes": round(properties["totalGlobalMem"] / 1e9, 1),
        "gpu_compute_capability": f"{properties['major']}.{properties['minor']}",
        "gpu_multiprocessors": properties["multiProcessorCount"],
        "cuda_driver": f"{driver // 1000}.{driver % 1000 // 10}",
    }
