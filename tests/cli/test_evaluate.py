"""``groundup evaluate``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import groundup
from groundup.data.corruptions import KINDS, corrupted
from groundup.data.datasets import Dataset
from groundup.models import shipped
from groundup.models.calibration import Calibration, calibration_error
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
    names = ("confusion", "mistakes", "calibration", "coverage")
    assert done.json["files"] == [str(out / f"{name}.png") for name in names]
    for name in done.json["files"]:
        with Image.open(name) as image:
            assert min(image.size) > 50


def test_a_perfect_model_has_no_sheet_of_mistakes(model_file: Path, data_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = groundup("evaluate", model_file, "--data", data_folder, "--out", out, "--format", "svg", "--json")
    assert done.json["accuracy"] == 1
    assert done.json["files"] == [str(out / f"{name}.svg") for name in ("confusion", "calibration", "coverage")]
    assert sorted(path.name for path in out.iterdir()) == ["calibration.svg", "confusion.svg", "coverage.svg"]


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


def calibrated(model: Path, small_data: Dataset) -> Path:
    """Return a file of the model, calibrated on the small data set itself."""
    found = Model.load(model)
    made = Calibration.fit(found.uncalibrated(small_data.images), small_data.labels)
    replace(found, calibration=made).save(model.with_name("calibrated.safetensors"))
    return model.with_name("calibrated.safetensors")


def test_the_calibration_error(poor_model: Path, data_folder: Path, small_data: Dataset) -> None:
    before = groundup("evaluate", poor_model, "--data", data_folder, "--json").json["calibration_error"]
    model = calibrated(poor_model, small_data)
    after = groundup("evaluate", model, "--data", data_folder, "--json").json["calibration_error"]
    evaluation = Model.load(poor_model).evaluate(small_data)
    assert before == pytest.approx(calibration_error(evaluation.probabilities, small_data.labels))
    assert after != before
    assert f"calibration error {after:.2%}" in groundup("evaluate", model, "--data", data_folder).out


def test_reject(poor_model: Path, data_folder: Path, small_data: Dataset, tmp_path: Path) -> None:
    model = calibrated(poor_model, small_data)
    out = tmp_path / "out"
    report = groundup("evaluate", model, "--data", data_folder, "--reject", 0.05, "--out", out, "--json").json
    found = report["reject"]
    sure = Model.load(model).predict(small_data.images).max(axis=1) > found["threshold"]
    assert 0 < found["threshold"] < 1
    assert found["coverage"] == pytest.approx(sure.mean())
    assert found["error_rate"] <= 0.05 < 1 - report["accuracy"]  # these are the pictures that it was chosen on
    assert found["curve"][0] == {"threshold": 0, "coverage": 1, "error_rate": pytest.approx(1 - report["accuracy"])}
    assert found["curve"][-1]["error_rate"] == 0
    assert str(out / "coverage.png") in report["files"]
    with Image.open(out / "coverage.png") as image:
        assert min(image.size) > 50
    shown = groundup("evaluate", model, "--data", data_folder, "--reject", 0.05).out
    assert f"{found['coverage']:.2%} answered" in shown
    assert "answers above" in shown


@pytest.mark.parametrize("rate", ["-0.1", "1.5", "few"])
def test_reject_takes_a_share(rate: str, poor_model: Path, data_folder: Path) -> None:
    assert groundup("evaluate", poor_model, "--data", data_folder, "--reject", rate).code == 2


def test_reject_needs_a_calibration(poor_model: Path, data_folder: Path) -> None:
    done = groundup("evaluate", poor_model, "--data", data_folder, "--reject", 0.1)
    assert done.code == 2
    assert "not calibrated" in done.err


def test_corruptions(model_file: Path, data_folder: Path, small_data: Dataset) -> None:
    report = groundup("evaluate", model_file, "--data", data_folder, "--corruptions", "--json").json
    records = {record["kind"]: record for record in report["corruptions"]}
    assert list(records) == list(KINDS)
    expected = Model.load(model_file).evaluate(corrupted(small_data, "fog"))
    assert records["fog"]["accuracy"] == pytest.approx(expected.accuracy)
    assert records["fog"]["correct"] == expected.correct
    assert records["fog"]["interval"] == pytest.approx(list(expected.interval))
    lines = groundup("evaluate", model_file, "--data", data_folder, "--corruptions").out.splitlines()
    mean = sum(record["accuracy"] for record in records.values()) / 15
    assert [line.split()[1] for line in lines if line.split()[:1] == ["mean"]] == [f"{mean:.2%}"]
    assert all(any(line.strip().startswith(kind) for line in lines) for kind in KINDS)


def test_views(poor_model: Path, data_folder: Path, small_data: Dataset) -> None:
    report = groundup("evaluate", poor_model, "--data", data_folder, "--views", 9, "--json").json
    expected = Model.load(poor_model).evaluate(small_data, views=9)
    assert (report["correct"], report["loss"]) == (expected.correct, pytest.approx(expected.loss))
    assert groundup("evaluate", poor_model, "--data", data_folder, "--views", 10).code == 2


def test_a_shipped_model_by_its_name(
    poor_model: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "weights")
    assert "no models are shipped" in groundup("evaluate", "cnn", "--data", data_folder).err
    Model.load(poor_model).save(tmp_path / "weights" / "cnn.safetensors")
    assert groundup("evaluate", "cnn", "--data", data_folder, "--json").json["count"] == 40
    assert "shipped with groundup: cnn" in groundup("evaluate", "best", "--data", data_folder).err
    assert list(groundup("info", "--json").json["models"]) == ["cnn"]
    assert "cnn: not measured" in groundup("info").out


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
