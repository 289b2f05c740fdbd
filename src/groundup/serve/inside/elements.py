"""The components of the tab Inside that draw on canvases."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from nicegui.element import Element
from nicegui.elements import scene
from numpy.typing import NDArray

from groundup.inspection.activations import Floats
from groundup.serve.inside.look import packed

THREE = Path(str(scene.__file__)).with_name("dist")
"""Where three.js is: NiceGUI brings it for its own scene, under the name ``nicegui-scene``."""

Described = list[dict[str, Any]]


class Layered(Element):
    """Shows layers, and tells of units that are pointed at.

    The event is ``unit``: ``layer``, ``unit`` as an index, ``pinned``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._props["layers"] = []

    def describe(self, layers: Described) -> None:
        """Say which layers there are, as `groundup.serve.inside.views.described` describes them."""
        if self._props["layers"] != layers:
            self._props["layers"] = layers
            self.update()


class LayerList(Layered, component="../static/layer_list.js"):
    """Layers below each other, each with its numbers as cells."""

    def show(
        self, values: list[Floats], limits: list[float], notes: list[str], bars: list[float] | None = None
    ) -> None:
        """Show numbers for the layers that have a shape, and a note and maybe a bar, 0 to 1, for every layer."""
        self.run_method("show", packed(values, limits), notes, bars)

    def select(self, layer: int, unit: int, marks: Described, reveal: bool = False) -> None:
        """Outline a unit, and boxes (`layer`, `start`, `size`) elsewhere."""
        self.run_method("select", layer, unit, marks, reveal)


class UnitPanel(Element, component="../static/unit_panel.js"):
    """The arithmetic of one unit; a click on one of its inputs leads there (event ``go``: place and unit)."""

    def __init__(self, hint: str) -> None:
        super().__init__()
        self._props["hint"] = hint

    def show(self, described: dict[str, Any] | None) -> None:
        """Show a unit, or the hint."""
        self.run_method("show", described)


class Overlay(Element, component="../static/overlay.js"):
    """A picture with numbers laid over it in colour."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._props["label"] = label

    def show(self, pixels: NDArray[np.uint8], values: Floats | None = None, limit: float = 1.0) -> None:
        """Show pixels (height, width) uint8, and over them numbers between -limit and limit."""
        over = None if values is None else packed([values], [limit])
        self.run_method("show", pixels.shape[1], base64.b64encode(pixels.tobytes()).decode(), over)


class Network3d(Layered, component="../static/network3d.js", esm={"nicegui-scene": str(THREE)}):
    """The whole network in three dimensions; of its layers also the `names` are described."""

    def show(self, values: list[Floats], limits: list[float]) -> None:
        """Show every layer's numbers."""
        self.run_method("show", packed(values, limits), limits)

    def select(self, layer: int, unit: int, edges: list[tuple[int, int, float]]) -> None:
        """Mark a unit, and lines from it to units (layer, index) of strength -1 to 1."""
        self.run_method("select", layer, unit, edges)
