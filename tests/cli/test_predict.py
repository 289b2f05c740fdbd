"""``groundup predict``."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from command_line import groundup, python
from groundup.data.datasets import Dataset
from groundup.models import shipped
from groundup.models.calibration import Calibration, Coverage
from groundup.models.model import Model
from groundup.pictures import read_picture, to_mnist


def test_json_in_the_order_of_the_arguments(
    digit_file: Callable[[int], Path], model_file: Path, small_model: Model
) -> None:
    files = [digit_file(digit) for digit in (7, 0, 4)]
    done = groundup("predict", *files, "--model", model_file, "--json")
    assert done.code == 0
    assert done.err == ""
    assert [picture["file"] for picture in done.json["pictures"]] == [str(file) for file in files]
    assert [picture["rows"] for picture in done.json["pictures"]] == [["7"], ["0"], ["4"]]
    for file, picture in zip(files, done.json["pictures"], strict=True):
        (digit,) = picture["digits"]
        prepared = to_mnist(read_picture(file))
        probabilities = small_model.predict(prepared.pixels[np.newaxis])[0]
        assert picture["error"] is None
        assert digit["digit"] == probabilities.argmax()
        assert digit["probability"] == pytest.approx(probabilities.max(), rel=1e-5)
        assert digit["probabilities"] == pytest.approx(probabilities.tolist(), rel=1e-5)
        assert tuple(digit["box"]) == prepared.box


def test_what_cannot_be_read_does_not_stop_the_others(
    digit_file: Callable[[int], Path], model_file: Path, tmp_path: Path
) -> None:
    Image.new("L", (50, 50), 200).save(tmp_path / "blank.png")
    (tmp_path / "text.png").write_text("no picture")
    files = [tmp_path / "missing.png", digit_file(3), tmp_path / "text.png", tmp_path / "blank.png", digit_file(8)]
    done = groundup("predict", *files, "--model", model_file, "--json")
    assert done.code == 1
    errors = [picture["error"] for picture in done.json["pictures"]]
    for error, expected in zip(errors, ["no such file", None, "not a picture", "blank", None], strict=True):
        assert (error is None) if expected is None else (expected in error)
    assert [picture["rows"] for picture in done.json["pictures"]] == [[], ["3"], [], [], ["8"]]
    assert [len(picture["digits"]) for picture in done.json["pictures"]] == [0, 1, 0, 0, 1]
    shown = groundup("predict", *files, "--model", model_file)
    assert shown.code == 1
    assert shown.err.count("groundup: ") == 3
    assert f"groundup: {files[0]}: no such file" in shown.err
    assert f"{files[4]}: 8" in shown.out


def test_all_broken(model_file: Path, tmp_path: Path) -> None:
    done = groundup("predict", tmp_path / "missing.png", "--model", model_file, "--json")
    assert done.code == 1
    assert len(done.json["pictures"]) == 1


@pytest.fixture
def rows_file(digit_file: Callable[[int], Path], tmp_path: Path) -> Path:
    """A picture of two rows, 70 and 4."""
    parts = [np.asarray(Image.open(digit_file(digit))) for digit in (7, 0, 4)]
    below = np.full_like(parts[2], 235)
    path = tmp_path / "rows.png"
    Image.fromarray(np.vstack([np.hstack(parts[:2]), np.hstack([parts[2], below])])).save(path)
    return path


def test_rows(rows_file: Path, model_file: Path) -> None:
    done = groundup("predict", rows_file, "--model", model_file, "--json")
    (picture,) = done.json["pictures"]
    assert picture["rows"] == ["70", "4"]
    assert [(digit["row"], digit["column"]) for digit in picture["digits"]] == [(1, 1), (1, 2), (2, 1)]
    shown = groundup("predict", rows_file, "--model", model_file).out.splitlines()
    assert shown[0] == f"{rows_file}: 70 | 4"
    assert [line.split()[0] for line in shown[1:]] == ["70", "4"]
    assert shown[1].count("%") == 2


def test_csv(rows_file: Path, model_file: Path, tmp_path: Path) -> None:
    done = groundup("predict", rows_file, tmp_path / "missing.png", "--model", model_file, "--csv")
    assert done.code == 1
    assert "missing.png: no such file" in done.err
    lines = list(csv.DictReader(done.out.splitlines()))
    assert [(line["file"], line["row"], line["column"], line["digit"]) for line in lines] == [
        (str(rows_file), "1", "1", "7"), (str(rows_file), "1", "2", "0"), (str(rows_file), "2", "1", "4"),
    ]  # fmt: skip
    assert all(0 < float(line["probability"]) <= 1 and int(line["left"]) < int(line["right"]) for line in lines)


def test_patterns(digit_file: Callable[[int], Path], model_file: Path, tmp_path: Path) -> None:
    files = [digit_file(digit) for digit in (4, 0, 7)]
    done = groundup("predict", tmp_path / "[0-9].png", "--model", model_file, "--json")
    assert [picture["file"] for picture in done.json["pictures"]] == sorted(map(str, files))
    assert groundup("predict", tmp_path / "*.jpg", "--model", model_file, "--json").json["pictures"][0]["error"]


def test_standard_input(digit_file: Callable[[int], Path], model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for body, expected in ((digit_file(7).read_bytes(), ["7"]), (b"", [])):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))
        (picture,) = groundup("predict", "-", "--model", model_file, "--json").json["pictures"]
        assert (picture["file"], picture["rows"]) == ("standard input", expected)


def test_clipboard(digit_file: Callable[[int], Path], model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = digit_file(4)
    for found in (Image.open(path), [str(path)]):
        monkeypatch.setattr("PIL.ImageGrab.grabclipboard", lambda found=found: found)
        (picture,) = groundup("predict", "--clipboard", "--model", model_file, "--json").json["pictures"]
        assert (picture["file"], picture["rows"]) == ("clipboard", ["4"])
    monkeypatch.setattr("PIL.ImageGrab.grabclipboard", lambda: None)
    assert "no picture in the clipboard" in groundup("predict", "--clipboard", "--model", model_file).err

    def missing() -> None:
        raise NotImplementedError("xclip is required")

    monkeypatch.setattr("PIL.ImageGrab.grabclipboard", missing)
    done = groundup("predict", "--clipboard", "--model", model_file)
    assert done.code == 2
    assert "the clipboard cannot be read: xclip is required" in done.err


def test_explain(rows_file: Path, model_file: Path, tmp_path: Path) -> None:
    assert groundup("predict", rows_file, "--model", model_file, "--explain", tmp_path / "stages.png").code == 0
    with Image.open(tmp_path / "stages.png") as image:
        assert image.width > 500
    done = groundup("predict", rows_file, "--model", model_file, "--explain", tmp_path / "no" / "stages.txt")
    assert done.code == 2
    assert "cannot be written" in done.err


def test_explain_where_nothing_is_read(model_file: Path, tmp_path: Path) -> None:
    drawn = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(drawn).rectangle((60, 60, 140, 140), fill=0)
    drawn.save(tmp_path / "blot.png")
    done = groundup("predict", tmp_path / "blot.png", "--model", model_file, "--explain", tmp_path / "stages.png")
    assert done.code == 1
    assert "nothing in the picture looks like a digit" in done.err
    with Image.open(tmp_path / "stages.png") as image:
        assert image.width > 500


def test_for_people(digit_file: Callable[[int], Path], model_file: Path) -> None:
    done = groundup("predict", digit_file(7), "--model", model_file)
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{digit_file(7)}: 7, ")
    assert len(lines) == 15  # the verdict, and 28 rows of pixels in half blocks
    assert "█" in next(line for line in lines if " 7 " in line[28:])
    assert "\x1b" not in done.out  # no colours where there is no terminal


def test_pictures_of_a_data_set(model_file: Path, data_folder: Path) -> None:
    done = groundup("predict", "--data", data_folder, "--index", 5, "--index", 12, "--model", model_file, "--json")
    assert done.code == 0
    first, second = done.json["pictures"]
    assert (first["file"], first["label"], first["rows"]) == ("small/test[5]", "5", ["5"])
    assert (second["file"], second["label"], second["rows"]) == ("small/test[12]", "2", ["2"])
    assert first["digits"][0]["box"] == [0, 0, 28, 28]


def test_the_newest_run_is_taken(
    digit_file: Callable[[int], Path],
    small_model: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "weights")
    assert groundup("predict", digit_file(7)).code == 2
    inverted = Model(small_model.network, {name: -array for name, array in small_model.state.items()})
    inverted.save("runs/old/model.safetensors")
    small_model.save("runs/new/model.safetensors")
    os.utime("runs/old/model.safetensors", (1, 1))
    assert groundup("predict", digit_file(7), "--json").json["pictures"][0]["rows"] == ["7"]
    assert groundup("predict", digit_file(7), "--model", "runs/new", "--json").json["pictures"][0]["rows"] == ["7"]
    assert groundup("predict", digit_file(7), "--model", "runs/old", "--json").json["pictures"][0]["rows"] != ["7"]
    inverted.save(shipped.file(shipped.DEFAULT))  # a shipped model comes first
    assert groundup("predict", digit_file(7), "--json").json["pictures"][0]["rows"] != ["7"]
    assert groundup("predict", digit_file(7), "--model", shipped.DEFAULT, "--json").json["pictures"][0]["rows"] != ["7"]


def test_reject(digit_file: Callable[[int], Path], small_model: Model, tmp_path: Path) -> None:
    path, picture = tmp_path / "model.safetensors", digit_file(7)
    replace(small_model, calibration=Calibration(4.0, (Coverage(0.0, 1.0, 0.1), Coverage(1.0, 0.0, 0.0)), 100)).save(
        path
    )
    lenient = groundup("predict", picture, "--model", path, "--reject", 0.1, "--json").json["pictures"][0]
    strict = groundup("predict", picture, "--model", path, "--reject", 0.01, "--json").json["pictures"][0]
    assert (lenient["rows"], strict["rows"]) == (["7"], ["?"])
    assert (lenient["digits"][0]["name"], strict["digits"][0]["name"]) == ("7", "?")
    assert strict["digits"][0]["digit"] == 7
    assert "I don't know; perhaps 7" in groundup("predict", picture, "--model", path, "--reject", 0.01).out
    assert ",?,0." in groundup("predict", picture, "--model", path, "--reject", 0.01, "--csv").out
    small_model.save(path)
    assert "not calibrated" in groundup("predict", picture, "--model", path, "--reject", 0.01).err


def test_views(small_model: Model, model_file: Path, data_folder: Path, small_data: Dataset) -> None:
    arguments = ("predict", "--model", model_file, "--data", data_folder, "--index", 3, "--views", 5, "--json")
    digit = groundup(*arguments).json["pictures"][0]["digits"][0]
    assert digit["probabilities"] == pytest.approx(small_model.predict(small_data.images[3:4], views=5)[0].tolist())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name a picture"),
        (["x.png", "--csv", "--json"], "one of --csv and --json"),
        (["x.png", "y.png", "--explain", "out.png"], "--explain shows one IMAGE"),
        (["x.png", "--data", "strokes"], "--data needs --index"),
        (["x.png", "--model", "missing.safetensors"], "missing.safetensors"),
        (["--index", "40"], "0 to 39"),
        (["--index", "-1"], "0 to 39"),
    ],
)
def test_wrong_use(
    model_file: Path,
    data_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("GROUNDUP_DATA", str(data_folder))
    model = [] if "--model" in arguments else ["--model", model_file]
    done = groundup("predict", *arguments, *model)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""


def test_it_imports_nothing_heavy(digit_file: Callable[[int], Path], model_file: Path) -> None:
    code = (
        "import sys; from groundup.cli import main\n"
        "try: main()\n"
        "finally: print({'matplotlib', 'pooch', 'torch', 'scipy'} & set(sys.modules))"
    )
    done = python(code, "predict", "--model", model_file, digit_file(7))
    assert done.code == 0
    assert done.out.splitlines()[-1] == "set()"
