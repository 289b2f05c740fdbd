"""Corrupted pictures: repeatable, as strong as meant, and geometric ones as SciPy makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from groundup.data.corruptions import KINDS, _line, _plasma, _teeth, corrupted
from groundup.data.datasets import Dataset
from groundup.errors import ParameterError

FIXED = {"scale", "brightness", "stripe", "canny edges"}  # nothing in them is random


def drawn(count: int = 40, height: int = 28, width: int = 28) -> Dataset:
    """Return pictures of a ring of grey strokes with a gap, each at another place."""
    generator = np.random.default_rng(1)
    rows, columns = np.mgrid[:height, :width]
    images = []
    for _ in range(count):
        row, column, radius = generator.uniform([11, 11, 4], [16, 16, 7])
        distance = np.abs(np.hypot(rows - row, columns - column) - radius)
        images.append(np.clip(255 * (2 - distance), 0, 255) * (columns > 9))
    return Dataset(np.array(images, np.uint8), np.arange(count, dtype=np.uint8) % 10, "rings")


RINGS = drawn()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind: str) -> None:
    spoilt = corrupted(RINGS, kind)
    assert spoilt.images.shape == RINGS.images.shape
    assert spoilt.images.dtype == np.uint8
    assert spoilt.name == f"rings/{kind}"
    assert np.array_equal(spoilt.labels, RINGS.labels)
    changed = (spoilt.images != RINGS.images).any(axis=(1, 2))
    assert changed.mean() > 0.9
    assert np.array_equal(corrupted(RINGS, kind).images, spoilt.images)
    assert np.array_equal(corrupted(RINGS, kind, seed=1).images, spoilt.images) == (kind in FIXED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(0, 28, 28), (3, 27, 33), (2, 32, 20)])
def test_other_counts_and_sizes(kind: str, shape: tuple[int, int, int]) -> None:
    pictures = drawn(*shape) if shape[0] else Dataset(np.zeros(shape, np.uint8), np.zeros(0, np.uint8), "none")
    assert corrupted(pictures, kind).images.shape == shape


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_picture_stays_readable_as_such(kind: str) -> None:
    blank = Dataset(np.zeros((4, 28, 28), np.uint8), np.zeros(4, np.uint8), "blank")
    assert np.isfinite(corrupted(blank, kind).images).all()


def test_unknown_kinds() -> None:
    with pytest.raises(ParameterError, match="corruption 'rain' is unknown; there are shot noise, impulse noise"):
        corrupted(RINGS, "rain")


def test_noise_is_as_strong_as_meant() -> None:
    full = Dataset(np.full((50, 28, 28), 128, np.uint8), np.zeros(50, np.uint8), "grey")
    struck = corrupted(full, "impulse noise").images
    assert (struck != 128).mean() == pytest.approx(0.17, abs=0.005)
    assert (struck == 255).sum() / (struck != 128).sum() == pytest.approx(0.5, abs=0.02)
    shot = corrupted(full, "shot noise").images
    assert set(np.unique(shot).tolist()) == {0, 85, 170, 255}
    assert (shot == 0).mean() == pytest.approx(np.exp(-3 * 128 / 255), abs=0.01)  # Poisson


def test_by_hand() -> None:
    image = RINGS.images[0].astype(int)
    striped = corrupted(RINGS, "stripe").images[0].astype(int)
    assert np.array_equal(striped[:, 7:21], image[:, 7:21])
    assert np.array_equal(striped[:, :7], 255 - image[:, :7])
    assert np.array_equal(striped[:, 21:], 255 - image[:, 21:])
    assert np.abs(corrupted(RINGS, "brightness").images[0] - np.minimum(image + 127.5, 255)).max() <= 0.5
    moved = corrupted(RINGS, "translate").images[0]
    shifts = [(down, right) for down in (-3, 3) for right in (-3, 3)]
    assert any(np.array_equal(moved, np.roll(image, shift, (0, 1))) for shift in shifts)


@pytest.mark.parametrize(
    ("kind", "matrices"),
    [
        ("scale", [np.eye(2) / 0.7]),
        ("rotate", [[[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]] for a in (0.4, -0.4)]),
        ("shear", [[[np.cos(a), 0], [-np.sin(a), 1]] for a in (0.4, -0.4)]),
    ],
)
def test_geometry_against_scipy(kind: str, matrices: Any) -> None:
    ndimage: Any = pytest.importorskip("scipy.ndimage", reason="compares with SciPy: pip install scipy")
    spoilt = corrupted(RINGS, kind).images.astype(float)
    centre = np.array([13.5, 13.5])
    chosen = set()
    for image, found in zip(RINGS.images.astype(float), spoilt, strict=True):
        expected = [ndimage.affine_transform(image, m, centre - np.array(m) @ centre, order=1) for m in matrices]
        errors = [np.abs(each - found).max() for each in expected]
        chosen.add(int(np.argmin(errors)))
        assert min(errors) < 9  # OpenCV looks between pixels in steps of 1/32
    assert chosen == set(range(len(matrices)))


def test_glass_blur_moves_ink_and_loses_little() -> None:
    before, after = RINGS.images.sum(axis=(1, 2)), corrupted(RINGS, "glass blur").images.sum(axis=(1, 2))
    assert np.allclose(after / before, 1, atol=0.02)


def test_motion_blur_keeps_the_ink_within_its_line() -> None:
    point = np.zeros((30, 28, 28), np.uint8)
    point[:, 14, 14] = 255
    spoilt = corrupted(Dataset(point, np.zeros(30, np.uint8), "points"), "motion blur").images.astype(float)
    rows, columns = np.mgrid[:28, :28] - 14
    for image in spoilt:
        seen = image > 0
        assert np.ptp(columns[seen]) >= 3
        assert np.abs(rows[seen]).max() <= np.abs(columns[seen]).max()  # not steeper than 45 degrees
        assert image.sum() == pytest.approx(255, abs=10)


def test_fog_covers_everything_and_leaves_the_maximum() -> None:
    spoilt = corrupted(RINGS, "fog").images
    assert (spoilt > 0).mean() > 0.9
    assert spoilt.max() <= 255


def test_a_fractal_is_rough_but_not_noise() -> None:
    heights = _plasma(np.random.default_rng(1))
    assert (heights.min(), heights.max()) == (0, 1)
    assert np.abs(np.diff(heights, axis=0)).mean() < np.abs(heights - np.roll(heights, 64, axis=0)).mean()


def test_lines() -> None:
    level = _line(28, 28, (0, 10), (27, 10))
    assert (level[10, :27] == 1).all()
    assert (level[13:] == 0).all()
    points = _teeth(2, 10, 25, 12)
    assert points[0] == (2, 10)
    assert points[-1] == pytest.approx((25, 12))
    assert len(points) == 8
    blank = Dataset(np.zeros((5, 28, 28), np.uint8), np.zeros(5, np.uint8), "blank")
    dotted = corrupted(blank, "dotted line").images
    assert not dotted[:, :, ::4].any()
    assert not dotted[:, :, 1::4].any()
    assert dotted[:, :, 2::4].any(axis=1).all()
