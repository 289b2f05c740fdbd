"""Pictures that wait at the same time are recognised together: a batch costs less than its pictures one by one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup import backends
from groundup.models.committee import Committee
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser, mean_of
from groundup.optimizers import SGD
from groundup.serve.limits import too_busy

Classify = Callable[[NDArray[np.uint8]], NDArray[Any]]
Answer = asyncio.Future[NDArray[Any]]

TOGETHER = 64  # larger batches gain little, and whoever comes next waits for their end
GUESS = 0.0005  # seconds that a picture takes, as long as none has been computed
RECENT = 0.2  # the newest batch's share in what a picture is thought to take


def compiled(recogniser: Recogniser) -> Classify:
    """Return `recogniser.predict` as a function that compiles each network once, not anew for every call.

    It runs on one thread, and may be called from several. A recogniser without a network is called as it is.
    """
    if isinstance(recogniser, Model):
        return _compiled(recogniser)
    if isinstance(recogniser, Committee):
        members = [_compiled(member) for member in recogniser.members]
        return lambda pixels: recogniser.calibrated(mean_of([member(pixels) for member in members]))
    return recogniser.predict


def _compiled(model: Model) -> Classify:
    program = backends.get(threads=1).compile(model.network, model.loss, SGD(), batch_size=1, state=model.state)
    alone = Lock()

    def predict(pixels: NDArray[np.uint8]) -> NDArray[Any]:
        with alone:
            outputs = program.predict(pixels)
        return model.calibrated(model.probabilities(outputs))

    return predict


class Batches:
    """Recognises pictures for many clients, on a thread of its own.

    While one batch is computed, those who come gather for the next: nobody waits for company, and the more come, the
    less each costs. What a picture takes is measured, for it depends on the model and the machine; whoever would have
    to wait too long is told so at once.

    Parameters
    ----------
    classify : callable
        Returns probabilities (N, classes) for pixels (N, 28, 28) uint8.
    longest : float
        Seconds that the pictures may take that are before one's own.
    """

    def __init__(self, classify: Classify, longest: float) -> None:
        self._classify, self._longest = classify, longest
        self._thread = ThreadPoolExecutor(1, "groundup-batches")
        self._waiting: deque[tuple[NDArray[np.uint8], Answer]] = deque()
        self._pictures = 0  # that wait or are computed
        self._each = GUESS  # seconds
        self._busy = False

    def check(self) -> None:
        """Raise a `Problem` (429) if it would take too long: then there is no use in reading the body."""
        if self._pictures * self._each > self._longest:
            raise too_busy()

    async def predict(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return probabilities (N, classes) for pixels (N, 28, 28) uint8.

        Raises
        ------
        Problem
            429, if too many wait.
        """
        self.check()  # others may have come while the body was read
        loop = asyncio.get_running_loop()
        answer: Answer = loop.create_future()
        self._waiting.append((pixels, answer))
        self._pictures += len(pixels)
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next, loop)
        return await answer

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the thread compute the next batch, if anybody waits."""
        batch: list[tuple[NDArray[np.uint8], Answer]] = []
        size = 0
        while self._waiting and size < TOGETHER:
            batch.append(self._waiting.popleft())
            size += len(batch[-1][0])
        self._busy = bool(batch)
        if batch:
            work = loop.run_in_executor(self._thread, self._measured, np.concatenate([pixels for pixels, _ in batch]))
            work.add_done_callback(lambda done: self._deliver(done, [(len(pixels), it) for pixels, it in batch], loop))

    def _measured(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Classify, and learn how long it takes."""
        began = perf_counter()
        answers = self._classify(pixels)
        self._each += RECENT * ((perf_counter() - began) / len(pixels) - self._each)
        return answers

    def _deliver(self, done: Answer, batch: list[tuple[int, Answer]], loop: asyncio.AbstractEventLoop) -> None:
        """Give each his part of the batch's answer, or the error, and go on with the next batch."""
        self._pictures -= sum(count for count, _ in batch)
        self._next(loop)
        error = done.exception()
        first = 0
        for count, answer in batch:
            if answer.done():  # whoever asked has gone
                pass
            elif error:
                answer.set_exception(error)
            else:
                answer.set_result(done.result()[first : first + count])
            first += count
