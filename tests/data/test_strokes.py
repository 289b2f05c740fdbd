"""Digits drawn from pen strokes: reproducible, well-formed, and digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from groundup.data import idx_folders
from groundup.data.datasets import Dataset
from groundup.data.strokes import BLOCK, make, make_machine_made, make_others, others, pen
from groundup.data.strokes.curves import sample
from groundup.data.strokes.printing import printed
from groundup.data.strokes.skeletons import ANGULAR, ELSEWHERE, STYLES, Style
from groundup.errors import DataError

Labelled = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@pytest.fixture(scope="module")
def drawn() -> Labelled:
    return make(4000, seed=0)


def test_form(drawn: Labelled) -> None:
    images, labels = drawn
    assert images.shape == (4000, 28, 28)
    assert images.dtype == np.uint8
    assert labels.shape == (4000,)
    assert labels.dtype == np.uint8


def test_the_same_seed_draws_the_same(drawn: Labelled) -> None:
    again = make(4000, seed=0)
    assert again[0].tobytes() == drawn[0].tobytes()
    assert again[1].tobytes() == drawn[1].tobytes()


def test_another_seed_draws_others(drawn: Labelled) -> None:
    images, labels = make(1000, seed=1)
    assert (images != drawn[0][:1000]).any(axis=(1, 2)).all()
    assert (labels != drawn[1][:1000]).any()


@pytest.mark.parametrize("count", [0, 1, 7, BLOCK - 1, BLOCK, BLOCK + 1])
def test_fewer_pictures_are_the_beginning_of_more(drawn: Labelled, count: int) -> None:
    images, labels = make(count, seed=0)
    assert np.array_equal(images, drawn[0][:count])
    assert np.array_equal(labels, drawn[1][:count])


def test_no_picture_comes_twice(drawn: Labelled) -> None:
    assert len(np.unique(drawn[0].reshape(len(drawn[0]), -1), axis=0)) == len(drawn[0])


def test_every_ten_labels_are_the_ten_digits_in_any_order(drawn: Labelled) -> None:
    tens = drawn[1].reshape(-1, 10)
    assert np.array_equal(np.sort(tens, axis=1), np.tile(np.arange(10), (len(tens), 1)))
    assert len(np.unique(tens, axis=0)) > 0.99 * len(tens)


@pytest.mark.parametrize(("count", "seed"), [(-1, 0), (10, -1)])
def test_negative_numbers_are_refused(count: int, seed: int) -> None:
    with pytest.raises(DataError, match=f"0 or more, not count {count} and seed {seed}"):
        make(count, seed)


# What MNIST's makers promise of a picture.


def test_full_ink_on_an_empty_ground(drawn: Labelled) -> None:
    brightest = drawn[0].max(axis=(1, 2))
    assert (brightest > 127).all()
    assert (brightest == 255).mean() > 0.9
    share = (drawn[0] > 0).mean(axis=(1, 2))
    assert share.min() > 0.02
    assert share.max() < 0.5


def test_the_ink_fills_a_box_of_20_by_20(drawn: Labelled) -> None:
    heights = (drawn[0].max(axis=2) > 0).sum(axis=1)
    widths = (drawn[0].max(axis=1) > 0).sum(axis=1)
    longer = np.maximum(heights, widths)
    assert longer.max() <= 20
    assert (longer == 20).mean() > 0.99


def test_the_centre_of_mass_is_the_centre(drawn: Labelled) -> None:
    images = drawn[0].astype(np.float64)
    mass = images.sum(axis=(1, 2))
    for profile in (images.sum(axis=1), images.sum(axis=2)):
        away = np.abs(profile @ np.arange(28) / mass - 14)  # in MNIST too it is pixel 14, to the nearest whole pixel
        assert (away <= 0.5 + 1e-9).mean() > 0.997  # but for a digit that would leave the frame
        assert away.max() < 2


# They are digits.


def nearest_centroid(train: Labelled, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    centroids = np.stack([train[0][train[1] == digit].mean(axis=0).reshape(-1) for digit in range(10)])  # (10, 784)
    return ((centroids**2).sum(axis=1) - 2 * flat(images) @ centroids.T).argmin(axis=1)


def nearest_neighbour(train: Labelled, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    known = flat(train[0])
    return train[1][((known**2).sum(axis=1) - 2 * flat(images) @ known.T).argmin(axis=1)]


def flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32)


def test_strokes_teach_strokes(drawn: Labelled) -> None:
    images, labels = make(500, seed=1)
    assert (nearest_centroid(drawn, images) == labels).mean() > 0.55  # by chance 0.1
    assert (nearest_neighbour(drawn, images) == labels).mean() > 0.75


def test_no_two_classes_are_one(drawn: Labelled) -> None:
    images, labels = make(1000, seed=1)
    found = nearest_neighbour(drawn, images)
    for digit in range(10):
        assert np.bincount(found[labels == digit], minlength=10).argmax() == digit


def test_strokes_teach_real_digits(mnist_folder: Path, drawn: Labelled) -> None:
    real = idx_folders.read(mnist_folder, "mnist")[0]  # the training part: the test part is for the last figure only
    found = nearest_neighbour(drawn, real.images[:2000])
    assert (found == real.labels[:2000]).mean() > 0.8
    for digit in range(10):
        assert (found == digit)[real.labels[:2000] == digit].mean() > 0.6


def test_ink_is_spread_as_in_real_digits(mnist_folder: Path, drawn: Labelled) -> None:
    real = idx_folders.read(mnist_folder, "mnist")[0]
    for digit in range(10):
        amounts = [part.images[part.labels == digit].mean(axis=(1, 2)) for part in (real, Dataset(*drawn, "strokes"))]
        medians = [float(np.median(amount)) for amount in amounts]
        assert medians[1] == pytest.approx(medians[0], rel=0.25)


# The parts.


def test_every_digit_has_several_styles() -> None:
    digits = [style.digit for style in STYLES]
    assert set(digits) == set(range(10))
    assert min(map(digits.count, range(10))) >= 5
    assert len({style.path for style in STYLES + ELSEWHERE}) == len(STYLES + ELSEWHERE)
    assert all(style.weight > 0 for style in STYLES + ELSEWHERE)


@pytest.mark.parametrize("style", STYLES + ELSEWHERE, ids=lambda style: f"{style.digit}: {style.path.split(' ')[0]}")
def test_every_curve_is_smooth_and_ends_where_its_style_says(style: Style) -> None:
    curve = sample(style.path)
    ends = [stroke.split()[end].rstrip("!") for stroke in style.path.split(" / ") for end in (0, -1)]
    expected = np.array([[float(number) / 100 for number in end.split(",")] for end in ends])
    places, steps = curve.places @ curve.points, curve.steps @ curve.points
    firsts = np.flatnonzero(np.diff(curve.stroke, prepend=-1))
    for number, (first, last) in enumerate(zip(firsts, [*firsts[1:], len(places)], strict=True)):
        start, end = expected[2 * number : 2 * number + 2]
        assert places[first] - steps[first] / 2 == pytest.approx(start, abs=0.01)
        assert places[last - 1] + steps[last - 1] / 2 == pytest.approx(end, abs=0.01)
        assert np.diff(places[first:last], axis=0) == pytest.approx(
            (steps[first : last - 1] + steps[first + 1 : last]) / 2, abs=0.02
        )
    assert np.hypot(*steps.T).max() < 0.06  # about a pixel, less than the pen is wide
    assert curve.progress.min() > 0
    assert curve.progress.max() < 1


def test_a_curve_passes_through_its_points_and_turns_sharply_at_a_corner() -> None:
    smooth, corner = (sample(f"0,0 50,{100}{mark} 100,0") for mark in ("", "!"))
    for curve in (smooth, corner):
        places = curve.places @ curve.points
        assert np.hypot(*(places - [0.5, 1]).T).min() < 0.03
    middle = len(corner.places) // 2
    before, after = (corner.steps @ corner.points)[[middle - 1, middle]]
    assert before[1] > 0.01
    assert after[1] < -0.01  # without "!" the pen goes level there
    assert np.abs((smooth.steps @ smooth.points)[[middle - 1, middle], 1]).max() < 0.01


def test_a_curve_is_moved_with_its_points() -> None:
    curve = sample(STYLES[0].path)
    assert curve.places.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert curve.steps.sum(axis=1) == pytest.approx(0, abs=1e-5)


def line(start: tuple[float, float], end: tuple[float, float]) -> NDArray[np.float32]:
    return np.linspace(start, end, 60, dtype=np.float32)[None]  # (1, 60, 2)


def covered(start: tuple[float, float], end: tuple[float, float], radius: float) -> NDArray[np.float64]:
    """Return the share of each pixel that lies within `radius` of the segment, from 16 x 16 points a pixel."""
    axis = (np.arange(320) + 0.5) / 16
    points = np.stack(np.meshgrid(axis, axis), axis=-1)  # (320, 320, 2)
    way = np.subtract(end, start)
    along = np.clip((points - start) @ way / (way @ way), 0, 1)
    inside = np.linalg.norm(points - start - along[..., None] * way, axis=-1) <= radius
    return inside.reshape(20, 16, 20, 16).mean(axis=(1, 3))


@pytest.mark.parametrize("radius", [0.9, 1.3, 2.2])
@pytest.mark.parametrize(("start", "end"), [((4, 10), (16, 10)), ((10.3, 4), (10.3, 16)), ((5, 4), (14, 16))])
def test_ink_covers_what_the_pen_covers(start: tuple[float, float], end: tuple[float, float], radius: float) -> None:
    places = line(start, end)
    shape = (1, places.shape[1])
    length = np.full(shape, np.hypot(*np.subtract(end, start)) / shape[1], dtype=np.float32)
    none = np.zeros((1, 20, 20), dtype=np.float32)
    drawn = pen.ink(places, np.full(shape, radius, dtype=np.float32), length, np.ones(1, dtype=np.float32), none)
    difference = np.abs(drawn[0] / 255 - covered(start, end, radius))
    assert difference.mean() < 0.01
    assert difference.max() < 0.5  # at the ends, which are a little rounder


@given(
    arrays.arrays(np.float32, (2, 8, 2), elements=st.floats(-100, 100, width=32)),
    st.floats(0.5, 4, width=32),
    st.floats(0.25, 8, width=32),
)
def test_fitting_fills_the_box(places: NDArray[np.float32], radius: float, spread: float) -> None:
    places[:, 0], places[:, 1] = -spread, spread  # so that there is an extent to speak of
    fitted, radii, unit = pen.fit(places, np.full((2, 8), radius, dtype=np.float32))
    low = (fitted - radii[..., None]).min(axis=1)
    high = (fitted + radii[..., None]).max(axis=1)
    assert (high - low).max(axis=1) == pytest.approx(20, abs=1e-3)
    assert (low + high) / 2 == pytest.approx(10, abs=1e-3)
    assert fitted[:, 1] - fitted[:, 0] == pytest.approx((places[:, 1] - places[:, 0]) * unit[:, None], rel=1e-3)


@given(arrays.arrays(np.uint8, (3, 20, 20)))
def test_centring_moves_by_whole_pixels_and_loses_nothing(boxes: NDArray[np.uint8]) -> None:
    boxes[:, 9:11, 9:11] = 255
    frames = pen.centre(boxes)
    assert frames.shape == (3, 28, 28)
    for box, frame in zip(boxes, frames, strict=True):
        rows, columns = np.nonzero(box)
        shift = np.argwhere(frame)[0] - np.argwhere(box)[0]
        assert np.array_equal(frame[rows + shift[0], columns + shift[1]], box[rows, columns])
        assert frame.sum() == box.sum()


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK + 1])
def test_others_repeat_and_have_the_form_of_digits(count: int) -> None:
    images = make_others(count, seed=2)
    assert images.shape == (count, 28, 28)
    assert images.dtype == np.uint8
    assert np.array_equal(images, make_others(count + 3, seed=2)[:count])
    for picture in images[:200]:
        rows, columns = np.nonzero(picture)
        assert 16 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        assert picture.max() > 200


def test_other_seeds_draw_other_others() -> None:
    assert (make_others(100, seed=0) != make_others(100, seed=1)).any(axis=(1, 2)).all()
    images = make_others(1000, seed=0)
    assert len(np.unique(images.reshape(1000, -1), axis=0)) > 850  # printed letters come again


@pytest.mark.parametrize(("count", "seed"), [(-1, 0), (0, -1)])
def test_others_that_cannot_be(count: int, seed: int) -> None:
    with pytest.raises(DataError, match="a count and a seed of 0 or more"):
        make_others(count, seed)


@pytest.mark.parametrize("path", [*others.LETTERS, *others.SIGNS])
def test_every_letter_and_sign_can_be_drawn_and_none_comes_twice(path: str) -> None:
    assert [*others.LETTERS, *others.SIGNS].count(path) == 1
    curve = sample(path)
    assert np.isfinite(curve.places @ curve.points).all()
    assert others.draw_curve(curve, 3, np.random.default_rng(0)).max(axis=(1, 2)).min() > 200


def test_a_part_of_a_word_is_wider_than_high() -> None:
    rng = np.random.default_rng(0)
    curves = [sample(others.word(rng)) for _ in range(40)]
    boxes = np.array([np.ptp(curve.points, axis=0) for curve in curves])
    assert (boxes[:, 0] > 0.4).all()
    assert np.median(boxes[:, 0] / boxes[:, 1]) > 1.2


def test_digits_of_other_styles() -> None:
    images, labels = make(100, 0, ANGULAR)
    assert np.bincount(labels).tolist() == [10] * 10
    assert (images != make(100, 0)[0]).any(axis=(1, 2)).all()
    assert [style.digit for style in ANGULAR] == list(range(10))


def test_machine_made_digits() -> None:
    images, labels = make_machine_made(101, 0)
    assert images.shape == (101, 28, 28)
    assert np.array_equal(images, make_machine_made(101, 0)[0])
    shown, shown_labels = make(50, 0, ANGULAR)
    assert np.array_equal(images[:50], shown)
    assert np.array_equal(labels[:50], shown_labels)
    assert (images[50:].max(axis=(1, 2)) > 200).all()
    with pytest.raises(DataError, match="a count and a seed of 0 or more"):
        make_machine_made(-2, 0)


def test_printed_characters_fill_their_box() -> None:
    images, indices = printed("0Wi", 30, np.random.default_rng(0))
    widths = (images.max(axis=1) > 0).sum(axis=1)
    assert widths[indices == 1].min() > widths[indices == 2].max()  # a W is wider than an i
    for picture in images:
        rows, columns = np.nonzero(picture)
        assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
