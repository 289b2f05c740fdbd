"""What every layer is: a frozen description with pure functions of named arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from groundup.checks import Checked

Array = Any
"""An array of any library that follows the Python array API standard (data-apis.org/array-api)."""

Shape = tuple[int, ...]
"""The shape of one example, without the batch's axis: (features,) or (channels, height, width)."""

Arrays = Mapping[str, Array]


class ShapeMismatch(Exception):  # noqa: N818 - it never leaves the package: `Network` turns it into a NetworkError
    """A layer cannot take this input shape; the message says what it takes."""


@dataclass(frozen=True)
class Layer(Checked):
    """One step of a network. It holds no arrays: parameters come in, gradients go out, both by name."""

    def output_shape(self, inputs: Shape) -> Shape:
        """Return the shape of one output for one input of shape `inputs`, or raise `ShapeMismatch`."""
        return inputs

    def parameters(self) -> dict[str, Shape]:
        """Return the names and shapes of what is learned."""
        return {}

    def buffers(self) -> dict[str, tuple[Shape, float]]:
        """Return names, shapes and initial values of what is kept but not learned by gradient."""
        return {}

    def masks(self, inputs: Shape) -> dict[str, tuple[Shape, float]]:
        """Return names, shapes and drop rates of the random masks that one example needs in training."""
        return {}

    def multiply_adds(self, inputs: Shape) -> int:
        """Return the multiplications with an addition that one forward pass of one example takes."""
        return 0

    def forward(self, params: Arrays, x: Array, training: bool = False) -> tuple[Array, Any]:
        """Return the outputs for the batch `x`, and the residuals: what `backward` will need.

        `params` holds the layer's parameters and buffers and, in training, its masks.
        """
        raise NotImplementedError

    def backward(self, params: Arrays, residuals: Any, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return the loss's gradient by the inputs and by each parameter, from `dy`, its gradient by the outputs."""
        raise NotImplementedError

    def parameter_gradients(self, params: Arrays, residuals: Any, dy: Array) -> dict[str, Array]:
        """Return the second half of `backward`: all that a network's first layer needs."""
        return self.backward(params, residuals, dy)[1]

    def updated_buffers(self, params: Arrays, residuals: Any) -> dict[str, Array]:
        """Return the buffers after the training step whose forward pass left `residuals`."""
        return {}

    def __str__(self) -> str:
        required = [str(getattr(self, each.name)) for each in fields(self) if each.default is MISSING]
        chosen = [
            f"{each.name}={getattr(self, each.name)}"
            for each in fields(self)
            if each.default is not MISSING and getattr(self, each.name) != each.default
        ]
        return f"{type(self).__name__}({', '.join(required + chosen)})"
