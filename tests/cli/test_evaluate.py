"""``groundup evaluate``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import groundup
from groundup.data.datasets import Dataset
from groundup.models.model import Model


@pytest.fixture
def poor_model(tmp_path: Path, small_model: Model) -> Path:
    """A model that never answers 3, and says 0 more often than it should."""
    bias = np.zeros(10, np.float32)
    bias[0], bias[3] = 6, -50
    path = tmp_path / "poor.json"
    Model(small_model.network, {**small_model.state, "0.bias": bias}).save(path)
    return path


def test_json(poor_model: Path, data_folder: Path, small_data: Dataset) -> None:
    done = groundup("evaluate", poor_model, "--data", data_folder, "--json")
    assert done.code == 0
    report = done.json
    answers = Model.load(poor_model).predict(small_data.images).argmax(axis=1)
    correct = answers == small_data.labels
    assert 0 < correct.sum() < 40
    assert (report["count"], report["correct"]) == (40, correct.sum())
    assert report["accuracy"] == pytest.approx(correct.mean())
    low, high = report["interval"]
    assert 0 <= low < report["accuracy"] < high <= 1
    assert report["loss"] > 0
    expected = np.zeros((10, 10), int)
    np.add.at(expected, (small_data.labels, answers), 1)
    assert report["confusion"] == expected.tolist()
    three, zero = report["classes"][3], report["classes"][0]
    assert three == {"name": "3", "count": 4, "precision": None, "recall": 0.0}  # never answered: no precision
    assert zero["recall"] == 1.0
    assert zero["precision"] == pytest.approx(4 / (answers == 0).sum())
    mistakes = report["worst_mistakes"]
    assert {mistake["index"] for mistake in mistakes} == set(np.flatnonzero(~correct).tolist())
    assert all(answers[mistake["index"]] == mistake["answer"] != mistake["label"] for mistake in mistakes)


def test_pictures_are_written(poor_model: Path, data_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    done = groundup("evaluate", poor_model, "--data", data_folder, "--out", out, "--json")
    assert done.json["files"] == [str(out / "confusion.png"), str(out / "mistakes.png")]
    for name in done.json["files"]:
        with Image.open(name) as image:
            assert min(image.size) > 50


def test_a_perfect_model_has_no_sheet_of_mistakes(model_file: Path, data_folder: Path, tmp_path: Path) -> None:
    done = groundup("evaluate", model_file, "--data", data_folder, "--out", tmp_path / "out", "--json")
    assert done.json["accuracy"] == 1
    assert done.json["files"] == [str(tmp_path / "out" / "confusion.png")]


def test_for_people(poor_model: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    report = groundup("evaluate", poor_model, "--data", data_folder, "--json").json
    out = groundup("evaluate", poor_model, "--data", data_folder).out
    assert "small/test, 40 pictures" in out
    assert f"accuracy {report['accuracy']:.2%}" in out
    assert "95% interval" in out
    assert "The worst mistakes" in out
    rows = [line.split() for line in out.splitlines() if line.strip().startswith("4 ")]
    assert rows[0][:11] == ["4", *(str(count) if count else "·" for count in report["confusion"][4])]
    worst = report["worst_mistakes"][0]
    assert f"{worst['label']} > {worst['answer']} {worst['probability']:.0%} {worst['index']}" in out


@pytest.mark.parametrize("broken", ["missing.safetensors", "text.json", "text.safetensors"])
def test_broken_models(tmp_path: Path, data_folder: Path, broken: str) -> None:
    (tmp_path / "text.json").write_text("{")
    (tmp_path / "text.safetensors").write_text("{")
    done = groundup("evaluate", tmp_path / broken, "--data", data_folder)
    assert done.code == 2
    assert broken in done.err
    assert "Traceback" not in done.err


def test_a_data_set_of_other_classes_is_refused(model_file: Path, small_data: Dataset, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for index in range(12):
            path = tmp_path / "animals" / name / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(small_data.images[index]).save(path)
    done = groundup("evaluate", model_file, "--data", tmp_path / "animals")
    assert done.code == 2
    assert "cat, dog" in done.err


def test_a_folder_that_cannot_be_written(model_file: Path, data_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = groundup("evaluate", model_file, "--data", data_folder, "--out", tmp_path / "file" / "below")
    assert done.code == 2
    assert "cannot be written" in done.err


def test_json_is_one_object_also_with_progress(model_file: Path, data_folder: Path) -> None:
    done = groundup("evaluate", model_file, "--data", data_folder, "--json")
    assert done.out.count("\n") == 1
    json.loads(done.out)
