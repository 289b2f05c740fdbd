"""Digits that somebody wrote, to look at with a click."""

from __future__ import annotations

from asyncio import to_thread

import numpy as np
from nicegui import ui
from numpy.typing import NDArray

from groundup.errors import GroundupError
from groundup.serve import reading
from groundup.serve.library import described
from groundup.serve.visitor import Visitor

COUNT = 10


class Gallery:
    """A card with a few test digits, others at every click."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.next = 0
        with ui.element("section").classes("card"):
            with ui.element("div").classes("tools tools-line"):
                ui.label("Or take a digit that somebody wrote").classes("card-title")
                ui.element("div").classes("tools-gap")
                others = ui.button("Others", icon="refresh", on_click=self.fill).props("flat no-caps dense")
                others.props("data-testid=others").mark("others")
            self.row = ui.element("div").classes("gallery")
            self.words = ui.label().classes("explained")
        ui.timer(0, self.fill, once=True)

    async def fill(self) -> None:
        """Show the next test digits."""
        try:
            data = await to_thread(self.visitor.library.data)
        except GroundupError as error:
            self.words.text = str(error)
            return
        if self.visitor.client.is_deleted:
            return
        test = data.test
        indices = (self.next + np.arange(min(COUNT, len(test)))) % len(test)
        self.next = int(indices[-1]) + 1
        self.row.clear()
        with self.row:
            for index in indices.tolist():
                self._digit(np.array(test.images[index]), test.class_names[test.labels[index]])
        self.words.text = f"From the test set of {described(data)}: it played no part in training."

    def _digit(self, pixels: NDArray[np.uint8], name: str) -> None:
        button = ui.element("button").classes("gallery-digit").mark("example")
        button.props("type=button data-testid=example")
        button.props["aria-label"], button.props["data-label"] = f"Look at a {name}", name
        with button.on("click", lambda: self.visitor.show(pixels)):
            ui.element("img").props(f'src="{reading.data_url(pixels)}" alt=""')
