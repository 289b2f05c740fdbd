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

from groundup.backends.threads import processors
from groundup.errors import GroundupError

NICENESS = 5
"""How far behind the server the processes stand in the queue for a processor."""

Work = Callable[[Connection], None]
"""A function of a module, or an instance of its classes: runs in the process, hears commands and tells messages."""

Hear = Callable[[Any], None]


class BusyError(GroundupError):
    """The server has as many processes as it may have."""


class LostError(GroundupError):
    """A process ended before its work was done."""


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
        self.most = most or max(4, 2 * processors())
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
        """Hear the process to its end, and give its place back, even where what it tells cannot be heard."""
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
        finally:
            self._process.kill()
            with self._sending:
                self._connection.close()
            self._left()
        if self._process.exitcode and not self._ending and not ended.failure:
            ended = Ended(f"The process ended unexpectedly (exit code {self._process.exitcode}).")
        self._hear(ended)


class Employer:
    """One visitor's process: there is at most one at a time, and of one that was ended nothing is heard any more.

    Safe to use from several threads.

    Parameters
    ----------
    workers : Workers
        Where processes are had from.
    hear : callable
        Is called with each message, in a thread.

    Attributes
    ----------
    worker : Worker or None
        The process that there is.
    """

    def __init__(self, workers: Workers, hear: Hear) -> None:
        self.worker: Worker | None = None
        self._workers, self._hear = workers, hear
        self._newest: object = None
        self._alone = Lock()

    def begin(self, work: Work) -> None:
        """Start a process, and end the one before. This takes some tenths of a second: call it in a thread.

        If `end` is called meanwhile, the new one ends, too.

        Raises
        ------
        BusyError
            If the server has as many processes as it may have.
        """
        self.end()
        mine = self._newest = object()

        def hear(message: Any) -> None:
            with self._alone:
                if self._newest is mine:
                    self._hear(message)

        worker = self._workers.hire(work, hear)
        with self._alone:
            if self._newest is mine:
                self.worker = worker
                return
        worker.end()

    def end(self) -> None:
        """End the process, if there is one."""
        with self._alone:
            worker, self.worker, self._newest = self.worker, None, None
        if worker:
            worker.end()

    def tell(self, command: Any) -> None:
        """Send a command to the process, if there is one."""
        worker = self.worker
        if worker:
            worker.tell(command)


def _live(work: Work, connection: Connection) -> None:
    """Do the work."""
    stay_behind()
    try:
        work(connection)
    except GroundupError as error:
        connection.send(Ended(str(error)))
    except (EOFError, BrokenPipeError):
        return


def stay_behind() -> None:
    """Let this process stand behind the server in the queue for a processor, and live no longer than the server."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server says when to end
    Thread(target=_end_with_the_server, daemon=True).start()


def _end_with_the_server() -> None:
    """Wait for the server's end, and end at once: it may have been killed, and then nobody else ends this process."""
    server = multiprocessing.parent_process()
    assert server is not None
    server.join()
    os._exit(1)
