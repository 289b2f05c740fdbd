"""What one request may ask for, and how many may wait: so that no client takes the machine from the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import TypeVar

from starlette.types import Message, Receive, Scope

from groundup.backends.threads import processors
from groundup.serve.problems import AGAIN, Problem

Result = TypeVar("Result")


@dataclass(frozen=True)
class Limits:
    """The bounds of the API.

    Parameters
    ----------
    json_bytes, picture_bytes : int
        Of a body with pixels, and of one with a picture.
    all_bytes : int
        Of all bodies together that are here at a time.
    picture_pixels : int
        Width times height of a picture; it is known before the picture is decoded.
    batch : int
        Pictures in one JSON body.
    waiting : float
        Seconds that the pictures from JSON bodies may take that are to be recognised before one's own.
    reading : int
        Pictures that are read at a time, by default one for each processor. No more may wait: whoever comes again in a
        second is answered sooner than at the end of a long line.
    seconds : float
        For a body to come, and again for it to be answered.
    """

    json_bytes: int = 1_000_000
    picture_bytes: int = 10_000_000
    all_bytes: int = 100_000_000
    picture_pixels: int = 25_000_000
    batch: int = 100
    waiting: float = 0.05
    reading: int = field(default_factory=processors)
    seconds: float = 10.0


def too_long(most: int) -> Problem:
    """Return what is said of a body longer than `most` bytes."""
    return Problem(413, f"the body is too long: at most {most:,} bytes are read", "body")


def too_busy() -> Problem:
    """Return what is said to whom there is no room for."""
    return Problem(429, "too many others are waiting: try again in a second", headers=AGAIN)


def announced(scope: Scope, most: int) -> int:
    """Return how many bytes a request's body has by its header Content-Length; `most` where there is none.

    Raises
    ------
    Problem
        413, if it is more than `most`.
    """
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if not length.isdigit():
        return most
    if len(length) > 18 or int(length) > most:  # Python reads no number of thousands of digits
        raise too_long(most)
    return int(length)


def bounded(receive: Receive, most: int) -> Receive:
    """Return `receive` with an end: it raises a `Problem` (413) when more than `most` bytes have come."""
    come = 0

    async def receive_at_most() -> Message:
        nonlocal come
        message = await receive()
        come += len(message.get("body", b""))
        if come > most:
            raise too_long(most)
        return message

    return receive_at_most


async def whole_body(receive: Receive, most: int, seconds: float) -> bytes:
    """Return a request's body.

    Raises
    ------
    Problem
        413 if it is longer than `most` bytes; 408 if it does not come within `seconds`, or breaks off.
    """
    receive = bounded(receive, most)
    parts, more = [], True
    try:
        async with asyncio.timeout(seconds):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(408, "the body broke off before its end", "body")
                parts.append(message.get("body", b""))
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem(408, f"the body did not come within {seconds:g} seconds", "body") from None
    return b"".join(parts)


async def in_time(answer: Awaitable[Result], seconds: float) -> Result:
    """Return what `answer` comes to.

    Raises
    ------
    Problem
        503, if it takes longer than `seconds`.
    """
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError:
        raise Problem(503, f"no answer was found within {seconds:g} seconds: try again later", headers=AGAIN) from None


class Room:
    """Bytes for the bodies of all requests that are here at a time.

    Parameters
    ----------
    size : int
        How many.
    """

    def __init__(self, size: int) -> None:
        self.free = size

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Hold `size` bytes meanwhile.

        Raises
        ------
        Problem
            429, if there are not so many.
        """
        if size > self.free:
            raise too_busy()
        self.free -= size
        try:
            yield
        finally:
            self.free += size


class Readers:
    """Threads for slow work, and no place to wait for one.

    Parameters
    ----------
    threads : int
        How many work at a time.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "groundup-api")
        self._places = BoundedSemaphore(threads)

    def check(self) -> None:
        """Raise a `Problem` (429) if all threads are at work: then there is no use in reading the body."""
        self._enter()
        self._places.release()

    def run(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """Let a thread do `work`; return its result when it is there.

        Work that nobody awaits any more keeps its place until it is done: a thread cannot be stopped.

        Raises
        ------
        Problem
            429, if all threads are at work.
        """
        self._enter()
        future = self._threads.submit(work)
        future.add_done_callback(lambda done: self._places.release())
        return asyncio.wrap_future(future)

    def _enter(self) -> None:
        if not self._places.acquire(blocking=False):
            raise too_busy()
