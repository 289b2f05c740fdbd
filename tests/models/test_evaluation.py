"""What a model gets right, counted: against scikit-learn, SciPy and by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groundup.models.evaluation import Evaluation, wilson_interval

NAMES = tuple("0123456789")


def drawn(count: int, seed: int, classes: int = 10, never: int | None = None) -> Evaluation:
    """Return an evaluation of random answers; class `never` is never answered."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), count)
    if never is not None and count:
        probabilities[:, never] = 0
    labels = generator.integers(0, classes, count).astype(np.uint8)
    return Evaluation.of(probabilities, labels, 0.5, NAMES[:classes])


@pytest.mark.parametrize("evaluation", [drawn(500, 1), drawn(40, 2), drawn(7, 3, 3), drawn(200, 4, never=6)])
def test_against_scikit_learn(evaluation: Evaluation) -> None:
    metrics: Any = pytest.importorskip("sklearn.metrics", reason="compares with scikit-learn: pip install scikit-learn")
    labels, answers = evaluation.labels, evaluation.answers
    every = list(range(len(evaluation.class_names)))
    assert evaluation.accuracy == metrics.accuracy_score(labels, answers)
    assert evaluation.correct == metrics.accuracy_score(labels, answers, normalize=False)
    assert np.array_equal(evaluation.confusion, metrics.confusion_matrix(labels, answers, labels=every))
    precision, recall, _, _ = metrics.precision_recall_fscore_support(
        labels, answers, labels=every, zero_division=math.nan
    )
    assert np.allclose(evaluation.precision, precision, equal_nan=True)
    assert np.allclose(evaluation.recall, recall, equal_nan=True)


def test_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.6, 0.4, 0.0]])
    evaluation = Evaluation.of(probabilities, np.array([0, 1, 1, 2], np.uint8), 0.25, ("a", "b", "c"))
    assert evaluation.confusion.tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 0]]  # a row is a label
    assert evaluation.answers.tolist() == [0, 1, 0, 0]
    assert (evaluation.count, evaluation.correct, evaluation.accuracy) == (4, 2, 0.5)
    assert evaluation.recall.tolist() == [1, 0.5, 0]
    assert evaluation.precision[:2].tolist() == [pytest.approx(1 / 3), 1]
    assert math.isnan(evaluation.precision[2])  # never answered


def test_no_pictures() -> None:
    evaluation = drawn(0, 0)
    assert (evaluation.count, evaluation.correct) == (0, 0)
    assert math.isnan(evaluation.accuracy)
    assert evaluation.interval == (0.0, 1.0)
    assert np.isnan(evaluation.precision).all()
    assert np.isnan(evaluation.recall).all()
    assert evaluation.worst_mistakes(5).shape == (0,)
    assert evaluation.confusion.shape == (10, 10)


@pytest.mark.parametrize(
    ("correct", "count", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        # table I, method 3: the score method without continuity correction.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(correct: int, count: int, low: float, high: float) -> None:
    assert wilson_interval(correct, count) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@settings(deadline=None, max_examples=60)
@example((0, 12))
@example((12, 12))
@given(st.integers(1, 100_000).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_wilson_against_scipy(counts: tuple[int, int]) -> None:
    stats: Any = pytest.importorskip("scipy.stats", reason="compares with SciPy: pip install scipy")
    expected = stats.binomtest(*counts).proportion_ci(0.95, method="wilson")
    low, high = wilson_interval(*counts)
    assert low == pytest.approx(max(expected.low, 0), abs=1e-12)
    assert high == pytest.approx(min(expected.high, 1), abs=1e-12)
    assert (low == 0, high == 1) == (counts[0] == 0, counts[0] == counts[1])
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1


def test_an_evaluation_has_its_interval() -> None:
    evaluation = drawn(100, 1)
    assert evaluation.interval == wilson_interval(evaluation.correct, 100)


def test_the_worst_mistakes_come_first() -> None:
    probabilities = np.array(
        [
            [0.9, 0.1, 0.0],  # right
            [0.6, 0.4, 0.0],  # wrong by 0.2
            [0.0, 0.95, 0.05],  # wrong by 0.95
            [0.6, 0.4, 0.0],  # wrong by 0.2, later
            [0.5, 0.1, 0.4],  # wrong by 0.4
        ]
    )
    evaluation = Evaluation.of(probabilities, np.array([0, 1, 0, 1, 1], np.uint8), 0.0, ("a", "b", "c"))
    assert evaluation.worst_mistakes(10).tolist() == [2, 4, 1, 3]
    assert evaluation.worst_mistakes(2).tolist() == [2, 4]
    assert evaluation.worst_mistakes(0).tolist() == []
