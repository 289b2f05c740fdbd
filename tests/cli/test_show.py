"""``groundup show``."""

from __future__ import annotations

import contextlib
import io
import json
import math
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
from groundup.data import load
from groundup.data.datasets import Dataset
from groundup.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from groundup.models.evaluation import Evaluation
from groundup.models.model import Model
from groundup.models.recipes import recipe
from groundup.network import Network
from groundup.training.history import History


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
@pytest.mark.parametrize(
    "what",
    [
        "samples",
        "augmentation",
        "answers",
        "network",
        "weights",
        "histograms",
        "activations",
        "saliency",
        "gradients",
        "embedding",
        "robustness",
        "curves",
        "ladder",
    ],
)
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
        "network": [convolutional],
        "weights": [convolutional],
        "histograms": [convolutional],
        "saliency": [convolutional, "--data", data_folder, "--index", 3],
        "gradients": [convolutional, "--data", data_folder, "--index", 3, "--label", 7],
        "embedding": [convolutional, "--data", data_folder],
        "robustness": [convolutional, "--data", data_folder, "--kind", "blur"],
        "ladder": ["lists=31", "numpy=29000"],
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


def test_network(convolutional: Path) -> None:
    described = Model.load(convolutional).network
    assert groundup("show", "network", convolutional).out == described.summary() + "\n"
    report = groundup("show", "network", convolutional, "--json").json
    assert Network.from_description(report["network"]) == described
    assert report["table"][1] == {
        "place": "0", "layer": "Conv2d(1, 4, 5, stride=2)", "output": "4x12x12", "parameters": "104",
        "multiply_adds": "14,400",
    }  # fmt: skip


def test_histograms(convolutional: Path) -> None:
    layers = groundup("show", "histograms", convolutional, "--json").json["layers"]
    assert [(layer["name"], sum(layer["counts"])) for layer in layers] == [("0.weight", 100), ("3.weight", 5760)]
    lines = groundup("show", "histograms", convolutional).out.splitlines()
    assert [line.split()[0] for line in lines] == ["0.weight", "3.weight"]
    assert "█" in lines[1]


def test_saliency(model_file: Path, small_model: Model, data_folder: Path, digit_file: Callable[[int], Path]) -> None:
    weights = small_model.state["0.weight"].reshape(10, 28, 28)
    asked = groundup("show", "saliency", model_file, "--data", data_folder, "--index", 3, "--label", 8, "--json").json
    assert asked["label"] == 8
    np.testing.assert_allclose(asked["gradient"], weights[8], rtol=1e-4, atol=1e-6)  # of a linear model, its weights
    assert groundup("show", "saliency", model_file, "--data", data_folder, "--index", 13, "--json").json["label"] == 3
    assert groundup("show", "saliency", model_file, digit_file(4), "--json").json["label"] == 4  # what it is taken for
    assert groundup("show", "saliency", model_file, digit_file(4)).out.count("\n") == 14


def test_gradients(convolutional: Path, data_folder: Path, small_data: Dataset) -> None:
    one = ["--data", data_folder, "--index", 3]
    report = groundup("show", "gradients", convolutional, *one, "--json").json
    assert list(report["sizes"]) == ["0 Conv2d(1, 4, 5, stride=2)", "1 ReLU()", "2 Flatten()", "3 Linear(576, 10)"]
    shares = Model.load(convolutional).predict(small_data.images[[3]])[0]
    target = np.eye(10)[3]
    size = np.sqrt(np.mean((shares - target) ** 2))  # softmax with cross-entropy: probabilities less the target
    assert report["sizes"]["3 Linear(576, 10)"] == pytest.approx(size, rel=1e-4)
    assert report["loss"] == pytest.approx(-np.log(shares[3]), rel=1e-4)
    out = groundup("show", "gradients", convolutional, *one, "--label", 5).out
    assert out.startswith("loss ")
    assert " for 5\n" in out


def test_embedding(convolutional: Path, data_folder: Path, small_data: Dataset) -> None:
    report = groundup("show", "embedding", convolutional, "--data", data_folder, "--count", 30, "--json").json
    assert report["layer"] == 3  # what the last layer reads
    assert np.shape(report["points"]) == (30, 2)
    assert report["labels"] == small_data.labels[:30].tolist()
    other = groundup("show", "embedding", convolutional, "--data", data_folder, "--layer", 0, "--json").json
    assert other["layer"] == 0
    assert len(other["points"]) == 40
    drawn = groundup("show", "embedding", convolutional, "--data", data_folder).out
    assert set(drawn) - set(" \n") == set("0123456789")


def test_neighbours(convolutional: Path, data_folder: Path) -> None:
    pytest.importorskip("sklearn", reason="t-SNE is scikit-learn's: install groundup[play]")
    report = groundup("show", "embedding", convolutional, "--data", data_folder, "--neighbours", "--json").json
    points = np.array(report["points"])
    distances = np.linalg.norm(points[:, None] - points, axis=2) + 1e9 * np.eye(len(points))
    same = np.array(report["labels"])[distances.argmin(axis=1)] == report["labels"]
    assert same.mean() > 0.5  # the four pictures of a digit are alike


def test_robustness(model_file: Path, data_folder: Path) -> None:
    report = groundup("show", "robustness", model_file, "--data", data_folder, "--count", 20, "--json").json
    assert report["count"] == 20
    assert set(report["curves"]) == {"noise", "rotation", "thickness", "blur", "size"}
    assert report["curves"]["rotation"]["unit"] == "degrees"
    assert dict(report["curves"]["rotation"]["points"])[0] == 1.0
    out = groundup("show", "robustness", model_file, "--data", data_folder, "--kind", "noise", "--kind", "blur").out
    assert [line.split()[0] for line in out.splitlines()] == ["noise", "blur"]


def test_ladder() -> None:
    report = groundup("show", "ladder", "lists=31", "numpy=29000", "--unit", "pictures/s", "--json").json
    assert report == {"unit": "pictures/s", "speeds": {"lists": 31.0, "numpy": 29000.0}}
    slow, fast = groundup("show", "ladder", "lists=31", "numpy=29000").out.splitlines()
    assert slow.count("█") * 3 < fast.count("█")
    assert fast.endswith("29,000 pictures a second")
    assert "█" in groundup("show", "ladder", "numpy=29000").out


def test_curves(run_folder: Path) -> None:
    report = groundup("show", "curves", run_folder, "--json").json
    assert [record["epoch"] for record in report["history"]] == [1, 2, 3]
    out = groundup("show", "curves", run_folder).out
    assert "validation accuracy" in out
    assert "▁" in out
    assert report["diagnosis"] in out.replace("\n", " ")


def test_curves_of_a_run_that_diverged(tmp_path: Path) -> None:
    records = [{"epoch": 1, "train_loss": math.inf, "train_accuracy": 0.1}] * 2
    (tmp_path / "metrics.jsonl").write_text(History(tuple(records)).as_jsonl())
    assert "diverged" in groundup("show", "curves", tmp_path).out
    assert groundup("show", "curves", tmp_path, "--json").json["history"][1]["train_loss"] is None
    assert groundup("show", "curves", tmp_path, "--out", tmp_path / "curves.png").code == 0


@pytest.mark.parametrize("what", ["saliency", "gradients"])
def test_a_picture_of_a_class_that_the_model_does_not_know(data_folder: Path, tmp_path: Path, what: str) -> None:
    network = Network([Linear(784, 3)])
    state = {name: np.ones(shape) for name, shape in network.state_shapes().items()}
    Model(network, state, class_names=("circle", "square", "0")).save(tmp_path / "shapes.safetensors")
    asked = ["show", what, tmp_path / "shapes.safetensors", "--data", data_folder, "--json"]
    labels = load(str(data_folder)).test.labels
    done = groundup(*asked, "--index", int(np.flatnonzero(labels == 2)[0]))
    assert (done.code, "no class '2': circle, square, 0; --label chooses one" in done.err) == (2, True)
    assert groundup(*asked, "--index", int(np.flatnonzero(labels == 0)[0])).json["label"] == 2  # by its name
    assert groundup(*asked, "--index", 0, "--label", "square").json["label"] == 1


def test_weights_that_read_feature_maps_are_pictures(tmp_path: Path) -> None:
    network = Network([MaxPool2d(2), Flatten(), Linear(196, 10)], (1, 28, 28))
    Model(network, {"2.weight": np.eye(10, 196), "2.bias": np.zeros(10)}).save(tmp_path / "pooled.safetensors")
    drawn = groundup("show", "weights", tmp_path / "pooled.safetensors").out.splitlines()
    assert len(drawn) > 7  # one matrix of 10 rows would take 5 lines


def test_no_mistakes(data_folder: Path, convolutional: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Evaluation, "worst_mistakes", lambda self, count: np.arange(0))
    assert "no wrong answer" in groundup("show", "answers", convolutional, "--data", data_folder, "--mistakes").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curves", "MISSING"], "no metrics.jsonl"),
        (["curves", "BROKEN"], "one JSON object a line"),
        (["curves", "LISTS"], "[1] has no epoch, train_loss and train_accuracy"),
        (["samples", "--seed", "-1"], "--seed"),
        (["augmentation", "--seed", "-1"], "--seed"),
        (["curves", "RUN", "--out", "figure.jpg"], ".png or .svg"),
        (["curves", "RUN", "--out", "BROKEN/metrics.jsonl/figure.png"], "cannot be written"),
        (["activations", "MODEL"], "picture"),
        (["activations", "MODEL", "x.png", "--index", "1"], "picture"),
        (["activations", "MODEL", "x.png"], "no such file"),
        (["activations", "MODEL", "--index", "40"], "0 to 39"),
        (["answers", "MODEL", "--index", "40"], "0 to 39"),
        (["answers", "MISSING"], "MISSING"),
        (["saliency", "MODEL"], "picture"),
        (["gradients", "MODEL", "--index", "3", "--label", "ten"], "no class 'ten': 0, 1, 2"),
        (["embedding", "MODEL", "--layer", "9"], "layer 9 is none of 0"),
        (["ladder", "numpy"], "numpy: write a name and a positive number"),
        (["ladder", "=3"], "=3: write a name"),
        (["ladder", "numpy=0"], "numpy=0: write a name"),
        (["ladder", "numpy=1e300"], "numpy=1e300: write a name"),
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
    for name, line in (("BROKEN", "{"), ("LISTS", "[1]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text(f"{line}\n")
    known = {"MODEL": str(convolutional), "RUN": str(run_folder)}
    done = groundup("show", *(known.get(argument, argument) for argument in arguments))
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
