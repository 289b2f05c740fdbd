"""Proves an install in two seconds: a small network learns to recognise drawn digits, is kept, and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import groundup
from groundup.data import strokes
from groundup.data.datasets import Data, Dataset


def test_a_network_learns_to_recognise_digits(tmp_path: Path) -> None:
    images, labels = strokes.make(1000, seed=0)
    data = Data(
        "strokes",
        "drawn",
        Dataset(images[:800], labels[:800], "strokes/train"),
        Dataset(images[800:], labels[800:], "strokes/test"),
    )
    result = groundup.train("784-32-10", data, epochs=12, batch_size=20, learning_rate=0.03, validation=0.0, seed=1)
    assert result.test is not None
    assert result.test.accuracy > 0.6  # guessing gives 0.1

    result.model.save(tmp_path / "digits.safetensors")
    model = groundup.Model.load(tmp_path / "digits.safetensors")
    answers = model.predict(data.test.images)
    assert answers.shape == (200, 10)
    assert np.array_equal(answers, result.model.predict(data.test.images))
    assert model.evaluate(data.test).accuracy == result.test.accuracy
