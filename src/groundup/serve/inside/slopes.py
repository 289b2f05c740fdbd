"""The view of gradients: the loss's, at every layer, for a label that the visitor chooses."""

from __future__ import annotations

import math

import numpy as np
from nicegui import ui

from groundup.inspection.activations import Floats, largest
from groundup.inspection.gradients import Gradients, loss_gradients
from groundup.serve.inside.elements import LayerList
from groundup.serve.inside.look import INPUT, Look, Sheet, short
from groundup.serve.inside.reasons import Labels
from groundup.serve.inside.views import Choose, View, described, legend

DECADES = 4
"""Powers of ten that a bar spans."""


class Slopes(View):
    """The gradient of the loss by every layer's outputs, and the size of that by its parameters."""

    def __init__(self, look: Look, choose: Choose) -> None:
        super().__init__(look, choose)
        legend(
            "If a unit's number grew, would the loss grow or fall? Training moves against the gradient. Each layer "
            "has its own scale.",
            "loss falls",
            "loss grows",
        )
        self.digit = Labels(look)
        self.loss = ui.label().props("data-testid=loss aria-live=polite").mark("loss")
        ui.label(
            f"The bar is the gradient's length at that layer; a full one is the longest, an empty one {10**DECADES:,} "
            "times shorter."
        ).classes("explained")
        self.list = LayerList().mark("gradients").props("data-testid=gradients")
        self.list.on("unit", self.pointed)

    def work(self) -> None:
        """Run the network backward."""
        self.label = self.look.label()
        self.found = loss_gradients(self.look.model, self.look.pixels, self.label)

    def show(self) -> None:
        """Show every layer's gradient."""
        look, found = self.look, self.found
        self.digit.show(look, self.label)
        self.loss.text = f"Loss, if this is a {look.model.class_names[self.label]}: {short(found.loss)}"
        shown = [sheet for sheet in look.sheets if sheet.shown]
        values = [gradient(found, sheet) for sheet in shown]
        lengths = {sheet.place: float(np.linalg.norm(each)) for sheet, each in zip(shown, values, strict=True)}
        longest = max(lengths.values())
        self.list.describe([described(look, sheet) | {"words": "", "ink": False} for sheet in look.sheets])
        self.list.show(
            values,
            [largest(each) for each in values],
            [_note(found, sheet, lengths) for sheet in look.sheets],
            [_share(lengths.get(sheet.place, 0.0), longest) for sheet in look.sheets],
        )
        self.select(False)

    def select(self, reveal: bool) -> None:
        """Outline the unit that is looked at."""
        if self.look.chosen:
            sheet = self.look.sheet(self.look.chosen[0])
            assert sheet is not None
            self.list.select(self.look.sheets.index(sheet), sheet.index(self.look.chosen[1]), [], reveal)


def gradient(found: Gradients, sheet: Sheet) -> Floats:
    """Return the gradient by a layer's outputs, in their shape."""
    return found.pixels[np.newaxis] if sheet.place == INPUT else found.outputs[sheet.place]


def _note(found: Gradients, sheet: Sheet, lengths: dict[str, float]) -> str:
    """Return the lengths of a layer's gradients, in words."""
    if sheet.place not in lengths:
        return "the same"
    parts = [f"length {short(lengths[sheet.place])}"]
    for name in ("weight", "bias"):
        by = found.parameters.get(f"{sheet.place}.{name}")
        if by is not None:
            parts.append(f"by {name} {short(float(np.linalg.norm(by)))}")
    return ", ".join(parts)


def _share(length: float, longest: float) -> float:
    """Return how long a bar is, 0 to 1: the logarithm of the length."""
    if not 0 < length < math.inf:
        return 0.0
    return max(0.0, 1 + math.log10(length / longest) / DECADES)
