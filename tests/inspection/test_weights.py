from __future__ import annotations

import numpy as np
from inspection_models import model

from groundup.inspection.weights import filters, weighted


def test_filters_have_a_row_for_each_output_and_a_column_for_each_input() -> None:
    looked = model("convolutions")
    assert list(weighted(looked.network)) == ["0", "4", "7"]
    np.testing.assert_array_equal(filters(looked, "4"), looked.state["4.weight"])


def test_weights_that_read_pictures_are_pictures() -> None:
    looked = model("linear")
    np.testing.assert_array_equal(filters(looked, "0")[5, 0].ravel(), looked.state["0.weight"][5])
    flattened = filters(model("convolutions"), "7")
    assert flattened.shape == (10, 4, 3, 3)
    np.testing.assert_array_equal(flattened.reshape(10, 36), model("convolutions").state["7.weight"])


def test_other_weights_are_one_matrix() -> None:
    np.testing.assert_array_equal(filters(model("linear"), "4")[0, 0], model("linear").state["4.weight"])
    residual = model("residual")
    assert list(weighted(residual.network)) == ["0", "1.0", "4.0", "4.2", "5"]
    np.testing.assert_array_equal(filters(residual, "4.0")[0, 0], residual.state["4.0.weight"])
    assert filters(residual, "5").shape == (1, 1, 10, 3)
