"""A model does what its network does, and its files hold it bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparing import random_state
from groundup.data.datasets import Dataset
from groundup.errors import DataError, ModelError, StateError
from groundup.layers import Linear, ReLU, Softmax
from groundup.losses import CrossEntropy, Loss, MeanSquaredError
from groundup.models.model import Model
from groundup.network import Network, Normalization
from random_networks import convolutional, perceptron
from small_data import PIXELS, pictures

NETWORKS = [perceptron(seed) for seed in range(12)] + [convolutional(seed) for seed in range(12)]  # every layer
IDS = [f"{kind}{seed}" for kind in ("perceptron", "convolutional") for seed in range(12)]


def model_of(network: Network, seed: int = 0, loss: Loss | None = None, **others: Any) -> Model:
    state = random_state(network, np.random.default_rng(seed))
    floats = {name: np.asarray(value, np.float32) for name, value in state.items()}
    return Model(network, floats, loss or CrossEntropy(), **others)


def small(loss: Loss | None = None, *ending: Any) -> Model:
    return model_of(Network([Linear(PIXELS, 10), *ending]), loss=loss)


def some_pictures(network: Network, count: int = 5) -> np.ndarray:
    shape = network.input_shape if len(network.input_shape) == 3 else (1, 1, *network.input_shape)
    rows = shape[0] * shape[1]
    return np.random.default_rng(9).integers(0, 256, (count, rows, shape[2])).astype(np.uint8)


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_files_hold_a_model_bit_for_bit(network: Network, suffix: str, tmp_path: Path) -> None:
    names = tuple("abcdefghij")
    model = model_of(network, 1, MeanSquaredError(), class_names=names, training={"epoch": 3, "of": ["a", 1.5]})
    model.save(tmp_path / f"model{suffix}")
    loaded = Model.load(tmp_path / f"model{suffix}")
    assert loaded.network == network
    assert loaded.loss == model.loss
    assert loaded.class_names == names
    assert loaded.training == model.training
    assert set(loaded.state) == set(model.state) == set(network.state_shapes())
    for name, value in model.state.items():
        assert loaded.state[name].dtype == np.float32
        assert loaded.state[name].tobytes() == value.tobytes()
    loaded.save(tmp_path / f"again{suffix}")
    assert (tmp_path / f"again{suffix}").read_bytes() == (tmp_path / f"model{suffix}").read_bytes()
    pixels = some_pictures(network)
    assert loaded.outputs(pixels).tobytes() == model.outputs(pixels).tobytes()


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_every_finite_float32_survives(suffix: str, tmp_path: Path) -> None:
    bits = np.random.default_rng(3).integers(0, 2**32, 4000, dtype=np.uint64).astype(np.uint32)
    values = bits.view(np.float32)
    special = np.array([0.0, -0.0, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, -3.4028235e38, 0.1], np.float32)
    values = np.concatenate([special, values[np.isfinite(values)]])
    columns = len(values) // 10
    network = Network([Linear(columns, 10, bias=False)])
    model = Model(network, {"0.weight": values[: 10 * columns].reshape(10, columns)})
    model.save(tmp_path / f"model{suffix}")
    assert Model.load(tmp_path / f"model{suffix}").state["0.weight"].tobytes() == model.state["0.weight"].tobytes()


def test_a_json_file_is_for_people(tmp_path: Path) -> None:
    model = small()
    model.save(tmp_path / "model.json")
    told = json.loads((tmp_path / "model.json").read_text())
    assert told["network"]["layers"] == [{"type": "Linear", "inputs": PIXELS, "outputs": 10, "bias": True}]
    assert len(told["state"]["0.weight"]) == 10
    assert len(str(told["state"]["0.weight"][0][0])) < 15  # the shortest decimals


def test_arrays_in_any_order_in_memory_are_written_as_they_are(tmp_path: Path) -> None:
    model = small()
    turned = Model(model.network, {name: np.asfortranarray(value) for name, value in model.state.items()})
    for suffix in (".safetensors", ".json"):
        turned.save(tmp_path / f"model{suffix}")
        assert np.array_equal(Model.load(tmp_path / f"model{suffix}").state["0.weight"], model.state["0.weight"])


def test_a_run_folder_stands_for_its_model(tmp_path: Path) -> None:
    small().save(tmp_path / "model.safetensors")
    assert Model.load(tmp_path).network == small().network


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_a_file_loads_into_torch_sequential(network: Network, tmp_path: Path) -> None:
    twins = pytest.importorskip("pytorch", reason="compares with PyTorch: install groundup[oracles]")
    from safetensors.torch import load_file

    model = model_of(network, 2)
    model.save(tmp_path / "model.safetensors")
    twin = twins.sequential(network).float().eval()
    named = load_file(tmp_path / "model.safetensors")
    counts = {name: value for name, value in twin.state_dict().items() if name.endswith("num_batches_tracked")}
    twin.load_state_dict(named | counts, strict=True)
    pixels = some_pictures(network)
    normal = network.normalization
    x = ((pixels - normal.mean) / normal.deviation).reshape(len(pixels), *network.input_shape).astype(np.float32)
    expected = twin(twins.torch.tensor(x)).detach().numpy()
    assert np.allclose(model.outputs(pixels), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_normalization_is_part_of_the_model() -> None:
    layers = [Linear(PIXELS, 10)]
    plain, signed = Network(layers), Network(layers, normalization=Normalization(127.5, 127.5))
    state = model_of(plain).state
    pixels = pictures(4, 0).images
    by_hand = (pixels.reshape(4, -1) - 127.5) / 127.5 @ state["0.weight"].astype(np.float64).T + state["0.bias"]
    assert np.allclose(Model(signed, state).outputs(pixels), by_hand, atol=1e-5)
    assert not np.allclose(Model(plain, state).outputs(pixels), by_hand, atol=1e-2)


@pytest.mark.parametrize("loss", [CrossEntropy(), MeanSquaredError()])
@pytest.mark.parametrize("ending", [[], [Softmax()], [ReLU()]])
def test_probabilities(loss: Loss, ending: list[Any]) -> None:
    model = small(loss, *ending)
    pixels = pictures(700, 0).images  # more than one batch of prediction
    outputs, probabilities = model.outputs(pixels), model.predict(pixels)
    assert probabilities.shape == (700, 10)
    assert np.all(probabilities >= 0)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    powers = np.exp(outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True))
    if isinstance(ending[-1] if ending else None, Softmax):
        assert np.array_equal(probabilities, outputs)
    elif isinstance(loss, CrossEntropy):
        assert np.allclose(probabilities, powers / powers.sum(axis=1, keepdims=True), atol=1e-5)
    clear = outputs.max(axis=1) > 0
    assert np.array_equal(probabilities.argmax(axis=1)[clear], outputs.argmax(axis=1)[clear])


def test_no_pictures_give_no_probabilities() -> None:
    assert small().predict(np.zeros((0, 6, 6), np.uint8)).shape == (0, 10)


def test_activations_are_those_of_the_network() -> None:
    model = small(None, ReLU(), Linear(10, 10))
    pixels = pictures(1, 0).images
    named = model.activations(pixels[0])
    assert [name for name, _ in named] == ["input", f"0 Linear({PIXELS}, 10)", "1 ReLU()", "2 Linear(10, 10)"]
    assert [value.shape for _, value in named] == [(PIXELS,), (10,), (10,), (10,)]
    assert np.allclose(named[-1][1], model.outputs(pixels)[0])
    assert np.array_equal(named[2][1], np.maximum(named[1][1], 0))


def test_evaluate_counts_and_measures() -> None:
    model, dataset = small(), pictures(60, 4)
    evaluation = model.evaluate(dataset)
    answers = model.predict(dataset.images).argmax(axis=1)
    assert evaluation.count == 60
    assert evaluation.correct == int((answers == dataset.labels).sum())
    outputs = model.outputs(dataset.images).astype(np.float64)
    logarithms = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    assert evaluation.loss == pytest.approx(-logarithms[np.arange(60), dataset.labels].mean(), rel=1e-12)


def test_evaluate_refuses_other_classes_and_other_sizes() -> None:
    dataset = pictures(20, 4)
    named = Dataset(dataset.images, dataset.labels, "letters", tuple("abcdefghij"))
    with pytest.raises(ModelError, match=r"the model knows the classes 0, .*, 9, but letters has a, "):
        small().evaluate(named)
    with pytest.raises(DataError, match=r"pictures of 3x4 pixels do not fit the network's inputs of shape \(36,\)"):
        small().predict(np.zeros((2, 3, 4), np.uint8))


def test_a_model_of_parts_that_do_not_fit_is_refused() -> None:
    model = small()
    with pytest.raises(StateError, match=r"0.bias is missing; it has 0.weight, 0.bias"):
        Model(model.network, {"0.weight": model.state["0.weight"]})
    with pytest.raises(StateError, match=r"1.weight is unknown"):
        Model(model.network, {**model.state, "1.weight": model.state["0.weight"]})
    with pytest.raises(StateError, match=r"0.weight has shape \(36, 10\) instead of \(10, 36\)"):
        Model(model.network, {**model.state, "0.weight": model.state["0.weight"].T})
    with pytest.raises(ModelError, match=r"output has shape \(10,\), but there are 3 classes"):
        Model(model.network, model.state, class_names=("a", "b", "c"))
    with pytest.raises(ModelError, match=r"output has shape \(1, 6, 6\), but there are 10 classes"):
        Model(Network([ReLU()], (1, 6, 6)), {})


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_model_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    small().save(path)
    before = path.read_bytes()
    broken = small()
    object.__setattr__(broken, "training", {"epoch": object()})  # JSON cannot say it
    with pytest.raises(TypeError):
        broken.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="file"):
        small().save(path / "below-a-file" / path.name)
