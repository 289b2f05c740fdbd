"""The CUDA C++ of a program: the function templates of `kernels/`, and after them a kernel for each use of one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files

from groundup.backends.cuda.plan import Kernel, Launch

INCLUDE = re.compile(r'#include "(\w+\.cuh)"\n')


def program_source(launches: Iterable[Launch]) -> str:
    """Return one piece of CUDA C++ that has every kernel of `launches`, and includes nothing.

    NVRTC finds no files, and keeps what it has compiled by this text: so it is the same for the same kernels.
    """
    kernels: dict[str, Kernel] = {launch.kernel.name: launch.kernel for launch in launches}
    uses = "\n".join(kernels[name].source for name in sorted(kernels))
    return f"{templates()}\n{uses}\n"


def templates() -> str:
    """Return all of `kernels/` as one text, each file after those that it includes."""
    folder = files("groundup.backends.cuda") / "kernels"
    texts = {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir() if each.name.endswith(".cuh")}
    ordered: dict[str, str] = {}

    def add(name: str) -> None:
        for included in INCLUDE.findall(texts[name]):
            if included not in ordered:
                add(included)
        ordered[name] = INCLUDE.sub("", texts[name]).replace("#pragma once\n", "")

    for name in sorted(texts):
        if name not in ordered:
            add(name)
    return "\n".join(ordered.values())
