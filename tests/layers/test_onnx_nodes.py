"""Our layers on the test cases that ONNX publishes for its operators, as far as our layers have their attributes."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from groundup.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from groundup.losses import CrossEntropy, one_hot

onnx: Any = pytest.importorskip("onnx", reason="runs the test cases of ONNX: install groundup[oracles]")


def case(module: str, name: str) -> tuple[dict[str, Any], list[np.ndarray], list[np.ndarray]]:
    """Return one published case: the node's attributes, the inputs, and what must come out."""
    importlib.import_module(f"onnx.backend.test.case.node.{module}")
    cases = importlib.import_module("onnx.backend.test.case.node")._NodeTestCases
    found = next(each for each in cases if each.name == f"test_{name}")
    (node,) = found.model.graph.node
    ((inputs, outputs),) = found.data_sets
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    return attributes, [np.asarray(each) for each in inputs], [np.asarray(each) for each in outputs]


def assert_equal(actual: Any, expected: np.ndarray) -> None:
    """Fail beyond the tolerance of float32, in which the cases are computed."""
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
    assert actual.dtype == expected.dtype


@pytest.mark.parametrize(
    "name",
    [
        "basic_conv_with_padding",
        "basic_conv_without_padding",
        "conv_with_strides_padding",
        "conv_with_strides_no_padding",
    ],
)
def test_conv(name: str) -> None:
    attributes, (x, weight), (y,) = case("conv", name)
    stride, padding = attributes.get("strides", [1])[0], attributes["pads"][0]
    layer = Conv2d(1, 1, 3, stride=stride, padding=padding, bias=False)
    assert_equal(layer.forward({"weight": weight}, x)[0], y)


@pytest.mark.parametrize(
    ("module", "name", "layer"),
    [
        ("relu", "relu", ReLU()),
        ("leakyrelu", "leakyrelu_example", LeakyReLU(0.1)),
        ("leakyrelu", "leakyrelu", LeakyReLU(0.1)),
        ("leakyrelu", "leakyrelu_default", LeakyReLU(0.01)),
        ("sigmoid", "sigmoid_example", Sigmoid()),
        ("sigmoid", "sigmoid", Sigmoid()),
        ("tanh", "tanh_example", Tanh()),
        ("tanh", "tanh", Tanh()),
        ("softmax", "softmax_example", Softmax()),
        ("softmax", "softmax_large_number", Softmax()),
        ("softmax", "softmax_axis_1", Softmax()),
        ("globalaveragepool", "globalaveragepool_precomputed", GlobalAvgPool()),
        ("globalaveragepool", "globalaveragepool", GlobalAvgPool()),
        ("flatten", "flatten_axis1", Flatten()),
        ("flatten", "flatten_default_axis", Flatten()),
    ],
)
def test_layers_without_parameters(module: str, name: str, layer: Layer) -> None:
    _, (x,), (y,) = case(module, name)
    assert_equal(layer.forward({}, x)[0], np.reshape(y, y.shape[:2]) if isinstance(layer, GlobalAvgPool) else y)


@pytest.mark.parametrize("name", ["default_zero_bias", "default_vector_bias", "transposeB", "default_no_bias"])
def test_gemm(name: str) -> None:
    attributes, (x, weight, *bias), (y,) = case("gemm", f"gemm_{name}")
    params = {"weight": weight if attributes.get("transB") else weight.T}
    if bias:
        params["bias"] = bias[0][0]
    assert_equal(Linear(x.shape[1], y.shape[1], bias=bool(bias)).forward(params, x)[0], y)


def test_matmul() -> None:
    _, (x, weight), (y,) = case("matmul", "matmul_2d")
    assert_equal(Linear(4, 3, bias=False).forward({"weight": weight.T}, x)[0], y)


@pytest.mark.parametrize("mode", ["", "_training_mode"])
@pytest.mark.parametrize("name", ["example", "epsilon"])
def test_batch_normalization(name: str, mode: str) -> None:
    attributes, (x, weight, bias, mean, variance), (y, *running) = case(
        "batch_normalization", f"batchnorm_{name}{mode}"
    )
    layer = BatchNorm(3, epsilon=attributes.get("epsilon", 1e-5))
    params = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
    actual, residuals = layer.forward(params, x, training=bool(mode))
    np.testing.assert_allclose(actual, y, rtol=1e-4, atol=1e-5)
    if mode:
        buffers = layer.updated_buffers(params, residuals)
        np.testing.assert_allclose(buffers["running_mean"], running[0], rtol=1e-5, atol=1e-6)
        # ONNX averages the biased variance, PyTorch and we the unbiased one.
        count = x.size // 3
        biased = 0.9 * variance + (buffers["running_var"] - 0.9 * variance) * (count - 1) / count
        np.testing.assert_allclose(biased, running[1], rtol=1e-5, atol=1e-6)


def test_softmax_cross_entropy_loss() -> None:
    _, (logits, labels), (value, log_probabilities) = case("softmax_cross_entropy_loss", "sce_mean_log_prob")
    targets = one_hot(labels, logits.shape[1], like=logits)
    actual, (probabilities, _) = CrossEntropy().forward(logits, targets)
    assert_equal(actual, value)
    assert_equal(np.log(probabilities), log_probabilities)


@pytest.mark.parametrize(("size", "stride"), [(2, 1), (2, 2), (5, 3), (3, 2), (1, 2)])
@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_pools(kind: type[MaxPool2d | AvgPool2d], size: int, stride: int) -> None:
    """On ONNX's reference implementation: its stored cases of pools take seconds to make."""
    operator = {MaxPool2d: "MaxPool", AvgPool2d: "AveragePool"}[kind]
    node = onnx.helper.make_node(operator, ["x"], ["y"], kernel_shape=[size, size], strides=[stride, stride])
    evaluator = importlib.import_module("onnx.reference").ReferenceEvaluator(node)
    for picture in ((5, 7), (13, 13)):
        x = np.random.default_rng(size).normal(size=(2, 3, *picture)).astype(np.float32)
        (y,) = evaluator.run(None, {"x": x})
        assert_equal(kind(size, stride).forward({}, x)[0], y)
