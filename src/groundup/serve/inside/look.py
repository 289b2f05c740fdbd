"""One visitor's look into one network."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.inspection.activations import Floats, Step, as_bytes, inspected, largest, steps
from groundup.inspection.units import Explanation, explain
from groundup.layers.base import Layer, Shape
from groundup.models.committee import Committee
from groundup.models.model import Model
from groundup.serve.inside import words
from groundup.serve.visitor import Visitor

INPUT = "input"
"""The place of the picture itself, before the first layer."""

Seen = tuple[Model, NDArray[np.uint8], list[Step]]
"""A network, a picture, and every layer of the one at work on the other."""


@dataclass(frozen=True)
class Sheet:
    """One layer as the page knows it.

    Attributes
    ----------
    place : str
        ``"input"``, or the layer's place in the network.
    layer : Layer or None
        None for the input.
    shape : tuple of int
        Of its numbers; the input has that of a picture, (1, height, width).
    """

    place: str
    layer: Layer | None
    shape: Shape

    @property
    def shown(self) -> bool:
        """Whether its numbers are worth a picture: those of the layer before are the same otherwise."""
        return self.layer is None or not words.changes_nothing(self.layer)

    def unit(self, index: int) -> Shape | None:
        """Return the place of a number in the shape; None if there are not so many."""
        if not 0 <= index < int(np.prod(self.shape)):
            return None
        return tuple(int(at) for at in np.unravel_index(index, self.shape))

    def index(self, unit: Sequence[int]) -> int:
        """Return the number's index in C order."""
        return int(np.ravel_multi_index(tuple(unit), self.shape))


@dataclass
class Look:
    """The network that a visitor uses and what it makes of the drawing, layer by layer.

    Attributes
    ----------
    model : Model
        Of a committee the first member.
    sheets : list of Sheet
        The input and every layer.
    steps : list of Step
        Every layer at work, for the newest drawing.
    chosen : tuple of str and tuple of int, or None
        The place of the layer and the unit that is looked at.
    """

    visitor: Visitor
    chosen: tuple[str, Shape] | None = None
    model: Model = field(init=False)
    pixels: NDArray[np.uint8] = field(init=False)
    steps: list[Step] = field(init=False, default_factory=list)
    sheets: list[Sheet] = field(init=False, default_factory=list)

    def work(self) -> Seen:
        """Run the network on the drawing: milliseconds of work, to be done in a thread, and changes nothing here.

        Raises
        ------
        GroundupError
            If there is nothing to look into, or the network takes pictures of another size.
        """
        model, pixels = inspected(self.visitor.recogniser), self.visitor.pixels
        return model, pixels, steps(model, pixels)

    def take(self, seen: Seen) -> None:
        """Look at what `work` has found from now on."""
        self.model, self.pixels, self.steps = seen
        self.sheets = [Sheet(INPUT, None, (1, *self.pixels.shape))]
        self.sheets += [Sheet(step.place, step.layer, step.outputs.shape) for step in self.steps]
        if self.chosen and not self.has(*self.chosen):
            self.chosen = None

    def sheet(self, place: str) -> Sheet | None:
        """Return the layer at a place, or None."""
        return next((sheet for sheet in self.sheets if sheet.place == place), None)

    def values(self, sheet: Sheet) -> Floats:
        """Return the layer's numbers; of the input the ink, 0 to 1."""
        if sheet.layer is None:
            return self.pixels[np.newaxis] / 255
        return next(step.outputs for step in self.steps if step.place == sheet.place)

    def explain(self, place: str, unit: Shape) -> Explanation:
        """Return the arithmetic of a unit that is there."""
        return explain(self.model, self.pixels, place, unit, self.steps)

    def answer(self) -> tuple[str, float]:
        """Return the answer's name, and its probability as the visitor's recogniser gives it."""
        recogniser = self.visitor.recogniser
        probabilities = recogniser.predict(self.pixels[np.newaxis])[0]
        best = int(probabilities.argmax())
        return recogniser.class_names[best], float(probabilities[best])

    def label(self) -> int:
        """Return the label that the visitor chose, or else the network's answer."""
        label = self.visitor.label
        return (
            label if label is not None and label < len(self.model.class_names) else int(self.steps[-1].outputs.argmax())
        )

    def remark(self) -> str:
        """Return what must be said about which network this is."""
        recogniser = self.visitor.recogniser
        if isinstance(recogniser, Committee):
            return (
                f"This model is a committee of {len(recogniser.members)} networks; what you see is the first of them."
            )
        return ""

    def has(self, place: str, unit: Shape) -> bool:
        """Return whether there is such a unit."""
        sheet = self.sheet(place)
        return (
            sheet is not None
            and len(unit) == len(sheet.shape)
            and all(0 <= at < side for at, side in zip(unit, sheet.shape, strict=True))
        )


def packed(arrays: Iterable[Floats], limits: Iterable[float]) -> str:
    """Return numbers as bytes in base64, those of all arrays one after another, each up to its own limit."""
    return base64.b64encode(
        b"".join(as_bytes(each, most).tobytes() for each, most in zip(arrays, limits, strict=True))
    ).decode()


def span(values: Floats) -> str:
    """Return the least and the largest number, in words."""
    return f"{short(float(np.nanmin(values)))} to {short(float(np.nanmax(values)))}"


def short(value: float) -> str:
    """Return a number in three digits, with a proper minus."""
    text = f"{value:.3g}" if abs(value) < 1e4 else f"{value:.2e}"
    return text.replace("-", "\N{MINUS SIGN}")


def picture(caption: str, values: Floats, limit: float | None = None, **more: Any) -> dict[str, Any]:
    """Return one small picture for the page: values (features,) or (channels, height, width)."""
    most = largest(values) if limit is None else limit
    return {"caption": caption, "shape": list(values.shape), "bytes": packed([values], [most]), **more}
