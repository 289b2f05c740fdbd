"""What a history says of a run, in words and in figures."""

from __future__ import annotations

import json
import math

import pytest

from groundup.training.history import DIVERGED, History


def history(*epochs: tuple[float, ...]) -> History:
    """Return a history of (train_loss, train_accuracy[, validation_loss, validation_accuracy]) by epoch."""
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    records = [
        {"epoch": number, "seconds": 1.0} | dict(zip(names, each, strict=False))
        for number, each in enumerate(epochs, 1)
    ]
    return History(tuple(records))


DIAGNOSES = {
    "Nothing was trained": history(),
    "diverged. Try a tenth of the learning rate": history((math.nan, 0.1, math.nan, 0.1)),
    "became inf: the training diverged": history((2.0, 0.1, 2.0, 0.1), (math.inf, 0.1, 2.0, 0.1)),
    "became 3.57e+32: the training diverged": history((3.57e32, 0.1, 9.0, 0.1)),
    "Without validation pictures nobody can tell": history((0.1, 0.99)),
    "It overfits: 99.00% on the pictures it learned from, 90.00% on others. More": history((0.1, 0.99, 0.3, 0.9)),
    "The validation loss was lowest after epoch 1": history((0.1, 0.98, 0.2, 0.96), (0.01, 0.99, 0.3, 0.96)),
    "It was still improving after epoch 2: more epochs": history((0.9, 0.6, 0.9, 0.6), (0.5, 0.8, 0.5, 0.8)),
    "It was still improving after epoch 1": history((0.9, 0.6, 0.9, 0.6)),
    "It underfits: 70.00% even on": history((0.9, 0.7, 0.9, 0.7), (0.9, 0.7, 0.9, 0.7)),
    "It fits: 98.50% on validation pictures, best after epoch 1.": history(
        (0.1, 0.98, 0.1, 0.985), (0.1, 0.99, 0.1, 0.985)
    ),
}


@pytest.mark.parametrize("words", DIAGNOSES)
def test_diagnosis(words: str) -> None:
    assert words in DIAGNOSES[words].diagnosis()


def test_an_overfit_that_does_not_rise_says_nothing_of_rising() -> None:
    assert "risen" not in history((0.1, 0.99, 0.3, 0.9)).diagnosis()


@pytest.mark.parametrize(("loss", "diverged"), [(2.3, False), (DIVERGED, False), (1001.0, True), (math.nan, True)])
def test_diverged(loss: float, diverged: bool) -> None:
    assert history((loss, 0.1)).diverged == diverged
    assert history((2.0, 0.1), (loss, 0.1)).diverged == diverged


def test_best_has_the_highest_validation_accuracy_and_of_equals_the_least_loss() -> None:
    made = history((1, 0.1, 1, 0.5), (1, 0.2, 1, 0.7), (1, 0.9, 0.2, 0.7), (1, 0.9, 0.2, 0.7), (1, 0.99, 0.1, 0.6))
    assert made.best["epoch"] == 3
    assert history((1, 0.2, math.nan, 0.7), (1, 0.2, math.nan, 0.7)).best["epoch"] == 1
    assert history((1, 0.9), (1, 0.5)).best["epoch"] == 2  # without validation, the last


def test_a_history_is_a_sequence() -> None:
    made = history((1, 0.1), (2, 0.2))
    assert (len(made), made[1]["epoch"], [record["epoch"] for record in made]) == (2, 2, [1, 2])
    assert made.plus({"epoch": 3})[-1] == {"epoch": 3}
    assert len(made) == 2
    assert not History().diverged


def test_jsonl_has_no_nan() -> None:
    lines = history((math.nan, 0.1), (1.5, 0.2)).as_jsonl().splitlines()
    assert [json.loads(line)["train_loss"] for line in lines] == [None, 1.5]
