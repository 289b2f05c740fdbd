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
from groundup.data.sources import VARIABLE, cache_folder
from groundup.json_text import to_json
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
        text = (", ".join(value) or "none") if isinstance(value, list) else "none" if value is None else str(value)
        click.echo(f"{name.replace('_', ' '):{width}}  {text}")


def information() -> dict[str, Any]:
    """Return versions, processors, backends and places, by name."""
    algebra = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "groundup": groundup.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "numpy": np.__version__,
        "linear_algebra": f"{algebra['name']} {algebra['version']}",
        "backends": list(backends.NAMES),
        "array_libraries": array.installed(),
        "backend": backends.get().name,
        "networks": list(RECIPES),
        VARIABLE: os.environ.get(VARIABLE),
        "cache": str(cache_folder()),
    }
