"""The models that a playground offers, and what they are called."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from api_client import api, ask, digits, send

from groundup.data import sources
from groundup.errors import ConfigurationError, ModelError
from groundup.models import shipped
from groundup.serve.library import Library


def copy(to: Path) -> Path:
    """Copy a shipped model to a file."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(shipped.file("small"), to)
    return to


def test_a_file_is_called_as_it_is_without_its_ending(tmp_path: Path) -> None:
    library = Library(copy(tmp_path / "mine.v2.safetensors"))
    assert library.names()[:2] == ["mine.v2", shipped.DEFAULT]
    images, _ = digits()
    assert library.model("mine.v2").predict(images).shape == (20, 10)


def test_a_run_folder_is_called_as_it_is(tmp_path: Path) -> None:
    copy(tmp_path / "night.3" / "model.safetensors")
    library = Library(tmp_path / "night.3")
    assert library.names()[0] == "night.3"
    assert library.model("night.3").class_names == tuple("0123456789")


def test_a_shipped_model_may_come_first() -> None:
    assert Library().names()[0] == shipped.DEFAULT
    names = Library(Path("small")).names()
    assert names[0] == "small"
    assert sorted(names) == shipped.names()


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cnn.safetensors would be called 'cnn', as a model that is shipped"):
        Library(copy(tmp_path / "cnn.safetensors"))


def test_no_model_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "names", list)
    with pytest.raises(ConfigurationError, match="name it with --model"):
        Library()


def test_a_shipped_name_is_no_file_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cnn").write_text("nothing")
    assert Library().model("cnn").class_names == tuple("0123456789")


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        Library(tmp_path / "gone.safetensors").model("gone")


def test_the_api_tells_no_paths(tmp_path: Path) -> None:
    app = api(Library(copy(tmp_path / "mine.safetensors")))
    assert ask(app, "GET", "/api/models").json()["models"][0]["name"] == "mine"
    images, _ = digits()
    body = f'{{"pixels": {images[0].tolist()}}}'.encode()
    assert send(body, "application/json", app, {"model": "mine"}).json()["model"] == "mine"
    assert str(tmp_path) not in ask(app, "GET", "/api/openapi.json").text


def test_a_cache_that_is_not_whole_is_not_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(sources.VARIABLE, raising=False)
    monkeypatch.setattr("groundup.serve.library.cache_folder", lambda: tmp_path)
    (tmp_path / "mnist").mkdir()
    assert Library().data().name in ("sample", "strokes")
