from __future__ import annotations

import numpy as np
import pytest
from inspection_models import NETWORKS, model, picture

from groundup.errors import DataError, ModelError
from groundup.inspection.activations import as_bytes, as_pictures, inspected, largest, steps
from groundup.layers import Residual
from groundup.models.committee import Committee
from groundup.models.recogniser import Recogniser


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_gives_what_the_model_says_it_gives(name: str) -> None:
    looked = model(name)
    found = steps(looked, picture())
    outer = [step for step in found if "." not in step.place]
    assert [step.place for step in outer] == [str(index) for index in range(len(looked.network.layers))]
    for step, (_, expected) in zip(outer, looked.activations(picture())[1:], strict=True):
        np.testing.assert_array_equal(step.outputs, expected)
    np.testing.assert_array_equal(found[-1].outputs, looked.outputs(picture()[np.newaxis], "numpy")[0])


def test_a_layer_is_given_what_the_one_before_gave() -> None:
    found = {step.place: step for step in steps(model("residual"), picture())}
    assert list(found) == ["0", "1.0", "1.1", "1.2.0", "1.2", "1.3", "1", "2", "3", "4.0", "4.1", "4.2", "4", "5"]
    np.testing.assert_array_equal(found["1.0"].inputs, found["0"].outputs)
    np.testing.assert_array_equal(found["1.3"].inputs, found["1.2"].outputs)
    assert isinstance(found["1"].layer, Residual)
    np.testing.assert_array_equal(found["1"].outputs, found["0"].outputs + found["1.3"].outputs)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(DataError, match="do not fit"):
        steps(model("linear"), np.zeros((8, 9), np.uint8))


def test_of_a_committee_the_first_member_is_looked_into() -> None:
    first, second = model("linear"), model("linear")
    assert inspected(Committee((first, second))) is first
    assert inspected(first) is first


def test_what_has_no_layers_is_refused() -> None:
    class Guess(Recogniser):
        """A recogniser of another kind."""

    Guess.__abstractmethods__ = frozenset()
    with pytest.raises(ModelError, match="a Guess is neither a model nor a committee"):
        inspected(Guess())


def test_feature_maps_are_pictures_and_a_vector_becomes_one() -> None:
    maps = np.arange(24.0).reshape(2, 3, 4)
    assert as_pictures(maps) is maps
    np.testing.assert_array_equal(as_pictures(np.arange(10.0)), [[np.arange(10.0)]])
    rows = as_pictures(np.arange(50.0))[0]
    np.testing.assert_array_equal(rows.ravel()[:50], np.arange(50.0))
    assert np.isnan(rows.ravel()[50:]).all()
    assert rows.shape[0] < rows.shape[1]
    assert as_pictures(np.arange(784.0), row_length=28).shape == (1, 28, 28)


def test_bytes_show_sign_and_size() -> None:
    values = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, np.inf, np.nan])
    np.testing.assert_array_equal(as_bytes(values, 1.0), [1, 1, 128, 192, 255, 255, 0])
    np.testing.assert_array_equal(as_bytes(np.zeros(3), 0.0), [128, 128, 128])


def test_the_largest_magnitude_is_of_numbers_only() -> None:
    assert largest(np.array([1.0, -3.0, np.inf, np.nan])) == 3.0
    assert largest(np.array([np.nan])) == 0.0
