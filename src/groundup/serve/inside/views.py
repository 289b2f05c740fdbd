"""What every view of the tab Inside is, and the two that show all layers: as sheets, and in three dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from nicegui import ui
from nicegui.events import GenericEventArguments

from groundup.inspection.activations import largest
from groundup.inspection.fields import receptive_field
from groundup.inspection.units import ONE_BY_ONE
from groundup.layers import Residual, Shape
from groundup.serve.inside import words
from groundup.serve.inside.elements import LayerList, Network3d
from groundup.serve.inside.look import INPUT, Look, Sheet, span
from groundup.serve.inside.panel import before, source_of

Choose = Callable[[str, Shape], None]

EDGES = 160
"""Lines from one unit to its inputs: to those that matter most."""


class View:
    """One way to look inside. It is built inside the current container, once, when it is first opened."""

    units = True
    """Whether units can be looked at one by one."""

    def __init__(self, look: Look, choose: Choose) -> None:
        self.look = look
        self.choose = choose

    def work(self) -> None:
        """Calculate what `show` needs, in a thread."""

    def show(self) -> None:
        """Show what was calculated."""

    def select(self, reveal: bool) -> None:
        """Mark the unit that is looked at; with `reveal`, scroll to it."""

    def sheets(self) -> list[Sheet]:
        """Return the layers that are shown, in the order in which the browser counts them."""
        return self.look.sheets

    def pointed(self, event: GenericEventArguments) -> None:
        """Look at the unit that the browser names, if there is one."""
        told = event.args if isinstance(event.args, dict) else {}
        layer, index, sheets = told.get("layer"), told.get("unit"), self.sheets()
        if isinstance(layer, int) and isinstance(index, int) and 0 <= layer < len(sheets):
            unit = sheets[layer].unit(index)
            if unit is not None:
                self.choose(sheets[layer].place, unit)


def described(look: Look, sheet: Sheet) -> dict[str, Any]:
    """Return a layer for `LayerList` and `Network3d`."""
    classes = look.model.class_names
    is_last = sheet is look.sheets[-1]
    if sheet.layer is None:
        title, sentence = "The picture", "What the network sees of the drawing, one number a pixel."
    else:
        title, sentence = str(sheet.layer), words.sentence(sheet.layer)
        title = "Residual" if isinstance(sheet.layer, Residual) else title
    return {
        "key": sheet.place,
        "number": "" if sheet.layer is None else sheet.place,
        "title": title,
        "words": sentence,
        "note": words.shape(sheet.shape),
        "label": f"{title}: {words.shape(sheet.shape)}. Arrow keys go from unit to unit.",
        "shape": list(sheet.shape) if sheet.shown else None,
        "ink": sheet.layer is None,
        "labels": list(classes) if is_last and sheet.shape == (len(classes),) else [],
    }


class Layers(View):
    """Every layer's numbers, one layer below the other."""

    def __init__(self, look: Look, choose: Choose) -> None:
        super().__init__(look, choose)
        legend("Each layer has its own scale: its largest number, above or below 0, has the fullest colour.")
        self.list = LayerList().mark("layers").props("data-testid=layers")
        self.list.on("unit", self.pointed)

    def show(self) -> None:
        """Show what every layer makes of the drawing."""
        look = self.look
        shown = [sheet for sheet in look.sheets if sheet.shown]
        values = [look.values(sheet) for sheet in shown]
        notes = {
            sheet.place: f"{words.shape(sheet.shape)}, {span(each)}" for sheet, each in zip(shown, values, strict=True)
        }
        self.list.describe([described(look, sheet) for sheet in look.sheets])
        self.list.show(
            values,
            [1.0, *(largest(each) for each in values[1:])],
            [notes.get(sheet.place, words.shape(sheet.shape)) for sheet in look.sheets],
        )
        self.select(False)

    def select(self, reveal: bool) -> None:
        """Outline the unit, what it reads, and the part of the picture that it sees."""
        look = self.look
        if look.chosen is None:
            return
        place, unit = look.chosen
        sheet = look.sheet(place)
        assert sheet is not None
        marks = [] if place == INPUT else marked(look, place, unit)
        self.list.select(look.sheets.index(sheet), sheet.index(unit), marks, reveal)


def marked(look: Look, place: str, unit: Shape) -> list[dict[str, Any]]:
    """Return the boxes that a unit reads: in the layer before, and in the picture."""
    field = receptive_field(look.model.network, look.pixels.shape, place, unit)
    size = [1, field.bottom - field.top, field.right - field.left]
    marks = [{"layer": 0, "start": [0, field.top, field.left], "size": size}]
    first = look.explain(place, unit).chain[0]
    behind = before(look, first.place)
    if behind.layer is not None and len(behind.shape) == 3 and first.inputs.ndim == 3:
        marks.append({"layer": look.sheets.index(behind), "start": list(first.start), "size": list(first.inputs.shape)})
    return marks


class Space(View):
    """The whole network in three dimensions."""

    def __init__(self, look: Look, choose: Choose) -> None:
        super().__init__(look, choose)
        legend("Point at a unit: lines lead to the inputs that matter most to it.")
        self.network = Network3d().mark("network3d").props("data-testid=network3d")
        self.network.on("unit", self.pointed)
        ui.label(
            "Drag to turn, wheel or pinch to zoom, right button or two fingers to move. With the keyboard: arrow keys "
            "go from unit to unit, Page Up and Page Down from layer to layer."
        ).classes("explained")
        self.every = (
            ui.switch("Every step", on_change=self.show).props("dense data-testid=every-step").mark("every-step")
        )
        self.every.tooltip("Shows each layer; otherwise only what is handed on after its activation.")

    def show(self) -> None:
        """Show what the layers make of the drawing."""
        if not self.look.steps:
            return
        sheets = self.sheets()
        values = [self.look.values(sheet) for sheet in sheets]
        self.network.describe([described(self.look, sheet) | {"names": self._names(sheet, sheets)} for sheet in sheets])
        self.network.show(values, [1.0, *(largest(each) for each in values[1:])])
        self.select(False)

    def sheets(self) -> list[Sheet]:
        """Return the layers that have a floor of their own."""
        outer = [sheet for sheet in self.look.sheets if sheet.shown and "." not in sheet.place]
        if self.every.value:
            return outer
        last = [
            each for each, after in zip(outer[1:], [*outer[2:], None], strict=True) if after is None or _reads(after)
        ]
        return [outer[0], *last]

    def _names(self, sheet: Sheet, sheets: list[Sheet]) -> str:
        """Return the layers that a floor stands for: its own, and those before it that have none."""
        if sheet.layer is None:
            return "The picture"
        every = [each for each in self.look.sheets if "." not in each.place]
        below = sheets[sheets.index(sheet) - 1]
        own = every[every.index(below) + 1 : every.index(sheet) + 1]
        return ", ".join(words.kind(each.layer) for each in own if each.layer and each.shown)

    def select(self, reveal: bool) -> None:
        """Mark the unit, and draw lines to what it reads."""
        look = self.look
        if look.chosen is None:
            return
        sheets = self.sheets()
        place, unit = look.chosen
        here = next((number for number, sheet in enumerate(sheets) if sheet.place == place), None)
        if here is None:
            self.network.select(-1, -1, [])
            return
        self.network.select(here, sheets[here].index(unit), self._edges(sheets, here, unit))

    def _edges(self, sheets: list[Sheet], here: int, unit: Shape) -> list[tuple[int, int, float]]:
        if here == 0:
            return []
        first = self.look.explain(sheets[here].place, unit).chain[0]
        behind, below = before(self.look, first.place), sheets[here - 1]
        if int(np.prod(behind.shape)) != int(np.prod(below.shape)):
            return []  # between them stands a layer that has no floor
        strengths = first.inputs if first.products is None else first.products
        most = largest(strengths) or 1.0
        edges = []
        for index in np.argsort(-np.abs(strengths), axis=None)[:EDGES]:
            at = tuple(int(each) for each in np.unravel_index(index, strengths.shape))
            source = source_of(first, at, behind)
            if source is not None and strengths[at]:
                edges.append((here - 1, behind.index(source), float(strengths[at]) / most))
        return edges


def _reads(sheet: Sheet) -> bool:
    """Return whether a layer reads more than one number for each of its own."""
    return not isinstance(sheet.layer, ONE_BY_ONE) or isinstance(sheet.layer, Residual)


def legend(text: str, low: str = "below 0", high: str = "above 0") -> None:
    """Add the colours' meaning."""
    with ui.element("div").classes("legend"):
        with ui.element("div").classes("legend-scale").props(f'role=img aria-label="Orange: {low}. Blue: {high}."'):
            ui.label(low)
            ui.element("span").classes("legend-colours")
            ui.label(high)
        ui.label(text).classes("explained")
