from __future__ import annotations

import numpy as np
import pytest
from inspection_models import NETWORKS, model, of, picture

from groundup.errors import ParameterError
from groundup.inspection.activations import steps
from groundup.inspection.fields import Field, receptive_field
from groundup.inspection.units import arithmetic, explain
from groundup.layers import Conv2d, Flatten, Linear, MaxPool2d
from groundup.models.model import Model


@pytest.mark.parametrize("name", NETWORKS)
def test_the_arithmetic_of_every_unit_gives_what_the_network_gives(name: str) -> None:
    for step in steps(model(name), picture(), "float64"):
        for unit in np.ndindex(step.outputs.shape):
            found = arithmetic(step, unit)
            assert found.output == pytest.approx(float(step.outputs[unit]), rel=1e-12, abs=1e-12), (step.place, unit)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_unit_reads_stands_in_the_layer_before_at_the_place_that_is_told(name: str) -> None:
    for step in steps(model(name), picture(), "float64"):
        for unit in np.ndindex(step.outputs.shape):
            found = arithmetic(step, unit)
            for cell in np.ndindex(found.inputs.shape):
                at = tuple(first + offset for first, offset in zip(found.start, cell, strict=True))
                inside = all(0 <= index < side for index, side in zip(at, step.inputs.shape, strict=True))
                assert found.inputs[cell] == (step.inputs[at] if inside else 0.0)


def test_the_terms_of_a_weighted_sum_are_its_parts() -> None:
    looked = model("convolutions")
    found = explain(looked, picture(), "0", (2, 0, 4), steps(looked, picture(), "float64")).unit
    assert found.start == (0, -1, 3)
    assert found.inputs.shape == (1, 3, 3)
    np.testing.assert_array_equal(found.inputs[:, 0], 0)  # the frame of zeros
    np.testing.assert_array_equal(found.weights, looked.state["0.weight"][2])
    assert found.products is not None
    terms = dict(found.terms)
    assert terms["sum of products"] == pytest.approx(found.products.sum())
    assert terms["bias"] == looked.state["0.bias"][2]
    assert found.output == pytest.approx(terms["sum of products"] + terms["bias"])


def test_a_maximum_names_its_winner_and_of_equals_the_first() -> None:
    looked = model("convolutions")
    step = steps(looked, picture())[1]
    found = arithmetic(step, (1, 2, 1))
    assert found.winner is not None
    assert step.inputs[found.winner] == found.output == step.outputs[1, 2, 1]
    even = of(MaxPool2d(2), Flatten(), Linear(16, 10), inputs=(1, 9, 9))
    assert arithmetic(steps(even, np.full((9, 9), 255, np.uint8))[0], (0, 1, 1)).winner == (0, 2, 2)


def test_batch_norm_shows_its_running_averages() -> None:
    looked = model("linear")
    terms = dict(explain(looked, picture(), "1", (3,)).unit.terms)
    assert terms["running mean"] == pytest.approx(looked.state["1.running_mean"][3])
    assert terms["running variance"] == pytest.approx(looked.state["1.running_var"][3])


@pytest.mark.parametrize(
    ("name", "place", "unit", "chain", "chosen"),
    [
        ("linear", "2", (4,), ["0", "1", "2", "3"], 2),
        ("linear", "0", (4,), ["0", "1", "2", "3"], 0),
        ("convolutions", "3", (0, 1, 1), ["1", "2", "3"], 2),
        ("convolutions", "6", (7,), ["6"], 0),
        ("residual", "1.3", (0, 0, 0), ["1.2", "1.3"], 1),
        ("residual", "1", (0, 0, 0), ["1"], 0),
        ("residual", "0", (0, 0, 0), ["0", "1"], 0),
    ],
)
def test_the_chain_begins_with_what_reads_other_units(
    name: str, place: str, unit: tuple[int, ...], chain: list[str], chosen: int
) -> None:
    found = explain(model(name), picture(), place, unit)
    assert [each.place for each in found.chain] == chain
    assert found.chosen == chosen
    assert found.unit.place == place


@pytest.mark.parametrize(("place", "unit"), [("9", (0,)), ("0", (12,)), ("0", (0, 0)), ("0", (-1,)), ("x", (0,))])
def test_a_unit_that_is_not_there_is_refused(place: str, unit: tuple[int, ...]) -> None:
    with pytest.raises(ParameterError, match=r"there is no layer|has no unit"):
        explain(model("linear"), picture(), place, unit)


def _moved(looked: Model, place: str, unit: tuple[int, ...]) -> np.ndarray:
    """Return which pixels (9, 9) move the unit when they are changed."""
    base = picture()
    moved = np.zeros((9, 9), bool)
    rest = {step.place: step.outputs[unit] for step in steps(looked, base, "float64") if step.place == place}
    for row, column in np.ndindex(9, 9):
        other = base.copy()
        other[row, column] = 255
        found = {step.place: step.outputs for step in steps(looked, other, "float64")}
        moved[row, column] = found[place][unit] != rest[place]
    return moved


@pytest.mark.parametrize(
    ("name", "place", "unit"),
    [
        ("convolutions", "0", (1, 0, 8)),
        ("convolutions", "3", (2, 1, 3)),
        ("convolutions", "4", (0, 0, 0)),
        ("convolutions", "4", (3, 1, 2)),
        ("convolutions", "6", (4,)),
        ("residual", "1.0", (1, 3, 3)),
        ("residual", "1.2", (1, 3, 3)),
        ("residual", "1", (1, 0, 7)),
        ("residual", "2", (0, 2, 2)),
        ("residual", "4.0", (2,)),
        ("softmax", "5", (2,)),
    ],
)
def test_no_pixel_outside_the_receptive_field_moves_the_unit(name: str, place: str, unit: tuple[int, ...]) -> None:
    looked = model(name)
    field = receptive_field(looked.network, (9, 9), place, unit)
    moved = _moved(looked, place, unit)
    outside = np.ones((9, 9), bool)
    outside[field.top : field.bottom, field.left : field.right] = False
    assert not moved[outside].any()


def test_the_receptive_field_is_no_larger_than_it_must_be() -> None:
    looked = of(Conv2d(1, 2, 3, padding=1), Conv2d(2, 2, 3, stride=2), Flatten(), Linear(32, 10), inputs=(1, 9, 9))
    for unit in ((0, 0, 0), (1, 1, 2), (0, 3, 3)):
        field = receptive_field(looked.network, (9, 9), "1", unit)
        rows, columns = np.nonzero(_moved(looked, "1", unit))
        assert field == Field(rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)


def test_one_pixel_in_a_row_of_pixels_has_its_place_in_the_picture() -> None:
    looked = of(Flatten(), Linear(81, 10), inputs=(1, 9, 9))
    assert receptive_field(looked.network, (9, 9), "0", (20,)) == Field(2, 2, 3, 3)
