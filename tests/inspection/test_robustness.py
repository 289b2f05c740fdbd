"""Spoilt pictures, and how a recogniser's accuracy falls with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from groundup.data import strokes
from groundup.data.datasets import Dataset
from groundup.errors import ParameterError
from groundup.inspection import robustness
from groundup.inspection.robustness import DISTURBANCES
from groundup.models.recogniser import Recogniser


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return Dataset(*strokes.make(120, seed=1), "strokes")


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_the_neutral_strength_changes_nothing(digits: Dataset, kind: str) -> None:
    how = DISTURBANCES[kind]
    np.testing.assert_array_equal(how.apply(digits.images, how.neutral), digits.images)
    assert how.neutral in how.strengths
    assert list(how.strengths) == sorted(how.strengths)


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_pictures_stay_as_they_are_and_come_back_as_bytes(digits: Dataset, kind: str) -> None:
    before = digits.images.copy()
    for strength in (DISTURBANCES[kind].strengths[0], DISTURBANCES[kind].strengths[-1]):
        spoilt = DISTURBANCES[kind].apply(digits.images, strength)
        assert spoilt.dtype == np.uint8
        assert spoilt.shape == before.shape
    np.testing.assert_array_equal(digits.images, before)


def test_a_quarter_turn_is_that_of_numpy(digits: Dataset) -> None:
    np.testing.assert_array_equal(robustness.rotated(digits.images, 90), np.rot90(digits.images, axes=(1, 2)))
    np.testing.assert_array_equal(robustness.rotated(digits.images, -90), np.rot90(digits.images, -1, axes=(1, 2)))


def test_half_the_size_is_a_quarter_of_the_ink(digits: Dataset) -> None:
    ink = digits.images.sum(dtype=np.int64)
    assert robustness.scaled(digits.images, 0.5).sum(dtype=np.int64) == pytest.approx(ink / 4, rel=0.05)


def test_one_pixel_thicker_is_the_largest_of_five(digits: Dataset) -> None:
    framed = np.pad(digits.images, ((0, 0), (1, 1), (1, 1)))
    around = [
        framed[:, 1:-1, 1:-1],
        framed[:, :-2, 1:-1],
        framed[:, 2:, 1:-1],
        framed[:, 1:-1, :-2],
        framed[:, 1:-1, 2:],
    ]
    np.testing.assert_array_equal(robustness.thickened(digits.images, 1), np.maximum.reduce(around))
    np.testing.assert_array_equal(robustness.thickened(digits.images, -1), np.minimum.reduce(around))


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    grey = np.full((50, 28, 28), 128, np.uint8)
    spoilt = robustness.noisy(grey, 0.1).astype(float)
    assert spoilt.std() == pytest.approx(25.5, rel=0.02)
    np.testing.assert_array_equal(robustness.noisy(grey, 0.1), robustness.noisy(grey, 0.1))


def test_blur_keeps_the_ink_and_spreads_it(digits: Dataset) -> None:
    point = np.zeros((1, 29, 29), np.uint8)
    point[0, 14, 14] = 255
    spread = robustness.blurred(np.repeat(point, 1, axis=0), 1.0)[0].astype(float)
    columns = np.arange(29) - 14
    variance = (spread.sum(axis=0) * columns**2).sum() / spread.sum()
    assert variance == pytest.approx(1, rel=0.15)


def test_several_at_once_are_one_after_another(digits: Dataset) -> None:
    both = robustness.disturbed(digits.images, {"noise": 0.2, "rotation": 20})
    np.testing.assert_array_equal(both, robustness.noisy(robustness.rotated(digits.images, 20), 0.2))
    assert robustness.disturbed(digits.images, {}) is digits.images


def test_accuracy_falls_with_the_strength(digits: Dataset) -> None:
    curve = robustness.accuracy_curve(Recogniser.load("fast99"), digits, "noise")
    assert [point.strength for point in curve] == list(DISTURBANCES["noise"].strengths)
    assert curve[0].accuracy > 0.9
    assert curve[-1].accuracy < 0.6


def test_a_curve_holds_what_an_evaluation_says(digits: Dataset) -> None:
    model = Recogniser.load("fast99")
    curve = dict(robustness.accuracy_curve(model, digits, "size"))
    shrunk = replace(digits, images=robustness.scaled(digits.images, 0.6))
    assert curve[0.6] == model.evaluate(shrunk).accuracy


def test_there_is_no_such_disturbance(digits: Dataset) -> None:
    with pytest.raises(ParameterError, match="'fog' is unknown; there are noise, rotation"):
        robustness.disturbed(digits.images, {"fog": 1})
