"""A GPU that is none: a program's kernels as C++ for this processor, run by `on_cpu.cpp`, with everything checked.

A kernel that reads or writes beyond a buffer, has a barrier that some thread doesn't reach, reads shared memory that
nobody wrote, or counts on an order among its threads, fails or gives NaN here.
"""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import re
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.backends.cuda.device import Call, CupyDevice, Device, Place
from groundup.backends.cuda.plan import DTYPES, Buffer, Plan
from groundup.backends.cuda.source import program_source
from groundup.backends.cuda.storage import Storage
from groundup.errors import ParameterError

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / "build" / "emulated"
"""Of what is compiled: the same text is compiled once, ever."""

COMPILER = shutil.which("g++") if sys.platform == "linux" else None
"""The scheduler uses what Linux has: fibers, signals, and where a library's thread-local variables are."""

OPTIONS = (
    *("-std=c++20", "-shared", "-fPIC", "-pipe", "-U_FORTIFY_SOURCE", "-Wno-unknown-pragmas", f"-I{HERE}"),
    *("-fsanitize=bounds,alignment", "-fsanitize-undefined-trap-on-error"),
)
KERNEL = re.compile(r'extern "C" __global__ void (?:__launch_bounds__\(\d+\) )?(\w+)\(')
ALIGNMENT = 16
"""Bytes: what a buffer begins at a multiple of. On a GPU it is more; no kernel needs more."""


class EmulationError(AssertionError):
    """A kernel did what it may not do."""


class Index(ctypes.Structure):
    """A place in a grid or in a block, or the size of one."""

    _fields_ = (("x", ctypes.c_uint), ("y", ctypes.c_uint), ("z", ctypes.c_uint))

    def __str__(self) -> str:
        return f"({self.x}, {self.y}, {self.z})"


class Failure(ctypes.Structure):
    """What went wrong, if anything did, and where."""

    _fields_ = (("what", ctypes.c_char_p), ("block", Index), ("thread", Index), ("address", ctypes.c_size_t))


class Memory:
    """Bytes that nobody may go beyond: the processor stops who does, or what lies around them shows it."""

    def __init__(self, size: int, zeroed: bool) -> None:
        whole = -(-max(1, size) // mmap.PAGESIZE) * mmap.PAGESIZE
        first = scheduler().allocate(whole)
        pages = (ctypes.c_uint8 * whole).from_address(first)
        weakref.finalize(pages, scheduler().release_memory, first, whole).atexit = False
        content = np.frombuffer(pages, np.uint8)
        content[...] = 0xFF  # as a float NaN, as an integer -1
        begin = (whole - size) // ALIGNMENT * ALIGNMENT
        self.address = first + begin
        self.bytes = content[begin : begin + size]
        self._around = (content[:begin], content[begin + size :])
        if zeroed:
            self.bytes[...] = 0

    def unharmed(self) -> bool:
        """Whether nothing was written right beside it."""
        return all(bool((around == 0xFF).all()) for around in self._around)


class EmulatedDevice:
    """This processor as a `Device`."""

    def allocate(self, size: int, zeroed: bool) -> Memory:
        """Return `size` bytes: zeros, or NaN."""
        return Memory(size, zeroed)

    def write(self, memory: Memory, offset: int, values: NDArray[Any]) -> None:
        """Copy `values` into `memory`, from byte `offset` on."""
        contents = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        memory.bytes[offset : offset + contents.size] = contents

    def read(self, memory: Memory, offset: int, values: NDArray[Any]) -> None:
        """Fill `values` with what is in `memory` from byte `offset` on."""
        contents = values.reshape(-1).view(np.uint8)
        contents[...] = memory.bytes[offset : offset + contents.size]

    def record(self, source: str, calls: Sequence[Call]) -> Callable[[], None]:
        """Compile `source`, and return what makes all `calls`, in order."""
        program = compiled(source)
        made = [partial(_run, getattr(program, f"emulated_{call.kernel}"), call) for call in calls]

        def run() -> None:
            for each in made:
                each()

        return run


@cache
def machine() -> Device:
    """Return the GPU where there is one, otherwise what stands for it."""
    try:
        return CupyDevice()
    except ParameterError:
        return EmulatedDevice()


def run(
    plan: Plan,
    given: Mapping[Buffer, Any],
    examples: int,
    number: int = 1,
    learning_rate: float = 0.1,
    keys: Sequence[int] = (),
) -> dict[Buffer, NDArray[Any]]:
    """Run one step of a plan on arrays that a test gives, and return what all buffers then hold.

    A given array may be shorter than its buffer: what lies beyond stays NaN or zero, and so does what is not given.
    """
    storage = Storage(machine())
    storage.allocate(plan.buffers)
    for buffer in plan.buffers:
        if not buffer.zeroed:
            storage.write(buffer, np.frombuffer(b"\xff" * buffer.size * buffer.item, DTYPES[buffer.dtype]))
    steps = np.array([(number, 0, examples, learning_rate)], DTYPES["Step"])
    for buffer, values in {plan.steps: steps, plan.step_keys: np.array([*keys, 0], np.uint64), **given}.items():
        storage.fit(buffer, np.asarray(values))
    calls = [storage.call(launch) for launch in plan.launches]
    storage.device.record(program_source(plan.launches), calls)()
    return {buffer: storage.read(buffer) for buffer in plan.buffers}


def compiled(source: str) -> ctypes.PyDLL:
    """Return the program; its calls hold Python's lock, for there is one scheduler."""
    scheduler()
    kernels = "".join(f"EMULATED({name})\n" for name in KERNEL.findall(source))
    text = f'#include "on_cpu.hpp"\n{source}\n{kernels}'
    return _library(text, "-O0", ctypes.DEFAULT_MODE)  # to optimize takes longer than it saves


@cache
def scheduler() -> ctypes.PyDLL:
    """Return `on_cpu.cpp`; what a program needs of it is found there when the program is loaded."""
    loaded = _library((HERE / "on_cpu.cpp").read_text(), "-O2", ctypes.RTLD_GLOBAL)
    loaded.allocate.restype = ctypes.c_void_p
    loaded.allocate.argtypes = (ctypes.c_size_t,)
    loaded.release_memory.restype = None
    loaded.release_memory.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return loaded


@cache
def _library(text: str, optimization: str, mode: int) -> ctypes.PyDLL:
    """Return `text`, compiled now or at some other time."""
    everything = "\0".join([text, (HERE / "on_cpu.hpp").read_text(), optimization, *OPTIONS])
    library = FOLDER / f"{hashlib.sha256(everything.encode()).hexdigest()[:24]}.so"
    if not library.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            made = Path(folder, "made.so")
            command = [COMPILER or "g++", optimization, *OPTIONS, "-x", "c++", "-", "-o", str(made)]
            done = subprocess.run(command, input=text, text=True, capture_output=True)
            if done.returncode:
                raise EmulationError(f"g++ does not compile the kernels:\n{done.stderr}")
            made.replace(library)
    return ctypes.PyDLL(str(library), mode=mode)


def _run(kernel: Any, call: Call) -> None:
    kernel.restype = Failure
    values = [
        ctypes.c_void_p(each.memory.address + each.offset)
        if isinstance(each, Place)
        else (ctypes.c_float if isinstance(each, float) else ctypes.c_int)(each)
        for each in call.arguments
    ]
    pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
    failure = kernel(ctypes.byref(Index(*call.grid)), ctypes.byref(Index(call.block, 1, 1)), pointers)
    if failure.what:
        where = f"{call.kernel}: block {failure.block}, thread {failure.thread}"
        raise EmulationError(f"{where}: {failure.what.decode()}{_nearest(call, failure.address)}")
    for number, each in enumerate(call.arguments):
        if isinstance(each, Place) and not each.memory.unharmed():
            raise EmulationError(f"{call.kernel} wrote beside the buffer that is its argument {number}")


def _nearest(call: Call, address: int) -> str:
    """Return which argument is next to an address at which a kernel was stopped."""
    places = [(number, each) for number, each in enumerate(call.arguments) if isinstance(each, Place)]
    if not address or not places:
        return ""

    def distance(memory: Memory) -> int:
        return max(memory.address - address, address - memory.address - memory.bytes.size)

    number, nearest = min(places, key=lambda place: distance(place[1].memory))
    size, place = nearest.memory.bytes.size, address - nearest.memory.address
    return f": argument {number} has {size} bytes, and this is byte {place}"
