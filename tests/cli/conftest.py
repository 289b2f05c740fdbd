"""What the commands' tests share: pictures of digits, a small data set of them, a model that knows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from groundup.data import idx_folders
from groundup.data.datasets import Dataset
from groundup.layers import Linear
from groundup.models.model import Model
from groundup.network import Network


def drawn(digit: int, size: int, place: tuple[int, int], pen: int) -> Image.Image:
    """A digit of straight strokes, dark on light, as a seven-segment display has them."""
    corners = [(0, 0), (1, 0), (1, 1), (1, 2), (0, 2), (0, 1)]
    segments = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (5, 2)]
    lit = ["012345", "12", "01643", "01623", "5612", "05623", "054326", "012", "0123456", "061253"][digit]
    image = Image.new("L", (6 * size, 6 * size), 235)
    for segment in map(int, lit):
        ends = [(place[0] + x * size, place[1] + y * size) for x, y in (corners[end] for end in segments[segment])]
        ImageDraw.Draw(image).line(ends, fill=20, width=pen)
    return image


@pytest.fixture
def digit_file(tmp_path: Path) -> Callable[[int], Path]:
    """Write a picture of a digit, return its path."""

    def write(digit: int) -> Path:
        path = tmp_path / f"{digit}.png"
        drawn(digit, 40, (60, 50), 9).save(path)
        return path

    return write


@pytest.fixture(scope="session")
def small_data() -> Dataset:
    """Forty digits in MNIST's form, four of each."""
    from groundup.pictures import to_mnist

    variants = [(30, (40, 30), 7), (30, (20, 60), 9), (44, (100, 90), 9), (40, (60, 50), 11)]
    pairs = [(drawn(digit, *variant), digit) for variant in variants for digit in range(10)]
    pixels = [to_mnist(np.asarray(picture, dtype=np.float32) / np.float32(255)).pixels for picture, _ in pairs]
    return Dataset(np.stack(pixels), np.array([digit for _, digit in pairs], dtype=np.uint8), "small")


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory, small_data: Dataset) -> Path:
    """The small data set as IDX files, the same part twice."""
    folder = tmp_path_factory.mktemp("digits") / "small"
    idx_folders.write(folder, small_data, small_data)
    return folder


@pytest.fixture(scope="session")
def small_model(small_data: Dataset) -> Model:
    """A model that knows the small data set: each class's mean picture is that class's weights (least squares)."""
    inputs = small_data.images.reshape(len(small_data), -1) / 255.0
    targets = np.eye(10)[small_data.labels] * 8
    weight = np.linalg.lstsq(inputs, targets, rcond=1e-3)[0].T
    state = {"0.weight": weight.astype(np.float32), "0.bias": np.zeros(10, np.float32)}
    return Model(Network([Linear(784, 10)]), state)


@pytest.fixture
def model_file(tmp_path: Path, small_model: Model) -> Path:
    """The small model as a file."""
    path = tmp_path / "model.safetensors"
    small_model.save(path)
    return path
