"""The command line, called as a shell would call it: in this process, or in others that may be killed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from groundup.cli import main

SERVER = """
import json, os, signal, sys
from groundup import plots
from groundup.cli import main, train
from groundup.data import idx_folders, picture_folders
import matplotlib.backends.backend_agg

for line in sys.stdin:
    arguments, out, err = json.loads(line)
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(out, os.O_WRONLY), 1)
            os.dup2(os.open(err, os.O_WRONLY), 2)
            sys.argv[1:] = arguments
            try:
                main()
            except SystemExit as end:
                sys.stdout.flush()
                os._exit(end.code)
        except KeyboardInterrupt:  # before or after the command: it ends by the signal, as Python itself does
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)
    print(child, flush=True)
    sys.stdin.readline()  # until then a child that has ended keeps its number, and a signal can hit no other
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
ENVIRONMENT = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code (minus the signal that killed it), and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout."""
        assert self.out.count("\n") == 1, self.out
        assert self.code in (0, 1), self.err
        return json.loads(self.out, parse_constant=lambda name: AssertionError(f"{name} is not JSON"))


def groundup(*arguments: object) -> Outcome:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["groundup", *map(str, arguments)]),
        mock.patch.dict(os.environ),  # a command may change its own
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code: Any = 0
        except SystemExit as end:
            code = end.code or 0
    return Outcome(code, out.getvalue(), err.getvalue())


def python(code: str, *arguments: object, **options: Any) -> Outcome:
    """Run Python code in a new process."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False, **options)
    return Outcome(done.returncode, done.stdout, done.stderr)


class Processes:
    """Runs commands in processes of their own that begin at once: copies of one that has imported everything."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        self._printed = [Path(tempfile.mkstemp()[1]) for _ in range(2)]
        assert self.run("--version").code == 0

    def start(self, *arguments: object) -> int:
        """Start a command and return its process's number; `wait` must follow."""
        for file in self._printed:
            file.write_text("")
        assert self._server.stdin
        print(json.dumps([list(map(str, arguments)), *map(str, self._printed)]), file=self._server.stdin, flush=True)
        return self._answer()

    def wait(self) -> Outcome:
        """Wait for the command to end."""
        assert self._server.stdin
        print(file=self._server.stdin, flush=True)
        code = self._answer()
        return Outcome(code, *(file.read_text() for file in self._printed))

    def run(self, *arguments: object) -> Outcome:
        """Run a command to its end."""
        self.start(*arguments)
        return self.wait()

    def close(self) -> None:
        """End the process that the others are copies of."""
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()
        for file in self._printed:
            file.unlink()

    def _answer(self) -> int:
        assert self._server.stdout
        return int(self._server.stdout.readline())


@contextlib.contextmanager
def processes() -> Iterator[Processes]:
    """Give `Processes`, closed afterwards."""
    made = Processes()
    try:
        yield made
    finally:
        made.close()
