from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup import randomness

SEEDS = st.integers(-(2**70), 2**70)
PURPOSES = st.lists(st.text(max_size=5) | st.integers(0, 100), max_size=3)


@given(SEEDS, PURPOSES)
def test_keys_have_64_bits(seed: int, purpose: list[str | int]) -> None:
    assert 2**63 <= randomness.key(seed, *purpose) < 2**64


@given(SEEDS, PURPOSES)
def test_stream_is_numpys_mersenne_twister_too(seed: int, purpose: list[str | int]) -> None:
    key = randomness.key(seed, *purpose)
    theirs = np.random.RandomState(np.array([key & 0xFFFFFFFF, key >> 32], dtype=np.uint32))
    ours = randomness.stream(seed, *purpose)
    assert [ours.random() for _ in range(20)] == theirs.random_sample(20).tolist()
    assert [random.Random(key).random()] == np.random.RandomState([key & 0xFFFFFFFF, key >> 32]).random_sample(1)


def test_keys_are_the_same_everywhere() -> None:
    assert randomness.key(0) == 0xB86FC8FF66EBEC5F
    assert randomness.key(1, "shuffle", 3) == 0xF6FC76750DCD2263


def test_keys_differ_by_seed_and_purpose() -> None:
    purposes: list[tuple[str | int, ...]] = [(), ("shuffle",), ("shuffle", 0), ("shuffle", 1), ("initial", "0.weight")]
    keys = [randomness.key(seed, *purpose) for seed in range(100) for purpose in purposes]
    assert len(set(keys)) == len(keys)


def test_stream_is_repeatable_and_begins_anew() -> None:
    first, second, other = (randomness.stream(seed, "a").random() for seed in (1, 1, 2))
    assert first == second != other


@given(st.integers(0, 200), SEEDS)
def test_permutation(count: int, seed: int) -> None:
    order = randomness.permutation(count, seed, "shuffle", 0)
    assert sorted(order) == list(range(count))
    key = randomness.key(seed, "shuffle", 0)
    numbers = np.random.RandomState([key & 0xFFFFFFFF, key >> 32]).random_sample(count)
    assert order == np.argsort(numbers, kind="stable").tolist()


def test_permutations_are_the_same_everywhere_and_fair() -> None:
    assert randomness.permutation(10, 0) == [3, 1, 6, 0, 5, 8, 4, 9, 2, 7]
    counts = Counter(tuple(randomness.permutation(3, seed)) for seed in range(6000))
    assert len(counts) == 6
    assert all(880 < count < 1120 for count in counts.values())


def test_splitmix64_gives_the_published_numbers() -> None:
    """The numbers of Vigna's reference program (prng.di.unimi.it/splitmix64.c) for seed 1234567."""
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert randomness.uniforms(5, 1234567) == [(number >> 40) * 2.0**-24 for number in published]
    states = [1234567 + index * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF for index in range(1, 6)]
    assert [randomness._splitmix64(state) for state in states] == published


@given(st.integers(0, 2**64 - 1), st.integers(0, 300))
def test_uniforms_in_64_bit_arithmetic(key: int, count: int) -> None:
    """Every element by itself, in the wrapping integers of a machine."""
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    expected = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    found = randomness.uniforms(count, key)
    assert found == expected.tolist()
    assert all(0 <= number < 1 for number in found)


@pytest.mark.parametrize("key", [0, 1, 2**63, 2**64 - 1])
def test_uniforms_are_uniform(key: int) -> None:
    numbers = np.array(randomness.uniforms(20_000, key))
    assert abs(numbers.mean() - 0.5) < 0.01
    assert abs(numbers.var() - 1 / 12) < 0.003
    assert np.histogram(numbers, 10, (0, 1))[0].min() > 1800
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03
