from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from groundup.data.datasets import Data, Dataset, pixel_statistics
from groundup.errors import DataError


def tiny(labels: list[int], side: int = 2, name: str = "tiny", **settings: tuple[str, ...]) -> Dataset:
    return Dataset(np.zeros((len(labels), side, side), np.uint8), np.array(labels, np.uint8), name, **settings)


def test_counts_include_classes_without_pictures() -> None:
    assert tiny([3, 1, 3]).counts().tolist() == [0, 1, 0, 2, 0, 0, 0, 0, 0, 0]


def test_a_digest_tells_pictures_and_labels_apart() -> None:
    one = tiny([1, 2])
    assert one.sha256() == tiny([1, 2], name="other").sha256()
    assert one.sha256() != tiny([2, 1]).sha256()
    assert one.sha256() != Dataset(np.ones((2, 2, 2), np.uint8), one.labels, "inked").sha256()
    turned = Dataset(np.asfortranarray(one.images), one.labels, "turned")
    assert one.sha256() == turned.sha256()


def test_parts_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(DataError, match=r"training pictures are \(2, 2\), test pictures \(3, 3\)"):
        Data("d", "nowhere", tiny([1]), tiny([1], side=3))
    with pytest.raises(DataError, match="training classes are"):
        Data("d", "nowhere", tiny([1]), tiny([1], class_names=("a", "b")))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 3, 3)), [0, 0], "pictures must be uint8 of shape .* not float64"),
        (np.zeros((2, 9), np.uint8), [0, 0], r"not uint8 of shape \(2, 9\)"),
        (np.zeros((2, 3, 3), np.uint8), [0], r"2 pictures but labels of shape \(1,\)"),
        (np.zeros((2, 3, 3), np.uint8), [0, 10], "label 10 of picture 1 is none of the 10 classes 0 to 9"),
    ],
)
def test_a_broken_data_set_is_refused(images, labels, message) -> None:
    with pytest.raises(DataError, match=message):
        Dataset(images, np.array(labels, np.uint8), "tiny")


@given(
    images=hypothesis_numpy.arrays(
        np.uint8, hypothesis_numpy.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 255)
    )
)
def test_statistics_are_those_of_the_pixels_as_floats(images) -> None:
    mean, std = pixel_statistics(images)
    assert mean == pytest.approx((images / 255).mean(), abs=1e-14)
    assert std == pytest.approx((images / 255).std(), abs=1e-7)  # NumPy's own sums lose digits of a variance near 0


def test_statistics_of_many_pictures_are_those_of_all() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3000, 4, 4), dtype=np.uint8)
    mean, std = pixel_statistics(images)
    assert mean == pytest.approx((images / 255).mean(), rel=1e-12)
    assert std == pytest.approx((images / 255).std(), rel=1e-12)


def test_statistics_of_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="there is no picture"):
        pixel_statistics(np.zeros((0, 28, 28), np.uint8))
