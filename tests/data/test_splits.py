from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from groundup.data.datasets import Dataset
from groundup.data.splits import split, stratified_folds, validation_split
from groundup.errors import DataError, ParameterError

label_lists = st.lists(st.integers(0, 9), min_size=1, max_size=60)


def numbered(labels: list[int]) -> Dataset:
    """Return a data set whose every picture says its index."""
    indices = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1)
    return Dataset(indices, np.array(labels, np.uint8), "numbered")


@given(labels=label_lists, count=st.integers(0, 59), seed=st.integers(0, 2**40))
def test_split_divides_and_keeps_every_class_its_share(labels: list[int], count: int, seed: int) -> None:
    assume(count < len(labels))
    whole = numbered(labels)
    train, validation = split(whole, count, seed)
    assert (len(train), len(validation)) == (len(labels) - count, count)
    both = np.concatenate([train.images.ravel(), validation.images.ravel()])
    assert sorted(both.tolist()) == list(range(len(labels)))
    for part in (train, validation):
        assert np.all(np.diff(part.images.ravel().astype(int)) > 0)
        assert part.labels.tolist() == [labels[index] for index in part.images.ravel()]
    assert np.all(np.abs(validation.counts() - whole.counts() * count / len(labels)) < 1)


def test_split_is_the_same_for_the_same_seed_only() -> None:
    whole = numbered([index % 10 for index in range(200)])
    chosen = [tuple(split(whole, 0.25, seed)[1].images.ravel().tolist()) for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(chosen[0]) == 50


def test_split_is_the_same_everywhere() -> None:
    validation = split(numbered([index % 10 for index in range(100)]), 10, 7)[1]
    assert validation.images.ravel().tolist() == [2, 4, 7, 11, 30, 43, 45, 56, 59, 78]


def test_split_names_its_parts() -> None:
    train, validation = split(numbered([1, 2, 3, 4]), 2, 0)
    assert (train.name, validation.name) == ("numbered", "numbered/validation")


@pytest.mark.parametrize("wanted", [4, 5, -1, 1.0, -0.1, 0.9, float("nan")])
def test_split_refuses_to_leave_nothing(wanted: float) -> None:
    with pytest.raises(DataError, match=r"numbered: cannot hold out .* of 4 pictures; give a number from 0 to 3"):
        split(numbered([1, 2, 3, 4]), wanted, 0)


def test_validation_pictures_are_the_same_for_every_training() -> None:
    whole = numbered(list(range(10)) * 4)
    for held_out, count in ((0.25, 10), (10.0, 10), (10, 10), (0, 0)):
        train, validation = validation_split(whole, held_out)
        expected = split(whole, count, 0)
        assert np.array_equal(train.images, expected[0].images)
        assert np.array_equal(validation.images, expected[1].images)


@given(labels=label_lists, folds=st.integers(2, 12), seed=st.integers(0, 2**40))
def test_folds_are_even_in_all_and_in_each_class(labels: list[int], folds: int, seed: int) -> None:
    assume(folds <= len(labels))
    array = np.array(labels, np.uint8)
    found = stratified_folds(array, folds, seed)
    assert len(found) == folds
    assert sorted(np.concatenate(found).tolist()) == list(range(len(labels)))
    assert np.ptp([len(fold) for fold in found]) <= 1
    for digit in range(10):
        assert np.ptp([np.count_nonzero(array[fold] == digit) for fold in found]) <= 1
    assert all(np.all(np.diff(fold) > 0) for fold in found)


def test_folds_are_the_same_for_the_same_seed_only() -> None:
    labels = np.arange(100, dtype=np.uint8) % 10
    first, again, other = (stratified_folds(labels, 5, seed)[0].tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("folds", [-1, 0, 1, 4])
def test_folds_out_of_range_are_refused(folds: int) -> None:
    with pytest.raises(ParameterError, match=f"cannot make {folds} folds of 3 pictures; give a number from 2 to 3"):
        stratified_folds(np.zeros(3, np.uint8), folds, 0)
