"""Gradients for a label that one chooses: of the loss at every layer, of a logit at the input.

All are of the network as it answers: BatchNorm uses its running averages, Dropout does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.backends.numpy import NumpyProgram
from groundup.errors import ParameterError
from groundup.inspection.activations import Floats, program
from groundup.layers import Residual, Softmax, structure
from groundup.layers.base import Arrays, Layer
from groundup.losses import one_hot
from groundup.models.model import Model


@dataclass(frozen=True)
class Gradients:
    """The loss of one picture with one label, and its gradient everywhere.

    Attributes
    ----------
    loss : float
        The network's own loss.
    outputs : dict of str to ndarray
        The gradient by every layer's outputs, by the layer's place, in the network's order.
    parameters : dict of str to ndarray
        The gradient by every parameter, by its name: ``"0.weight"``.
    pixels : ndarray, shape (height, width)
        The gradient by every pixel, for a pixel's whole range: from background (0) to full ink (1).
    """

    loss: float
    outputs: dict[str, Floats]
    parameters: dict[str, Floats]
    pixels: Floats


def loss_gradients(model: Model, pixels: NDArray[np.uint8], label: int, precision: str = "float32") -> Gradients:
    """Return the gradient of the loss of one picture (height, width) uint8, if it showed `label`.

    Raises
    ------
    ParameterError
        If the model knows no class of this number.
    """
    check_label(model, label)
    running = program(model, precision)
    y, saved = model.network.forward(running.params, running.inputs(pixels[np.newaxis]))
    loss, residuals = model.loss.forward(y, one_hot(np.array([label]), y.shape[1], like=y))
    descent = _Descent()
    dx = descent.run(model.network.layers, running.params, saved, model.loss.backward(residuals))
    return Gradients(
        float(loss),
        {place: dy[0] for place, dy in reversed(descent.outputs.items())},
        dict(reversed(descent.parameters.items())),
        _by_pixels(model, dx)[0].reshape(pixels.shape),
    )


def saliency(model: Model, pixels: NDArray[np.uint8], label: int, precision: str = "float32") -> Floats:
    """Return the gradient (height, width) of the logit of `label` by every pixel of one picture.

    For a pixel's whole range, from background (0) to full ink (1): positive where more ink speaks for the label
    (Simonyan, Vedaldi and Zisserman, 2013). A softmax at the end of a network is left out, because its gradient
    vanishes where the network is sure; of a network without logits it is the output's gradient.

    Raises
    ------
    ParameterError
        If the model knows no class of this number.
    """
    check_label(model, label)
    return np.asarray(Logits(model, precision).slopes(pixels, [label])[0])


def check_label(model: Model, label: int) -> None:
    """Raise `ParameterError` unless the model knows the class of this number."""
    if not 0 <= label < len(model.class_names):
        raise ParameterError(f"there is no class {label}: the model knows {len(model.class_names)}, from 0")


class Logits:
    """A model's outputs before a softmax, and their gradients by the pixels."""

    def __init__(self, model: Model, precision: str) -> None:
        layers = model.network.layers
        self.model = model
        self.layers = layers[:-1] if isinstance(layers[-1], Softmax) else layers
        self.program: NumpyProgram = program(model, precision)

    def values(self, pixels: NDArray[Any]) -> Floats:
        """Return the logits (classes,) of one picture (height, width) of numbers 0 to 255."""
        return np.asarray(self._forward(pixels[np.newaxis])[0][0])

    def slopes(self, pixels: NDArray[Any], classes: Sequence[int]) -> Floats:
        """Return the gradient (len(classes), height, width) of these classes' logits by the pixels, as `saliency`."""
        copies = np.repeat(pixels[np.newaxis], len(classes), axis=0)  # each class has a picture of its own
        y, saved = self._forward(copies)
        dy = one_hot(np.asarray(classes), y.shape[1], like=y)
        dx, _ = structure.run_backward(self.layers, self.program.params, saved, dy)
        return _by_pixels(self.model, dx).reshape(copies.shape)

    def answer(self, pixels: NDArray[Any]) -> int:
        """Return the class of the largest logit."""
        return int(self.values(pixels).argmax())

    def _forward(self, pictures: NDArray[Any]) -> tuple[Floats, list[Any]]:
        return structure.run_forward(self.layers, self.program.params, self.program.inputs(pictures))


@dataclass
class _Descent:
    """A backward pass that keeps what it meets."""

    outputs: dict[str, Floats] = field(default_factory=dict)
    parameters: dict[str, Floats] = field(default_factory=dict)

    def run(self, layers: Sequence[Layer], params: Arrays, saved: Sequence[Any], dy: Floats, outer: str = "") -> Floats:
        """Return dx, and keep the gradient by each layer's outputs and by each parameter, the last layer's first."""
        for index in reversed(range(len(layers))):
            layer, own, place = layers[index], structure.select(index, params), f"{outer}{index}"
            self.outputs[place] = dy
            if isinstance(layer, Residual):
                dy = dy + self.run(layer.layers, own, saved[index], dy, f"{place}.")
            else:
                dy, gradients = layer.backward(own, saved[index], dy)
                for name, gradient in reversed(gradients.items()):
                    self.parameters[f"{place}.{name}"] = gradient
        return dy


def _by_pixels(model: Model, dx: Floats) -> Floats:
    """Return gradients by the normalised inputs as gradients by pixels from 0 to 1."""
    return np.asarray(dx * (255 / model.network.normalization.deviation))
