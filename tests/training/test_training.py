"""Training: the same configuration gives the same model, and nothing but the training pictures plays a part."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import groundup
from groundup import backends, plots
from groundup.backends.program import Progress
from groundup.data.datasets import Data, Dataset
from groundup.data.splits import split, stratified_folds, validation_split
from groundup.errors import ConfigurationError, DataError, GroundupError, ModelError, ParameterError
from groundup.layers import BatchNorm, Dropout, Linear, ReLU
from groundup.models.calibration import Calibration
from groundup.models.configuration import Configuration
from groundup.models.model import Model
from groundup.network import Network
from groundup.optimizers import SGD, Adam
from groundup.schedules import CosineRestarts
from groundup.training import cross_validation
from groundup.training.cross_validation import cross_validate
from groundup.training.finder import HIGHEST, LOWEST, STEPS, find_learning_rate
from groundup.training.loop import Result, fit, pinned, resume
from groundup.training.run import Run
from groundup.training.watching import Watcher, interruptible
from small_data import PIXELS, data, pictures

SMALL = data()
RICH = Network([Linear(PIXELS, 12), BatchNorm(12), ReLU(), Dropout(0.2), Linear(12, 10)])
BASE = Configuration(RICH, "small", optimizer=Adam(), learning_rate=0.01, epochs=3, batch_size=30)


@pytest.fixture(autouse=True)
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time of so small a run, and does not matter here."""
    monkeypatch.setattr(plots, "curves", lambda history: None)
    monkeypatch.setattr(plots, "save", lambda figure, path: Path(path).write_bytes(b"a plot"))


def bits(result: Result) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in result.model.state.items()}


def test_the_same_configuration_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "other"):
        fit(BASE, SMALL, folder=tmp_path / name, keep=True)
    for file in ("model.safetensors", "last.safetensors", "config.toml"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


@pytest.mark.parametrize(
    ("named", "kept"), [(None, None), ("mnist+strokes", None), (SMALL.name, SMALL.name), ("/my/folder", "/my/folder")]
)
def test_a_model_does_not_claim_data_that_it_has_not_learned_from(named: str | None, kept: str | None) -> None:
    assert pinned(replace(BASE, data=named), SMALL).data == kept


def test_it_learns() -> None:
    result = fit(replace(BASE, epochs=15), SMALL)
    assert result.test is not None
    assert result.test.accuracy > 0.9
    assert result.run is None
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"learning_rate": 0.02}, {"epochs": 4}, {"batch_size": 29}, {"optimizer": SGD()}]
)
def test_another_configuration_gives_another_model(change: dict[str, Any]) -> None:
    changed = replace(BASE, validation=0.0, **change)
    assert bits(fit(changed, SMALL)) != bits(fit(replace(BASE, validation=0.0), SMALL))


def test_snapshots_are_the_models_at_the_ends_of_equal_parts(tmp_path: Path) -> None:
    configuration = replace(BASE, epochs=5, snapshots=2, schedule=CosineRestarts(cycles=2))
    fit(configuration, SMALL, folder=tmp_path / "run", keep=True)
    kept = sorted((tmp_path / "run" / "snapshots").iterdir())
    assert [path.name for path in kept] == ["epoch-0003.safetensors", "epoch-0005.safetensors"]
    assert Model.load(kept[0]).training["epoch"] == 3
    assert kept[1].read_bytes() == (tmp_path / "run" / "last.safetensors").read_bytes()
    assert kept[0].read_bytes() != kept[1].read_bytes()
    fit(BASE, SMALL, folder=tmp_path / "without", keep=True)
    assert not (tmp_path / "without" / "snapshots").exists()
    with pytest.raises(ConfigurationError, match="snapshots must be at most 3, the schedule's epochs, not 4"):
        replace(BASE, snapshots=4)


def test_the_seed_gives_weights_order_and_split(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[int, Dataset] = {}
    for seed in (1, 2):
        train, validation = split(SMALL.train, 0.1, seed)
        assert len(validation) == 20
        rows = [{row.tobytes() for row in part.images} for part in (train, validation)]
        assert not rows[0] & rows[1]
        assert rows[0] | rows[1] == {row.tobytes() for row in SMALL.train.images}
        seen[seed] = validation
    assert not np.array_equal(seen[1].images, seen[2].images)


def test_a_model_is_calibrated_on_the_pictures_held_out_and_says_how_it_came_to_be() -> None:
    result = fit(replace(BASE, validation=0.25, seed=3), SMALL)
    model = result.model
    _, validation = validation_split(SMALL.train, 0.25)
    assert model.calibration == Calibration.fit(model.uncalibrated(validation.images), validation.labels)
    assert result.test is not None
    assert model.training["test_accuracy"] == result.test.accuracy
    assert model.training["configuration"]["seed"] == 3
    assert [record["epoch"] for record in model.training["history"]] == [1, 2, 3]
    assert fit(replace(BASE, validation=0.0), SMALL).model.calibration is None


class Sees(Watcher):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.pictures, self.examples, self.records = 0, 0, [{}]

    def began(self, configuration: Configuration, pictures: int, epoch: int) -> None:
        self.pictures = pictures

    def trained(self, done: Progress) -> None:
        self.examples = max(self.examples, done.examples)

    def finished_epoch(self, record: dict[str, Any]) -> None:
        self.records.append(record)


def test_only_the_pictures_that_are_not_held_out_are_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Sees()
    result = fit(replace(BASE, validation=0.25), SMALL, watch=watch)
    assert (watch.pictures, watch.examples) == (150, 150)
    assert tuple(watch.records[1:]) == result.history.records
    _, validation = split(SMALL.train, 0.25, 0)
    best = result.history.best
    evaluation = result.model.evaluate(validation)
    assert (evaluation.accuracy, evaluation.loss) == (best["validation_accuracy"], best["validation_loss"])


def test_pictures_that_are_held_out_do_not_change_the_weights() -> None:
    train, validation = split(SMALL.train, 0.25, 0)
    images = SMALL.train.images.copy()
    held = [bool((validation.images == row).all(axis=(1, 2)).any()) for row in images]
    assert sum(held) == len(validation)
    images[held] = 255 - images[held]
    other = Data("other", "the tests", replace(SMALL.train, images=images), SMALL.test)
    configuration = replace(BASE, validation=0.25, epochs=1)
    assert bits(fit(configuration, SMALL)) == bits(fit(configuration, other))
    assert len(train) == 150


def test_test_pictures_play_no_part() -> None:
    other = Data("other", "the tests", SMALL.train, pictures(10, 77))
    one, changed = fit(BASE, SMALL), fit(BASE, other)
    assert bits(one) == bits(changed)
    assert [record["validation_loss"] for record in one.history] == [r["validation_loss"] for r in changed.history]


def test_the_best_model_is_kept_not_the_last(tmp_path: Path) -> None:
    noisy = data(60, 30, noise=150.0)
    configuration = replace(BASE, epochs=8, learning_rate=0.1, validation=20, seed=3)
    result = fit(configuration, noisy, folder=tmp_path / "run", keep=True)
    best = result.history.best["epoch"]
    assert best < 8  # otherwise this shows nothing
    shorter = fit(replace(configuration, epochs=best), noisy)
    assert shorter.history.best["epoch"] == best
    assert bits(shorter) == bits(result)
    kept, last = Model.load(tmp_path / "run"), Model.load(tmp_path / "run" / "last.safetensors")
    assert kept.training["epoch"] == best
    assert any(not np.array_equal(kept.state[name], last.state[name]) for name in kept.state)


def test_the_last_model_is_kept_where_the_configuration_selects_it(tmp_path: Path) -> None:
    noisy = data(60, 30, noise=150.0)
    configuration = replace(BASE, epochs=8, learning_rate=0.1, validation=20, seed=3)
    best = fit(configuration, noisy)
    last = fit(replace(configuration, select="last"), noisy, folder=tmp_path / "run", keep=True)
    assert best.history.best["epoch"] < 8 == last.model.training["epoch"]  # otherwise this shows nothing
    kept, newest = Model.load(tmp_path / "run"), Model.load(tmp_path / "run" / "last.safetensors")
    assert all(np.array_equal(kept.state[name], newest.state[name]) for name in kept.state)
    assert bits(best) != bits(last)


def test_early_stopping() -> None:
    configuration = replace(BASE, epochs=200, patience=3, learning_rate=0.03)
    result = fit(configuration, SMALL)
    assert len(result.history) == result.history.best["epoch"] + 3
    assert len(result.history) < 200
    assert not result.interrupted


@pytest.mark.parametrize("rate", [1e9, 1e38])
def test_divergence_ends_training(rate: float) -> None:
    result = fit(Configuration(Network([Linear(PIXELS, 10)]), "n", learning_rate=rate, epochs=5), SMALL)
    assert result.history.diverged
    assert len(result.history) < 5
    assert "diverged" in result.summary()["diagnosis"]
    assert not result.interrupted


def test_summary_has_what_was_promised() -> None:
    summary = fit(BASE, SMALL).summary()
    assert {
        "run",
        "model",
        "backend",
        "network",
        "parameters",
        "history",
        "test_accuracy",
        "seconds",
    } <= set(summary)
    assert summary["backend"] in backends.available()  # never "auto"
    assert summary["parameters"] == PIXELS * 12 + 12 + 24 + 120 + 10
    assert {"epoch", "seconds", "train_loss", "train_accuracy", "validation_accuracy"} <= set(summary["history"][0])


REFUSED: dict[str, tuple[Configuration, Data, str]] = {
    "classes": (replace(BASE, network=Network([Linear(PIXELS, 9)])), SMALL, r"ends in \(9,\) outputs.* 10 classes"),
    "size": (replace(BASE, network=Network([Linear(784, 10)])), SMALL, r"takes inputs of shape \(784,\)"),
    "all held out": (replace(BASE, validation=200), SMALL, "cannot hold out 200 of 200 pictures"),
    "none held out": (replace(BASE, validation=0.001), SMALL, "validation 0.001 of 200 pictures is none"),
    "backend": (replace(BASE, backend="abacus"), SMALL, "backend 'abacus' is unknown"),
    "precision": (
        replace(BASE, precision="float8", backend="numpy"),
        SMALL,
        "precisions float32 and float64, not float8",
    ),
    "digest": (replace(BASE, data_sha256="0" * 64), SMALL, "written for other training data"),
    "start": (replace(BASE, init_from="nowhere.safetensors"), SMALL, "there is no such model file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    configuration, given, because = REFUSED[name]
    with pytest.raises(GroundupError, match=because):
        fit(configuration, given, folder=tmp_path / "run", keep=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for taken in (tmp_path / "run", tmp_path / "file"):
        with pytest.raises(ConfigurationError, match="is there already: choose another --out"):
            fit(BASE, SMALL, folder=taken, keep=True)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run"]


def test_an_empty_folder_is_taken_and_parents_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "new" / "below"):
        assert fit(replace(BASE, epochs=1), SMALL, folder=folder, keep=True).run == Run(folder)
    monkeypatch.chdir(tmp_path / "new")
    for nameless in (".", "..", "below/.."):
        with pytest.raises(ConfigurationError, match=r"give --out a name|is there already"):
            fit(BASE, SMALL, folder=Path(nameless), keep=True)


def test_runs_get_names_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = [fit(replace(BASE, epochs=1), SMALL, keep=True).run for _ in range(3)]
    assert len({run.folder for run in made if run}) == 3
    assert all(run and run.folder.parent == Path("runs") and run.folder.name.startswith("small-") for run in made)
    os.utime(tmp_path / made[0].model_file, (2e9, 2e9))  # type: ignore[union-attr]  # all are runs
    assert Run.newest() == made[0]


def test_what_is_no_run(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigurationError, match=r"is no run folder: it has no config.toml"):
            Run.open(folder)
    with pytest.raises(ModelError, match="there is no trained model in"):
        Run.newest(tmp_path)
    assert Run(tmp_path).result() is None


def test_starting_from_a_model(tmp_path: Path) -> None:
    first = fit(BASE, SMALL, folder=tmp_path / "first", keep=True)
    for source in (tmp_path / "first", tmp_path / "first" / "model.safetensors"):
        started = fit(replace(BASE, init_from=str(source), learning_rate=1e-12, epochs=1, optimizer=SGD()), SMALL)
        for name in RICH.parameters():
            assert np.allclose(started.model.state[name], first.model.state[name], atol=1e-6)
    other = replace(BASE, network=Network([Linear(PIXELS, 10)]), init_from=str(tmp_path / "first"))
    with pytest.raises(ConfigurationError, match="is of another network: the names or shapes of its weights differ"):
        fit(other, SMALL)


def test_train_is_all_of_it(tmp_path: Path) -> None:
    result = groundup.train("36-8-10", SMALL, out=tmp_path / "run", epochs=2, optimizer=SGD(0.5), batch_size=10)
    assert result.configuration.epochs == 2
    assert result.configuration.optimizer == SGD(0.5)
    assert Run.open(tmp_path / "run").configuration() == result.configuration
    assert bits(groundup.train(result.configuration, SMALL)) == bits(result)
    assert groundup.train(Network([Linear(PIXELS, 10)]), SMALL, epochs=1).run is None
    with pytest.raises(ParameterError, match="epochs must be an integer"):
        groundup.train("36-8-10", SMALL, epochs="3")


def test_every_picture_is_held_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Data] = []

    def watched(configuration: Configuration, parts: Data, **options: Any) -> Result:
        given.append(parts)
        return fit(configuration, parts, **options)

    monkeypatch.setattr(cross_validation, "fit", watched)
    done = cross_validate(replace(BASE, validation=0.5, patience=1, data_sha256="x", epochs=2), SMALL, 4)
    assert len(done.folds) == len(given) == 4
    rows = [sorted(row.tobytes() for row in parts.test.images) for parts in given]
    assert sorted(itertools.chain(*rows)) == sorted(row.tobytes() for row in SMALL.train.images)
    for parts in given:
        assert len(parts.train) + len(parts.test) == 200
        assert not {row.tobytes() for row in parts.train.images} & {row.tobytes() for row in parts.test.images}
        assert np.array_equal(parts.test.counts(), [5] * 10)
    accuracies = [fold.correct / fold.count for fold in done.folds]
    summary = done.summary()
    assert summary["mean"] == pytest.approx(np.mean(accuracies))
    assert summary["standard_deviation"] == pytest.approx(np.std(accuracies, ddof=1))
    assert [fold["accuracy"] for fold in summary["folds"]] == accuracies
    assert not summary["interrupted"]


def test_cross_validation_can_be_stopped_and_refused() -> None:
    class Stops(Watcher):
        finished = 0

        def finished_epoch(self, record: dict[str, Any]) -> None:
            self.finished += 1

        def stops(self) -> bool:
            return self.finished >= 3

    done = cross_validate(replace(BASE, epochs=2), SMALL, 4, Stops())
    assert (len(done.folds), done.summary()["interrupted"], done.summary()["standard_deviation"]) == (1, True, None)
    with pytest.raises(ParameterError, match="cannot make 201 folds of 200 pictures"):
        cross_validate(BASE, SMALL, 201)
    assert sorted(np.concatenate(stratified_folds(SMALL.train.labels, 7, 0))) == list(range(200))


@pytest.mark.parametrize("batch", [10, 64, 0, 1000])
def test_the_finder_finds_a_rate_that_learns(batch: int) -> None:
    configuration = Configuration(Network([Linear(PIXELS, 10)]), "n", batch_size=batch, epochs=5)
    found = find_learning_rate(configuration, SMALL)
    assert found == find_learning_rate(configuration, SMALL)
    assert len(found.rates) == len(found.losses) <= STEPS
    assert list(found.rates) == sorted(found.rates)
    assert found.rates[0] == pytest.approx(LOWEST)
    assert LOWEST < found.suggestion < HIGHEST
    assert found.suggestion in found.rates
    assert found.summary()["losses"] == list(found.losses)
    if batch == 10:
        result = fit(replace(configuration, learning_rate=found.suggestion), SMALL)
        assert result.history[-1]["train_loss"] < 0.5 * found.losses[0]


def test_the_finder_ends_when_the_loss_explodes() -> None:
    deep = Network([Linear(PIXELS, 64), ReLU(), Linear(64, 64), ReLU(), Linear(64, 10)])
    found = find_learning_rate(Configuration(deep, "n", optimizer=SGD(0.99), batch_size=10), SMALL)
    assert len(found.losses) < STEPS
    assert not found.losses[-1] <= 4 * min(found.losses)


def test_data_are_pinned() -> None:
    fixed = pinned(BASE, SMALL)
    assert len(fixed.data_sha256) == 64
    assert fixed.backend in backends.available()
    assert fixed.precision in backends.get().precisions
    assert pinned(fixed, SMALL) == fixed
    for other in (data(201), Data("x", "y", replace(SMALL.train, labels=SMALL.train.labels[::-1].copy()), SMALL.test)):
        with pytest.raises(ConfigurationError, match="its data_sha256 differs"):
            pinned(fixed, other)


def test_a_second_control_c_does_not_wait() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible(Watcher()) as interruption:  # noqa: PT012 - the moments matter
        assert not interruption
        signal.raise_signal(signal.SIGINT)
        assert interruption
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_training_works_in_another_thread() -> None:
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(fit(replace(BASE, epochs=1), SMALL)))
    thread.start()
    thread.join()
    assert len(results[0].history) == 1


def test_pictures_of_the_wrong_size_are_a_data_error_of_the_model() -> None:
    model = fit(replace(BASE, epochs=1), SMALL).model
    with pytest.raises(DataError, match="pictures of 28x28 pixels do not fit"):
        model.predict(np.zeros((1, 28, 28), np.uint8))


def test_resuming_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"config.toml: cannot be read"):
        resume(Run(tmp_path), SMALL)
