"""A network is a description: a frozen, ordered list of layers. It holds no arrays and knows no backend."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from groundup import diagram, randomness
from groundup.checks import Checked, real, shown
from groundup.descriptions import build, build_one, describe, refuse_unknown, table
from groundup.errors import NetworkError
from groundup.initializers import HeUniform, Initializer, XavierUniform, fans
from groundup.layers import LAYERS, Array, Arrays, LeakyReLU, Linear, ReLU, Residual, Shape, structure
from groundup.layers.base import Layer

MAXIMUM_NESTING = 16
MAXIMUM_INPUTS = 2**40
"""Numbers in one input: more than any machine holds, few enough to be written in a message."""


@dataclass(frozen=True)
class Normalization(Checked):
    """How pixels 0 to 255 become a network's inputs: x = (pixel - mean) / deviation."""

    mean: float = real(default=0.0)
    deviation: float = real(above=0, default=255.0)


@dataclass(frozen=True)
class Network:
    """An ordered list of layers, the shape of one input, and how pixels become inputs.

    Parameters
    ----------
    layers : sequence of Layer
        At least one. A parameter is named by its layer's place, as in `torch.nn.Sequential`: ``0.weight``.
    input_shape : tuple of int, optional
        One input's shape, without the batch: ``(784,)`` or ``(1, 28, 28)``. A first `Linear` layer says it already.
    normalization : Normalization
        Part of the network, because a model is worth nothing without it.

    Raises
    ------
    NetworkError
        If a layer cannot take what the layer before it gives; the message names the layer and both shapes.

    Examples
    --------
    >>> from groundup import Network, Linear, ReLU
    >>> network = Network([Linear(784, 800), ReLU(), Linear(800, 10)])
    >>> network.parameters()["0.weight"]
    (800, 784)
    """

    layers: tuple[Layer, ...]
    input_shape: Shape
    normalization: Normalization = field(default_factory=Normalization)

    def __init__(
        self,
        layers: Sequence[Layer],
        input_shape: Sequence[int] | None = None,
        normalization: Normalization | None = None,
    ) -> None:
        members = structure.layer_tuple(layers)
        if not members:
            raise NetworkError("a network needs at least one layer")
        if input_shape is None:
            if not isinstance(members[0], Linear):
                raise NetworkError(f"layer 0, {members[0]}, does not say what it is given: add input_shape=(1, 28, 28)")
            input_shape = (members[0].inputs,)
        if not input_shape or any(type(side) is not int or side < 1 for side in input_shape):
            raise NetworkError(
                f"input_shape must be positive integers, for example (1, 28, 28), not {shown(input_shape)}"
            )
        if math.prod(input_shape) > MAXIMUM_INPUTS:
            raise NetworkError(f"input_shape asks for more than {MAXIMUM_INPUTS:,} numbers: {shown(input_shape)}")
        object.__setattr__(self, "layers", members)
        object.__setattr__(self, "input_shape", tuple(input_shape))
        object.__setattr__(self, "normalization", normalization or Normalization())
        self.output_shapes()

    @property
    def output_shape(self) -> Shape:
        """The shape of one output: (classes,) for a recogniser."""
        return self.output_shapes()[-1]

    def output_shapes(self) -> list[Shape]:
        """Return each layer's output shape for one example."""
        return structure.output_shapes(self.layers, self.input_shape)

    def parameters(self) -> dict[str, Shape]:
        """Return the name and shape of everything that is learned, in order."""
        return {name: shape for i, each in enumerate(self.layers) for name, shape in _named(i, each.parameters())}

    def buffers(self) -> dict[str, tuple[Shape, float]]:
        """Return the name, shape and initial value of everything that is kept but not learned by gradient."""
        return {name: buffer for i, each in enumerate(self.layers) for name, buffer in _named(i, each.buffers())}

    def state_shapes(self) -> dict[str, Shape]:
        """Return the name and shape of every parameter and buffer: what a model file holds."""
        return self.parameters() | {name: shape for name, (shape, _) in self.buffers().items()}

    def masks(self) -> dict[str, tuple[Shape, float]]:
        """Return the name, shape (of one example) and drop rate of every random mask that training needs."""
        shapes = [self.input_shape, *self.output_shapes()]
        return {name: mask for i, each in enumerate(self.layers) for name, mask in _named(i, each.masks(shapes[i]))}

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, list[Any]]:
        """Return the outputs for the batch x (N, *input_shape), and each layer's residuals."""
        return structure.run_forward(self.layers, params, x, training)

    def backward(
        self, params: Arrays, saved: Sequence[Any], dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array, dict[str, Array]]:
        """Return dx and all gradients, from dy (N, *output_shape), the loss's gradient by the outputs.

        Without `input_gradient`, dx is None and its work is saved.
        """
        return structure.run_backward(self.layers, params, saved, dy, input_gradient=input_gradient)

    def updated_buffers(self, params: Arrays, saved: Sequence[Any]) -> dict[str, Array]:
        """Return all buffers after the training step whose forward pass left `saved`."""
        return structure.updated_buffers(self.layers, params, saved)

    def initial_state(self, seed: int, initializer: Initializer | None = None) -> dict[str, array[float]]:
        """Return every parameter and buffer as float64 in C order, the same on every machine.

        Parameters
        ----------
        seed : int
            Each parameter draws from a stream of its own, named after it.
        initializer : Initializer, optional
            For all weights. By default what suits the activation that follows: He for ReLU and LeakyReLU, Xavier
            otherwise. Biases begin at 0, a BatchNorm's weights at 1.
        """
        state = {name: array("d", [value]) * math.prod(shape) for name, (shape, value) in self.buffers().items()}
        chosen = dict(_default_initializers(self.layers))
        for name, shape in self.parameters().items():
            count = math.prod(shape)
            if name in chosen:
                generator = randomness.stream(seed, "initial", name)
                state[name] = (initializer or chosen[name]).values(count, *fans(shape), generator)
            else:
                state[name] = array("d", [1.0 if name.endswith("weight") else 0.0]) * count
        return {name: state[name] for name in self.state_shapes()}

    def rows(self) -> list[tuple[str, ...]]:
        """Return the input, each layer and the sum: place, name, output shape, parameters, multiply-adds."""
        inputs, totals = self.input_shape, [0, 0]
        rows: list[tuple[str, ...]] = [("", "input", _times(inputs), "", "")]
        for index, layer in enumerate(self.layers):
            counts = [sum(map(math.prod, layer.parameters().values())), layer.multiply_adds(inputs)]
            inputs = layer.output_shape(inputs)
            rows.append((str(index), str(layer), _times(inputs), *(f"{count:,}" if count else "" for count in counts)))
            totals = [total + count for total, count in zip(totals, counts, strict=True)]
        return [*rows, ("", "total", "", *(f"{total:,}" for total in totals))]

    def summary(self) -> str:
        """Return a table: each layer's output shape, parameters, and multiply-adds for one example."""
        rows = [("", "layer", "output", "parameters", "multiply-adds"), *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        aligned = [f"{{:{'>' if i > 2 else '<'}{width}}}" for i, width in enumerate(widths)]
        return "\n".join("  ".join(aligned).format(*row).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        """Display itself in a notebook: a picture of the layers, and the table of `summary`."""
        return f"{diagram.as_svg(self)}{diagram.as_table(self)}"

    def description(self) -> dict[str, Any]:
        """Return the network as plain dicts, lists, numbers and strings, for JSON or TOML."""
        return {
            "input_shape": list(self.input_shape),
            "normalization": {"mean": self.normalization.mean, "deviation": self.normalization.deviation},
            "layers": [_describe(layer) for layer in self.layers],
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Network:
        """Make the network that `description` describes.

        Raises
        ------
        NetworkError
            If a key, a layer or one of its parameters is unknown, missing or wrong; the message says where.
        """
        description = table(description, "network", NetworkError)
        refuse_unknown(description, ["input_shape", "normalization", "layers"], "network", NetworkError)
        layers = [_layer(each, f"layers[{i}]") for i, each in enumerate(_list(description.get("layers"), "layers"))]
        shape = description.get("input_shape")
        normalization = build_one(Normalization, description.get("normalization", {}), "normalization", NetworkError)
        return cls(layers, None if shape is None else _list(shape, "input_shape"), normalization)


def _named(index: int, named: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return structure.prefixed(index, named)


def _times(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _default_initializers(layers: Sequence[Layer], prefix: str = "") -> Iterator[tuple[str, Initializer]]:
    """Yield the name of each weight that is drawn at random, with the initializer that suits what follows it."""
    for index, layer in enumerate(layers):
        if isinstance(layer, Residual):
            yield from _default_initializers(layer.layers, f"{prefix}{index}.")
        elif _is_weighted(layer):
            following = itertools.takewhile(lambda each: not _is_weighted(each), layers[index + 1 :])
            yield f"{prefix}{index}.weight", _suited(next(filter(_is_rectifier, following), None))


def _is_weighted(layer: Layer) -> bool:
    return any(len(shape) > 1 for shape in layer.parameters().values())


def _is_rectifier(layer: Layer) -> bool:
    return isinstance(layer, ReLU | LeakyReLU)


def _suited(rectifier: Layer | None) -> Initializer:
    """Return He's initializer before a ReLU or LeakyReLU, Xavier's elsewhere."""
    if rectifier is None:
        return XavierUniform()
    return HeUniform(rectifier.slope if isinstance(rectifier, LeakyReLU) else 0.0)


def _describe(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, Residual):
        return {"type": "Residual", "layers": [_describe(inner) for inner in layer.layers]}
    return describe(layer, LAYERS)


def _layer(description: object, where: str, nesting: int = 0) -> Layer:
    if nesting > MAXIMUM_NESTING:
        raise NetworkError(f"{where}: layers nested deeper than {MAXIMUM_NESTING}")
    values = dict(table(description, where, NetworkError))
    if values.get("type") == "Residual":
        inner = _list(values.get("layers"), f"{where}.layers")
        values["layers"] = [_layer(each, f"{where}.layers[{i}]", nesting + 1) for i, each in enumerate(inner)]
    layer = build(values, LAYERS, where, NetworkError)
    assert isinstance(layer, Layer)
    return layer


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise NetworkError(f"{where} must be a list, not {shown(value)}")
    return value
