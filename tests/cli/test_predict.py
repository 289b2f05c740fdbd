"""``groundup predict``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import groundup, python
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
    assert groundup("predict", digit_file(7)).code == 2
    inverted = Model(small_model.network, {name: -array for name, array in small_model.state.items()})
    inverted.save("runs/old/model.safetensors")
    small_model.save("runs/new/model.safetensors")
    os.utime("runs/old/model.safetensors", (1, 1))
    assert groundup("predict", digit_file(7), "--json").json["pictures"][0]["rows"] == ["7"]
    assert groundup("predict", digit_file(7), "--model", "runs/new", "--json").json["pictures"][0]["rows"] == ["7"]
    assert groundup("predict", digit_file(7), "--model", "runs/old", "--json").json["pictures"][0]["rows"] != ["7"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name a picture"),
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
