"""What tests of the backend `cuda` run on: the GPU where there is one, elsewhere an emulator of blocks and threads."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from groundup.backends.cuda import device
from groundup.errors import ParameterError

sys.path.insert(0, str(Path(__file__).parent / "backends" / "cuda"))

from emulated import COMPILER, EmulatedDevice


def has_gpu() -> bool:
    try:
        device.CupyDevice()
    except ParameterError:
        return False
    return True


GPU = has_gpu()


def substituted(patch: pytest.MonkeyPatch) -> None:
    """Let the backend `cuda` run on what there is, or skip."""
    if not GPU:
        if COMPILER is None:
            pytest.skip("needs a GPU, or g++ to emulate one")
        patch.setattr(device, "CupyDevice", EmulatedDevice)
