"""Who watches a training run: told of what happens, able to stop it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from groundup.backends.program import Progress
from groundup.models.configuration import Configuration
from groundup.training.history import Record


class Watcher:
    """Watches in silence; override what should be seen."""

    def keeps(self, folder: Path) -> None:
        """The run is about to be kept in `folder`: from the moment that it is there, it can be resumed."""

    def began(self, configuration: Configuration, pictures: int, epoch: int) -> None:
        """Training begins, on `pictures` an epoch, `epoch` of which are complete."""

    def trained(self, done: Progress) -> None:
        """A few more steps are done; `done` is the sum over this epoch so far."""

    def finished_epoch(self, record: Record) -> None:
        """An epoch is complete and validated."""

    def stops(self) -> bool:
        """Return whether to stop after this batch."""
        return False


@contextmanager
def interruptible(watch: Watcher) -> Iterator[Interruption]:
    """Turn Ctrl-C (and a polite kill) into a stop after the batch that runs; a second Ctrl-C does not wait.

    Signals come to the main thread only; elsewhere, the watcher alone can stop the run.
    """
    interruption = Interruption(watch)
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.signal(number, interruption.caught) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Interruption:
    """Whether the run was asked to stop."""

    def __init__(self, watch: Watcher) -> None:
        self._watch = watch
        self.asked = False

    def caught(self, number: int, frame: FrameType | None) -> Any:
        """Remember the first signal; a second one interrupts at once."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __bool__(self) -> bool:
        self.asked = self.asked or self._watch.stops()
        return self.asked
