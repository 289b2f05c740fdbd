"""ONNX Runtime, on a model that is written with the helper of the package onnx."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from contestants import Predictor, for_bytes
from groundup import Network, layers
from groundup.layers.base import Arrays


def predictor(network: Network, state: Arrays, setting: str, batch_size: int) -> Predictor:
    """Return a function that recognises pictures, `batch_size` at a time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1 if setting == "one-thread" else int(os.environ["OMP_NUM_THREADS"])
    model = model_of(network, for_bytes(network, state)).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def predict(pixels: NDArray[np.uint8]) -> NDArray[Any]:
        parts = [
            session.run(None, {"pixels": pixels[start : start + batch_size]})[0]
            for start in range(0, len(pixels), batch_size)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return predict


def model_of(network: Network, state: Arrays) -> ModelProto:
    """Return the ONNX model of a network: pixels (N, height, width) uint8 to scores (N, classes)."""
    shape = np.array([-1, *network.input_shape], np.int64)
    constants = {"shape": shape} | {name: np.asarray(value) for name, value in state.items()}
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["numbers", "shape"], ["0"]),
    ]
    for index, layer in enumerate(network.layers):
        operator, attributes = _operator(layer)
        parameters = [f"{index}.{name}" for name in layer.parameters()]
        nodes.append(helper.make_node(operator, [str(index), *parameters], [str(index + 1)], **attributes))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", "height", "width"])],
        [helper.make_tensor_value_info(str(len(network.layers)), TensorProto.FLOAT, ["N", *network.output_shape])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _operator(layer: layers.Layer) -> tuple[str, dict[str, Any]]:
    """Return the name and attributes of a layer's operator."""
    match layer:
        case layers.Linear():
            return "Gemm", {"transB": 1}
        case layers.Conv2d():
            return "Conv", {"strides": [layer.stride] * 2, "pads": [layer.padding] * 4}
        case layers.MaxPool2d():
            return "MaxPool", {"kernel_shape": [layer.size] * 2, "strides": [layer.step] * 2}
        case layers.ReLU():
            return "Relu", {}
        case layers.Flatten():
            return "Flatten", {}
    raise NotImplementedError(f"{layer} is in no network here")
