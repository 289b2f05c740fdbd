"""However a run is stopped, and however often: resumed, it ends exactly where it would have ended."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from rich.console import Console

from command_line import ENVIRONMENT, Outcome, Processes, groundup, processes
from groundup import backends, cli, files, plots
from groundup.augmentation import Augmentation
from groundup.backends.program import Progress
from groundup.cli import train
from groundup.cli.progress import TrainingProgress
from groundup.data.datasets import Data
from groundup.errors import ConfigurationError, ModelError
from groundup.layers import BatchNorm, Dropout, Linear, ReLU
from groundup.models.configuration import Configuration
from groundup.network import Network
from groundup.optimizers import SGD, Adam, AdamW
from groundup.schedules import CosineDecay, OneCycle
from groundup.training import loop
from groundup.training.loop import fit, resume
from groundup.training.run import Run
from groundup.training.watching import Watcher
from small_data import PIXELS, data, folder

SMALL = data(60, 30)
RICH = Network([Linear(PIXELS, 8), BatchNorm(8), ReLU(), Dropout(0.3), Linear(8, 10)])
PLAIN = Network([Linear(PIXELS, 10)])
CONFIGURATIONS = {
    "everything": Configuration(
        RICH, "a", optimizer=AdamW(amsgrad=True, clip_norm=1.0), schedule=OneCycle(), epochs=3, batch_size=20
    ),
    "momentum": Configuration(PLAIN, "b", optimizer=SGD(0.9), schedule=CosineDecay(), epochs=3, batch_size=20),
    "no validation": Configuration(RICH, "c", optimizer=Adam(), epochs=2, batch_size=16, validation=0.0, seed=7),
    "full batch": Configuration(PLAIN, "d", epochs=3, batch_size=0),
    "the last model": Configuration(PLAIN, "l", epochs=3, batch_size=20, select="last", learning_rate=1.0),
    "early stopping": Configuration(PLAIN, "e", epochs=9, batch_size=20, patience=1, learning_rate=1.0),
    "settling": Configuration(
        RICH,
        "s",
        optimizer=Adam(),
        epochs=4,
        batch_size=30,
        settling=0.5,
        augmentation=Augmentation(rotation=20),
        average=0.5,
    ),
    "float64": Configuration(
        RICH, "f", optimizer=SGD(0.9), epochs=2, batch_size=20, precision="float64", backend="numpy"
    ),
}


class StopsAfter(Watcher):
    """Stops after so many batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def trained(self, done: Progress) -> None:
        self.left -= 1

    def stops(self) -> bool:
        return self.left <= 0


@pytest.fixture(autouse=True)
def every_batch_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backend `native` tells of its batches as time goes by, and these tests take no time."""
    if backends.native_is_built():
        monkeypatch.setattr("groundup.backends.native.program.REPORT_EVERY", 0.0)


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time of so small a run, and does not matter here."""
    monkeypatch.setattr(plots, "curves", lambda history: None)
    monkeypatch.setattr(plots, "save", lambda figure, path: Path(path).write_bytes(b"a plot"))


def without_seconds(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("seconds", "run", "model", "history")}


def told(run: Path) -> dict[str, Any]:
    """Return everything that a run's files say, but for how long it took and where it lies."""
    assert not [path for path in run.iterdir() if ".partial-" not in path.name and path.name.startswith(".")]
    position, state = Run.open(run).load_checkpoint()
    result = json.loads((run / "result.json").read_text())
    return {
        "config": (run / "config.toml").read_bytes(),
        "model": (run / "model.safetensors").read_bytes(),
        "last": (run / "last.safetensors").read_bytes(),
        "metrics": [without_seconds(json.loads(line)) for line in (run / "metrics.jsonl").read_text().splitlines()],
        "history": [without_seconds(record) for record in position.history],
        "done": position.done,
        "state": {name: value.tobytes() for name, value in state.items()},
        "result": without_seconds(result) | {"history": [without_seconds(record) for record in result["history"]]},
        "curves": (run / "curves.png").is_file(),
    }


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_stopped_after_any_batch(name: str, tmp_path: Path) -> None:
    configuration = CONFIGURATIONS[name]
    fit(configuration, SMALL, folder=tmp_path / "whole", keep=True)
    expected = told(tmp_path / "whole")
    batches = 1
    while True:
        run = tmp_path / f"{batches}"
        result = fit(configuration, SMALL, folder=run, keep=True, watch=StopsAfter(batches))
        if not result.interrupted:
            break
        assert result.test is None
        assert not (run / "result.json").exists()
        resumed = resume(Run.open(run), SMALL)
        assert not resumed.interrupted
        assert resumed.test is not None
        assert told(run) == expected
        batches += 1
    assert batches >= 3  # so many moments were tried


@pytest.mark.usefixtures("no_plots")
def test_stopped_after_every_batch(tmp_path: Path) -> None:
    configuration = CONFIGURATIONS["everything"]
    fit(configuration, SMALL, folder=tmp_path / "whole", keep=True)
    result = fit(configuration, SMALL, folder=tmp_path / "often", keep=True, watch=StopsAfter(1))
    stops = 1
    while result.interrupted:
        result = resume(Run.open(tmp_path / "often"), SMALL, StopsAfter(1))
        stops += 1
    assert stops == 9
    assert told(tmp_path / "often") == told(tmp_path / "whole")


@pytest.mark.usefixtures("no_plots")
def test_the_time_before_an_interruption_counts(tmp_path: Path) -> None:
    run = tmp_path / "run"
    stopped = fit(CONFIGURATIONS["momentum"], SMALL, folder=run, keep=True, watch=StopsAfter(2))
    assert stopped.seconds > 0
    assert Run.open(run).load_checkpoint()[0].seconds == stopped.seconds
    resumed = resume(Run.open(run), SMALL)
    assert resumed.history[0]["seconds"] > stopped.seconds
    assert resumed.seconds == sum(record["seconds"] for record in resumed.history)


class Killed(BaseException):
    """Stands for SIGKILL in this process."""


def kill_at(number: int, before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """End training when it renames its file `number`, just before or just after."""
    count, rename = 0, Path.replace

    def renaming(path: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == number and before:
            raise Killed
        renamed = rename(path, target)
        if count == number:
            raise Killed
        return renamed

    monkeypatch.setattr(files.Path, "replace", renaming)


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("name", ["everything", "early stopping"])
def test_killed_at_any_file(name: str, before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = CONFIGURATIONS[name]
    fit(configuration, SMALL, folder=tmp_path / "whole", keep=True)
    expected = told(tmp_path / "whole")
    for number in range(1, 100):
        run = tmp_path / f"{number}"
        with monkeypatch.context() as patching:
            kill_at(number, before, patching)
            try:
                fit(configuration, SMALL, folder=run, keep=True)
                break
            except Killed:
                pass
        if not run.exists():  # the folder appears whole or not at all
            assert number <= 2
            continue
        resume(Run.open(run), SMALL)
        assert told(run) == expected
    assert number > 9
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("no_plots")
def test_a_finished_run_is_not_harmed(tmp_path: Path) -> None:
    for name, configuration in CONFIGURATIONS.items():
        first = fit(configuration, SMALL, folder=tmp_path / name, keep=True)
        expected = told(tmp_path / name)
        again = resume(Run.open(tmp_path / name), SMALL)
        assert told(tmp_path / name) == expected
        assert again.summary() == first.summary()
        assert {name: value.tobytes() for name, value in again.model.state.items()} == {
            name: value.tobytes() for name, value in first.model.state.items()
        }


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("rate", [1e9, 1e38])
def test_a_diverged_run_is_not_harmed(rate: float, tmp_path: Path) -> None:
    configuration = replace(CONFIGURATIONS["momentum"], learning_rate=rate)
    assert fit(configuration, SMALL, folder=tmp_path / "run", keep=True).history.diverged
    expected = told(tmp_path / "run")
    assert resume(Run.open(tmp_path / "run"), SMALL).history.diverged
    assert told(tmp_path / "run") == expected


@pytest.mark.usefixtures("no_plots")
def test_other_data_are_refused(tmp_path: Path) -> None:
    fit(CONFIGURATIONS["momentum"], SMALL, folder=tmp_path / "run", keep=True, watch=StopsAfter(2))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    labels = SMALL.train.labels.copy()
    labels[0] = (labels[0] + 1) % 10
    other = Data("other", "the tests", replace(SMALL.train, labels=labels), SMALL.test)
    for given in (data(61, 30), other):
        with pytest.raises(ConfigurationError, match="written for other training data than"):
            resume(Run.open(tmp_path / "run"), given)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.usefixtures("no_plots")
def test_a_broken_checkpoint_is_said_to_be(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(CONFIGURATIONS["momentum"], SMALL, folder=run, keep=True, watch=StopsAfter(2))
    whole = (run / "checkpoint.safetensors").read_bytes()
    model = fit(CONFIGURATIONS["momentum"], SMALL, folder=tmp_path / "other", keep=True).run
    assert model is not None
    for contents in (b"", whole[:100], whole[:-1], b"\xff" * 50, model.model_file.read_bytes()):
        (run / "checkpoint.safetensors").write_bytes(contents)
        with pytest.raises(ModelError, match=r"checkpoint.safetensors is not a whole checkpoint"):
            resume(Run.open(run), SMALL)
    (run / "checkpoint.safetensors").unlink()
    with pytest.raises(ModelError, match=r"checkpoint.safetensors is not a whole checkpoint"):
        resume(Run.open(run), SMALL)


@pytest.fixture(scope="module")
def command() -> Iterator[Processes]:
    with processes() as made:
        yield made


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that is interrupted; it takes most of a second."""
    path = folder(tmp_path_factory.mktemp("data"), data(400, 50))
    network = path / "network.toml"
    network.write_text(tomli_w.dumps(RICH.description()))
    options = "--epochs 12 --batch-size 5 --optimizer adam --learning-rate 0.003 --schedule one-cycle --seed 3"
    return ["train", "--network", str(network), "--data", str(path), *options.split()]


@pytest.fixture(scope="module")
def expected(command: Processes, arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the uninterrupted run says."""
    run = tmp_path_factory.mktemp("whole") / "run"
    done = command.run(*arguments, "--out", run)
    assert done.code == 0, done.err
    return told(run)


def press_control_c_at(place: object, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C twice at a call, just before it does its work; outside of training, once is enough."""
    whole = getattr(place, name)

    def pressed(*given: Any, **options: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return whole(*given, **options)

    monkeypatch.setattr(place, name, pressed)


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize(
    ("place", "name"),
    [
        (shutil, "rmtree"),  # the run folder is there, but `Run.create` has not returned
        (loop.Fitting, "go"),  # the loop does not catch signals yet
        (TrainingProgress, "began"),  # it does, and the second does not wait
        (TrainingProgress, "trained"),
        (Run, "save_result"),
        (TrainingProgress, "close"),  # the loop does so no longer
        (train, "_report"),
    ],
)
def test_whoever_interrupts_a_run_is_told_how_to_go_on(
    place: object, name: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patching:
        press_control_c_at(place, name, patching)
        done = groundup(*arguments, "--epochs", 1, "--out", run)
    assert (done.code, done.out) == (130, "")
    assert done.err.endswith("\ngroundup: stopped.\n")
    assert f"Interrupted; go on with: groundup train --resume {run}\n" in done.err
    resumed = groundup("train", "--resume", run)
    assert resumed.code == 0, resumed.err
    assert (run / "result.json").is_file()


def test_control_c_after_training_lets_the_run_finish(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(figure: object, path: Path) -> None:
        signal.raise_signal(signal.SIGINT)
        path.write_bytes(b"a plot")

    monkeypatch.setattr(plots, "save", pressed)
    done = groundup(*arguments, "--epochs", 1, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert (tmp_path / "run" / "result.json").is_file()


def test_control_c_does_not_tear_the_progress_bar(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(console: Console, live: Any) -> bool:  # rich could not stop a bar that is half started
        signal.raise_signal(signal.SIGINT)
        return set_live(console, live)

    set_live = Console.set_live
    monkeypatch.setattr(Console, "set_live", pressed)
    done = groundup(*arguments, "--out", tmp_path / "run")
    assert done.code == 1, done.err
    assert done.out == f"Interrupted after 0 epochs; go on with: groundup train --resume {tmp_path / 'run'}\n"


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize(("place", "name"), [(train, "load"), (Run, "load_checkpoint"), (train, "_report")])
def test_whoever_interrupts_a_resumed_run_is_told_how_to_go_on(
    place: object, name: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    assert groundup(*arguments, "--epochs", 1, "--out", run).code == 0
    press_control_c_at(place, name, monkeypatch)
    done = groundup("train", "--resume", run)
    assert (done.code, done.out) == (130, "")
    assert f"Interrupted; go on with: groundup train --resume {run}\n" in done.err


@pytest.mark.parametrize(("place", "name"), [(train, "load"), (loop, "begin"), (Run, "save_checkpoint")])
def test_nobody_is_told_to_go_on_with_no_run(
    place: object, name: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    press_control_c_at(place, name, monkeypatch)
    done = groundup(*arguments, "--out", tmp_path / "run")
    assert (done.code, done.out) == (130, "")
    assert "go on" not in done.err
    assert not list(tmp_path.iterdir())


def test_a_second_control_c_while_the_command_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    press_control_c_at(cli, "program", monkeypatch)  # as click itself lets the second one through
    assert groundup("train") == Outcome(130, "", "groundup: stopped.\n")


def begun(run: Path, epochs: int) -> None:
    """Wait until a run has its folder, and so many complete epochs."""
    metrics = run / "metrics.jsonl"
    while not run.exists() or (epochs and not (metrics.exists() and metrics.read_text().count("\n") >= epochs)):
        time.sleep(0.002)


def checkpoint(run: Path) -> int:
    """Return what tells one checkpoint from the next."""
    return (run / "checkpoint.safetensors").stat().st_ino


def after(command: Processes, process: int, number: int, seconds: float) -> Outcome:
    """Send a signal to the command after so many seconds, if it still runs, and return how it ended."""
    time.sleep(seconds)
    os.kill(process, number)
    return command.wait()


def test_control_c_at_random_moments(
    command: Processes, arguments: list[str], expected: dict[str, Any], tmp_path: Path
) -> None:
    draw, codes = random.Random(), []
    for epochs in range(6):  # of twelve: however fast the machine is, the first signal comes in training
        run = tmp_path / f"run-{epochs}"
        process = command.start(*arguments, "--out", run)
        begun(run, epochs)
        number = draw.choice([signal.SIGINT, signal.SIGINT, signal.SIGTERM])
        ended = after(command, process, number, draw.uniform(0.0, 0.03))
        while ended.code == 1:
            codes.append(ended.code)
            assert f"go on with: groundup train --resume {run}" in ended.out
            assert "Traceback" not in ended.err
            process = command.start("train", "--resume", run)
            ended = after(command, process, signal.SIGINT, draw.uniform(0.0, 0.6))
        if ended.code != 0:  # it came before or after training: in reading data, in drawing curves
            assert ended.code in (130, -signal.SIGTERM, -signal.SIGINT), ended.err
            if ended.code == 130 and "Data:" in ended.err:  # before, the command had not begun
                assert ended.out or f"go on with: groundup train --resume {run}" in ended.err
            assert command.run("train", "--resume", run).code == 0
        assert told(run) == expected
    assert len(codes) >= 4


def test_killed_at_random_moments(
    command: Processes, arguments: list[str], expected: dict[str, Any], tmp_path: Path
) -> None:
    draw, kills = random.Random(), []
    while sum(kills) < 16:
        run = tmp_path / f"run-{len(kills)}"
        while not run.exists():
            process = command.start(*arguments, "--out", run)
            ended = after(command, process, signal.SIGKILL, draw.uniform(0.0, 0.3))
        kills.append(1)
        while ended.code == -signal.SIGKILL:
            before, began = checkpoint(run), time.monotonic()
            process = command.start("train", "--resume", run)
            # A killed epoch is trained again: wait for one, or a slow machine would never come to the end.
            while checkpoint(run) == before and time.monotonic() - began < 5:
                time.sleep(0.002)
            ended = after(command, process, signal.SIGKILL, draw.uniform(0.0, 0.2))
            kills[-1] += 1
        assert ended.code == 0, ended.err
        assert told(run) == expected
    assert max(kills) >= 3  # several within one run


def test_a_real_process_stops_at_control_c_and_goes_on(
    arguments: list[str], expected: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    python = [sys.executable, "-c", "from groundup.cli import main; main()"]
    process = subprocess.Popen(
        [*python, *arguments, "--out", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    while not (run / "metrics.jsonl").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 1, err
    assert f"go on with: groundup train --resume {run}" in out
    shutil.copytree(run, tmp_path / "copy")  # a run that was moved goes on, too
    done = subprocess.run(
        [*python, "train", "--resume", tmp_path / "copy"], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert told(tmp_path / "copy") == expected
