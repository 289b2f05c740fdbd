"""A playground that tells, whenever it is asked, what it holds for its visitors.

Tests run it as a script: a process can have one playground, and what that holds is seen from inside only.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from pages import PATIENCE


class Watched:
    """A playground in a process of its own.

    Parameters
    ----------
    process : Popen
        The process, which has said its address.
    address : str
        ``http://127.0.0.1:PORT/``.
    """

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process, self.address = process, address

    def holds(self) -> dict[str, int]:
        """Return how many visitors, pages, models and processes there are."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        found: dict[str, int] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def watched_playground(data: Path, most: int) -> Iterator[Watched]:
    """Run a playground with this data set, for so many pages at once."""
    command = [sys.executable, str(Path(__file__).resolve()), str(data), str(most)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        with urlopen(f"{address}api/health", timeout=PATIENCE) as answer:
            answer.read()
        yield Watched(process, address)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def main(data: str, most: str) -> None:
    from nicegui import Client

    from groundup.models.model import Model
    from groundup.serve.application import serve
    from groundup.serve.library import Library
    from groundup.serve.pages import Pages
    from groundup.serve.visitor import Visitor

    def held() -> dict[str, Any]:
        gc.collect()
        kinds = [type(each) for each in gc.get_objects()]
        return {
            "visitors": sum(issubclass(kind, Visitor) for kind in kinds),
            "models": sum(issubclass(kind, Model) for kind in kinds),
            "pages": len(Client.instances),
            "processes": len(multiprocessing.active_children()),
        }

    def answer() -> None:
        for _ in sys.stdin:
            print(json.dumps(held()), flush=True)

    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=answer, daemon=True).start()
    print(json.dumps({"address": f"http://127.0.0.1:{listening.getsockname()[1]}/"}), flush=True)
    serve(listening, "127.0.0.1", Library(source=data, pages=Pages(int(most))))


if __name__ == "__main__":
    main(*sys.argv[1:])
