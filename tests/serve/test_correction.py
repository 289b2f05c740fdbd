"""Teaching a digit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from groundup.data import Data, load
from groundup.errors import ModelError
from groundup.models.model import Model
from groundup.serve.correction import ENOUGH, teach


@pytest.fixture(scope="module")
def data(mnist_folder: Path) -> Data:
    return load(mnist_folder)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load("fast99")


def test_a_wrong_digit_is_learned_and_the_others_are_kept(data: Data, model: Model) -> None:
    answers = model.predict(data.test.images[:3000]).argmax(axis=1)
    wrong = int(np.flatnonzero(answers != data.test.labels[:3000])[0])
    before = {name: np.array(value) for name, value in model.state.items()}
    lesson = teach(model, data.test.images[wrong], int(data.test.labels[wrong]), data)
    assert lesson.before < 0.5
    assert lesson.after >= ENOUGH
    assert 1 <= lesson.steps <= 40
    assert lesson.accuracy_after > 0.97
    assert lesson.measured == 1000
    for name, value in model.state.items():
        np.testing.assert_array_equal(value, before[name])
    assert lesson.model.predict(data.test.images[wrong][None]).argmax() == data.test.labels[wrong]


def test_what_is_known_takes_no_step(data: Data, model: Model) -> None:
    sure = int(model.predict(data.test.images[:50]).max(axis=1).argmax())
    lesson = teach(model, data.test.images[sure], int(data.test.labels[sure]), data)
    assert lesson.steps == 0
    few = replace(data, test=data.test.subset(np.arange(40), "few"))
    assert teach(model, data.test.images[sure], int(data.test.labels[sure]), few).measured == 40
    assert lesson.model is model


def test_other_classes_are_refused(data: Data, model: Model) -> None:
    other = replace(model, class_names=tuple("abcdefghij"))
    with pytest.raises(ModelError, match="classes"):
        teach(other, data.test.images[0], 0, data)
