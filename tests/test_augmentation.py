"""Augmentation: what it does to pictures, the same bytes from NumPy and from C++, and training with it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from groundup import backends, randomness
from groundup.augmentation import HANDWRITING, Augmentation
from groundup.augmentation.pixels import augmented, drawn, sampled, spline
from groundup.augmentation.settings import fixed_point
from groundup.errors import DataError, ParameterError
from groundup.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from groundup.losses import CrossEntropy
from groundup.network import Network
from groundup.optimizers import SGD

KEY = randomness.key(1, "augmentation", 1)
STRONG = Augmentation(
    shift=2,
    rotation=15,
    scale=0.2,
    shear=0.2,
    elastic=1.2,
    thickness=1.5,
    blur=1.2,
    contrast=0.3,
    noise=0.1,
    occlusion=0.4,
)
STRONGEST = Augmentation(
    **{each.name: each.metadata["range"].at_most for each in fields(Augmentation) if each.name != "smoothness"},
    smoothness=1,
)
SINGLE = {name: Augmentation(**{name: strength}) for name, strength in STRONG.strengths.items()}
pictures = arrays(np.uint8, st.tuples(st.integers(0, 5), st.integers(1, 20), st.integers(1, 20)))
strengths = st.fixed_dictionaries(
    {
        each.name: st.floats(each.metadata["range"].at_least, each.metadata["range"].at_most)
        for each in fields(Augmentation)
    }
)


def digits(count: int = 100) -> NDArray[np.uint8]:
    """Strokes: rings of different sizes around the middle of 28 x 28 pixels."""
    rows, columns = np.ogrid[:28, :28]
    distance = np.hypot(rows - 13.5, columns - 13.5)
    radius = np.linspace(4, 8, count)[:, np.newaxis, np.newaxis]
    return np.clip(255 * (2.5 - np.abs(distance - radius)), 0, 255).astype(np.uint8)


# -- what it does ----------------------------------------------------------------------------------------------------


@given(pictures)
def test_without_strength_nothing_changes(pixels: NDArray[np.uint8]) -> None:
    assert np.array_equal(augmented(pixels, Augmentation(smoothness=7), KEY), pixels)
    assert not Augmentation(smoothness=7)


@given(pictures, strengths, st.integers(1 << 63, (1 << 64) - 1))
def test_any_picture_and_strength(pixels: NDArray[np.uint8], strengths: dict[str, float], key: int) -> None:
    before = pixels.copy()
    changed = augmented(pixels, Augmentation(**strengths), key)
    assert changed.shape == pixels.shape
    assert changed.dtype == np.uint8
    assert np.array_equal(pixels, before)
    assert np.array_equal(augmented(pixels, Augmentation(**strengths), key), changed)


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_sampling_whole_pixels_away_shifts(down: int, right: int) -> None:
    pixels = np.random.default_rng(0).integers(1, 256, (2, 7, 9), np.uint8)
    _, rows, columns = np.broadcast_arrays(*np.ogrid[:2, :7, :9])
    moved = sampled(pixels, np.int32(rows - down << 16), np.int32(columns - right << 16))
    framed = np.pad(pixels, ((0, 0), (9, 9), (9, 9)))
    assert np.array_equal(moved, framed[:, 9 - down : 16 - down, 9 - right : 18 - right])


def test_sampling_is_bilinear() -> None:
    pixels = np.array([[[0, 100], [200, 40]]], np.uint8)
    half, quarter = np.full((1, 2, 2), 1 << 15, np.int32), np.full((1, 2, 2), 1 << 14, np.int32)
    assert (sampled(pixels, half, half) == 85).all()
    assert (sampled(pixels, quarter, 0 * half) == 50).all()
    assert (sampled(pixels, half - (1 << 16), 0 * half) == 0).all()


@pytest.mark.parametrize("name", ["shift", "rotation", "scale", "shear", "elastic"])
def test_no_pixel_wraps_round(name: str) -> None:
    """A bright left edge moves, but nothing arrives at the right one, nor in the row below."""
    pixels = np.zeros((200, 21, 21), np.uint8)
    pixels[:, :, :3] = 255
    strength = {"shift": 6, "rotation": 15, "scale": 0.3, "shear": 0.2, "elastic": 1}[name]
    changed = augmented(pixels, Augmentation(**{name: strength}), KEY)
    assert (changed != pixels).any()
    assert not changed[:, :, 15:].any()


@pytest.mark.parametrize("name", SINGLE)
def test_each_strength_changes_pictures_in_its_own_way(name: str) -> None:
    pixels = np.repeat(digits(1), 300, axis=0)
    changed = augmented(pixels, SINGLE[name], KEY)
    assert len(np.unique(changed, axis=0)) > 100
    assert changed.mean() == pytest.approx(pixels.mean(), rel=0.25 if name in ("noise", "occlusion") else 0.1)


def test_all_together_keep_the_ink() -> None:
    assert augmented(digits(500), HANDWRITING, KEY).mean() == pytest.approx(digits(500).mean(), rel=0.05)


def centres(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    ink = pixels / pixels.sum(axis=(1, 2), keepdims=True)
    rows, columns = np.ogrid[:28, :28]
    return np.stack([(ink * axis).sum(axis=(1, 2)) for axis in (rows, columns)])


def test_shifts_are_even_and_go_every_way() -> None:
    moved = centres(augmented(np.repeat(digits(1), 2000, axis=0), Augmentation(shift=2), KEY)) - 13.5
    assert np.abs(moved.mean(axis=1)).max() < 0.1
    assert moved.std(axis=1) == pytest.approx([2 / np.sqrt(3)] * 2, rel=0.05)
    assert np.abs(moved).max() <= 2.01
    assert abs(np.corrcoef(moved)[0, 1]) < 0.1


def test_rotation_turns_around_the_centre_by_its_degrees() -> None:
    pixels = np.zeros((2000, 28, 28), np.uint8)
    pixels[:, 13:15, 20:26] = 255
    down, right = centres(augmented(pixels, Augmentation(rotation=30), KEY)) - 13.5
    angles = np.degrees(np.arctan2(down, right))
    assert np.hypot(down, right) == pytest.approx(np.full(2000, 9), rel=0.02)
    assert angles.min() == pytest.approx(-30, abs=0.5)
    assert angles.max() == pytest.approx(30, abs=0.5)


def test_thickness_widens_and_narrows_a_line() -> None:
    pixels = np.zeros((500, 9, 30), np.uint8)
    pixels[:, :, 10:20] = 255
    widths = augmented(pixels, Augmentation(thickness=2), KEY)[:, 4].sum(axis=1) / 255
    assert widths.min() == pytest.approx(6, abs=0.1)
    assert widths.max() == pytest.approx(14, abs=0.1)


def test_blur_has_its_standard_deviation() -> None:
    pixels = np.zeros((500, 21, 21), np.uint8)
    pixels[:, 10, 10] = 255
    profile = augmented(pixels, Augmentation(blur=1.5), KEY).sum(axis=1) / 255
    variance = (profile * (np.arange(21) - 10) ** 2).sum(axis=1) / profile.sum(axis=1)
    assert np.sqrt(variance.max()) == pytest.approx(1.5, rel=0.1)


def test_noise_is_nearly_normal() -> None:
    pixels = np.full((400, 30, 30), 128, np.uint8)
    changed = augmented(pixels, Augmentation(noise=0.1), KEY).astype(float) - 128
    deviations = changed.std(axis=(1, 2))
    assert deviations.max() == pytest.approx(25.5, rel=0.05)
    assert deviations.mean() == pytest.approx(12.75, rel=0.1)
    loud = changed[deviations > 15]
    kurtosis = ((loud / loud.std(axis=(1, 2), keepdims=True)) ** 4).mean()
    assert kurtosis == pytest.approx(2.7, abs=0.1)  # 3 - 1.2 / 4 is that of a sum of four even numbers


def test_occlusion_covers_a_rectangle() -> None:
    covered = augmented(np.full((500, 20, 30), 9, np.uint8), Augmentation(occlusion=0.5), KEY) == 0
    tall, wide = covered.any(axis=2).sum(axis=1), covered.any(axis=1).sum(axis=1)
    assert np.array_equal(covered.sum(axis=(1, 2)), tall * wide)
    assert (tall.max(), wide.max()) == (10, 15)
    assert covered.any(axis=0).all()  # up to every edge


def test_elastic_displacements_have_their_size_and_smoothness() -> None:
    """A slope shows by how much each of its pixels was displaced."""
    pixels = np.broadcast_to(np.arange(64, dtype=np.uint8) * 4, (300, 64, 64))
    changed = augmented(pixels, Augmentation(elastic=1.5, smoothness=4), KEY)[:, 8:-8, 8:-8]
    displaced = (changed - pixels[:, 8:-8, 8:-8].astype(float)) / 4
    assert displaced.std() == pytest.approx(1.5, rel=0.03)
    alike = np.mean(displaced[:, :, :-8] * displaced[:, :, 8:]) / displaced.var()
    assert alike == pytest.approx(np.exp(-(8**2) / (4 * 4**2)), abs=0.05)  # of white noise after a Gaussian of 4


def test_spline_weights() -> None:
    first, weights = spline(100, round(65536 / 7))
    assert (weights.sum(axis=0) == 4096).all()
    assert (weights >= 0).all()
    assert first.tolist() == sorted(first)
    assert np.abs(weights[:, 0] / 4096 - [1 / 6, 4 / 6, 1 / 6, 0]).max() < 0.001


# -- randomness ------------------------------------------------------------------------------------------------------


def test_the_draws_are_those_of_the_house() -> None:
    expected = [round(number * 2**24) for number in randomness.uniforms(5, KEY)]
    assert (drawn(np.uint64(KEY), np.arange(5, dtype=np.uint64)) >> np.uint64(40)).tolist() == expected


@pytest.mark.parametrize("split", [1, 63, 64, 65, 99])
def test_how_a_batch_is_split_does_not_matter(split: int) -> None:
    whole = augmented(digits(), STRONG, KEY)
    parts = augmented(digits()[:split], STRONG, KEY), augmented(digits()[split:], STRONG, KEY, first=split)
    assert np.array_equal(np.concatenate(parts), whole)


def test_every_step_and_seed_differs() -> None:
    made = [
        augmented(digits(), STRONG, randomness.key(seed, "augmentation", step)) for seed in (0, 1) for step in (1, 2)
    ]
    assert len(np.unique([each.tobytes() for each in made])) == 4


# -- settings --------------------------------------------------------------------------------------------------------


def test_scaled() -> None:
    assert HANDWRITING.scaled(0) == Augmentation()
    assert HANDWRITING.scaled(2).strengths == {name: 2 * value for name, value in HANDWRITING.strengths.items()}
    assert Augmentation(shift=1, smoothness=9).scaled(3) == Augmentation(shift=3, smoothness=9)
    with pytest.raises(ParameterError, match="Augmentation: rotation must be a number at least 0 and at most 90"):
        HANDWRITING.scaled(10)


@pytest.mark.parametrize("shape", [(4, 28), (4, 1, 28, 28), (1, 4097, 1), (1, 1, 5000)])
def test_pictures_that_it_cannot_take(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"pictures \(N, height, width\) of at most 4096 pixels a side, not \("):
        augmented(np.zeros(shape, np.uint8), STRONG, KEY)


# -- the same from C++ -----------------------------------------------------------------------------------------------


def instruction_sets() -> list[str]:
    if "native" not in backends.available():
        return []
    from groundup.backends.native import _native

    return [name for name, available, _ in _native.instruction_sets() if available]


def by_native(pixels: NDArray[np.uint8], augmentation: Augmentation, instruction_set: str) -> NDArray[np.uint8]:
    from groundup.backends.native import _native

    result = np.empty_like(pixels)
    _native.augment(result, pixels, tuple(fixed_point(augmentation)), KEY, instruction_set)
    return result


KINDS = {"strong": STRONG, "strongest": STRONGEST, "handwriting": HANDWRITING, "none": Augmentation(), **SINGLE}


@pytest.mark.parametrize("instruction_set", instruction_sets())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(100, 28, 28), (5, 1, 1), (5, 1, 17), (5, 33, 2), (3, 70, 101)])
def test_native_gives_the_same_bytes(shape: tuple[int, ...], kind: str, instruction_set: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert np.array_equal(by_native(pixels, KINDS[kind], instruction_set), augmented(pixels, KINDS[kind], KEY))


@pytest.mark.parametrize("instruction_set", instruction_sets())
@pytest.mark.parametrize("shape", [(8, 4096, 20), (8, 20, 4096)])
def test_native_takes_the_longest_sides(shape: tuple[int, ...], instruction_set: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    furthest = Augmentation(shift=1000, rotation=90, scale=0.9, shear=1, elastic=16, smoothness=1)
    assert np.array_equal(by_native(pixels, furthest, instruction_set), augmented(pixels, furthest, KEY))


# -- in training -----------------------------------------------------------------------------------------------------

MLP = Network([Linear(784, 32), ReLU(), Linear(32, 10)])
CNN = Network([Conv2d(1, 4, 5), MaxPool2d(2), ReLU(), Flatten(), Linear(576, 10)], (1, 28, 28))
OTHERS = ["lists", "numpy", *backends.available()[3:]]


def compiled(backend: str, network: Network = MLP, augmentation: Augmentation | None = STRONG, **options: Any) -> Any:
    made = backends.get(backend, **options)
    precision = {"numpy": "float64", "native": "float32"}.get(backend, made.precisions[0])
    return made.compile(network, CrossEntropy(), SGD(0.9), 20, precision, 5, augmentation=augmentation)


def labels(count: int) -> NDArray[np.uint8]:
    return (np.arange(count) % 10).astype(np.uint8)


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("network", [MLP, CNN], ids=["mlp", "cnn"])
def test_the_inputs_of_each_step_are_augmented(backend: str, network: Network) -> None:
    program = compiled(backend, network)
    for step in (1, 2):
        values = program.trace(digits(5), labels(5), 0.1)
        want = augmented(digits(5), STRONG, randomness.key(5, "augmentation", step))
        inputs = np.asarray(values["inputs"].tolist(), np.float32).reshape(want.shape)
        assert inputs == pytest.approx(want.astype(np.float32) / 255, rel=1e-6)


@pytest.mark.parametrize("backend", OTHERS)
def test_prediction_takes_pictures_as_they_are(backend: str) -> None:
    plain, program = compiled(backend, augmentation=None), compiled(backend)
    assert np.array_equal(plain.predict(digits(30)).tolist(), program.predict(digits(30)).tolist())


@pytest.mark.parametrize("network", [MLP, CNN], ids=["mlp", "cnn"])
@pytest.mark.parametrize("threads", [1, 2])
def test_native_trains_to_the_weights_of_numpy(network: Network, threads: int) -> None:
    if not instruction_sets():
        pytest.skip("native is not built")
    programs = compiled("numpy", network), compiled("native", network, threads=threads)
    order = np.random.default_rng(0).permutation(200)
    for program in programs:
        program.epoch(digits(200), labels(200), order, [0.05] * 10, lambda _: False)
    want, got = (program.state() for program in programs)
    for name, value in want.items():
        assert got[name] == pytest.approx(value, abs=2e-4), name
    unaugmented = compiled("numpy", network, None)
    unaugmented.epoch(digits(200), labels(200), order, [0.05] * 10, lambda _: False)
    assert np.abs(unaugmented.state()["0.weight"] - want["0.weight"]).max() > 2e-3


@pytest.mark.parametrize("backend", ["numpy", *backends.available()[3:]])
def test_an_epoch_is_its_steps(backend: str) -> None:
    whole, single = compiled(backend), compiled(backend)
    order = np.arange(100)[::-1]
    whole.epoch(digits(100), labels(100), order, [0.05] * 5, lambda _: False)
    for first in range(0, 100, 20):
        batch = order[first : first + 20]
        single.step(digits(100)[batch], labels(100)[batch], 0.05)
    for name, value in whole.state().items():
        assert np.array_equal(single.state()[name], value), name


@pytest.mark.parametrize("backend", ["numpy", *backends.available()[3:]])
def test_flat_pictures_have_no_sides(backend: str) -> None:
    with pytest.raises(DataError, match=r"augmentation takes pictures \(N, height, width\)"):
        compiled(backend).step(digits(5).reshape(5, 784), labels(5), 0.1)
