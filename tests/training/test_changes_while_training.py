"""Changing a training's settings between two steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from groundup.errors import GroundupError
from groundup.layers import Dropout, Linear, ReLU, Residual
from groundup.models.configuration import Configuration
from groundup.network import Network
from groundup.optimizers import SGD, Adam
from groundup.training.changes import Change, carried, dropout, momentum, with_dropout
from groundup.training.loop import compiled
from small_data import PIXELS, pictures

DATA = pictures(40, 1)
PLAIN = Network([Linear(PIXELS, 8), ReLU(), Linear(8, 10)])
BEGIN = Configuration(PLAIN, "a", optimizer=SGD(0.9), batch_size=40, backend="numpy", precision="float32")


def state_after(configuration: Configuration, state: Any, steps: int = 3) -> dict[str, Any]:
    program = compiled(configuration, len(DATA), state)
    for _ in range(steps):
        program.step(DATA.images, DATA.labels, 0.1)
    return program.state()


def test_a_change_and_its_opposite_leave_the_training_as_it_was() -> None:
    state = state_after(BEGIN, PLAIN.initial_state(0))
    other = Change(learning_rate=0.5, momentum=0.5, batch_size=7, augmentation=0.5).applied(BEGIN)
    assert (other.learning_rate, momentum(other.optimizer), other.batch_size) == (0.5, 0.5, 7)
    assert other.augmentation
    again = Change(learning_rate=0.1, momentum=0.9, batch_size=40, augmentation=0).applied(other)
    returned = carried(carried(state, BEGIN, other), other, again)
    straight, around = state_after(BEGIN, state), state_after(again, returned)
    for name, value in straight.items():
        np.testing.assert_array_equal(value, around[name])


def test_dropout_is_put_in_and_weights_are_renamed() -> None:
    state = state_after(BEGIN, PLAIN.initial_state(0))
    with_it = Change(dropout=0.25).applied(BEGIN)
    assert [type(layer) for layer in with_it.network.layers] == [Linear, ReLU, Dropout, Linear]
    moved = carried(state, BEGIN, with_it)
    np.testing.assert_array_equal(moved["3.weight"], state["2.weight"])
    np.testing.assert_array_equal(moved["velocity/3.bias"], state["velocity/2.bias"])
    assert int(moved["steps"]) == 3
    assert int(state_after(with_it, moved)["steps"]) == 6
    without = Change(dropout=0.0).applied(with_it)
    assert dropout(without.network) == 0
    assert len(without.network.layers) == 4


def test_every_dropout_gets_the_rate() -> None:
    network = Network([Linear(PIXELS, 8), ReLU(), Dropout(0.5), Residual([Linear(8, 8), Dropout(0.1)]), Linear(8, 10)])
    changed = with_dropout(network, 0.3)
    assert changed.layers[2] == Dropout(0.3)
    assert changed.layers[3] == Residual([Linear(8, 8), Dropout(0.3)])


def test_a_network_without_hidden_units_takes_no_dropout() -> None:
    network = Network([Linear(PIXELS, 10)])
    with pytest.raises(GroundupError, match="no hidden linear layer"):
        with_dropout(network, 0.5)
    assert Change(dropout=0.0).applied(Configuration(network, "b")).network is network


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (SGD(0.9), SGD(0.5), {"velocity"}),
        (SGD(0.9), SGD(), set()),
        (SGD(), SGD(0.9), set()),
        (Adam(), Adam(beta1=0.5), {"mean", "square"}),
        (Adam(), Adam(amsgrad=True), set()),
        (Adam(amsgrad=True), Adam(), {"mean", "square"}),
    ],
)
def test_moments_are_kept_where_the_optimizer_still_has_all(before: Any, after: Any, kept: set[str]) -> None:
    one, other = (
        Configuration(PLAIN, "c", optimizer=each, backend="numpy", precision="float32") for each in (before, after)
    )
    moved = carried(state_after(one, PLAIN.initial_state(0)), one, other)
    assert {name.partition("/")[0] for name in moved if "/" in name} == kept
    state_after(other, moved)


def test_without_momentum_there_is_nothing_to_look_ahead_by() -> None:
    changed = Change(momentum=0.0).applied(Configuration(PLAIN, "d", optimizer=SGD(0.9, nesterov=True)))
    assert changed.optimizer == SGD(0.0)
    assert Change(momentum=0.5).applied(Configuration(PLAIN, "e", optimizer=Adam())).optimizer == Adam(beta1=0.5)


@pytest.mark.parametrize("change", [Change(learning_rate=-1.0), Change(momentum=-1.0), Change(augmentation=-1.0)])
def test_what_is_out_of_range_is_refused(change: Change) -> None:
    with pytest.raises(GroundupError):
        change.applied(BEGIN)
