"""The training loop: epochs, validation, the best model, and going on exactly where a run stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup import backends, randomness
from groundup.backends.program import Program, Progress
from groundup.data.datasets import Data, Dataset
from groundup.data.sources import is_name
from groundup.data.splits import validation_split
from groundup.errors import ConfigurationError
from groundup.layers.base import Arrays
from groundup.models.calibration import Calibration
from groundup.models.configuration import Configuration
from groundup.models.evaluation import Evaluation
from groundup.models.model import Model
from groundup.training.averaging import AveragingProgram, averaged, recalibrated, without_averages
from groundup.training.history import History, Record
from groundup.training.run import Position, Run, free_folder
from groundup.training.watching import Watcher, interruptible


@dataclass(frozen=True)
class Result:
    """What a training run came to.

    Parameters
    ----------
    model : Model
        The model of the selected epoch; of an interrupted run, as far as it came.
    history : History
        One record an epoch.
    configuration : Configuration
        What was run, to the last detail.
    test : Evaluation or None
        The model on the test pictures, which played no part in training; None if interrupted.
    seconds : float
        The time of training alone, without validation.
    run : Run or None
        The run folder, if one was asked for.
    interrupted : bool
        Whether it was stopped before it was done.
    """

    model: Model
    history: History
    configuration: Configuration
    test: Evaluation | None
    seconds: float
    run: Run | None
    interrupted: bool

    def summary(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "run": str(self.run.folder) if self.run else None,
            "model": str(self.run.model_file) if self.run else None,
            "backend": self.configuration.backend,
            "network": self.configuration.name,
            "data": self.configuration.data,
            "parameters": sum(map(math.prod, self.configuration.network.parameters().values())),
            "history": list(self.history),
            "test_accuracy": self.test.accuracy if self.test else None,
            "test_interval": self.test.interval if self.test else None,
            "seconds": self.seconds,
            "interrupted": self.interrupted,
            "diagnosis": self.history.diagnosis(),
        }


def fit(
    configuration: Configuration,
    data: Data,
    *,
    folder: Path | None = None,
    keep: bool = False,
    watch: Watcher | None = None,
) -> Result:
    """Train as `configuration` says.

    Parameters
    ----------
    configuration : Configuration
        Everything that the result depends on, with the data.
    data : Data
        Training and test pictures.
    folder : Path, optional
        The run folder, if `keep`; by default a new one below ``runs/``.
    keep : bool
        Whether to write a run folder at all.
    watch : Watcher, optional
        Is told of progress, and may stop the run.

    Raises
    ------
    GroundupError
        If configuration and data do not fit each other.
    """
    configuration = pinned(configuration, data)
    program = begin(configuration, len(data.train))
    fitting = Fitting(configuration, data, program, watch or Watcher())
    if keep:  # only now: what cannot be trained leaves no folder behind
        folder = folder or free_folder(configuration.name)
        fitting.watch.keeps(folder)
        fitting.run = Run.create(folder, configuration, program.state())
    return fitting.go(Position())


def resume(run: Run, data: Data, watch: Watcher | None = None) -> Result:
    """Go on with an interrupted run, to the same parameters, bit for bit, as if it had not been interrupted.

    Raises
    ------
    ConfigurationError
        If the data are not the ones that the run began with.
    """
    configuration = run.configuration()
    if pinned(configuration, data) != configuration:
        raise ConfigurationError(f"{run.folder} was trained on other data, or for another backend, than these")
    position, state = run.load_checkpoint()
    program = compiled(configuration, len(data.train), state)
    return Fitting(configuration, data, program, watch or Watcher(), run).go(position)


def pinned(configuration: Configuration, data: Data) -> Configuration:
    """Return the configuration with what this machine and data decide: backend, precision and the data's digest.

    The name of another data set, which a recipe brought along, is not kept.

    Raises
    ------
    ConfigurationError
        If the network does not fit the data, or the configuration was made for other data.
    """
    digest = data.train.sha256()
    if configuration.data_sha256 not in ("", digest):
        raise ConfigurationError(
            f"the configuration was written for other training data than {data.name}, {data.origin}: "
            "its data_sha256 differs"
        )
    classes = len(data.train.class_names)
    if configuration.network.output_shape != (classes,):
        raise ConfigurationError(
            f"the network ends in {configuration.network.output_shape} outputs, but {data.name} has {classes} classes"
        )
    pixels, inputs = data.train.images.shape[1:], configuration.network.input_shape
    if math.prod(pixels) != math.prod(inputs):
        raise ConfigurationError(
            f"the network takes inputs of shape {inputs}, but the pictures of {data.name} have shape {pixels}"
        )
    backend = backends.get(configuration.backend)
    precision = backend.precisions[0] if configuration.precision == "auto" else configuration.precision
    named = configuration.data
    source = None if named is not None and is_name(named) and named != data.name else named
    return replace(configuration, data=source, backend=backend.name, precision=precision, data_sha256=digest)


def begin(configuration: Configuration, pictures: int) -> Program:
    """Return a program that stands at the beginning of a training on so many pictures.

    Raises
    ------
    GroundupError
        If the backend does not know a layer, or `init_from` is no model of this network.
    """
    return compiled(configuration, pictures, _beginning(configuration))


def _beginning(configuration: Configuration) -> Arrays:
    """Return the state to begin with: drawn at random, or another model's."""
    network = configuration.network
    if configuration.init_from is None:
        return network.initial_state(configuration.seed, configuration.initializer)
    model = Model.load(configuration.init_from)
    if model.network.state_shapes() != network.state_shapes():
        raise ConfigurationError(
            f"{configuration.init_from} is of another network: the names or shapes of its weights differ"
        )
    return model.state


def compiled(configuration: Configuration, pictures: int, state: Arrays) -> Program:
    """Return a program that trains on so many pictures as `configuration` says, from `state` on."""
    batch_size = configuration.batch_size or pictures
    program = backends.get(configuration.backend).compile(
        configuration.network,
        configuration.loss,
        configuration.optimizer,
        batch_size,
        configuration.precision,
        configuration.seed,
        without_averages(dict(state)),
        configuration.augmentation,
    )
    if not configuration.average:
        return program
    return AveragingProgram(program, configuration.average, batch_size, dict(state))


class Fitting:
    """One run: all of it at once, or a part at a time.

    Parameters
    ----------
    configuration : Configuration
        `pinned`.
    data : Data
        Training and test pictures.
    program : Program
        What `begin` returned for them.
    watch : Watcher
        Is told of progress, and may stop the run.
    run : Run, optional
        The run folder to keep.
    """

    def __init__(
        self, configuration: Configuration, data: Data, program: Program, watch: Watcher, run: Run | None = None
    ) -> None:
        self.configuration = configuration
        self.program = program
        self.run = run
        self.watch = watch
        self.test = data.test
        held_out = configuration.validation
        self.train: Dataset = data.train
        self.validation: Dataset | None = None
        if held_out:
            self.train, self.validation = validation_split(data.train, held_out)
            if not len(self.validation):
                raise ConfigurationError(f"validation {held_out} of {len(data.train)} pictures is none; 0 means none")
        self.kept: Model | None = None
        self._augmentation = configuration.augmentation

    @np.errstate(all="ignore")  # a training that diverges is told of in words
    def go(self, position: Position) -> Result:
        """Train from `position` to the end, or until interrupted; keep what should be kept."""
        with interruptible(self.watch) as interruption:
            self.watch.began(self.configuration, len(self.train), len(position.history))
            while not self._complete(position.history):
                position = self.epoch(position, lambda: bool(interruption))
                if self.run:
                    self.run.save_checkpoint(position, self.program.state())
                if interruption:
                    break
            # Within: KeyboardInterrupt in compiled code that draws would come out of it as some other error.
            return self._result(position, interrupted=not self._complete(position.history))

    def _complete(self, history: History) -> bool:
        patience = self.configuration.patience
        waited = len(history) - history.best["epoch"] if history else 0
        return len(history) >= self.configuration.epochs or history.diverged or bool(patience and waited >= patience)

    def epoch(self, position: Position, stops: Callable[[], bool], steps: int | None = None) -> Position:
        """Train to the end of the epoch, for at most `steps` steps, or until told to stop."""
        done = position.done
        self.deform(position)
        order, rates = self.ahead(position)

        def observe(progress: Progress) -> bool:
            nonlocal done
            done = done.plus(progress)
            self.watch.trained(done)
            return stops()

        began = time.perf_counter()
        self.program.epoch(self.train.images, self.train.labels, order, rates[:steps], observe)
        return self.closed(Position(position.history, done, position.seconds + time.perf_counter() - began))

    def deform(self, position: Position) -> None:
        """From here on deform the pictures as the configuration says of this epoch."""
        augmentation = self.configuration.augmentation_in(len(position.history))
        if augmentation != self._augmentation:
            deforming = replace(self.configuration, augmentation=augmentation)
            self.program = compiled(deforming, len(self.train), self.program.state())
            self._augmentation = augmentation

    def change(self, configuration: Configuration, state: Arrays) -> None:
        """Go on with another configuration, from `state` on."""
        self.program = compiled(configuration, len(self.train), state)
        self.configuration, self._augmentation = configuration, configuration.augmentation

    def ahead(self, position: Position) -> tuple[NDArray[np.int64], list[float]]:
        """Return the pictures that are left of this epoch, in their order, and the learning rate of each step."""
        settings, epoch, done = self.configuration, len(position.history), position.done
        order = shuffled(len(self.train), settings.seed, epoch)[done.examples :]
        steps = done.steps + math.ceil(len(order) / (settings.batch_size or len(self.train)))
        return order, [settings.learning_rate_at(epoch, step, steps) for step in range(done.steps, steps)]

    def closed(self, position: Position) -> Position:
        """Return the same position; or if its epoch is complete, validated and kept, where the next one begins."""
        epoch, done = len(position.history), position.done
        if done.examples < len(self.train):
            return position
        began = time.perf_counter()
        model = self.model(epoch + 1)
        seconds = position.seconds + time.perf_counter() - began
        learning_rate = self.configuration.learning_rate_at(epoch, done.steps - 1, done.steps)
        record = self._record(epoch, done, seconds, learning_rate, model)
        history = position.history.plus(record)
        self._keep(history, model)
        self.watch.finished_epoch(record)
        return Position(history)

    def _record(self, epoch: int, done: Progress, seconds: float, learning_rate: float, model: Model) -> Record:
        record: Record = {
            "epoch": epoch + 1,
            "seconds": seconds,
            "train_loss": done.loss / done.examples,
            "train_accuracy": done.correct / done.examples,
            "learning_rate": learning_rate,
        }
        if self.validation is not None:
            validated = model.evaluate(self.validation)
            record |= {"validation_loss": validated.loss, "validation_accuracy": validated.accuracy}
        return record

    def _keep(self, history: History, model: Model) -> None:
        selected = self._selected(history) is history[-1]
        if selected:
            self.kept = model
        if self.run:
            self.run.save_epoch(history, model, selected)
            if self._ends_a_cycle(len(history)):
                self.run.save_snapshot(model, len(history))

    def _selected(self, history: History) -> Record:
        """Return the epoch whose model is the result, of those so far."""
        return history[-1] if self.configuration.select == "last" else history.best

    def _ends_a_cycle(self, epoch: int) -> bool:
        """Return whether one of the snapshots' equal parts of the schedule ends with this epoch, the first being 1."""
        count, epochs = self.configuration.snapshots, self.configuration.settles_after
        return epoch <= epochs and epoch * count // epochs > (epoch - 1) * count // epochs

    def model(self, epoch: int) -> Model:
        """Return the network as it stands, in epoch number `epoch`."""
        settings = self.configuration
        state = {name: np.asarray(value, np.float32) for name, value in averaged(self.program.state()).items()}
        if settings.average:
            state = recalibrated(settings, state, self.train)
        training = {"configuration": settings.as_table(), "epoch": epoch}
        return Model(settings.network, state, settings.loss, self.train.class_names, training)

    def _result(self, position: Position, interrupted: bool) -> Result:
        history = position.history
        seconds = position.seconds + sum(record["seconds"] for record in history)
        model = self.kept or self._kept_before(position)
        test = None
        if not interrupted:
            model = self._calibrated(model)
            test = model.evaluate(self.test)
            log = [{name: value for name, value in record.items() if name != "seconds"} for record in history]
            model = replace(model, training={**model.training, "test_accuracy": test.accuracy, "history": log})
        result = Result(model, history, self.configuration, test, seconds, self.run, interrupted)
        if self.run and not interrupted:
            self.run.save_result(result.summary(), history, model)
        return result

    def _calibrated(self, model: Model) -> Model:
        """Return the model with what the validation pictures say about its probabilities."""
        if self.validation is None:
            return model
        probabilities = model.uncalibrated(self.validation.images)
        if not np.isfinite(probabilities).all():
            return model
        return replace(model, calibration=Calibration.fit(probabilities, self.validation.labels))

    def _kept_before(self, position: Position) -> Model:
        """Return the model of the selected epoch; none of them was trained by this process."""
        history = position.history
        stands_there = not history or (self._selected(history) is history[-1] and not position.done.steps)
        if self.run is None or stands_there:
            return self.model(len(history))
        return Model.load(self.run.model_file)


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order of `count` pictures in an epoch: `randomness.permutation`, by NumPy."""
    key = randomness.key(seed, "order", epoch)
    numbers = np.random.RandomState([key & 0xFFFFFFFF, key >> 32]).random_sample(count)
    return np.argsort(numbers, kind="stable")
