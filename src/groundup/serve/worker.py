"""Processes of their own for what keeps a processor busy, so that drawing is answered at once meanwhile.

A process belongs to one visitor. It ends with them, and with the server however that ends; and a server has only so
many at once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import BoundedSemaphore, Lock, Thread
from typing import Any

from groundup.errors import GroundupError

NICENESS = 5
"""How far behind the server the processes stand in the queue for a processor."""

Work = Callable[[Connection], None]
"""A function of a module, or an instance of its classes: runs in the process, hears commands and tells messages."""

Hear = Callable[[Any], None]


class BusyError(GroundupError):
    """The server has as many processes as it may have."""


@dataclass(frozen=True)
class Ended:
    """The last message of every process.

    Attributes
    ----------
    failure : str
        What went wrong, for people; empty if nothing did.
    """

    failure: str = ""


class Workers:
    """How many processes a server's visitors may have at once, all together.

    Parameters
    ----------
    most : int, optional
        By default four, or two for each processor if that is more.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most or max(4, 2 * (os.cpu_count() or 1))
        self._places = BoundedSemaphore(self.most)

    def hire(self, work: Work, hear: Hear) -> Worker:
        """Start a process; `hear` is called with each of its messages, in a thread, and last with `Ended`.

        Raises
        ------
        BusyError
            If all places are taken.
        """
        if not self._places.acquire(blocking=False):
            raise BusyError(
                f"All {self.most} places for training on this server are taken by other visitors. "
                "Try again in a moment; everything else works meanwhile."
            )
        try:
            return Worker(work, hear, self._places.release)
        except BaseException:
            self._places.release()
            raise


class Worker:
    """One process, and the thread that listens to it."""

    def __init__(self, work: Work, hear: Hear, left: Callable[[], None]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would have all of the server's sockets and threads
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_live, args=(work, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._hear = hear
        self._left = left
        self._sending = Lock()
        self._ending = False
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def identifier(self) -> int:
        """The process's number."""
        return self._process.pid or 0

    def tell(self, command: Any) -> None:
        """Send a command; of a process that has ended, `Ended` tells."""
        with self._sending:
            try:
                self._connection.send(command)
            except OSError:
                return

    def end(self) -> None:
        """End the process at once, whatever it is doing."""
        self._ending = True
        self._process.kill()

    def join(self) -> None:
        """Wait until the process has ended and everything that it told was heard."""
        self._thread.join()

    def _listen(self) -> None:
        ended = Ended()
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, Ended):
                    ended = message
                else:
                    self._hear(message)
        except (EOFError, OSError):
            self._process.join()
        if self._process.exitcode and not self._ending and not ended.failure:
            ended = Ended(f"The process ended unexpectedly (exit code {self._process.exitcode}).")
        with self._sending:
            self._connection.close()
        self._left()
        self._hear(ended)


def _live(work: Work, connection: Connection) -> None:
    """Do the work, behind the server in the queue, and no longer than the server lives."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server says when to end
    Thread(target=_end_with_the_server, daemon=True).start()
    try:
        work(connection)
    except GroundupError as error:
        connection.send(Ended(str(error)))
    except (EOFError, BrokenPipeError):
        return


def _end_with_the_server() -> None:
    """Wait for the server's end, and end at once: it may have been killed, and then nobody else ends this process."""
    server = multiprocessing.parent_process()
    assert server is not None
    server.join()
    os._exit(1)
