"""Trainings in processes of their own: commanded, changed, rolled back, bounded, and never orphaned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from groundup import backends
from groundup.augmentation import Augmentation
from groundup.data.datasets import Data
from groundup.errors import GroundupError
from groundup.layers import BatchNorm, Dropout, Linear, ReLU
from groundup.models.configuration import Configuration
from groundup.network import Network
from groundup.optimizers import SGD
from groundup.schedules import CosineDecay
from groundup.serve import training_process
from groundup.serve.trainer import MOST_POINTS, State, Trainer, View
from groundup.serve.training_messages import Go, Looked, Progressed, Rested
from groundup.serve.training_process import Session, selection
from groundup.serve.worker import BusyError, Workers
from groundup.training.changes import Change
from groundup.training.loop import fit, pinned
from small_data import PIXELS, data, pictures

DATA = data(1200, 10)
NETWORK = Network([Linear(PIXELS, 16), ReLU(), Linear(16, 10)])
BEGIN = Configuration(NETWORK, "small", optimizer=SGD(0.5), batch_size=20, epochs=3, backend="numpy")
ENDLESS = replace(BEGIN, epochs=100_000)


@pytest.fixture
def trainer() -> Iterator[Trainer]:
    """A trainer whose process ends with the test."""
    made = Trainer(Workers(2))
    yield made
    end(made)


def end(trainer: Trainer) -> None:
    worker = trainer._employer.worker
    trainer.stop()
    if worker:
        worker.join()


def until(met: Callable[[], Any], seconds: float = 90.0) -> None:
    """Wait until something holds; the machine may be busy."""
    last = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < last, "waited in vain"
        time.sleep(0.02)


def rested(trainer: Trainer) -> Callable[[], bool]:
    return lambda: trainer.view.state in (State.RESTING, State.FINISHED, State.NONE)


def test_it_trains_to_the_end_as_the_command_line_does(trainer: Trainer) -> None:
    settings = replace(BEGIN, schedule=CosineDecay())
    trainer.begin(settings, DATA, 10_000)
    trainer.go()
    until(lambda: trainer.view.state is State.FINISHED)
    view = trainer.view
    assert view.trouble == ""
    assert [record["epoch"] for record in view.records] == [1, 2, 3]
    assert view.training[-1].epoch == 3
    assert view.looks[0].epoch == 0
    assert view.looks[-1].layers
    assert view.records[-1]["validation_accuracy"] > 0.9
    assert view.model is not None

    result = fit(replace(settings, validation=400.0), DATA)  # a third: there are few pictures
    assert [each["validation_loss"] for each in view.records] == [each["validation_loss"] for each in result.history]
    for name, value in result.model.state.items():
        np.testing.assert_array_equal(view.model.state[name], value)
    assert len(view.model.training["history"]) == 3


def test_it_settles_as_the_command_line_does(trainer: Trainer) -> None:
    settings = replace(BEGIN, settling=0.4, augmentation=Augmentation(rotation=20))
    trainer.begin(settings, DATA, 10_000)
    trainer.go(epochs=2)
    until(lambda: len(trainer.view.records) == 2 and rested(trainer)())
    trainer.go(steps=1)  # one with a look at everything in it
    until(lambda: trainer.view.training[-1].epoch > 2 and rested(trainer)())
    trainer.go()
    until(lambda: trainer.view.state is State.FINISHED)
    result = fit(replace(settings, validation=400.0), DATA)
    assert [each["train_loss"] for each in trainer.view.records] == [each["train_loss"] for each in result.history]


def test_steps_epochs_and_pauses(trainer: Trainer) -> None:
    trainer.begin(ENDLESS, DATA, 500)
    trainer.go(steps=1)
    until(lambda: trainer.view.training and rested(trainer)())
    assert trainer.view.training[-1].steps == 1
    trainer.go(epochs=1)
    until(rested(trainer))
    assert trainer.view.training[-1].epoch == 1
    assert len(trainer.view.records) == 1
    trainer.go()
    until(lambda: trainer.view.training[-1].epoch > 1)
    trainer.pause()
    until(rested(trainer))
    paused = trainer.view
    assert paused.state is State.RESTING
    time.sleep(0.3)
    assert trainer.view.training == paused.training
    trainer.go()
    until(lambda: trainer.view.training[-1].steps > paused.training[-1].steps)


def test_a_pace_for_eyes_to_follow(trainer: Trainer) -> None:
    trainer.begin(ENDLESS, DATA, 500)
    trainer.go(pace=4.0)
    until(lambda: trainer.view.training and trainer.view.training[-1].steps >= 3)
    steps = [point.steps for point in trainer.view.training]
    assert steps == list(range(1, len(steps) + 1))


def test_everything_can_be_changed_while_it_trains(trainer: Trainer) -> None:
    trainer.begin(ENDLESS, DATA, 500)
    trainer.go()
    until(lambda: trainer.view.training)
    change = Change(learning_rate=0.03, momentum=0.8, batch_size=7, dropout=0.1)
    trainer.change(change)
    until(lambda: trainer.view.ready and trainer.view.ready.configuration.batch_size == 7)
    assert trainer.view.ready is not None
    settings = trainer.view.ready.configuration
    assert (settings.learning_rate, settings.optimizer) == (0.03, SGD(0.8))
    assert Dropout(0.1) in settings.network.layers
    before = trainer.view.training[-1].steps
    until(lambda: trainer.view.training[-1].steps > before + 10)
    assert trainer.view.training[-1].learning_rate == 0.03
    assert trainer.view.state is State.RUNNING
    models = trainer.view.models
    trainer.keep()
    until(lambda: trainer.view.models > models)
    assert trainer.view.model is not None
    assert trainer.view.model.network == settings.network


def test_a_change_that_cannot_be_made_is_refused_and_the_training_goes_on(trainer: Trainer) -> None:
    flat = replace(ENDLESS, network=Network([Linear(PIXELS, 10)]))
    trainer.begin(flat, DATA, 500)
    trainer.go()
    trainer.change(Change(dropout=0.5))
    until(lambda: trainer.view.trouble)
    assert "no hidden linear layer" in trainer.view.trouble
    steps = trainer.view.training[-1].steps if trainer.view.training else 0
    until(lambda: trainer.view.training and trainer.view.training[-1].steps > steps)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("network", [NETWORK, Network([Linear(PIXELS, 16), BatchNorm(16), ReLU(), Linear(16, 10)])])
def test_a_divergence_is_explained_and_rolled_back(trainer: Trainer, network: Network, backend: str) -> None:
    if backend not in backends.available():
        pytest.skip(f"{backend} is {backends.NOT_BUILT}")
    trainer.begin(replace(ENDLESS, network=network, backend=backend), DATA, 500)
    trainer.go(epochs=4)
    until(rested(trainer))
    good = trainer.view
    trainer.change(Change(learning_rate=1000.0))
    trainer.go()
    until(lambda: trainer.view.diagnosis is not None)
    until(rested(trainer))
    view = trainer.view
    assert view.state is State.RESTING
    assert view.diagnosis is not None
    assert "loss became" in view.diagnosis.what
    assert f"In step {good.training[-1].steps + 1:,}, layer " in view.diagnosis.why
    assert "learning rate 1e+03" in view.diagnosis.why
    assert view.diagnosis.place in ("0", "2", "3")
    assert view.diagnosis.learning_rate <= 100
    assert view.training == good.training  # nothing of what went wrong is left
    assert view.records == good.records
    assert view.model is not None
    assert good.model is not None
    for name, value in good.model.state.items():
        np.testing.assert_array_equal(view.model.state[name], value)

    trainer.change(Change(learning_rate=0.01))
    trainer.go(epochs=1)
    assert trainer.view.diagnosis is None
    until(rested(trainer))
    assert trainer.view.training[-1].loss < 1.0


def test_too_many_trainings_are_refused_and_a_place_is_given_back() -> None:
    workers = Workers(1)
    first, second = Trainer(workers), Trainer(workers)
    first.begin(ENDLESS, DATA, 500)
    with pytest.raises(BusyError, match="All 1 places for training on this server are taken"):
        second.begin(ENDLESS, DATA, 500)
    assert second.view.state is State.NONE
    assert "Try again in a moment" in second.view.trouble
    end(first)
    second.begin(ENDLESS, DATA, 500)
    until(lambda: second.view.state is State.RESTING)
    end(second)


def test_a_visitor_has_one_training(trainer: Trainer) -> None:
    trainer.begin(ENDLESS, DATA, 500)
    first = trainer._employer.worker
    assert first is not None
    trainer.begin(BEGIN, DATA, 500)
    first.join()
    assert not alive(first.identifier)
    until(lambda: trainer.view.state is State.RESTING)
    assert trainer.view.ready is not None
    assert trainer.view.ready.configuration.epochs == 3


def test_what_cannot_be_trained_is_said(trainer: Trainer) -> None:
    trainer.begin(replace(BEGIN, network=Network([Linear(7, 10)])), DATA, 500)
    trainer.go()
    until(lambda: trainer.view.trouble)
    assert "the network takes inputs of shape (7,)" in trainer.view.trouble
    assert trainer.view.state is State.NONE


def test_a_process_that_dies_is_noticed(trainer: Trainer) -> None:
    trainer.begin(ENDLESS, DATA, 500)
    trainer.go()
    until(lambda: trainer.view.training)
    assert trainer._employer.worker is not None
    os.kill(trainer._employer.worker.identifier, signal.SIGKILL)
    until(lambda: trainer.view.state is State.NONE)
    assert "ended unexpectedly" in trainer.view.trouble


SERVER = """
import sys, time
sys.path.insert(0, {tests!r})
from test_trainer import ENDLESS, DATA, Trainer, Workers, until
if __name__ == "__main__":
    trainer = Trainer(Workers(1))
    trainer.begin(ENDLESS, DATA, 500)
    trainer.go()
    until(lambda: trainer.view.training)
    print(trainer._employer.worker.identifier, flush=True)
    time.sleep({seconds})
"""


@pytest.mark.parametrize(("seconds", "killed"), [(600, True), (0, False)])
def test_no_process_outlives_the_server(seconds: int, killed: bool, tmp_path: Any) -> None:
    server = started(tmp_path, SERVER, seconds=seconds)
    assert server.stdout is not None
    number = int(server.stdout.readline())
    if killed:
        assert alive(number)
        server.kill()
    server.wait(60)
    server.stdout.close()
    until(lambda: not alive(number))


LONG_STEP = """
import sys, time
sys.path.insert(0, {tests!r})
from test_trainer import Workers, in_a_long_step
if __name__ == "__main__":
    print(Workers(1).hire(in_a_long_step, print).identifier, flush=True)
    time.sleep(600)
"""


def in_a_long_step(connection: Any) -> None:
    """Work that does not look at its connection for long."""
    time.sleep(600)


def test_a_process_in_a_long_step_does_not_outlive_the_server(tmp_path: Any) -> None:
    server = started(tmp_path, LONG_STEP)
    assert server.stdout is not None
    number = int(server.stdout.readline())
    until(lambda: b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes())
    time.sleep(2)  # until it sleeps
    server.kill()
    server.wait(60)
    server.stdout.close()
    until(lambda: not alive(number))


def started(folder: Path, text: str, **values: Any) -> Any:
    """Run a script as a server."""
    script = folder / "server.py"
    here = Path(__file__).resolve().parent
    script.write_text(text.format(tests=str(here), **values), encoding="utf-8")
    paths = os.pathsep.join(map(str, (here, here.parent)))
    environment = os.environ | {"PYTHONPATH": paths}
    return subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment)


def alive(number: int) -> bool:
    """Return whether a process runs; one that has ended and waits to be asked for is none."""
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_machine_too_busy_for_a_part_still_makes_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_process, "PART", 0.0)
    ours, theirs = Pipe()
    session = Session(theirs, pinned(replace(BEGIN, validation=400.0), DATA), DATA)

    def run() -> None:
        with suppress(EOFError):
            session.run()

    thread = Thread(target=run)
    thread.start()
    ours.send(Go(epochs=1))
    steps = 0
    while not isinstance(message := ours.recv(), Rested):
        steps = message.steps if isinstance(message, Progressed) else steps
    assert steps == 800 / 20
    ours.close()
    thread.join()


def test_a_training_that_is_forgotten_ends_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_process, "IDLE", 0.1)
    ours, theirs = Pipe()
    session = Session(theirs, pinned(replace(BEGIN, validation=400.0), DATA), DATA)
    with pytest.raises(GroundupError, match="Nobody wanted anything of this training for"):
        session.run()
    assert ours.poll()  # it had been told of what there was before


def test_few_pictures_still_leave_enough_to_validate_on() -> None:
    train = pictures(9000, 1)
    chosen, held_out = selection(train, 500)
    assert (len(chosen), held_out) == (1500, 1000)
    assert chosen.counts().min() == chosen.counts().max()
    assert selection(train, 9000)[0] is train
    assert selection(train.subset(np.arange(300), "few"), 500)[1] == 100


def test_curves_are_thinned() -> None:
    view = View()
    for step in range(3 * MOST_POINTS):
        view = view.after(Progressed(float(step), step, 1.0, 0.5, 0.1, 1.0))
        view = view.after(Looked(float(step), 1.0, 0.5, (), np.zeros((1, 2, 2), np.uint8), 1.0))
    assert len(view.training) <= MOST_POINTS
    assert view.training[-1].steps == 3 * MOST_POINTS - 1
    assert len(view.looks) <= MOST_POINTS
    assert len(view.looks[-1].filters) == 1
    assert not len(view.looks[-2].filters)


def test_data_without_pictures_to_hold_out_is_refused(trainer: Trainer) -> None:
    few = Data("few", "the tests", pictures(2, 1), pictures(2, 2))
    trainer.begin(BEGIN, few, 500)
    until(lambda: trainer.view.trouble)
    assert "has 2 pictures: a training here needs 30" in trainer.view.trouble
