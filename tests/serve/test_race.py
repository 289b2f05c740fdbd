"""The backends race: the same numbers, each with its clock."""

from __future__ import annotations

import math
import time

import pytest

from groundup import backends
from groundup.layers import Conv2d, Flatten, Linear, ReLU
from groundup.models.configuration import Configuration
from groundup.network import Network
from groundup.optimizers import SGD
from groundup.serve import race
from groundup.serve.race import LANES, STEPS, Absent, Clock, Lap, Race, Racer, RaceView, multiply_adds
from groundup.serve.worker import Ended, Workers
from small_data import PIXELS, SIDE, pictures

NETWORK = Network([Linear(PIXELS, 8), ReLU(), Linear(8, 10)])
CONFIGURATION = Configuration(NETWORK, "small", optimizer=SGD(0.9), learning_rate=0.2)
PICTURES = pictures(60, 1)


class Heard(list[object]):
    """A connection that remembers what was sent."""

    send = list.append


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks need not be steady here."""
    monkeypatch.setattr(race, "RUN", 0.01)


@pytest.mark.usefixtures("quick")
def test_every_backend_shows_the_same_losses() -> None:
    heard = Heard()
    Race(CONFIGURATION, PICTURES)(heard)  # type: ignore[arg-type]  # it only sends
    view = RaceView(running=True)
    for message in heard:
        view = view.after(message)
    for name in backends.available():
        assert len(view.lanes[name].losses) == STEPS
        assert view.lanes[name].speed > 0
        assert view.lanes[name].losses == pytest.approx(view.lanes["scalar"].losses, rel=1e-5)
    assert view.lanes["scalar"].losses == pytest.approx(view.lanes["lists"].losses, rel=1e-12)
    assert view.largest_difference() == pytest.approx(0, abs=1e-5)
    for name in LANES.keys() - set(backends.available()):
        assert view.lanes[name].absent
    assert len(set(view.lanes["numpy"].losses)) == STEPS  # it trained
    first = next(message for message in heard if isinstance(message, Lap))
    assert first.backend != "scalar"  # the fastest begins


def test_a_network_too_large_for_a_graph_of_scalars_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "RUN", 0.01)
    monkeypatch.setattr(race, "MOST_NODES", 100)
    heard = Heard()
    Race(CONFIGURATION, PICTURES)(heard)  # type: ignore[arg-type]  # it only sends
    absent = {message.backend: message.reason for message in heard if isinstance(message, Absent)}
    assert "1,472 multiplications a step" in absent["scalar"]
    assert "lists" not in absent


def test_multiply_adds() -> None:
    assert multiply_adds(NETWORK) == PIXELS * 8 + 80
    pictured = Network([Conv2d(1, 2, 3), ReLU(), Flatten(), Linear(2 * 16, 10)], (1, SIDE, SIDE))
    assert multiply_adds(pictured) == 2 * 9 * 16 + 320


def test_a_race_in_a_process_of_its_own() -> None:
    workers = Workers(1)
    racer = Racer(workers)
    racer.begin(CONFIGURATION, PICTURES)
    assert racer.view.running
    last = time.monotonic() + 120
    while racer.view.running and time.monotonic() < last:
        time.sleep(0.05)
    assert not racer.view.running
    assert racer.view.trouble == ""
    assert all(lane.losses or lane.absent for lane in racer.view.lanes.values())
    racer.begin(CONFIGURATION, PICTURES)  # the place was given back
    racer.stop()
    assert not racer.view.running


def test_differences_are_told() -> None:
    view = RaceView(running=True)
    assert view.largest_difference() is None
    for name, loss in (("numpy", 2.0), ("native", 2.5)):
        view = view.after(Lap(name, 1, loss))
    assert view.largest_difference() == 0.2
    odd = view.after(Lap("numpy", 2, math.nan)).after(Lap("native", 2, math.inf))
    assert odd.largest_difference() == 0.2  # neither is a number: they agree in that
    assert view.after(Lap("numpy", 2, math.nan)).after(Lap("native", 2, 1.0)).largest_difference() == math.inf
    none = RaceView().after(Lap("numpy", 1, 0.0)).after(Lap("native", 1, 0.0))
    assert none.largest_difference() == 0
    view = view.after(Clock("numpy", 5.0)).after(Ended("it stopped"))
    assert view.lanes["numpy"].speed == 5
    assert (view.running, view.trouble) == (False, "it stopped")
