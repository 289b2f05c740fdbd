"""``groundup info``: what this machine has, and what groundup makes of it."""

from __future__ import annotations

import os
import platform
from typing import Any

import click
import numpy as np

import groundup
from groundup import backends
from groundup.backends import array
from groundup.backends.threads import processors, thread_count
from groundup.data.sources import VARIABLE, cache_folder
from groundup.json_text import to_json
from groundup.models import shipped
from groundup.models.recipes import RECIPES


@click.command("info")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Say what this machine has and what groundup makes of it."""
    found = information()
    if as_json:
        click.echo(to_json(found))
        return
    width = max(map(len, found))
    for name, value in found.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {_text(value, width)}")


def _text(value: Any, width: int) -> str:
    """Return a value for people; what does not fit into a line goes on below it."""
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, dict):
        return f"\n{'':{width}}  ".join(f"{name}: {why}" for name, why in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def information() -> dict[str, Any]:
    """Return versions, processors, backends and places, by name."""
    algebra = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "groundup": groundup.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processors": processors(),
        "numpy": np.__version__,
        "linear_algebra": f"{algebra['name']} {algebra['version']}",
        "backends": list(backends.available()),
        "array_libraries": array.installed(),
        "backend": backends.get().name,
        **_native(),
        **_cuda(),
        "networks": list(RECIPES),
        "models": {name: _figures(told) for name, told in shipped.descriptions().items()},
        VARIABLE: os.environ.get(VARIABLE),
        "cache": str(cache_folder()),
    }


def _figures(told: dict[str, Any]) -> str:
    """Return what there is to say of a shipped model."""
    accuracy = told["test_accuracy"]
    right = f"{accuracy:.2%} of the test pictures" if isinstance(accuracy, float) else "not measured"
    return f"{right}, {told['bytes'] / 1e6:.1f} MB"


def _native() -> dict[str, Any]:
    """Return what the backend `native` makes of this machine."""
    if not backends.native_is_built():
        return {"native": backends.NOT_BUILT}
    from groundup.backends.native import _native as extension

    sets = extension.instruction_sets()
    return {
        "native": "built",
        "instruction_sets": [name for name, available, _ in sets if available],
        "not_available": {name: why_not for name, available, why_not in sets if not available},
        "instruction_set": extension.chosen(),
        "mixed_in_hardware": extension.bfloat16_in_hardware(),
        "threads": thread_count(),
    }


def _cuda() -> dict[str, Any]:
    """Return what the backend `cuda` makes of this machine."""
    from groundup.backends.cuda import device

    return device.information()
