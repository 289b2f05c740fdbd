"""Whom groundup is measured against computes the same: otherwise the comparison is worth nothing."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundup.data import Dataset, strokes
from groundup.models.configuration import Configuration
from groundup.models.recipes import recipe
from groundup.optimizers import SGD
from groundup.schedules import ConstantRate
from groundup.training.loop import shuffled

PICTURES = 600
CONFIGURATIONS = {
    "fast99": replace(recipe("fast99"), batch_size=64),
    "784-32-32-10": replace(
        recipe("784-32-32-10"), optimizer=SGD(momentum=0.9), schedule=ConstantRate(), learning_rate=0.05, epochs=1
    ),
}


@pytest.fixture(scope="module")
def pictures() -> Dataset:
    return Dataset(*strokes.make(PICTURES, 1), "strokes")


@pytest.fixture
def contestants(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return importlib.import_module("contestants")


def peer(contestants: Any, name: str) -> Any:
    for package in contestants.NEEDS[name]:
        pytest.importorskip(package, reason=f"compares with {name}: install groundup[benchmarks]")
    return importlib.import_module(f"contestants.{name.replace('-', '_')}")


def trained(contestants: Any, name: str, setting: str, configuration: Configuration, pictures: Dataset) -> Any:
    """Return the scores after an epoch, the second time that it begins."""
    trainer = peer(contestants, name).Trainer(configuration, pictures, setting)
    rates = contestants.learning_rates(configuration, len(pictures), 0)
    for _ in range(2):
        trainer.begin()
        trainer.epoch(shuffled(len(pictures), 0, 0), rates)
    return trainer.scores(pictures.images[:100])


@pytest.mark.parametrize("network", CONFIGURATIONS)
@pytest.mark.parametrize(
    ("name", "setting", "tolerance"),
    [
        ("pytorch", "float32", 0.02),
        ("pytorch", "float32 fused channels_last", 0.02),
        ("pytorch", "bfloat16 fused", 0.5),
        ("jax", "", 0.02),
    ],
)
def test_everybody_trains_alike(
    name: str, setting: str, tolerance: float, network: str, contestants: Any, pictures: Dataset
) -> None:
    configuration = CONFIGURATIONS[network]
    ours = trained(contestants, "groundup", "numpy", configuration, pictures)
    assert np.abs(ours).max() > 1
    assert np.abs(trained(contestants, name, setting, configuration, pictures) - ours).max() < tolerance


def test_scikit_learn_learns(contestants: Any, pictures: Dataset) -> None:
    configuration = replace(CONFIGURATIONS["784-32-32-10"], batch_size=10)
    scores = trained(contestants, "scikit-learn", "", configuration, pictures)
    assert np.mean(scores.argmax(axis=1) == pictures.labels[:100]) > 0.3  # by chance 0.1


@pytest.mark.parametrize("network", CONFIGURATIONS)
@pytest.mark.parametrize(
    ("name", "setting", "tolerance"),
    [
        ("pytorch", "float32", 1e-4),
        ("pytorch", "float32 channels_last", 1e-4),
        ("pytorch", "bfloat16", 0.1),
        ("onnxruntime", "", 1e-4),
        ("onnxruntime", "one-thread", 1e-4),
    ],
)
def test_everybody_recognises_alike(
    name: str, setting: str, tolerance: float, network: str, contestants: Any, pictures: Dataset
) -> None:
    network_ = CONFIGURATIONS[network].network
    state = contestants.initial_state(CONFIGURATIONS[network])
    state = {each: value + np.float32(0.01) for each, value in state.items()}  # no bias is 0
    images = pictures.images[:7]
    ours = peer(contestants, "groundup").predictor(network_, state, "numpy", 3)(images)
    theirs = peer(contestants, name).predictor(network_, state, setting, 3)(images)
    assert theirs.shape == ours.shape
    assert np.abs(theirs - ours).max() < tolerance * np.abs(ours).max()


def test_who_is_not_there_is_named(contestants: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(contestants.NEEDS, "jax", ("numpy", "no_such_package"))
    assert contestants.missing(contestants.Contestant("jax")) == "no_such_package not installed"
    assert contestants.missing(contestants.Contestant("groundup", "numpy")) is None
