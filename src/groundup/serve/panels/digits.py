"""Digits as buttons: a click puts one on the pad, where every tab sees it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from nicegui import ui
from numpy.typing import NDArray

from groundup.serve import reading
from groundup.serve.visitor import Visitor


def show_on_pad(visitor: Visitor, pixels: NDArray[np.uint8]) -> None:
    """Let all tabs see these pixels (28, 28)."""
    visitor.show(np.array(pixels))
    ui.notify("This digit is now on the pad: every tab shows what becomes of it.", position="bottom", timeout=2500)


def digit_button(visitor: Visitor, pixels: NDArray[np.uint8], caption: str, description: str) -> None:
    """Add a button with a picture of a digit and a few words below it; a click puts it on the pad."""
    button = ui.element("button").classes("digit-button").props("type=button")
    button.props["aria-label"] = description
    button.on("click", lambda: show_on_pad(visitor, pixels))
    with button:
        ui.element("img").props(f'src="{reading.data_url(pixels)}" alt="" width=28 height=28')
        if caption:
            ui.label(caption)


def gallery(
    visitor: Visitor, images: NDArray[np.uint8], captions: Sequence[str], descriptions: Sequence[str], name: str
) -> None:
    """Add such buttons for pictures (N, height, width) in rows; `name` is what tests call the whole."""
    with ui.element("div").classes("digit-gallery").props(f'data-testid="{name}"').mark(name):
        for pixels, caption, description in zip(images, captions, descriptions, strict=True):
            digit_button(visitor, pixels, caption, description)
