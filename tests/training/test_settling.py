"""Settling: the last epochs, on pictures that are deformed less, at a small learning rate that falls to 0."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundup.augmentation import Augmentation
from groundup.data.splits import validation_split
from groundup.errors import ConfigurationError, ParameterError
from groundup.layers import BatchNorm, Linear, ReLU
from groundup.models.configuration import SETTLING_RATE, SETTLING_STRENGTH, Configuration
from groundup.network import Network
from groundup.optimizers import AdamW
from groundup.schedules import CosineRestarts, OneCycle
from groundup.training import loop
from groundup.training.loop import Fitting, begin, compiled, fit, pinned, shuffled
from groundup.training.run import Position
from groundup.training.watching import Watcher
from small_data import PIXELS, data

SMALL = data(60, 30)
DEFORMED = Augmentation(shift=1, rotation=20, contrast=0.5)
NETWORK = Network([Linear(PIXELS, 8), BatchNorm(8), ReLU(), Linear(8, 10)])
BASE = Configuration(
    NETWORK, "small", optimizer=AdamW(), epochs=2, batch_size=20, learning_rate=0.01, augmentation=DEFORMED
)
SETTLES = replace(BASE, epochs=4, settling=0.5)


def bits(state: Any) -> dict[str, bytes]:
    return {name: np.asarray(value).tobytes() for name, value in state.items()}


def state_after(configuration: Configuration) -> Any:
    return fit(replace(configuration, select="last"), SMALL).model.state


def test_the_learning_rate_follows_the_schedule_then_falls_to_nothing() -> None:
    schedule = OneCycle()
    settles = replace(SETTLES, schedule=schedule, learning_rate=0.8)
    rates = [settles.learning_rate_at(epoch, step, 5) for epoch in range(4) for step in range(5)]
    assert rates[:10] == [0.8 * schedule.factor(step, 5, 2) for step in range(10)]
    np.testing.assert_allclose(rates[10:], 0.8 * SETTLING_RATE * (1 - np.arange(10) / 10), rtol=1e-12)


def test_until_it_settles_a_training_is_one_without() -> None:
    pictures, _ = validation_split(SMALL.train, SETTLES.validation)
    settles = pinned(SETTLES, SMALL)
    fitting = Fitting(settles, SMALL, begin(settles, len(pictures)), Watcher())
    position = fitting.epoch(fitting.epoch(Position(), lambda: False), lambda: False)
    before = fitting.program.state()
    assert bits(fitting.model(2).state) == bits(state_after(BASE))

    gently = replace(settles, augmentation=DEFORMED.scaled(SETTLING_STRENGTH))
    program = compiled(gently, len(pictures), before)
    rates = [0.01 * SETTLING_RATE * (1 - step / 6) for step in range(3)]
    program.epoch(pictures.images, pictures.labels, shuffled(len(pictures), 0, 2), rates, lambda done: False)
    fitting.epoch(position, lambda: False)
    assert bits(fitting.program.state()) == bits(program.state())


@pytest.fixture
def strengths(monkeypatch: pytest.MonkeyPatch) -> list[Augmentation]:
    """How strongly each program deforms that is compiled, in turn."""
    seen: list[Augmentation] = []

    def noting(configuration: Configuration, pictures: int, state: Any) -> Any:
        seen.append(configuration.augmentation)
        return compiled(configuration, pictures, state)

    monkeypatch.setattr(loop, "compiled", noting)
    return seen


def test_pictures_are_deformed_less_and_more_again_where_a_training_is_prolonged(strengths: list[Augmentation]) -> None:
    settles = pinned(SETTLES, SMALL)
    fitting = Fitting(settles, SMALL, loop.begin(settles, 54), Watcher())
    position = Position()
    for epochs in (4, 4, 4, 4, 12, 12):
        fitting.configuration = replace(settles, epochs=epochs)
        position = fitting.epoch(position, lambda: False)
    assert strengths == [DEFORMED, DEFORMED.scaled(0.4), DEFORMED]


def test_a_change_while_it_settles_leaves_them_deformed_less(strengths: list[Augmentation]) -> None:
    settles = pinned(replace(SETTLES, epochs=3, settling=0.7), SMALL)
    fitting = Fitting(settles, SMALL, loop.begin(settles, 54), Watcher())
    position = fitting.epoch(fitting.epoch(Position(), lambda: False), lambda: False)
    fitting.change(replace(settles, batch_size=10), fitting.program.state())
    fitting.epoch(position, lambda: False)
    assert strengths[0] == DEFORMED
    assert strengths[1] == strengths[-1] == DEFORMED.scaled(0.4)


def test_whole_epochs_settle() -> None:
    settles_after = {epochs: replace(BASE, epochs=epochs, settling=0.1).settles_after for epochs in (1, 4, 20, 33)}
    assert settles_after == {1: 1, 4: 4, 20: 18, 33: 30}
    few = replace(BASE, settling=0.1)
    assert bits(state_after(few)) == bits(state_after(BASE))


def test_pictures_that_are_not_deformed_settle_too() -> None:
    plain = replace(SETTLES, augmentation=Augmentation())
    assert bits(state_after(plain)) != bits(state_after(replace(plain, settling=0.0)))


def test_snapshots_are_of_the_cycles_before_it_settles(tmp_path: Path) -> None:
    cycles = replace(SETTLES, epochs=6, settling=0.3, snapshots=2, schedule=CosineRestarts(cycles=2))
    fit(cycles, SMALL, folder=tmp_path / "run", keep=True)
    kept = sorted((tmp_path / "run" / "snapshots").iterdir())
    assert [path.name for path in kept] == ["epoch-0002.safetensors", "epoch-0004.safetensors"]
    with pytest.raises(ConfigurationError, match="at most 4, the schedule's epochs, not 5"):
        replace(cycles, snapshots=5)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_is_below_1(share: float) -> None:
    with pytest.raises(ParameterError, match="settling"):
        replace(BASE, settling=share)
