"""Processes of one visitor: at most one, and its place is always given back."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from groundup.serve.worker import BusyError, Employer, Ended, Workers

PATIENCE = 120.0


def speak(connection: Any) -> None:
    """Say a word, and wait."""
    connection.send("here")
    time.sleep(600)


def waited(event: threading.Event) -> None:
    assert event.wait(PATIENCE), "waited in vain"


def place(workers: Workers) -> Employer:
    """Wait until the one place is free, and take it."""
    last = time.monotonic() + PATIENCE
    while True:
        other = Employer(workers, lambda message: None)
        try:
            other.begin(speak)
        except BusyError:
            assert time.monotonic() < last, "the place was not given back"
            time.sleep(0.05)
        else:
            return other


def test_of_one_that_was_ended_nothing_is_heard() -> None:
    heard: list[object] = []
    come = threading.Event()

    def hear(message: object) -> None:
        heard.append(message)
        come.set()

    workers = Workers(1)
    employer = Employer(workers, hear)
    employer.begin(speak)
    waited(come)
    employer.end()
    assert employer.worker is None
    place(workers).end()
    assert heard == ["here"]  # not even that it ended


def test_an_end_while_it_begins_is_an_end() -> None:
    workers = Workers(1)
    employer = Employer(workers, lambda message: None)
    hire = workers.hire

    def interrupted(*inputs: Any) -> Any:
        employer.end()
        return hire(*inputs)

    workers.hire = interrupted  # type: ignore[method-assign]  # somebody leaves just now
    employer.begin(speak)
    assert employer.worker is None
    workers.hire = hire  # type: ignore[method-assign]  # as it was
    place(workers).end()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_place_is_given_back_even_if_what_is_told_cannot_be_heard() -> None:
    def fail(message: object) -> None:
        raise ZeroDivisionError

    workers = Workers(1)
    employer = Employer(workers, fail)
    employer.begin(speak)
    assert employer.worker is not None
    employer.worker.join()
    place(workers).end()


def test_the_end_is_told() -> None:
    ended = threading.Event()
    messages: list[object] = []

    def hear(message: object) -> None:
        messages.append(message)
        ended.set()

    Employer(Workers(1), hear).begin(leave)
    waited(ended)
    assert messages == [Ended()]


def leave(connection: Any) -> None:
    """Do nothing."""
