"""A training run as a person watches it: a bar that moves, and a line for every epoch, on stderr."""

from __future__ import annotations

import math
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from groundup.backends import program
from groundup.models.configuration import Configuration
from groundup.training.history import Record
from groundup.training.watching import Watcher

REFRESH = 0.1
"""Seconds between two movements of the bar."""


class TrainingProgress(Watcher):
    """Shows epoch, batch, loss, accuracy, pictures a second and the time left; knows where the run is kept."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("batch {task.fields[batch]}  loss {task.fields[loss]}  accuracy {task.fields[accuracy]}"),
            TextColumn("{task.fields[speed]:,.0f} pictures/s  left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._pictures = self._epochs = self._batches = self._complete = 0
        self._shown = self._began = 0.0
        self._seen = 0

    def keeps(self, folder: Path) -> None:
        """Remember the run's folder."""
        self.folder = folder

    def began(self, configuration: Configuration, pictures: int, epoch: int) -> None:
        """Show an empty bar."""
        self._pictures, self._epochs, self._complete = pictures, configuration.epochs, epoch
        self._batches = math.ceil(pictures / (configuration.batch_size or pictures))
        self._began = time.perf_counter()
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        self._bar.add_task(
            "",
            total=pictures * self._epochs,
            completed=pictures * epoch,
            epoch=f"{epoch + 1}/{self._epochs}",
            batch="0",
            loss="-",
            accuracy="-",
            speed=0.0,
        )
        self._bar.start()

    def trained(self, done: program.Progress) -> None:
        """Move the bar, at most ten times a second."""
        now = time.perf_counter()
        if now - self._shown < REFRESH:
            return
        examples = done.examples - self._seen
        self._bar.update(
            self._bar.task_ids[0],
            completed=self._pictures * self._complete + done.examples,
            epoch=f"{self._complete + 1}/{self._epochs}",
            batch=f"{done.steps}/{self._batches}",
            loss=f"{done.loss / done.examples:.4f}",
            accuracy=f"{done.correct / done.examples:.2%}",
            speed=max(examples, 0) / (now - (self._shown or self._began)),
        )
        self._shown, self._seen = now, done.examples

    def finished_epoch(self, record: Record) -> None:
        """Print the epoch's line."""
        self._complete += 1
        self._seen = 0
        validated = ""
        if "validation_accuracy" in record:
            validated = (
                f"  validation loss {record['validation_loss']:.4f} accuracy {record['validation_accuracy']:.2%}"
            )
        self.console.print(
            f"epoch {record['epoch']:>{len(str(self._epochs))}}/{self._epochs}"
            f"  loss {record['train_loss']:.4f} accuracy {record['train_accuracy']:.2%}{validated}"
            f"  {self._pictures / record['seconds']:,.0f} pictures/s"
        )

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()
