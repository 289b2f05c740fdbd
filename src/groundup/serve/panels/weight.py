"""One weight by itself: choose it in a picture of its unit's weights, and give it another value."""

from __future__ import annotations

import base64
import math
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from nicegui import ui
from nicegui.events import MouseEventArguments
from numpy.typing import NDArray
from PIL import Image

from groundup.inspection.activations import as_pictures
from groundup.inspection.edits import weight_names
from groundup.inspection.weights import filters
from groundup.models.model import Model
from groundup.network import Network
from groundup.pictures.tiles import mosaic
from groundup.serve.panels.controls import layer_choices, start
from groundup.serve.panels.surgery import Surgery

POSITIVE, NEGATIVE = (0, 114, 178), (213, 94, 0)


class OneWeight:
    """A picture of one unit's weights, of which one can be chosen and changed."""

    def __init__(self, surgery: Surgery) -> None:
        self.surgery = surgery
        self.network: Network | None = None
        self.following = False
        with ui.element("section").classes("card"):
            ui.label("One weight").classes("card-title").props("role=heading aria-level=2")
            ui.label(
                "The weights that lead into one unit: blue above zero, orange below. Choose one in the picture or by "
                "its number, and move it."
            ).classes("explained")
            self.layer = ui.select({}, label="Layer").props("dense outlined options-dense data-testid=weight-layer")
            self.layer.mark("weight-layer")
            with ui.element("div").classes("tools"):
                self.unit = self._number("Unit", "weight-unit")
                self.index = self._number("Weight", "weight-index")
            self.picture = ui.interactive_image(on_mouse=self._clicked, events=["click"]).classes("weight-picture")
            self.picture.props("role=img data-testid=weight-picture").mark("weight-picture")
            with ui.element("div").classes("slider-row"):
                ui.label("Its value")
                self.value = ui.slider(min=-1, max=1, step=0.01, value=0)
                self.value.props('aria-label="Value of the weight" data-testid=weight-value').mark("weight-value")
                self.written = ui.label().classes("slider-value")
        self.layer.on_value_change(self._first)
        self.unit.on_value_change(self._draw)
        self.index.on_value_change(self._draw)
        self.value.on_value_change(lambda event: self._moved(float(event.value)))
        surgery.on_change(self.follow)
        self.follow()

    def _number(self, title: str, name: str) -> ui.number:
        number = ui.number(title, value=0, min=0, step=1, precision=0)
        number.props(f"dense outlined data-testid={name}").classes("small-number").mark(name)
        return number

    def follow(self) -> None:
        """Show another network's weights, or what edits made of these."""
        network = self.surgery.base.network
        if network is not self.network:
            self.network = network
            names = layer_choices(network, weight_names(network))
            self.layer.set_options(names, value=next(iter(names)))
            self._first()
        else:
            self._draw()

    def _first(self) -> None:
        self.unit.value = 0
        self.index.value = len(self._weights().ravel()) // 2
        self._draw()

    def _weights(self) -> NDArray[Any]:
        """Return the chosen unit's weights as pictures (N, height, width)."""
        model, name = self.surgery.edited, str(self.layer.value)
        return unit_weights(model, name, self._chosen(self.unit, model.network.parameters()[name][0]))

    def _chosen(self, number: ui.number, count: int) -> int:
        """Return what stands in a field for numbers, at most the last there is; empty is 0."""
        return min(max(int(number.value or 0), 0), count - 1)

    def _draw(self) -> None:
        weights = self._weights()
        index = self._chosen(self.index, int(np.isfinite(weights).sum()))
        indices, source = weight_picture(weights)
        row, column = np.argwhere(indices == index)[0]
        self.picture.set_source(source)
        self.picture.content = (
            f'<rect x="{column}" y="{row}" width="1" height="1" fill="none" '
            'stroke="currentColor" stroke-width="3" vector-effect="non-scaling-stroke"/>'
        )
        value, limit = float(weights.ravel()[index]), float(np.nanmax(np.abs(weights)))
        self.following = True
        self.value.props["max"] = round(max(2 * limit, abs(value), 0.1), 3)
        self.value.props["min"] = -self.value.props["max"]
        self.value.props["step"] = self.value.props["max"] / 200
        self.value.value = value
        self.written.text = f"{value:.3f}"
        self.following = False

    def _clicked(self, event: MouseEventArguments) -> None:
        indices, _ = weight_picture(self._weights())
        row, column = math.floor(event.image_y), math.floor(event.image_x)
        if 0 <= row < len(indices) and 0 <= column < indices.shape[1] and indices[row, column] >= 0:
            self.index.value = int(indices[row, column])

    def _moved(self, value: float) -> None:
        if self.following:
            return
        model, name = self.surgery.edited, str(self.layer.value)
        inputs = model.state[name][0].size
        unit = self._chosen(self.unit, len(model.state[name]))
        place = unit * inputs + self._chosen(self.index, inputs)
        others = tuple(one for one in self.surgery.edits.numbers if one[:2] != (name, place))
        self.written.text = f"{value:.3f}"
        edits = replace(self.surgery.edits, numbers=(*others, (name, place, round(value, 6))))
        start(self.surgery.edit(f"number {name} {place}", edits))


def unit_weights(model: Model, name: str, unit: int) -> NDArray[Any]:
    """Return the weights that lead into one unit as pictures (N, height, width); NaN fills up the last row."""
    pictures = filters(model, name.removesuffix(".weight"))
    of_one = pictures[unit] if len(pictures) == len(model.state[name]) else as_pictures(model.state[name][unit])
    return np.asarray(of_one, np.float32)


def weight_picture(weights: NDArray[Any]) -> tuple[NDArray[np.int64], str]:
    """Return weights (N, height, width) as one picture, a data URL, and which weight each of its pixels is, or -1."""
    count, height, width = weights.shape
    columns = max(1, min(count, round(math.sqrt(count * 2.2 * height / width))))
    tiled = mosaic(weights, columns)
    numbers = mosaic(np.arange(weights.size, dtype=float).reshape(weights.shape), columns)
    indices = np.where(np.isfinite(tiled), np.nan_to_num(numbers, nan=-1), -1).astype(np.int64)
    limit = np.nanmax(np.abs(weights)) or 1
    pixels = np.zeros((*tiled.shape, 4), np.uint8)
    pixels[..., :3] = np.where((tiled > 0)[..., np.newaxis], POSITIVE, NEGATIVE)
    pixels[..., 3] = np.where(np.isfinite(tiled), 25 + 230 * np.nan_to_num(np.abs(tiled) / limit), 0)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return indices, f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
