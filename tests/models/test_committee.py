"""A committee answers with the mean of its members; one file holds it; broken files are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from comparing import random_state
from groundup.data.splits import validation_split
from groundup.errors import ConfigurationError, ModelError, ParameterError
from groundup.layers import BatchNorm, Linear
from groundup.losses import MeanSquaredError
from groundup.models.calibration import Calibration, tempered
from groundup.models.committee import FORMAT, Committee, held_out
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.models.views import VIEWS, seen
from groundup.network import Network
from small_data import PIXELS, data, pictures

SOME = pictures(60, 3)
SMALL = data(2000, 50)


def model(seed: int, *layers: Any, **others: Any) -> Model:
    network = Network(layers or [Linear(PIXELS, 10)])
    state = random_state(network, np.random.default_rng(seed))
    return Model(network, {name: np.asarray(value, np.float32) for name, value in state.items()}, **others)


def committee() -> Committee:
    wide = [Linear(PIXELS, 20), BatchNorm(20), Linear(20, 10)]
    members = (model(1, training={"epoch": 1}), model(2, *wide), model(3, loss=MeanSquaredError()))
    return Committee(members, {"test_accuracy": 0.5})


def calibration(temperature: float) -> Calibration:
    fitted = Calibration.fit(committee().predict(SOME.images), SOME.labels)
    return replace(fitted, temperature=temperature)


def test_it_answers_with_the_mean() -> None:
    made = committee()
    expected = np.mean([member.predict(SOME.images) for member in made.members], axis=0)
    assert np.allclose(made.predict(SOME.images), expected, atol=1e-7)
    evaluation = made.evaluate(SOME)
    assert evaluation.correct == (expected.argmax(axis=1) == SOME.labels).sum()
    assert evaluation.loss == pytest.approx(-np.log(expected[np.arange(60), SOME.labels]).mean(), rel=1e-4)
    assert made.class_names == tuple("0123456789")


def test_it_may_be_calibrated_and_its_members_may() -> None:
    made = committee()
    assert np.allclose(
        replace(made, calibration=calibration(2.0)).predict(SOME.images), tempered(made.predict(SOME.images), 2.0)
    )
    warm = replace(made.members[0], calibration=calibration(3.0))
    assert np.allclose(warm.predict(SOME.images), tempered(made.members[0].predict(SOME.images), 3.0))
    assert np.allclose(Committee((warm,)).predict(SOME.images), warm.predict(SOME.images))


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
@pytest.mark.parametrize("calibrated", [False, True])
def test_one_file_holds_it_bit_for_bit(calibrated: bool, suffix: str, tmp_path: Path) -> None:
    made = committee()
    if calibrated:
        members = (replace(made.members[0], calibration=calibration(0.5)), *made.members[1:])
        made = replace(made, members=members, calibration=calibration(2.0))
    made.save(tmp_path / f"best{suffix}")
    found = Recogniser.load(tmp_path / f"best{suffix}")
    assert isinstance(found, Committee)
    assert (found.training, found.calibration) == (made.training, made.calibration)
    for one, other in zip(found.members, made.members, strict=True):
        assert (one.network, one.loss, one.training, one.calibration) == (
            other.network,
            other.loss,
            other.training,
            other.calibration,
        )
        assert all(one.state[name].tobytes() == value.tobytes() for name, value in other.state.items())
    assert found.predict(SOME.images).tobytes() == made.predict(SOME.images).tobytes()
    made.save(tmp_path / "named.safetensors")
    names = set(load_file(tmp_path / "named.safetensors"))
    assert names == {f"{n}/{name}" for n, member in enumerate(made.members) for name in member.state}


def test_float16_halves_the_file(tmp_path: Path) -> None:
    made = committee()
    made.save(tmp_path / "whole.safetensors")
    made.save(tmp_path / "half.safetensors", store="float16")
    stored = load_file(tmp_path / "half.safetensors")
    assert all(value.dtype == (np.float16 if value.ndim > 1 else np.float32) for value in stored.values())
    numbers = sum(value.size for value in stored.values() if value.ndim > 1)
    whole, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("whole", "half"))
    assert whole - half == pytest.approx(2 * numbers, abs=16)
    found = Committee.load(tmp_path / "half.safetensors")
    assert found.members[0].state["0.weight"].dtype == np.float32
    assert np.allclose(found.predict(SOME.images), made.predict(SOME.images), atol=0.01)
    found.save(tmp_path / "again.safetensors", store="float16")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "half.safetensors").read_bytes()


def test_what_does_not_go_into_float16_is_refused(tmp_path: Path) -> None:
    large = model(1)
    large = replace(large, state={**large.state, "0.weight": np.full((10, PIXELS), 1e6, np.float32)})
    with pytest.raises(ConfigurationError, match="too large for float16"):
        large.save(tmp_path / "large.safetensors", store="float16")
    with pytest.raises(ConfigurationError, match="float32 or float16, not as int4"):
        large.save(tmp_path / "large.safetensors", store="int4")
    assert not list(tmp_path.iterdir())


def test_each_class_loads_its_own(tmp_path: Path) -> None:
    committee().save(tmp_path / "committee.safetensors")
    model(1).save(tmp_path / "model.safetensors")
    assert isinstance(Recogniser.load(tmp_path), Model)
    with pytest.raises(ModelError, match="holds a committee, and a model is needed here"):
        Model.load(tmp_path / "committee.safetensors")
    with pytest.raises(ModelError, match="holds a model, and a committee is needed here"):
        Committee.load(tmp_path / "model.safetensors")


def test_members_that_do_not_fit() -> None:
    with pytest.raises(ModelError, match="at least one member"):
        Committee(())
    with pytest.raises(ModelError, match="member 1 knows other classes"):
        Committee((model(1), model(2, class_names=tuple("abcdefghij"))))
    with pytest.raises(ModelError, match="member 1 takes 9 pixels, but member 0 takes 36"):
        Committee((model(1), model(2, Linear(9, 10))))


def test_the_probabilities_of_views_are_averaged() -> None:
    one = model(1)
    images = SOME.images
    answers = [one.predict(seen(images, view)) for view in VIEWS[:5]]
    mean = one.predict(images, views=5)
    assert np.allclose(mean, np.mean(answers, axis=0), atol=1e-7)
    assert np.array_equal(one.predict(images, views=1), one.predict(images))
    evaluation = one.evaluate(SOME, views=5)
    assert np.array_equal(evaluation.probabilities, mean)
    assert evaluation.loss == pytest.approx(-np.log(mean[np.arange(60), SOME.labels]).mean(), rel=1e-4)
    for views in (0, 10):
        with pytest.raises(ParameterError, match="1 to 9 views"):
            one.predict(images, views=views)


def held(share: float, digest: str | None = None) -> Model:
    configuration = {"validation": share, "data_sha256": digest or SMALL.train.sha256()}
    return model(1, training={"configuration": configuration})


def test_what_all_members_have_held_out() -> None:
    found = held_out([held(0.1), held(0.1)], SMALL)
    assert found is not None
    assert np.array_equal(found.images, validation_split(SMALL.train, 0.1)[1].images)
    assert held_out([held(0.1), held(0.2)], SMALL) is None
    assert held_out([held(0.1), held(0.1, "other")], SMALL) is None
    assert held_out([held(0.1, "other")], SMALL) is None
    assert held_out([held(0.0)], SMALL) is None
    assert held_out([held(0.01)], SMALL) is None  # twenty are too few
    assert held_out([model(1)], SMALL) is None


def changed(path: Path, description: Any = None, **arrays: Any) -> Path:
    """Write a committee's file with another description, or with other arrays (None takes one away)."""
    committee().save(path)
    with safe_open(path, framework="numpy") as file:
        told = json.loads(file.metadata()["groundup"])
    state = {name: value for name, value in (load_file(path) | arrays).items() if value is not None}
    told = description(told) if description else told
    save_file(state, path, metadata={"groundup": json.dumps(told)})
    return path


HOSTILE: dict[str, tuple[Any, dict[str, Any], str]] = {
    "another format": (lambda told: told | {"format": "groundup committee 2"}, {}, FORMAT),
    "no members": (lambda told: told | {"members": []}, {}, "belongs to none of the 0 members"),
    "members that are none": (lambda told: told | {"members": [1, 2, 3]}, {}, "members must be a list of tables"),
    "members missing": (lambda told: {"format": FORMAT}, {}, "members must be a list of tables"),
    "a million members": (lambda told: told | {"members": [{}] * 1_000_000}, {}, "member 0: class_names"),
    "training that is none": (lambda told: told | {"training": 1}, {}, "training must be a table"),
    "a calibration that is none": (lambda told: told | {"calibration": 1}, {}, "calibration must be a table"),
    "a member's calibration": (
        lambda told: told | {"members": [told["members"][0] | {"calibration": []}, *told["members"][1:]]},
        {},
        "member 0: calibration must be a table",
    ),
    "an array of nobody": (None, {"9/0.weight": np.zeros(3, np.float32)}, "9/0.weight belongs to none"),
    "an array without number": (None, {"0.weight": np.zeros(3, np.float32)}, "0.weight belongs to none"),
    "an array too few": (None, {"1/0.weight": None}, "member 1: .*0.weight is missing"),
    "an array too many": (None, {"2/x": np.zeros(3, np.float32)}, "member 2: .*x is unknown"),
    "NaN": (None, {"0/0.bias": np.full(10, np.nan, np.float32)}, "0/0.bias holds NaN"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str, tmp_path: Path) -> None:
    description, arrays, because = HOSTILE[name]
    path = changed(tmp_path / "best.safetensors", description, **arrays)
    with pytest.raises(ModelError, match=because) as caught:
        Recogniser.load(path)
    assert str(caught.value).startswith(f"{path}: ")
