"""What happened in training, epoch by epoch, and what it means in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from groundup import notebook
from groundup.checks import shown
from groundup.json_text import to_json

Record = dict[str, Any]
"""One epoch: epoch (from 1), seconds (training alone), train_loss, train_accuracy, learning_rate (of the last step),
and, where there are validation pictures, validation_loss and validation_accuracy."""


DIVERGED = 1000.0
"""A mean training loss that no network has that learns: guessing among ten classes costs 2.3."""


@dataclass(frozen=True)
class History(Sequence[Record]):
    """The records of all epochs so far."""

    records: tuple[Record, ...] = ()

    @classmethod
    def from_json(cls, records: Sequence[Any]) -> History:
        """Return the history of records that were read from JSON, which has null where a loss was NaN or infinite.

        Raises
        ------
        ValueError
            If one of them is no epoch's record.
        """
        return cls(tuple(_record(record) for record in records))

    def __getitem__(self, index: Any) -> Any:
        return self.records[index]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def plus(self, record: Record) -> History:
        """Return the history with one more epoch."""
        return History((*self.records, record))

    @property
    def best(self) -> Record:
        """The epoch of the highest validation accuracy, of equals the least loss; without validation, the last one."""
        if "validation_accuracy" not in self.records[-1]:
            return self.records[-1]
        return max(self.records, key=lambda record: (record["validation_accuracy"], -record["validation_loss"]))

    @property
    def diverged(self) -> bool:
        """Whether the loss of the last epoch was NaN, infinite, or beyond all that learns."""
        return bool(self.records) and not self.records[-1]["train_loss"] <= DIVERGED

    def as_jsonl(self) -> str:
        """Return one JSON object a line."""
        return "".join(to_json(record) + "\n" for record in self.records)

    def _repr_html_(self) -> str:
        """Display itself in a notebook: curves and diagnosis."""
        return notebook.history_html(self)

    def diagnosis(self) -> str:
        """Return in a sentence or two whether the run over- or underfits, and what to try."""
        if not self.records:
            return "Nothing was trained."
        if self.diverged:
            loss = self.records[-1]["train_loss"]
            return f"The loss became {loss:.3g}: the training diverged. Try a tenth of the learning rate, or less."
        if "validation_loss" not in self.records[-1]:
            return "Without validation pictures nobody can tell memorising from learning: hold some out (--validation)."
        return " ".join(self._findings())

    def _findings(self) -> Iterator[str]:
        last, best = self.records[-1], self.best
        gap = last["train_accuracy"] - last["validation_accuracy"]
        lowest = min(self.records, key=lambda record: record["validation_loss"])
        risen = last["validation_loss"] > 1.1 * lowest["validation_loss"]
        if gap > 0.02 or (gap > 0 and risen):
            yield (
                f"It overfits: {last['train_accuracy']:.2%} on the pictures it learned from, "
                f"{last['validation_accuracy']:.2%} on others."
            )
            if risen:
                yield f"The validation loss was lowest after epoch {lowest['epoch']} and has risen since."
            yield "More pictures, dropout, weight decay or early stopping (--patience) would help."
        elif self._still_improving():
            yield f"It was still improving after epoch {last['epoch']}: more epochs would help."
        elif last["train_accuracy"] < 0.95:
            yield (
                f"It underfits: {last['train_accuracy']:.2%} even on the pictures it learned from, and no longer "
                "improving. A larger network, or another learning rate, would help."
            )
        else:
            yield (
                f"It fits: {last['validation_accuracy']:.2%} on validation pictures, best after epoch {best['epoch']}."
            )

    def _still_improving(self) -> bool:
        """Whether the last epoch took away a twentieth of the validation errors that were left."""
        if len(self.records) < 2:
            return True
        before, last = (1 - record["validation_accuracy"] for record in self.records[-2:])
        return bool(last < 0.95 * before)


def _record(read: Any) -> Record:
    if not isinstance(read, dict) or not {"epoch", "train_loss", "train_accuracy"} <= read.keys():
        raise ValueError(f"{shown(read)} has no epoch, train_loss and train_accuracy")
    record = {name: math.nan if value is None else value for name, value in read.items()}
    if not all(isinstance(value, int | float) for value in record.values()):
        raise ValueError(f"{shown(read)} holds something that is no number")
    return record
