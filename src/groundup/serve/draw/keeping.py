"""Files to keep: the drawing, what the network saw of it, and the model."""

from __future__ import annotations

import io
from asyncio import to_thread
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from nicegui import ui
from numpy.typing import NDArray
from PIL import Image

from groundup.errors import GroundupError
from groundup.serve import drawing
from groundup.serve.model_file import model_file
from groundup.serve.visitor import Visitor


def keep_menu(visitor: Visitor) -> None:
    """Build a button with a menu of what can be kept as a file."""
    with (
        ui.button("Keep", icon="download").props("flat no-caps dense aria-label=Keep data-testid=keep").mark("keep"),
        ui.menu(),
    ):
        _item("Drawing as PNG", lambda: _keep_drawing(visitor, "png"))
        _item("Drawing as SVG", lambda: _keep_drawing(visitor, "svg"))
        _item("The 28x28 pixels as PNG", lambda: ui.download.content(_png(255 - visitor.pixels), "digit-28x28.png"))
        ui.separator()
        _item("Model as safetensors", lambda: _keep_model(visitor, "safetensors"))
        _item("Page with this model that needs no server, as HTML", lambda: _keep_model(visitor, "html"))
        if find_spec("onnx"):
            _item("Model as ONNX", lambda: _keep_model(visitor, "onnx"))


def _item(text: str, chosen: Callable[[], object]) -> None:
    name = text.split()[-1].lower() if "28x28" not in text else "pixels"
    ui.menu_item(text, chosen).props(f"data-testid=keep-{name}").mark(f"keep-{name}")


def _keep_drawing(visitor: Visitor, form: str) -> None:
    strokes = drawing.read(visitor.drawing)
    if not strokes:
        ui.notify("There is no drawing on the pad.")
    elif form == "svg":
        ui.download.content(drawing.svg(strokes), "drawing.svg", "image/svg+xml")
    else:
        ink = drawing.ink(strokes, shrink=1)
        ui.download.content(_png(np.round(255 * (1 - ink)).astype(np.uint8)), "drawing.png", "image/png")


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


async def _keep_model(visitor: Visitor, form: str) -> None:
    try:
        data = await to_thread(model_file, visitor.recogniser, visitor.model_name, form)
    except GroundupError as error:
        ui.notify(str(error))
        return
    ui.download.content(data, f"{visitor.model_name.replace(', ', '-')}.{form}")
