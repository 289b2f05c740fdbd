"""What neighbours tell of each other: against all ways to be digits or none, and what people would expect."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from groundup.pictures.context import ALIKE, PRIOR, REACH, TOGETHER, in_context

HEIGHT = 100


def beside_each_other(gaps: list[int], heights: list[int] | None = None) -> NDArray[np.int64]:
    """Return boxes of the width 50 with these gaps between them."""
    left = np.cumsum([0, *(gap + 50 for gap in gaps)])
    heights = heights or [HEIGHT] * len(left)
    return np.array([(x, HEIGHT - high, x + 50, HEIGHT) for x, high in zip(left, heights, strict=True)])


def by_counting(looks: list[float], gaps: list[int]) -> list[float]:
    """Return the same from the definition: the sum over all ways in which each is a digit or none."""
    total, digit = 0.0, np.zeros(len(looks))
    for kinds in product((0, 1), repeat=len(looks)):
        weight = PRIOR[kinds[0]]
        for gap, before, kind in zip(gaps, kinds[:-1], kinds[1:], strict=True):
            together = TOGETHER * np.exp(-((max(gap, 0) / HEIGHT / REACH) ** 2))
            weight *= together * (before == kind) + (1 - together) * PRIOR[kind]
        for look, kind in zip(looks, kinds, strict=True):
            digit_like, other_like = look / PRIOR[0], (1 - look) / PRIOR[1]
            weight *= (1 - ALIKE) * other_like + ALIKE * digit_like if kind else digit_like
        total += weight
        digit += weight * (np.array(kinds) == 0)
    return list(np.minimum(digit / total, looks))


@given(st.data())
def test_it_is_what_the_model_says(data: st.DataObject) -> None:
    looks = data.draw(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=6))
    gaps = [data.draw(st.integers(-20, 300)) for _ in looks[1:]]
    assert in_context(np.array(looks), beside_each_other(gaps)) == pytest.approx(by_counting(looks, gaps))


def test_a_zero_among_letters_is_an_o() -> None:
    looks = np.array([0.01, 0.99, 0.02, 0.01])
    assert in_context(looks, beside_each_other([10, 10, 10])).max() < 0.5


def test_a_number_beside_a_word_is_a_number() -> None:
    looks = np.array([0.01, 0.02, 0.01, 0.99, 0.99])
    found = in_context(looks, beside_each_other([10, 10, 80, 10]))
    assert list(found >= 0.5) == [False, False, False, True, True]


@pytest.mark.parametrize(
    "looks", [[0.9999, 0.01, 0.01], [0.01, 0.9999], [0.9999, 0.01, 0.9999]], ids=["5cm", "x3", "7h3"]
)
def test_a_digit_that_touches_a_word_is_one(looks: list[float]) -> None:
    found = in_context(np.array(looks), beside_each_other([0] * (len(looks) - 1)))
    assert list(found >= 0.5) == [look > 0.5 for look in looks]


def test_a_digit_between_two_words_is_one() -> None:
    looks = np.array([0.01, 0.01, 0.9999, 0.01, 0.01])
    found = in_context(looks, beside_each_other([10, 50, 50, 10]))
    assert list(found >= 0.5) == [False, False, True, False, False]


def test_what_is_far_away_tells_nothing() -> None:
    looks = np.array([0.01, 0.9, 0.01])
    assert list(in_context(looks, beside_each_other([2000, 2000])) >= 0.5) == [False, True, False]


def test_signs_are_none_and_tell_nothing() -> None:
    looks = np.array([0.995, 0.01, 0.995, 0.01, 0.995])
    boxes = beside_each_other([5] * 4, [HEIGHT, 55, HEIGHT, 55, HEIGHT])
    assert list(in_context(looks, boxes)) == list(looks)


def test_dots_do_not_make_a_word_wide() -> None:
    looks = np.array([0.01, 0.99, 0.01, *[0.01] * 5])
    boxes = beside_each_other([20] * 7, [HEIGHT] * 3 + [10] * 5)
    assert in_context(looks, boxes).max() < 0.5


def test_a_low_digit_is_one_by_its_looks() -> None:
    found = in_context(np.array([0.01, 0.01, 0.99999]), beside_each_other([0, 0], [HEIGHT, HEIGHT, 50]))
    assert list(found >= 0.5) == [False, False, True]


@pytest.mark.parametrize("look", [0.0, 1.0])
def test_a_long_row(look: float) -> None:
    assert ((in_context(np.full(1000, look), beside_each_other([0] * 999)) >= 0.5) == look).all()


def test_a_high_sign_among_digits_is_none() -> None:
    found = in_context(np.array([0.999, 0.3, 0.999]), beside_each_other([5, 5]))
    assert list(found >= 0.5) == [True, False, True]


@given(st.lists(st.sampled_from([0.0, 1e-12, 0.5, 1 - 1e-12, 1.0]), min_size=1, max_size=200), st.integers(-60, 60))
def test_it_is_a_probability_and_never_higher_than_before(looks: list[float], gap: int) -> None:
    found = in_context(np.array(looks), beside_each_other([gap] * (len(looks) - 1)))
    assert ((found >= 0) & (found <= looks)).all()
