from __future__ import annotations

import numpy as np
import pytest
from inspection_models import model, picture

from groundup.errors import ParameterError
from groundup.inspection.changes import occlusion, smallest_change
from groundup.layers import Linear
from groundup.models.model import Model
from groundup.network import Network


@pytest.mark.parametrize("name", ["linear", "softmax", "convolutions"])
def test_the_changed_picture_is_answered_differently(name: str) -> None:
    looked = model(name)
    found = smallest_change(looked, picture())
    assert found is not None
    before, after = looked.predict(np.stack([picture(), found.pixels]), "numpy").argmax(axis=1)
    assert (found.before, found.after) == (before, after)
    assert before != after
    assert found.distance == pytest.approx(np.linalg.norm((found.pixels.astype(float) - picture()) / 255))
    assert found.steps >= 1


def test_a_target_is_met_and_is_no_nearer_than_the_nearest() -> None:
    looked = model("linear")
    nearest = smallest_change(looked, picture())
    assert nearest is not None
    for target in set(range(10)) - {nearest.before}:
        found = smallest_change(looked, picture(), target)
        if found is not None:
            assert found.after == target
            assert found.distance >= 0.9 * nearest.distance


def test_of_a_linear_network_the_change_is_the_shortest_there_is() -> None:
    network = Network([Linear(81, 2)])
    weight = np.random.default_rng(0).normal(0, 0.1, (2, 81))
    difference = weight[0] - weight[1]
    gap = float(difference @ (picture().ravel() / 255))
    state = {"0.weight": weight, "0.bias": np.array([0.3 - gap, 0.0])}  # the first class leads by 0.3
    found = smallest_change(Model(network, state, class_names=("0", "1")), picture())
    assert found is not None
    assert (found.before, found.after) == (0, 1)
    assert found.distance == pytest.approx(0.3 / np.linalg.norm(difference), rel=0.05)  # from the border to a plane


def test_there_is_no_change_to_the_answer_that_is_given_already() -> None:
    looked = model("linear")
    answer = int(looked.predict(picture()[np.newaxis], "numpy")[0].argmax())
    assert smallest_change(looked, picture(), answer) is None


def test_nothing_is_found_where_no_pixel_matters() -> None:
    network = Network([Linear(81, 10)])
    state = {"0.weight": np.zeros((10, 81)), "0.bias": np.arange(10.0)}
    assert smallest_change(Model(network, state), picture()) is None


def test_a_target_that_is_no_class_is_refused() -> None:
    with pytest.raises(ParameterError, match="there is no class 10"):
        smallest_change(model("linear"), picture(), 10)
    with pytest.raises(ParameterError, match="there is no class -1"):
        occlusion(model("linear"), picture(), -1)


def test_covering_what_the_answer_rests_on_costs_its_probability() -> None:
    weight = np.zeros((10, 9, 9))
    weight[3, 2:5, 2:5] = 1.0  # only these pixels speak, and for a 3
    looked = Model(Network([Linear(81, 10)]), {"0.weight": weight.reshape(10, 81), "0.bias": np.zeros(10)})
    found = occlusion(looked, picture(), 3, side=3, backend="numpy")
    assert found.shape == (9, 9)
    assert np.unravel_index(int(found.argmax()), (9, 9)) == (3, 3)
    assert found[8, 8] == pytest.approx(0, abs=1e-7)
    assert (occlusion(looked, picture(), 5, side=3, backend="numpy") <= 1e-7).all()  # covering it helps all others


def test_covering_one_square_costs_what_the_model_says() -> None:
    looked = model("linear")
    covered = np.zeros((9, 9), np.uint8)
    both = looked.predict(np.stack([picture(), covered]), "numpy")[:, 2]
    whole = occlusion(looked, picture(), 2, side=17, backend="numpy")  # squares over the whole picture and parts of it
    assert np.isfinite(whole).all()
    assert whole[4, 4] == pytest.approx(float(both[0] - both[1]), abs=0.5)
