"""``groundup explain``."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import groundup
from groundup.cli.explain import TINY, TINY_PIXELS, TINY_STATE
from groundup.data.datasets import Dataset
from groundup.layers import BatchNorm, Conv2d, Flatten, Linear, ReLU, Tanh
from groundup.losses import CrossEntropy
from groundup.models.model import Model
from groundup.network import Network

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def network() -> Network:
    """A network with a neuron of every kind."""
    layers = [Conv2d(1, 2, 5, stride=4), BatchNorm(2), Tanh(), Flatten(), Linear(72, 4), ReLU(), Linear(4, 10)]
    return Network(layers, (1, 28, 28))


@pytest.fixture
def model(tmp_path: Path, network: Network) -> tuple[Path, Model]:
    """It with random weights, and its file."""
    random = np.random.default_rng(1)
    state = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in network.state_shapes().items()}
    state["1.running_var"] = np.abs(state["1.running_var"]) + 0.5
    made = Model(network, state)
    made.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors", made


def outputs(model: Model, part: Dataset, index: int) -> list[np.ndarray]:
    return [array for _, array in model.activations(part.images[index])][1:]


def gradients(model: Model, part: Dataset, index: int) -> dict[str, np.ndarray]:
    """Return the gradients of one picture's loss without training, by the hand-written backward passes."""
    x = part.images[index : index + 1].reshape(1, 1, 28, 28) / 255
    params = {name: array.astype(np.float64) for name, array in model.state.items()}
    y, saved = model.network.forward(params, x)
    targets = np.eye(10)[part.labels[index : index + 1]]
    dy = CrossEntropy().backward(CrossEntropy().forward(y, targets)[1])
    return model.network.backward(params, saved, dy)[1]


def by_label(json: Any) -> dict[str, Any]:
    return {node["label"]: node for node in json["nodes"]}


def test_a_neuron_of_the_tiny_network() -> None:
    done = groundup("explain")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "neuron of a tiny network of layers 2-2-2"
    assert lines[2].split() == ["1.75", "1", "output/1[0]", "=", "max"]
    assert any(line.split()[:2] == ["1", "2"] and line.endswith("0.weight[0, 0]") for line in lines)
    assert groundup("explain", "neuron", "--layer", 0, "--unit", 0).out == done.out


def test_every_number_of_the_tiny_network() -> None:
    params = {name: np.array(values) for name, values in TINY_STATE.items()}
    y, saved = TINY.forward(params, np.array([list(TINY_PIXELS)], dtype=np.float64))
    value, residuals = CrossEntropy().forward(y, np.array([[1.0, 0.0]]))
    dx, expected = TINY.backward(params, saved, CrossEntropy().backward(residuals))
    done = groundup("explain", "loss", "--json").json
    assert done["value"] == pytest.approx(value, rel=1e-12)
    nodes = by_label(done)
    for name, gradient in expected.items():
        for index in np.ndindex(gradient.shape):
            assert nodes[f"{name}{list(index)}"]["gradient"] == pytest.approx(gradient[index], abs=1e-12)
            assert nodes[f"{name}{list(index)}"]["value"] == params[name][index]
    assert [nodes[f"input[{i}]"]["gradient"] for i in range(2)] == pytest.approx(list(dx[0]))
    for index in np.ndindex(2, 2):
        arguments = ["--layer", 0, "--unit", index[0], "--input", index[1], "--json"]
        found = groundup("explain", "gradient", *arguments).json
        assert found["value"] == pytest.approx(expected["0.weight"][index], abs=1e-12)


@pytest.mark.parametrize(("layer", "unit", "end"), [(0, 0, 2), (0, 41, 2), (4, 3, 5), (6, 9, 6)])
def test_neurons_of_a_model(
    model: tuple[Path, Model], data_folder: Path, small_data: Dataset,
    layer: int, unit: int, end: int,
) -> None:  # fmt: skip
    done = groundup(
        "explain", "neuron", "--model", model[0], "--data", data_folder, "--index", 7, "--layer", layer, "--unit", unit,
        "--json",
    )  # fmt: skip
    expected = outputs(model[1], small_data, 7)[end]
    assert done.json["value"] == pytest.approx(float(expected.ravel()[unit]), rel=1e-5, abs=1e-6)
    index = [int(each) for each in np.unravel_index(unit, expected.shape)]
    assert done.json["nodes"][0]["label"] == f"output/{end}{index}"
    channel = {
        node["label"].split("[")[1].split(",")[0].strip("]") for node in done.json["nodes"] if "weight" in node["label"]
    }
    assert channel == {str(index[0])}


def test_a_loss_of_a_model_begins_at_the_outputs(
    model: tuple[Path, Model], data_folder: Path, small_data: Dataset
) -> None:
    arguments = ["explain", "loss", "--model", model[0], "--data", data_folder, "--index", 12, "--nodes", 500, "--json"]
    done = groundup(*arguments).json
    logits = outputs(model[1], small_data, 12)[-1].astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum()
    assert done["value"] == pytest.approx(-np.log(probabilities[small_data.labels[12]]), rel=1e-4)
    expected = probabilities - np.eye(10)[small_data.labels[12]]
    nodes = by_label(done)
    assert [nodes[f"output/6[{i}]"]["gradient"] for i in range(10)] == pytest.approx(list(expected), abs=1e-5)
    whole = groundup(*arguments, "--layer", 6).json
    assert whole["value"] == done["value"]
    assert "6.weight[3, 0]" in by_label(whole)


@pytest.mark.parametrize(("layer", "unit", "place"), [(0, 1, 7), (4, 2, 30), (6, 4, 1)])
def test_gradients_of_a_model(
    model: tuple[Path, Model], data_folder: Path, small_data: Dataset,
    layer: int, unit: int, place: int,
) -> None:  # fmt: skip
    done = groundup(
        "explain", "gradient", "--model", model[0], "--data", data_folder, "--index", 3,
        "--layer", layer, "--unit", unit, "--input", place, "--json",
    )  # fmt: skip
    expected = gradients(model[1], small_data, 3)[f"{layer}.weight"]
    assert done.json["value"] == pytest.approx(expected[unit].ravel()[place], rel=1e-6, abs=1e-12)
    index = [unit, *(int(each) for each in np.unravel_index(place, expected.shape[1:]))]
    assert done.json["nodes"][0]["label"] == f"gradient of {layer}.weight{index}"


def test_the_largest_input_is_chosen(model_file: Path, data_folder: Path, small_data: Dataset) -> None:
    done = groundup("explain", "gradient", "--model", model_file, "--data", data_folder, "--index", 5).out
    assert f"gradient of 0.weight[0, {small_data.images[5].argmax()}] = *" in done


def test_many_terms_are_cut(model_file: Path, data_folder: Path) -> None:
    arguments = ["explain", "--model", model_file, "--data", data_folder]
    assert "and 778 more, together " in groundup(*arguments).out
    assert "and 781 more, together " in groundup(*arguments, "--terms", 3).out
    assert len(groundup(*arguments, "--nodes", 10).out.splitlines()) < 20


def test_files(tmp_path: Path) -> None:
    for what in ("neuron", "loss", "gradient"):
        done = groundup("explain", what, "--out", tmp_path / "graph.svg")
        assert (done.code, done.out) == (0, "")
        boxes = list(ElementTree.parse(tmp_path / "graph.svg").getroot().iter(f"{SVG}rect"))
        assert len(boxes) > 5
        done = groundup("explain", what, "--out", tmp_path / "graph.dot", "--json")
        assert (tmp_path / "graph.dot").read_text().startswith("digraph {\n")
        assert len(done.json["nodes"]) == len(boxes) - 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["graph.dot", "graph.svg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "graph.png"], "graph.png: the name must end in .svg, .dot"),
        (["--data", "strokes"], "--data and --index need --model"),
        (["--index", "3"], "--data and --index need --model"),
        (["--layer", "1"], "layer 1 has no neurons; there are 0 (Linear(2, 2)), 2 (Linear(2, 2))"),
        (["gradient", "--layer", "9"], "layer 9 has no neurons"),
        (["--unit", "2"], "unit must be 0 to 1, not 2"),
        (["gradient", "--unit", "-1"], "unit must be 0 to 1, not -1"),
        (["gradient", "--input", "2"], "input must be 0 to 1, not 2"),
        (["loss", "--layer", "4"], "layer must be 0 to 3, not 4"),
        (["weather"], "'weather' is not one of"),
    ],
)
def test_what_is_refused(arguments: list[str], message: str) -> None:
    done = groundup("explain", *arguments)
    assert done.code == 2
    assert message in done.err


def test_a_picture_that_is_not_there(model_file: Path, data_folder: Path) -> None:
    done = groundup("explain", "--model", model_file, "--data", data_folder, "--index", 40)
    assert done.code == 2
    assert "small/test has the pictures 0 to 39, but no 40" in done.err
