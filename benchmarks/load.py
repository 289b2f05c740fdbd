"""Many clients at once: what the playground's API answers, how fast, and what memory that takes.

    python benchmarks/load.py [--clients 200] [--seconds 60] [--send pixels|picture|batch] [--model MODEL] [--json]

A server is started as `groundup play` does it, in a process of its own; or one that runs is asked (--url, --pid). Every
client has a connection of its own and sends its next request when the last one is answered. Whoever is told to come
again later (429 with Retry-After) does so, and with --impatient comes again at once. Every answer's digit is compared
with what the model says when it is asked alone: nobody may get another's answer.

The clients share the machine with the server, and a latency is what a client sees: its own delays are part of it. The
first seconds (--warm) are not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
from PIL import Image

import groundup
from groundup.data import strokes
from groundup.models import shipped

KINDS = {"pixels": "application/json", "batch": "application/json", "picture": "image/png"}
BATCH = 50
DIGITS = 200
SCALE = 4  # a digit as a picture has 28 x 28 pixels, scaled by this


@dataclass(frozen=True)
class Question:
    """A request's bytes, and the digits that its answer must have; none if anything goes."""

    request: bytes
    digits: list[int] | None


@dataclass
class Tally:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """Of every answer with status 200."""
    refused: list[float] = field(default_factory=list)
    """Of every other answer."""
    wrong: int = 0
    lost: int = 0
    """Connections that broke."""


def questions(kind: str, address: str, model: str) -> list[Question]:
    """Return what the clients ask."""
    images, _ = strokes.make(DIGITS, seed=1)
    digits = groundup.Recogniser.load(model).predict(images).argmax(axis=1).tolist()
    if kind == "picture":
        return [_question(address, kind, model, _png(image), None) for image in images]
    size = BATCH if kind == "batch" else 1
    return [
        _question(
            address,
            kind,
            model,
            json.dumps({"pixels": images[first : first + size].tolist()}, separators=(",", ":")).encode(),
            digits[first : first + size],
        )
        for first in range(0, DIGITS, size)
    ]


def _question(address: str, kind: str, model: str, body: bytes, digits: list[int] | None) -> Question:
    query = "" if model == shipped.DEFAULT else f"?model={quote(shipped.called(model))}"
    head = f"POST /api/predict{query} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {KINDS[kind]}\r\n"
    return Question(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, digits)


def _png(image: np.ndarray) -> bytes:
    """Return a digit as dark ink on a white sheet."""
    sheet = np.pad(255 - image, 8, constant_values=255).repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    return file.getvalue()


class Client(asyncio.Protocol):
    """One client: asks, waits for the answer, asks the next; and as little as possible besides."""

    def __init__(self, asked: list[Question], first: int, tally: Tally, patient: bool, end: float) -> None:
        self.asked, self.next, self.tally, self.patient, self.end = asked, first, tally, patient, end
        self.received = b""
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        """Send the next request, or go if it is time."""
        if time.perf_counter() >= self.end:
            self.transport.close()
            return
        self.question = self.asked[self.next % len(self.asked)]
        self.next += 1
        self.began = time.perf_counter()
        self.transport.write(self.question.request)

    def data_received(self, data: bytes) -> None:
        """Gather an answer."""
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        if not blank:
            return
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if len(body) < int(headers[b"content-length"]):
            return
        self.received = b""
        self.answered(int(head[9:12]), headers, body)

    def answered(self, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
        """Count a whole answer, and go on."""
        took = time.perf_counter() - self.began
        self.tally.statuses[status] += 1
        (self.tally.seconds if status == 200 else self.tally.refused).append(took)
        if status == 200 and self.question.digits is not None:
            digits = [int(part[:1]) for part in body.split(b'{"digit":')[1:]]
            self.tally.wrong += digits != self.question.digits
        later = int(headers.get(b"retry-after", b"0")) if self.patient else 0
        if later:  # not all at the same moment
            asyncio.get_running_loop().call_later(later * random.uniform(1, 2), self.ask)
        else:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        self.tally.lost += time.perf_counter() < self.end
        self.gone.set_result(None)


async def load(address: str, asked: list[Question], clients: int, seconds: float, patient: bool) -> Tally:
    """Return what `clients` clients saw for so many seconds."""
    host, _, port = address.rpartition(":")
    tally, end = Tally(), time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    made = []
    for number in range(clients):
        first = number * 7  # they do not all ask the same at the same time
        _, client = await loop.create_connection(
            lambda first=first: Client(asked, first, tally, patient, end), host.strip("[]"), int(port)
        )
        made.append(client.gone)
    await asyncio.wait(made, timeout=seconds + 30)
    return tally


@contextlib.contextmanager
def server(model: str) -> Iterator[tuple[str, int]]:
    """Start a playground that has this model; give its address and process."""
    program = "import sys; from groundup.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "play", "--model", model, "--no-open", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the server did not start; what it said stands above")
            yield json.loads(line)["address"], process.pid
        finally:
            process.terminate()


def memory(pid: int | None) -> float | None:
    """Return a process's resident memory in megabytes; None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if pid is None or not status.is_file():
        return None
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS"))


def milliseconds(seconds: list[float]) -> dict[str, float]:
    """Return what half, 99 of 100, and all of the answers took at most."""
    if not seconds:
        return {}
    p50, p99, most = np.quantile(seconds, [0.5, 0.99, 1.0]).tolist()
    return {"p50_ms": round(p50 * 1e3, 1), "p99_ms": round(p99 * 1e3, 1), "max_ms": round(most * 1e3, 1)}


def measure(url: str, pid: int | None, options: argparse.Namespace) -> dict[str, object]:
    """Return the figures."""
    address = urlsplit(url).netloc
    asked = questions(options.send, address, options.model)
    run = asyncio.run
    with contextlib.suppress(ImportError):  # the server has it; without it the clients themselves are slower
        import uvloop

        run = uvloop.run
    run(load(address, asked, options.clients, options.warm, not options.impatient))
    before = memory(pid)
    tally = run(load(address, asked, options.clients, options.seconds, not options.impatient))
    return {
        "send": options.send,
        "model": options.model,
        "clients": options.clients,
        "seconds": options.seconds,
        "answers_a_second": round(len(tally.seconds) / options.seconds, 1),
        **milliseconds(tally.seconds),
        "refused": milliseconds(tally.refused),
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "wrong_answers": tally.wrong,
        "lost_connections": tally.lost,
        "memory_before_mb": before,
        "memory_after_mb": memory(pid),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm", type=float, default=5, help="seconds before those that count")
    parser.add_argument("--send", choices=KINDS, default="pixels", help=f"a batch has {BATCH} digits")
    parser.add_argument("--model", default=shipped.DEFAULT)
    parser.add_argument("--impatient", action="store_true", help="do not wait as long as Retry-After says")
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--pid", type=int, help="its process, to see its memory")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args()
    with contextlib.nullcontext((options.url, options.pid)) if options.url else server(options.model) as (url, pid):
        found = measure(url, pid, options)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name.replace('_', ' '):18} {value}")
    if not found["answers_a_second"]:
        raise SystemExit("nothing was answered: the statuses above say why")


if __name__ == "__main__":
    main()
