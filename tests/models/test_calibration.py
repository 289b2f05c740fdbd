"""Temperature, calibration error and coverage: against SciPy, and by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.errors import ConfigurationError, ModelError
from groundup.models.calibration import (
    HIGHEST,
    LOWEST,
    POINTS,
    Calibration,
    Coverage,
    calibration_error,
    coverage_at,
    coverage_curve,
    fitted_temperature,
    tempered,
    threshold_for,
)


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def drawn(count: int, seed: int, scale: float = 1.0) -> tuple[Any, Any]:
    """Return probabilities whose logits are `scale` times those that the labels were drawn from, and the labels."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 3, (count, 10))
    labels = np.array([generator.choice(10, p=p) for p in softmax(logits)], np.uint8)
    return softmax(scale * logits), labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 3.0])
def test_the_temperature_that_was_put_in_comes_out(scale: float) -> None:
    assert fitted_temperature(*drawn(20_000, 1, scale)) == pytest.approx(scale, rel=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_the_temperature_against_scipy(seed: int) -> None:
    optimize: Any = pytest.importorskip("scipy.optimize", reason="compares with SciPy: pip install scipy")
    probabilities, labels = drawn(300, seed, 1 + seed / 2)

    def loss(temperature: float) -> float:
        return float(-np.log(softmax(np.log(probabilities) / temperature))[np.arange(300), labels].mean())

    expected = optimize.minimize_scalar(loss, bounds=(LOWEST, HIGHEST), method="bounded", options={"xatol": 1e-9}).x
    assert fitted_temperature(probabilities, labels) == pytest.approx(expected, rel=1e-5)


def test_infallible_and_hopeless_recognisers_stay_within_bounds() -> None:
    probabilities, _ = drawn(50, 1)
    best, worst = probabilities.argmax(axis=1).astype(np.uint8), probabilities.argmin(axis=1).astype(np.uint8)
    assert fitted_temperature(probabilities, best) == pytest.approx(LOWEST)
    assert fitted_temperature(probabilities, worst) == pytest.approx(HIGHEST)


def test_tempered() -> None:
    logits = np.random.default_rng(1).normal(0, 4, (30, 10))
    assert np.allclose(tempered(softmax(logits), 1.7), softmax(logits / 1.7))
    certain = np.eye(3, dtype=np.float32)
    assert np.allclose(tempered(certain, 0.5), certain)
    assert tempered(certain, 2.0).dtype == np.float32
    assert np.allclose(tempered(certain, 2.0).sum(axis=1), 1)


@settings(max_examples=40)
@given(st.integers(1, 200), st.integers(0, 10**6))
def test_the_calibration_error_bin_by_bin(count: int, seed: int) -> None:
    probabilities, labels = drawn(count, seed)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    total = 0.0
    for number in range(15):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            total += inside.sum() / count * abs(right[inside].mean() - confidence[inside].mean())
    assert calibration_error(probabilities, labels) == pytest.approx(total, abs=1e-12)


def test_the_calibration_error_of_extremes() -> None:
    sure = np.eye(10)[[3, 3, 3, 3]]
    assert calibration_error(sure, np.array([3, 3, 3, 3], np.uint8)) == 0
    assert calibration_error(sure, np.array([3, 3, 1, 1], np.uint8)) == 0.5
    assert math.isnan(calibration_error(np.empty((0, 10)), np.empty(0, np.uint8)))


def test_fitting_makes_a_recogniser_calibrated() -> None:
    probabilities, labels = drawn(5000, 3, 3.0)
    calibration = Calibration.fit(probabilities, labels)
    assert calibration.pictures == 5000
    after = calibration_error(tempered(probabilities, calibration.temperature), labels)
    assert after < 0.02 < calibration_error(probabilities, labels)


def test_coverage_by_hand() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.55])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([0, 1, 0, 1, 0], np.uint8)  # the second and the fourth are wrong
    assert coverage_at(0.65, probabilities, labels) == Coverage(0.65, 0.6, pytest.approx(1 / 3))
    assert coverage_at(0.95, probabilities, labels) == Coverage(0.95, 0.0, 0.0)
    assert coverage_curve(probabilities, labels) == [
        Coverage(0.0, 1.0, 0.4),
        Coverage(pytest.approx(0.65), 0.6, pytest.approx(1 / 3)),
        Coverage(pytest.approx(0.85), 0.2, 0.0),
    ]
    calibration = Calibration(1.0, tuple(coverage_curve(probabilities, labels)), 5)
    thresholds = [calibration.threshold(rate) for rate in (1.0, 0.4, 0.35, 0.3, 0.0)]
    assert thresholds == pytest.approx([0, 0, 0.65, 0.85, 0.85])


def test_a_recogniser_that_errs_with_certainty_answers_nothing() -> None:
    calibration = Calibration.fit(np.eye(10, dtype=np.float32)[[3, 3, 3]], np.array([3, 3, 1], np.uint8))
    assert calibration.threshold(0.0) == 1
    assert calibration.curve[-1] == Coverage(1.0, 0.0, 0.0)


@pytest.mark.parametrize("count", [1, 30, 3000])
def test_a_threshold_keeps_its_promise_on_the_validation_pictures(count: int) -> None:
    probabilities, labels = drawn(count, 5)
    calibration = Calibration.fit(probabilities, labels)
    assert len(calibration.curve) <= POINTS
    for rate in (0.0, 0.01, 0.1, 1.0):
        found = coverage_at(calibration.threshold(rate), tempered(probabilities, calibration.temperature), labels)
        assert found.error_rate <= rate
    coverages = [point.coverage for point in calibration.curve]
    assert coverages == sorted(coverages, reverse=True)


def test_no_calibration_no_threshold() -> None:
    with pytest.raises(ConfigurationError, match="--validation"):
        threshold_for(None, 0.01)


def test_a_description_comes_back() -> None:
    calibration = Calibration.fit(*drawn(400, 2))
    assert Calibration.from_description(calibration.description()) == calibration


GOOD = {"temperature": 1.5, "pictures": 10, "curve": [[0.0, 1.0, 0.1], [0.5, 0.5, 0.0]]}
WRONG = {
    "no table": ([], "must be a table"),
    "another name": (GOOD | {"more": 1}, "'more' is unknown"),
    "no temperature": ({"pictures": 10, "curve": GOOD["curve"]}, "temperature must be"),
    "a temperature of text": (GOOD | {"temperature": "1"}, "temperature must be"),
    "a temperature of NaN": (GOOD | {"temperature": math.nan}, "temperature must be"),
    "a temperature of 0": (GOOD | {"temperature": 0}, "temperature must be"),
    "no pictures": (GOOD | {"pictures": 0}, "pictures must be"),
    "true pictures": (GOOD | {"pictures": True}, "pictures must be"),
    "no curve": (GOOD | {"curve": []}, "curve must be"),
    "a curve of pairs": (GOOD | {"curve": [[0.0, 1.0]]}, "curve must be"),
    "a curve that errs to the end": (GOOD | {"curve": [[0.0, 1.0, 0.1]]}, "curve must be"),
    "a curve of text": (GOOD | {"curve": [["0", 1, 0]]}, "curve must be"),
    "a curve beyond 1": (GOOD | {"curve": [[0.0, 2.0, 0.0]]}, "curve must be"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_calibration(name: str) -> None:
    description, because = WRONG[name]
    with pytest.raises(ModelError, match=because):
        Calibration.from_description(description)
