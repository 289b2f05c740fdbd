"""How a picture looks in each view, against PIL."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from groundup.models.views import VIEWS, View, seen, views_of

PICTURES = np.random.default_rng(0).integers(0, 256, (130, 12, 10), np.uint8)


def test_the_first_is_the_picture_itself() -> None:
    given = list(views_of(PICTURES, 9))
    assert given[0] is PICTURES
    assert len(given) == len(VIEWS) == 9
    assert np.array_equal(seen(PICTURES, View()), PICTURES)
    for view, found in zip(VIEWS[1:], given[1:], strict=True):
        assert np.array_equal(found, seen(PICTURES, view))
        assert not np.array_equal(found, PICTURES)
    assert len(list(views_of(PICTURES, 1))) == 1


@pytest.mark.parametrize("view", VIEWS)
def test_as_pil_deforms(view: View) -> None:
    """PIL's affine transformation takes x before y, and counts from a pixel's corner."""
    angle = np.radians(view.rotation)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    (a, b), (c, d) = turned @ [[1 + view.height, 0], [view.shear, 1 + view.width]]
    height, width = PICTURES.shape[1:]
    smooth = np.add.outer(8 * np.arange(height), 9 * np.arange(width)).astype(np.uint8)
    coefficients = (d, c, (width - d * width - c * height) / 2, b, a, (height - b * width - a * height) / 2)
    expected = Image.fromarray(smooth).transform(
        (width, height), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    found = seen(smooth[np.newaxis], view)[0]
    inner = (slice(3, -3), slice(3, -3))  # at the edge PIL fades nothing out
    assert np.abs(found[inner].astype(int) - np.asarray(expected)[inner]).max() <= 1


def test_a_picture_looks_the_same_in_any_company() -> None:
    for view in VIEWS:
        together = seen(PICTURES, view)
        assert all(
            np.array_equal(seen(PICTURES[index : index + 1], view)[0], together[index]) for index in (0, 64, 129)
        )


def test_none_at_all() -> None:
    assert seen(PICTURES[:0], VIEWS[3]).shape == (0, 12, 10)


def test_smaller_is_smaller() -> None:
    dot = np.zeros((1, 9, 9), np.uint8)
    dot[0, 1:8, 1:8] = 255
    ink = [int(each.astype(int).sum()) for each in views_of(dot, 3)]
    assert ink[1] < ink[0] < ink[2]
