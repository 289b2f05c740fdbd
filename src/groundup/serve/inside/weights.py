"""The view of weights and filters, as pictures."""

from __future__ import annotations

import math

import numpy as np
from nicegui import ui
from nicegui.events import GenericEventArguments

from groundup.inspection.activations import Floats, largest
from groundup.inspection.weights import filters, weighted
from groundup.layers import Conv2d
from groundup.serve.inside.elements import LayerList
from groundup.serve.inside.look import Look, short, span
from groundup.serve.inside.views import Choose, View, legend

NUMBERS = 50_000
"""Weights on one page."""


class Weights(View):
    """One layer's weights, a page at a time."""

    units = False

    def __init__(self, look: Look, choose: Choose) -> None:
        super().__init__(look, choose)
        legend("A weight above 0 lets its input speak for the unit, one below 0 against it.")
        with ui.element("div").classes("tools"):
            self.layer = ui.toggle({}, on_change=self._turned).props(
                "no-caps dense unelevated data-testid=weights-layer"
            )
        self.words = ui.label().classes("explained")
        self.list = LayerList().mark("weights").props("data-testid=weights")
        self.list.on("unit", self._pointed)
        self.told = ui.label().classes("explained").props("aria-live=polite")
        self.pages = ui.pagination(1, 1, on_change=self.show).props("max-pages=6").mark("weights-pages")

    def show(self) -> None:
        """Show one page of the layer's weights."""
        if not self.look.steps:
            return
        layers = weighted(self.look.model.network)
        options = {place: f"{place} {type(layer).__name__}" for place, layer in layers.items()}
        if self.layer.options != options:
            self.layer.set_options(options, value=next(iter(options), None))
        if self.layer.value not in layers:
            return
        place = str(self.layer.value)
        table = filters(self.look.model, place)
        self.pages.max = math.ceil(len(table) / self._rows(table))
        self.pages.set_visibility(self.pages.max > 1)
        self.words.text = _words(isinstance(layers[place], Conv2d), table)
        self._page(place, table)

    def _page(self, place: str, table: Floats) -> None:
        rows = self._rows(table)
        start = (int(self.pages.value or 1) - 1) * rows
        page = table[start : start + rows]
        _, columns, height, width = page.shape
        whole = f"{place}.weight, {'x'.join(map(str, self.look.model.state[f'{place}.weight'].shape))}, {span(table)}"
        layer = {
            "key": f"{place} {start}",
            "number": "",
            "title": f"Units {start} to {start + len(page) - 1}" if self.pages.max > 1 else "All units",
            "words": "",
            "note": whole,
            "label": f"Weights of layer {place}",
            "shape": [len(page) * columns, height, width],
            "columns": columns if columns > 1 else 0,
            "tile": 0 if columns > 1 or len(table) == 1 else 84 if len(page) <= 100 else 42,
        }
        self.list.describe([layer])
        self.list.show([page.reshape(-1, height, width)], [largest(table)], [whole])
        self.shown, self.start = page, start

    @staticmethod
    def _rows(table: Floats) -> int:
        return max(1, NUMBERS // math.prod(table.shape[1:])) if len(table) > 1 else 1

    def _turned(self) -> None:
        self.pages.value = 1
        self.told.text = ""
        self.show()

    def _pointed(self, event: GenericEventArguments) -> None:
        index = event.args.get("unit") if isinstance(event.args, dict) else None
        if isinstance(index, int) and 0 <= index < self.shown.size:
            unit, column, row, across = (int(at) for at in np.unravel_index(index, self.shown.shape))
            value = short(float(self.shown[unit, column, row, across]))
            if len(self.shown) == 1 and self.shown.shape[1] == 1:  # the matrix itself
                self.told.text = f"Unit {row}, input {across}: {value}"
            else:
                source = f", map {column}" if self.shown.shape[1] > 1 else ""
                self.told.text = f"Unit {self.start + unit}{source}, row {row}, column {across}: {value}"


def _words(is_convolution: bool, table: Floats) -> str:
    _, columns, height, width = table.shape
    if is_convolution and columns == 1:
        return f"Each picture is a filter: the {height}x{width} weights that slide over the input."
    if is_convolution:
        return f"Each row is a unit's filters, {height}x{width} weights for each of its {columns} input maps."
    if len(table) == 1:
        return "The matrix: a row of cells for each unit, a column for each input."
    if columns == 1:
        return "Each picture is one unit: the weight of every pixel of the input, in its place."
    return f"Each row is one unit: the weights of {columns} maps of {height}x{width}."
