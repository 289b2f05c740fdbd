"""A model or committee as an ONNX graph, from pixels to probabilities.

Everything that belongs to an answer is inside the graph: the normalisation, the softmax, the mean over a committee and
the temperature. So its input is the picture itself, uint8: 0 to 255 can be meant in one way only, and a program that
uses the file can forget nothing.

Source of the operators: https://onnx.ai/onnx/operators/, opset 17, which every runtime since 2022 knows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import groundup
from groundup import layers
from groundup.errors import ConfigurationError, ModelError
from groundup.files import replacing
from groundup.json_text import to_json
from groundup.layers import Layer, Shape
from groundup.losses import CrossEntropy
from groundup.models.committee import Committee, members_of
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17
IR_VERSION = 8
"""The file format's version that came with this opset: older runtimes refuse newer ones."""

SMALLEST = float(np.finfo(np.float32).tiny)


def to_onnx(recogniser: Recogniser) -> ModelProto:
    """Return a model or a committee as ONNX.

    Its input ``pixels`` is uint8 of shape (N, height, width), 0 background, 255 full ink; its output ``probabilities``
    is float32 of shape (N, classes), calibrated as `Recogniser.predict` is. The names of the classes are in the
    metadata, a JSON list called ``class_names``.

    Parameters
    ----------
    recogniser : Recogniser
        A `Model` or a `Committee`.

    Raises
    ------
    ConfigurationError
        If the package `onnx` is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError:
        raise ConfigurationError("writing ONNX needs the package onnx: pip install 'groundup[export]'") from None
    members = members_of(recogniser)
    graph = _Graph()
    answers = [
        graph.model(member, "pixels", f"{number}/" if isinstance(recogniser, Committee) else "")
        for number, member in enumerate(members)
    ]
    answer = answers[0]
    if isinstance(recogniser, Committee):
        answer = graph.tempered(graph.add("Mean", answers, "mean"), recogniser, "")
    graph.add("Identity", [answer], "probabilities", exact=True)
    classes = len(recogniser.class_names)
    made = helper.make_graph(
        graph.nodes,
        "groundup",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", *picture_shape(members[0])])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes])],
        graph.initializers,
    )
    model = helper.make_model(
        made,
        producer_name="groundup",
        producer_version=groundup.__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, {"class_names": to_json(list(recogniser.class_names))})
    onnx.checker.check_model(model, full_check=True)
    return model


def write(recogniser: Recogniser, path: str | os.PathLike[str]) -> int:
    """Write `to_onnx`'s model to a file; an older one is replaced whole or not at all. Return its size in bytes.

    Raises
    ------
    ConfigurationError
        If the package `onnx` is not installed.
    OSError
        If the file cannot be written.
    """
    written = to_onnx(recogniser).SerializeToString()
    with replacing(path) as temporary:
        temporary.write_bytes(written)
    return len(written)


def picture_shape(model: Model) -> Shape:
    """Return height and width of one picture, as `Recogniser.predict` takes it; channels stand below each other."""
    shape = model.network.input_shape
    if len(shape) == 3:
        return shape[0] * shape[1], shape[2]
    side = math.isqrt(shape[0])
    return (side, side) if side * side == shape[0] else (1, shape[0])


class _Graph:
    """Nodes and named arrays of a graph that grows."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def add(self, operator: str, inputs: Sequence[str], name: str, *, exact: bool = False, **attributes: Any) -> str:
        """Add a node; return the name of its output, which is `name` alone if that is `exact`."""
        from onnx import helper

        output = name if exact else f"{name}.{operator}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"{output}.node", **attributes))
        return output

    def array(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant array; return its name."""
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def number(self, name: str, value: float) -> str:
        """Add a constant number; return its name."""
        return self.array(name, np.array(value, np.float32))

    def model(self, model: Model, pixels: str, prefix: str) -> str:
        """Add a model, which turns `pixels` into calibrated probabilities; its arrays are called as in its file."""
        from onnx import TensorProto

        normalization, shape = model.network.normalization, model.network.input_shape
        x = self.add("Cast", [pixels], f"{prefix}input", to=TensorProto.FLOAT)
        x = self.add("Sub", [x, self.number(f"{prefix}mean", normalization.mean)], f"{prefix}input")
        x = self.add("Div", [x, self.number(f"{prefix}deviation", normalization.deviation)], f"{prefix}input")
        rows = self.array(f"{prefix}input_shape", np.array([0, *shape], np.int64))  # 0: as many as there are
        x = self.add("Reshape", [x, rows], f"{prefix}input")
        state = {f"{prefix}{name}": np.asarray(value, np.float32) for name, value in model.state.items()}
        x = self.chain(model.network.layers, state, x, prefix)
        return self.tempered(self.probabilities(model, x, prefix), model, prefix)

    def chain(self, chained: Sequence[Layer], state: dict[str, NDArray[Any]], x: str, prefix: str) -> str:
        """Add layers in order, from the value `x` on; return the last one's output."""
        for index, layer in enumerate(chained):
            x = self.layer(layer, state, x, f"{prefix}{index}")
        return x

    def layer(self, layer: Layer, state: dict[str, NDArray[Any]], x: str, name: str) -> str:
        """Add one layer, called `name`, which is its place."""
        if isinstance(layer, layers.Residual):
            return self.add("Add", [x, self.chain(layer.layers, state, x, f"{name}.")], name)
        if isinstance(layer, layers.Dropout):  # it does nothing outside training
            return x
        if isinstance(layer, layers.GlobalAvgPool):  # whose output still has a height and a width, of 1
            return self.add("Flatten", [self.add("GlobalAveragePool", [x], name)], name)
        if type(layer) not in OPERATORS:
            raise ModelError(f"layer {name}, {layer}, has no counterpart in ONNX")
        operator, parameters, attributes = OPERATORS[type(layer)]
        names = [f"{name}.{parameter}" for parameter in parameters if f"{name}.{parameter}" in state]
        inputs = [x, *(self.array(each, state[each]) for each in names)]
        return self.add(operator, inputs, name, **attributes(layer))

    def probabilities(self, model: Model, outputs: str, prefix: str) -> str:
        """Turn a network's outputs into probabilities, as `Model.probabilities` does."""
        if isinstance(model.network.layers[-1], layers.Softmax):
            return outputs
        if isinstance(model.loss, CrossEntropy):
            return self.add("Softmax", [outputs], f"{prefix}output", axis=1)
        scores = self.add("Max", [outputs, self.number(f"{prefix}smallest", SMALLEST)], f"{prefix}output")
        axes = self.array(f"{prefix}axes", np.array([1], np.int64))
        total = self.add("ReduceSum", [scores, axes], f"{prefix}output", keepdims=1)
        return self.add("Div", [scores, total], f"{prefix}output")

    def tempered(self, probabilities: str, recogniser: Recogniser, prefix: str) -> str:
        """Apply the temperature that validation pictures gave, as `calibration.tempered` does."""
        if recogniser.calibration is None:
            return probabilities
        name = f"{prefix}calibrated"
        positive = self.add("Max", [probabilities, self.number(f"{name}.smallest", SMALLEST)], name)
        temperature = self.number(f"{prefix}temperature", recogniser.calibration.temperature)
        logits = self.add("Div", [self.add("Log", [positive], name), temperature], name)
        return self.add("Softmax", [logits], name, axis=1)


def _nothing(layer: Any) -> dict[str, Any]:
    return {}


def _window(layer: Any) -> dict[str, Any]:
    return {"kernel_shape": [layer.size] * 2, "strides": [layer.step] * 2}


def _convolution(layer: Any) -> dict[str, Any]:
    return {"kernel_shape": [layer.size] * 2, "strides": [layer.stride] * 2, "pads": [layer.padding] * 4}


WEIGHTS = ("weight", "bias")
OPERATORS: dict[type[Layer], tuple[str, tuple[str, ...], Callable[[Any], dict[str, Any]]]] = {
    layers.Linear: ("Gemm", WEIGHTS, lambda layer: {"transB": 1}),
    layers.Conv2d: ("Conv", WEIGHTS, _convolution),
    layers.BatchNorm: (
        "BatchNormalization",
        (*WEIGHTS, "running_mean", "running_var"),
        lambda layer: {"epsilon": layer.epsilon},
    ),
    layers.MaxPool2d: ("MaxPool", (), _window),
    layers.AvgPool2d: ("AveragePool", (), _window),
    layers.Flatten: ("Flatten", (), _nothing),
    layers.ReLU: ("Relu", (), _nothing),
    layers.LeakyReLU: ("LeakyRelu", (), lambda layer: {"alpha": layer.slope}),
    layers.Sigmoid: ("Sigmoid", (), _nothing),
    layers.Tanh: ("Tanh", (), _nothing),
    layers.Softmax: ("Softmax", (), lambda layer: {"axis": 1}),
}
"""For each layer its operator, the parameters that follow its input, and the attributes."""
