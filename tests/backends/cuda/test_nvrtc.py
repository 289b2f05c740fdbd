"""NVIDIA's own compiler takes every kernel, for each generation of GPUs; it needs no GPU for that.

All kernels of all recipes would take minutes. They differ in sizes; what may be refused does not depend on those.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from groundup.backends.cuda.device import COMPILER_OPTIONS
from groundup.backends.cuda.plan import Kernel, Launch
from groundup.backends.cuda.planning import Work, usual_sides
from groundup.backends.cuda.source import program_source
from groundup.backends.cuda.state import State
from groundup.models.configuration import Configuration
from groundup.models.recipes import RECIPES
from groundup.verify.small_networks import SMALL_NETWORKS

nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="compiles for GPUs: install groundup[nvrtc]")

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")


def cubin(source: str, architecture: str) -> bytes:
    """Return machine code, or fail with the compiler's words."""
    program = checked(nvrtc.nvrtcCreateProgram(source.encode(), b"program.cu", 0, [], []))
    unused = "--diag-suppress=177"  # a constant of a kernel that this program has no use for
    options = [option.encode() for option in (*COMPILER_OPTIONS, unused, f"--gpu-architecture={architecture}")]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    # bytearray, for NVRTC writes into it: an empty log is one zero, which a `b" "` of one byte, that all of Python
    # shares, would keep, and from then on every space that was read from a file would be a zero.
    log = bytearray(checked(nvrtc.nvrtcGetProgramLogSize(program)))
    checked(nvrtc.nvrtcGetProgramLog(program, log))
    said = log.decode().rstrip("\0\n ")
    assert (status, said) == (nvrtc.nvrtcResult.NVRTC_SUCCESS, ""), said
    code = bytearray(checked(nvrtc.nvrtcGetCUBINSize(program)))
    checked(nvrtc.nvrtcGetCUBIN(program, code))
    checked(nvrtc.nvrtcDestroyProgram(program))
    return bytes(code)


def checked(result: tuple[Any, ...]) -> Any:
    status, *values = result
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS
    return values[0] if values else None


def launches(chosen: Configuration, mixed: bool) -> Iterable[Launch]:
    """All that training and prediction launch."""
    state = State(chosen.network, chosen.optimizer)
    masks = {name: index for index, name in enumerate(chosen.network.masks())}
    work = Work(chosen.network, chosen.loss, chosen.optimizer, chosen.augmentation, mixed, state, masks)
    training = work.training(chosen.batch_size or 60_000, usual_sides(chosen.network))
    return [*training.plan.launches, *work.prediction(1024).plan.launches]


def kind(kernel: Kernel) -> tuple[object, ...]:
    """Return what a kernel is but for sizes: its function, and of products the precision and the tile."""
    words = [part for part in kernel.template if isinstance(part, str)]
    numbers = [part for part in kernel.template if not isinstance(part, str)]
    is_product = kernel.function.startswith(("linear_", "convolution_"))
    return (kernel.function, *words, *(numbers[-3:] if is_product else []), kernel.parameters)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kind_of_kernel_compiles(architecture: str) -> None:
    every = [launch for make in RECIPES.values() for mixed in (False, True) for launch in launches(make(), mixed)]
    every += [
        launch
        for network, loss in SMALL_NETWORKS.values()
        for launch in launches(Configuration(network, "", loss=loss), False)
    ]
    chosen = list({kind(launch.kernel): launch for launch in every}.values())
    code = cubin(program_source(chosen), architecture)
    assert code.startswith(b"\x7fELF")
    assert all(launch.kernel.name.encode() in code for launch in chosen)


def test_a_mistake_is_noticed() -> None:
    with pytest.raises(AssertionError, match="identifier"):
        cubin("__global__ void wrong() { nonsense(); }", "sm_90")
