from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import groundup.data
from groundup.data.datasets import Data, Dataset
from groundup.errors import DataError

Parts = tuple[Dataset, Dataset]


def test_other_data_is_not_mnist(parts: Parts) -> None:
    published, checks = groundup.data.verify(Data("mine", "here", *parts))
    assert published.name == "mnist"
    assert [check.holds for check in checks] == [False] * 4


def test_what_has_no_published_contents_is_refused(parts: Parts) -> None:
    with pytest.raises(DataError, match="kmnist: only the checksums of its compressed files are published"):
        groundup.data.verify(Data("kmnist", "here", *parts))


def test_one_changed_pixel_of_the_real_mnist_is_seen(mnist_folder: Path) -> None:
    data = groundup.data.load(mnist_folder)
    published, checks = groundup.data.verify(data)
    assert published.name == "mnist"
    assert all(check.holds for check in checks)
    images: np.ndarray = data.test.images.copy()
    images[9999, 27, 27] ^= 1
    changed = replace(data, test=replace(data.test, images=images))
    assert [check.holds for check in groundup.data.verify(changed)[1]] == [True, True, False, True]
