"""The models that come with the package are found by name, and are what they say they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from groundup.data import load
from groundup.errors import ModelError
from groundup.layers import Linear
from groundup.models import shipped, storage
from groundup.models.committee import Committee
from groundup.models.configuration import Configuration
from groundup.models.model import Model
from groundup.models.recipes import recipe
from groundup.models.recogniser import Recogniser
from groundup.network import Network

MEGABYTES_AT_MOST = 25
CHOSEN_BESIDE = ("seed", "data_sha256", "backend", "precision")  # a recipe


def small(bias: float) -> Model:
    state = {"0.weight": np.zeros((10, 4), np.float32), "0.bias": np.full(10, bias, np.float32)}
    return Model(Network([Linear(4, 10)]), state, training={"test_accuracy": 0.75})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships two models, and a working folder beside it."""
    weights, working = tmp_path / "weights", tmp_path / "work"
    monkeypatch.setattr(shipped, "FOLDER", weights)
    working.mkdir()
    monkeypatch.chdir(working)
    monkeypatch.setattr(shipped, "DEFAULT", "cnn")
    small(1).save(weights / "cnn.safetensors")
    small(2).save(weights / "tiny.safetensors")
    return working


def bias(model: Recogniser) -> float:
    assert isinstance(model, Model)
    return float(model.state["0.bias"][0])


def test_by_name(folder: Path) -> None:
    assert shipped.names() == ["cnn", "tiny"]
    assert bias(Recogniser.load("tiny")) == 2
    assert bias(Model.load("cnn")) == 1


def test_files_and_runs_come_first(folder: Path) -> None:
    (folder / "cnn").mkdir()
    assert bias(Model.load("cnn")) == 1  # a folder of that name is no run yet
    small(3).save(folder / "cnn" / "model.safetensors")
    assert bias(Model.load("cnn")) == 3
    small(4).save(folder / "tiny")
    assert bias(Model.load("tiny")) == 4
    assert bias(Model.load(folder / "cnn")) == 3


@pytest.mark.parametrize("name", ["cn", "cnn.safetensors", "./cnn/x", "../weights/cnn", ""])
def test_names_that_are_none(name: str, folder: Path) -> None:
    with pytest.raises(ModelError):
        Model.load(name)


def test_the_message_says_what_there_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="cn: there is no such model file; shipped with groundup: cnn, tiny"):
        Model.load("cn")
    monkeypatch.setattr(shipped, "FOLDER", folder / "none")
    with pytest.raises(ModelError, match="no models are shipped"):
        Model.load("cn")


def test_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(5).save(folder / "runs" / "mine" / "model.safetensors")
    assert bias(Recogniser.load(shipped.default())) == 1
    monkeypatch.setattr(shipped, "FOLDER", folder / "none")
    assert bias(Recogniser.load(shipped.default())) == 5
    (folder / "runs" / "mine" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="groundup train"):
        shipped.default()


def test_descriptions(folder: Path) -> None:
    described = shipped.descriptions()
    size = shipped.file("cnn").stat().st_size
    assert described["cnn"] == {"bytes": size, "test_accuracy": 0.75}
    for contents in (b"broken", b""):
        shipped.file("tiny").write_bytes(contents)
        with pytest.raises(ModelError, match=r"tiny\.safetensors: is not a whole"):
            shipped.descriptions()


@pytest.mark.parametrize("name", shipped.names())
def test_every_shipped_model_says_how_it_came_to_be(name: str) -> None:
    assert shipped.file(name).stat().st_size < MEGABYTES_AT_MOST * 1e6
    recogniser = Recogniser.load(shipped.file(name))
    assert 0.99 < recogniser.training["test_accuracy"] < 1
    members = recogniser.members if isinstance(recogniser, Committee) else (recogniser,)
    for member in members:
        assert {"name", "seed", "network", "data_sha256"} <= set(member.training["configuration"])
        assert len(member.training["history"]) >= 1
        assert 0.9 < member.training["test_accuracy"] < 1


@pytest.mark.parametrize("name", shipped.names())
def test_every_shipped_model_was_trained_as_its_recipe_says(name: str) -> None:
    recogniser = Recogniser.load(shipped.file(name))
    for member in recogniser.members if isinstance(recogniser, Committee) else (recogniser,):
        trained = Configuration.from_table(member.training["configuration"])
        by_recipe = replace(recipe(trained.name), **{each: getattr(trained, each) for each in CHOSEN_BESIDE})
        if name == "fast99":
            by_recipe = replace(by_recipe, validation=0.1)  # for its temperature
        assert trained == by_recipe


@pytest.mark.parametrize("name", shipped.names())
def test_every_shipped_model_reproduces_its_test_accuracy(name: str, mnist_folder: Path) -> None:
    recogniser = Recogniser.load(shipped.file(name))
    found = recogniser.evaluate(load(str(mnist_folder)).test).accuracy
    assert found == pytest.approx(recogniser.training["test_accuracy"], abs=2e-4)  # bfloat16 products may differ


def test_a_description_is_read_without_the_arrays(folder: Path) -> None:
    assert storage.read_description(shipped.file("cnn"))["training"] == {"test_accuracy": 0.75}
