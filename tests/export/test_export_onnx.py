"""Models as ONNX: other programs' answers on the file are ours."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported import EVERY_KIND, blobs, model

from groundup.errors import ConfigurationError, ModelError
from groundup.export.onnx import OPERATORS, picture_shape, to_onnx, write
from groundup.layers import Flatten, Linear, Tanh
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.network import Network
from random_networks import convolutional, perceptron

onnx: Any = pytest.importorskip("onnx", reason="writes ONNX: install groundup[export]")

Run = Callable[[bytes, np.ndarray], np.ndarray]


def by_the_reference(graph: bytes, pixels: np.ndarray) -> np.ndarray:
    """What ONNX's own implementation answers."""
    evaluator = importlib.import_module("onnx.reference").ReferenceEvaluator(onnx.load_from_string(graph))
    return np.asarray(evaluator.run(None, {"pixels": pixels})[0])


def by_the_runtime(graph: bytes, pixels: np.ndarray) -> np.ndarray:
    """What ONNX Runtime answers."""
    runtime = pytest.importorskip("onnxruntime", reason="compares with ONNX Runtime: install onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_outputs()] == ["probabilities"]
    return np.asarray(session.run(None, {"pixels": pixels})[0])


@pytest.mark.parametrize("run", [by_the_reference, by_the_runtime])
@pytest.mark.parametrize("name", EVERY_KIND)
def test_others_answer_as_we_do(name: str, run: Run) -> None:
    recogniser, pixels = EVERY_KIND[name], blobs(5)
    ours = recogniser.predict(pixels, backend="numpy")
    theirs = run(to_onnx(recogniser).SerializeToString(), pixels)
    assert theirs.dtype == np.float32
    assert ours.std() > 0.01  # the answers differ, so that equality says something
    np.testing.assert_allclose(theirs, ours, atol=2e-5)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", [perceptron, convolutional])
def test_random_networks(kind: Callable[[int], Any], seed: int) -> None:
    made = model(kind(seed), seed=seed)
    pixels = np.random.default_rng(seed).integers(0, 256, (3, *picture_shape(made)), dtype=np.uint8)
    theirs = by_the_runtime(to_onnx(made).SerializeToString(), pixels)
    np.testing.assert_allclose(theirs, made.predict(pixels, backend="numpy"), atol=1e-4)


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    size = write(EVERY_KIND["convolution"], path)
    assert path.stat().st_size == size
    read = onnx.load(path)
    onnx.checker.check_model(read, full_check=True)
    (pixels,), (probabilities,) = read.graph.input, read.graph.output
    assert (pixels.name, probabilities.name) == ("pixels", "probabilities")
    assert pixels.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [side.dim_value for side in pixels.type.tensor_type.shape.dim] == [0, 28, 28]
    names = {each.name for each in read.graph.initializer}
    assert {"0.weight", "4.0.bias", "2.running_var"} <= names  # as in the model's own file
    assert json.loads(read.metadata_props[0].value) == list("0123456789")
    assert list(tmp_path.iterdir()) == [path]


def test_pictures_are_as_high_and_wide_as_predict_takes_them() -> None:
    assert {picture_shape(made) for made in EVERY_KIND.values() if isinstance(made, Model)} == {(28, 28)}
    assert picture_shape(model(Network([Linear(15, 10)]))) == (1, 15)
    assert picture_shape(model(Network([Flatten(), Linear(105, 10)], (3, 5, 7)))) == (15, 7)


def test_no_onnx_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'groundup\[export\]'"):
        to_onnx(EVERY_KIND["linear"])


def test_what_is_neither_model_nor_committee() -> None:
    class Guess(Recogniser):
        """A recogniser of another kind."""

    Guess.__abstractmethods__ = frozenset()
    with pytest.raises(ModelError, match="a Guess is neither a model nor a committee"):
        to_onnx(Guess())


def test_a_layer_without_counterpart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(OPERATORS, Tanh)
    with pytest.raises(ModelError, match=r"layer 1, Tanh\(\), has no counterpart in ONNX"):
        to_onnx(EVERY_KIND["softmax"])
