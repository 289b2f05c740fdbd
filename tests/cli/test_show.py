"""``groundup show``."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import groundup
from groundup.augmentation import Augmentation
from groundup.cli import program
from groundup.data.datasets import Dataset
from groundup.layers import Conv2d, Flatten, Linear, ReLU
from groundup.models.model import Model
from groundup.models.recipes import recipe
from groundup.network import Network


@pytest.fixture
def convolutional(tmp_path: Path) -> Path:
    """An untrained network with a convolution."""
    network = Network([Conv2d(1, 4, 5, stride=2), ReLU(), Flatten(), Linear(576, 10)], (1, 28, 28))
    random = np.random.default_rng(0)
    state = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in network.state_shapes().items()}
    Model(network, state).save(tmp_path / "convolutional.safetensors")
    return tmp_path / "convolutional.safetensors"


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run folder with three epochs."""
    records = [
        {
            "epoch": epoch, "seconds": 1.0, "train_loss": 1 / epoch, "train_accuracy": 1 - 0.2 / epoch,
            "validation_loss": 1.1 / epoch, "validation_accuracy": 0.98 - 0.2 / epoch, "learning_rate": 0.1,
        }
        for epoch in (1, 2, 3)
    ]  # fmt: skip
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return tmp_path / "run"


@pytest.mark.parametrize("suffix", ["png", "svg"])
@pytest.mark.parametrize("what", ["samples", "augmentation", "answers", "weights", "activations", "curves"])
def test_everything_goes_to_a_file(
    convolutional: Path,
    data_folder: Path,
    run_folder: Path,
    tmp_path: Path,
    what: str,
    suffix: str,
) -> None:
    arguments = {
        "samples": ["--data", data_folder],
        "augmentation": ["--data", data_folder, "--strength", 2],
        "answers": [convolutional, "--data", data_folder, "--count", 12],
        "weights": [convolutional],
        "activations": [convolutional, "--data", data_folder, "--index", 3],
        "curves": [run_folder],
    }[what]
    out = tmp_path / f"figure.{suffix}"
    done = groundup("show", what, *arguments, "--out", out)
    assert done.code == 0
    assert done.out == ""
    assert f"Written: {out}" in done.err
    if suffix == "png":
        with Image.open(out) as image:
            assert np.asarray(image.convert("L")).std() > 3
    else:
        assert out.read_text().lstrip().startswith("<?xml")


def test_samples(data_folder: Path, small_data: Dataset) -> None:
    chosen = groundup("show", "samples", "--data", data_folder, "--count", 5, "--seed", 3, "--json").json["pictures"]
    assert len(chosen) == 5
    assert all(picture["label"] == str(small_data.labels[picture["index"]]) for picture in chosen)
    again = groundup("show", "samples", "--data", data_folder, "--count", 5, "--seed", 3, "--json").json["pictures"]
    other = groundup("show", "samples", "--data", data_folder, "--count", 5, "--seed", 4, "--json").json["pictures"]
    assert chosen == again != other
    two = groundup("show", "samples", "--data", data_folder, "--count", 2, "--seed", 3, "--json").json["pictures"]
    drawn = groundup("show", "samples", "--data", data_folder, "--count", 2, "--seed", 3).out
    assert drawn.split("\n")[0].split() == [picture["label"] for picture in two]
    assert drawn.count("\n") == 15  # the labels and 28 rows of pixels in half blocks


def test_augmentation(data_folder: Path, tmp_path: Path) -> None:
    one = ["--data", data_folder, "--count", 1]
    drawn = groundup("show", "augmentation", *one).out
    assert drawn.count("\n") == 15  # the label and 28 rows of pixels in half blocks
    assert any(line[:28].strip() != line[28:56].strip() for line in drawn.split("\n")[1:])
    network = tmp_path / "config.toml"
    network.write_text(replace(recipe("4-10"), augmentation=Augmentation(shift=1)).as_toml())
    shown = groundup("show", "augmentation", *one, "--network", network, "--strength", 3, "--json").json
    assert shown["augmentation"]["shift"] == 3
    assert shown["augmentation"]["rotation"] == 0
    assert len(shown["pictures"]) == 1
    for options, because in ((["--network", "mlp"], "mlp"), (["--strength", 0], "strength 0")):
        refused = groundup("show", "augmentation", *one, *options)
        assert refused.code == 2
        assert f"{because} leaves the pictures as they are: there is no augmentation" in refused.err


def test_answers(model_file: Path, small_model: Model, data_folder: Path, small_data: Dataset) -> None:
    done = groundup("show", "answers", model_file, "--data", data_folder, "--index", 7, "--index", 31, "--json")
    probabilities = small_model.predict(small_data.images)
    for picture, index in zip(done.json["pictures"], (7, 31), strict=True):
        assert (picture["index"], picture["label"], picture["answer"]) == (index, index % 10, index % 10)
        assert picture["probabilities"] == pytest.approx(probabilities[index].tolist(), rel=1e-4)
        assert picture["loss"] == pytest.approx(-np.log(probabilities[index, index % 10]), rel=1e-4)
    shown = groundup("show", "answers", model_file, "--data", data_folder, "--index", 7).out
    assert "small/test[7]  label 7  loss 0." in shown
    assert "right" in shown


class Terminal(io.StringIO):
    """A person at a terminal, or the screen before them."""

    def isatty(self) -> bool:
        return True


def test_answers_wait_for_enter_and_stop_at_q(
    model_file: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("\nq\n\n"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with contextlib.redirect_stdout(Terminal()) as screen:
        program(["show", "answers", str(model_file), "--data", str(data_folder), "--count", "5"], standalone_mode=False)
    assert screen.getvalue().count("small/test[") == 2
    assert "2 of 5: Enter for the next, q to stop" in screen.getvalue()
    assert "\x1b[38;2;" in screen.getvalue()  # in colours


def test_only_mistakes(convolutional: Path, data_folder: Path) -> None:
    pictures = groundup("show", "answers", convolutional, "--data", data_folder, "--mistakes", "--json").json[
        "pictures"
    ]
    assert pictures
    assert all(picture["answer"] != picture["label"] for picture in pictures)
    assert "WRONG" in groundup("show", "answers", convolutional, "--data", data_folder, "--mistakes").out


def test_weights(convolutional: Path) -> None:
    layers = groundup("show", "weights", convolutional, "--json").json["layers"]
    assert [(layer["name"], layer["shape"]) for layer in layers] == [
        ("0.weight", [4, 1, 5, 5]),
        ("3.weight", [10, 576]),
    ]
    assert groundup("show", "weights", convolutional).out.startswith("0.weight (4, 1, 5, 5)")
    assert groundup("show", "weights", convolutional, "--layer", "3.weight").out.startswith("3.weight (10, 576)")
    done = groundup("show", "weights", convolutional, "--layer", "9.weight")
    assert done.code == 2
    assert "0.weight, 3.weight" in done.err


def test_activations(convolutional: Path, model_file: Path, digit_file: Callable[[int], Path]) -> None:
    layers = groundup("show", "activations", convolutional, digit_file(4), "--json").json["layers"]
    assert [layer["shape"] for layer in layers] == [[1, 28, 28], [4, 12, 12], [4, 12, 12], [576], [10]]
    assert np.min(layers[2]["values"]) == 0
    linear = groundup("show", "activations", model_file, digit_file(4), "--json").json["layers"]
    assert [layer["shape"] for layer in linear] == [[1, 28, 28], [10]]  # drawn as a picture, though it enters as a row
    assert int(np.argmax(linear[1]["values"])) == 4
    out = groundup("show", "activations", convolutional, digit_file(4)).out
    assert "4 x 12 x 12" in out


def test_curves(run_folder: Path) -> None:
    report = groundup("show", "curves", run_folder, "--json").json
    assert [record["epoch"] for record in report["history"]] == [1, 2, 3]
    out = groundup("show", "curves", run_folder).out
    assert "validation accuracy" in out
    assert "▁" in out
    assert report["diagnosis"] in out.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curves", "MISSING"], "no metrics.jsonl"),
        (["curves", "BROKEN"], "one JSON object a line"),
        (["curves", "RUN", "--out", "figure.jpg"], ".png or .svg"),
        (["curves", "RUN", "--out", "BROKEN/metrics.jsonl/figure.png"], "cannot be written"),
        (["activations", "MODEL"], "picture"),
        (["activations", "MODEL", "x.png", "--index", "1"], "picture"),
        (["activations", "MODEL", "x.png"], "no such file"),
        (["activations", "MODEL", "--index", "40"], "0 to 39"),
        (["answers", "MODEL", "--index", "40"], "0 to 39"),
        (["answers", "MISSING"], "MISSING"),
    ],
)
def test_wrong_use(
    convolutional: Path,
    run_folder: Path,
    data_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("GROUNDUP_DATA", str(data_folder))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN" / "metrics.jsonl").write_text("{\n")
    known = {"MODEL": str(convolutional), "RUN": str(run_folder)}
    done = groundup("show", *(known.get(argument, argument) for argument in arguments))
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
