"""How many threads the backend `native` runs on."""

from __future__ import annotations

import os

from groundup.errors import ParameterError

VARIABLE = "GROUNDUP_THREADS"
MAXIMUM = 1024


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count(asked: int | None = None) -> int:
    """Return `asked`, or else what the environment variable ``GROUNDUP_THREADS`` says, or else one a processor.

    Raises
    ------
    ParameterError
        If the number is not from 1 to 1024.
    """
    if asked is None and not os.environ.get(VARIABLE):
        return min(processors(), MAXIMUM)
    name, said = ("threads", str(asked)) if asked is not None else (VARIABLE, os.environ[VARIABLE])
    if not (said.isdecimal() and 1 <= int(said) <= MAXIMUM):
        raise ParameterError(f"{name} must be a whole number from 1 to {MAXIMUM}, not {said}")
    return int(said)
