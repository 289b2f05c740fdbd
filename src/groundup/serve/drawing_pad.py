"""The pad, the bars and the small picture: what follows the pen, each a component of the page."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Sequence
from typing import Any

import numpy as np
from nicegui.element import Element
from nicegui.events import GenericEventArguments
from numpy.typing import NDArray

from groundup.serve.visitor import Visitor


class DrawingPad(Element, component="static/drawing_pad.js"):
    """A pad to draw on, and to drop or paste pictures on; of several on a page each shows what is drawn on the others.

    Parameters
    ----------
    visitor : Visitor
        Whose drawing it is.
    small : bool
        Whether it stands beside something else, with few words.
    """

    def __init__(self, visitor: Visitor, small: bool = False) -> None:
        super().__init__()
        self.visitor = visitor
        self._shown = (visitor.drawing, visitor.picture)
        self._waiting = 0
        self._props |= {
            "small": small,
            "start": visitor.drawing,
            "backdrop": visitor.picture,
            "label": "Pad to draw digits on. With the keyboard: arrow keys move the pen, the space bar lowers and "
            "lifts it, Delete clears, Control Z takes back.",
            "hint": "Draw here" if small else "Draw a digit here, or a whole number",
            "more": "or drop, paste or choose a picture",
        }
        self.on("draw", self._drawn)
        self.on("picture", self._pictured)
        self.on("choose", lambda event: visitor.choose(event.args) if isinstance(event.args, int) else None)
        self.on("complain", lambda event: visitor.complain(str(event.args)[:200]))
        visitor.on_change(self._follow)
        self._follow()

    async def _drawn(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str):
            await self._told((event.args, ""), self.visitor.draw(event.args))
        self.run_method("answered")

    async def _pictured(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str):
            await self._told(("", event.args), self.visitor.look_at(event.args))

    async def _told(self, shown: tuple[str, str], work: Awaitable[None]) -> None:
        """Wait until what this pad shows is read. Until then the visitor's drawing is an older one."""
        self._shown = shown
        self._waiting += 1
        try:
            await work
        finally:
            self._waiting -= 1
        if not self._waiting and self._is_other():  # something else was shown meanwhile
            self._follow()

    def _is_other(self) -> bool:
        return self._shown != (self.visitor.drawing, self.visitor.picture)

    def _follow(self) -> None:
        visitor = self.visitor
        news: dict[str, Any] = {"boxes": self._boxes()}
        if not self._waiting and self._is_other():
            self._shown = (visitor.drawing, visitor.picture)
            news |= {"drawing": visitor.drawing, "picture": visitor.picture}
        self.run_method("show", news)

    def _boxes(self) -> list[dict[str, Any]]:
        reading, names = self.visitor.reading, self.visitor.recogniser.class_names
        if len(reading.digits) < 2:
            return []
        return [
            {"box": box, "name": names[int(one.probabilities.argmax())], "chosen": index == self.visitor.chosen}
            for index, (one, box) in enumerate(zip(reading.digits, reading.boxes, strict=True))
        ]


class ProbabilityBars(Element, component="static/probability_bars.js"):
    """The probability of each class as a bar."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = list(names)
        self._props["names"] = self.names

    def show(self, names: Sequence[str], probabilities: NDArray[Any] | None) -> None:
        """Show probabilities, (classes,); or, with None, that there is nothing to recognise."""
        if self.names != list(names):
            self.names = list(names)
            self._props["names"] = self.names
            self.update()
        known = None if probabilities is None else np.nan_to_num(probabilities).astype(float).tolist()
        self.run_method("show", known, -1 if probabilities is None else int(probabilities.argmax()))


class PixelGrid(Element, component="static/pixel_grid.js"):
    """A picture of 28x28 pixels, as ink on paper."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._props["label"] = label

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Show pixels (28, 28) uint8: 0 is paper, 255 full ink."""
        self.run_method("show", base64.b64encode(pixels.tobytes()).decode())
