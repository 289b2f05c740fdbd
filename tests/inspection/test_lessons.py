"""The lessons: every bug shows its symptom, and the tools name it where docs/pitfalls.md says."""

from __future__ import annotations

import numpy as np
import pytest

from groundup.data import strokes
from groundup.data.datasets import Dataset
from groundup.inspection.lessons import LESSONS, demonstrate
from groundup.inspection.pitfall_trainings import Demonstration

SAID = {
    "softmax": ("Memory state", "step/1/output/1"),
    "bias": ("Memory state", "step/1/gradient/0.bias"),
    "relu": ("Memory state", "step/1/gradient/0.weight"),
    "sign": ("Memory state", "step/1/gradient/2.weight"),
    "alike": ("A look at one number", "1 different set of weights"),
    "inputs": ("The network itself", "do not fit the network's inputs of shape (728,)"),
    "classes": ("The network itself", "class 9, but the network tells only 9 classes apart"),
    "paths": ("A look at one number", "8,191 visits to 13 nodes"),
    "sigmoid": ("Memory state", "step/1/inputs"),
    "initial": ("all zero", "largest gradient is 0"),
    "logarithm": ("Gradient check", "holds"),
    "dying": ("Gradient check", "holds"),
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return Dataset(*strokes.make(600, seed=1), "strokes")


@pytest.fixture(scope="module")
def found(digits: Dataset) -> dict[str, Demonstration]:
    return {name: demonstrate(name, digits) for name in LESSONS}


def test_there_are_twelve_and_each_is_told(found: dict[str, Demonstration]) -> None:
    assert list(LESSONS) == list(SAID)
    for lesson in LESSONS.values():
        assert all([lesson.title, lesson.story, lesson.symptom, lesson.cure, *lesson.lines, *lesson.axes])
        assert lesson.lines[0] != lesson.lines[1]


@pytest.mark.parametrize("name", SAID)
def test_a_tool_names_the_bug(found: dict[str, Demonstration], name: str) -> None:
    tool, words = SAID[name]
    assert words in dict(found[name].findings)[tool]


@pytest.mark.parametrize("name", SAID)
def test_the_right_twin_learns(found: dict[str, Demonstration], name: str) -> None:
    right = next(iter(found[name].curves.values()))
    assert np.isfinite(right).all()
    if LESSONS[name].axes[1] == "loss":
        assert np.mean(right[-10:]) < np.mean(right[:10])


def last(found: Demonstration, share: float = 0.1) -> list[float]:
    """Return each curve's mean over its end."""
    return [float(np.mean(curve[-max(1, int(share * len(curve))) :])) for curve in found.curves.values()]


def test_the_symptoms(found: dict[str, Demonstration]) -> None:
    right, wrong = last(found["softmax"])
    assert wrong > 1.2 * right
    right, wrong = last(found["sign"])
    assert wrong > 3
    right, wrong = last(found["bias"])
    assert wrong < 1.5 * right
    right, wrong = last(found["alike"])
    assert wrong > 1.5 * right
    right, wrong = last(found["classes"])
    assert 0.02 < right - wrong < 0.18  # the share of nines, and of those the network can read
    right, wrong = last(found["sigmoid"])
    assert wrong > 1.3 * right
    right, zero, narrow, wide = last(found["initial"])
    assert min(zero, narrow, wide) > 1.5 * right
    assert np.isnan(list(found["logarithm"].curves.values())[1]).any()
    right, dying, leaky = last(found["dying"])
    assert dying > 20 > right > leaky
