"""Inside: every layer at work, every unit's arithmetic, the network in 3D, weights, reasons and gradients."""

from __future__ import annotations

from asyncio import to_thread

import numpy as np
from nicegui import background_tasks, ui
from nicegui.events import GenericEventArguments

from groundup.data.datasets import Dataset
from groundup.errors import GroundupError
from groundup.layers import Shape
from groundup.serve.drawing_pad import DrawingPad
from groundup.serve.inside.elements import UnitPanel
from groundup.serve.inside.look import INPUT, Look
from groundup.serve.inside.panel import described
from groundup.serve.inside.reasons import Reasons
from groundup.serve.inside.slopes import Slopes
from groundup.serve.inside.views import Layers, Space, View
from groundup.serve.inside.weights import Weights
from groundup.serve.styles import add_styles
from groundup.serve.visitor import Visitor

TITLE = "Inside"
ICON = "visibility"

VIEWS: dict[str, tuple[str, type[View]]] = {
    "layers": ("Layers", Layers),
    "3d": ("3D", Space),
    "weights": ("Weights", Weights),
    "reasons": ("Why", Reasons),
    "gradients": ("Gradients", Slopes),
}
HINT = "Point at a cell, tap it, or go there with the keyboard: its arithmetic stands here, in numbers."


def build(visitor: Visitor) -> None:
    """Build the tab."""
    add_styles("inside", "layers", "unit", "network3d")
    Inside(visitor)


class Inside:
    """The tab of one visitor; ``view`` and ``unit`` in the address are the view and the unit looked at."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.look = Look(visitor, _unit(visitor.url.get("unit", "")))
        self.built: dict[str, View] = {}
        opened = visitor.url.get("view", "layers")
        self.opened = opened if opened in VIEWS else "layers"
        self.wanted = self.busy = False
        with ui.element("div").classes("inside"):
            with ui.element("aside").classes("inside-side"):
                self._side()
            with ui.element("section").classes("card inside-views"):
                self._views()
        visitor.on_change(self.follow)
        if not visitor.drawing and not visitor.picture:
            ui.timer(0, self._begin, once=True)

    def _side(self) -> None:
        with ui.element("section").classes("card inside-pad"):
            DrawingPad(self.visitor, small=True)
            with ui.element("div").classes("inside-answer"):
                self.answer = ui.label().mark("inside-answer").props("aria-live=polite data-testid=inside-answer")
                example = ui.button(icon="casino", on_click=self._example).props("flat round dense data-testid=example")
                example.props('aria-label="A digit from the test set"').tooltip("A digit from the test set")
        with ui.element("section").classes("card inside-unit") as self.unit_card:
            self.panel = UnitPanel(HINT).mark("unit")
            self.panel.on("go", self._go)
            close = ui.button(icon="close", on_click=self._close).props('flat round dense aria-label="Close"')
            close.classes("inside-close").mark("unit-close")

    def _views(self) -> None:
        with ui.tabs() as strip:
            strip.props("no-caps dense align=left inline-label outside-arrows mobile-arrows").classes("inside-tabs")
            for name, (title, _) in VIEWS.items():
                ui.tab(name, title).props(f"data-testid=view-{name}").mark(f"view-{name}")
        strip.set_value(self.opened)
        strip.on_value_change(lambda event: self.open(str(event.value)))
        self.remark = ui.label().classes("explained")
        self.containers = {name: ui.element("div").classes("stack").mark(f"inside-{name}") for name in VIEWS}
        self.open(self.opened)

    def open(self, name: str) -> None:
        """Show a view, and build it if it was not shown before."""
        self.opened = name
        self.visitor.remember("view", None if name == "layers" else name)
        for other, container in self.containers.items():
            container.set_visibility(other == name)
        if name not in self.built:
            with self.containers[name]:
                self.built[name] = VIEWS[name][1](self.look, self.choose)
        self.unit_card.set_visibility(self.built[name].units)
        self.follow()

    def follow(self) -> None:
        """Show the newest drawing, model and label, if the tab is open; never two at a time, and always the last."""
        if self.visitor.open_tab != "inside":
            return
        self.wanted = True
        if not self.busy:
            background_tasks.create(self._run(), name="inside")

    async def _run(self) -> None:
        self.busy = True
        try:
            while self.wanted:
                self.wanted = False
                await self._show(self.built[self.opened])
        finally:
            self.busy = False

    async def _show(self, view: View) -> None:
        try:
            self.look.take(await to_thread(self.look.work))
            answer, probability = await to_thread(self._work, view)
        except GroundupError as error:
            self.remark.text = str(error)
            self.remark.set_visibility(True)
            return
        if view is not self.built[self.opened] or self.visitor.client.is_deleted:
            return  # whoever opened another view has asked for that one, too
        is_blank = not self.look.pixels.any()
        self.answer.text = "Draw a digit" if is_blank else f"{answer}, {probability:.1%} sure"
        self.remark.text = self.visitor.complaint or self.look.remark()
        self.remark.set_visibility(bool(self.remark.text))
        view.show()
        self._tell(False)

    def _work(self, view: View) -> tuple[str, float]:
        view.work()
        return self.look.answer()

    def choose(self, place: str, unit: Shape) -> None:
        """Look at a unit."""
        self.look.chosen = (place, unit)
        self.visitor.remember("unit", "-".join([place, *map(str, unit)]))
        self._tell(False)

    def _go(self, event: GenericEventArguments) -> None:
        """Look at a unit that the page names: [place, [channel, row, column]]."""
        match event.args:
            case [str(place), [*unit]] if all(isinstance(at, int) for at in unit) and self.look.has(place, tuple(unit)):
                self.choose(place, tuple(unit))
                self._tell(True)

    def _tell(self, reveal: bool) -> None:
        """Show the unit that is looked at."""
        if self.look.chosen is not None and self.built[self.opened].units:
            self.unit_card.classes(add="inside-unit-open")
            self.panel.show(described(self.look))
            self.built[self.opened].select(reveal)

    def _close(self) -> None:
        self.look.chosen = None
        self.visitor.remember("unit", None)
        self.unit_card.classes(remove="inside-unit-open")
        self.panel.show(None)

    async def _begin(self) -> None:
        """Put the first test digit on the empty pad: of nothing there would be nothing to see."""
        test = await self._test_digits()
        if test is not None and not self.visitor.drawing and not self.visitor.picture:
            self.visitor.show(np.array(test.images[0]))

    async def _example(self) -> None:
        test = await self._test_digits()
        if test is not None:
            self.visitor.show(np.array(test.images[np.random.default_rng().integers(len(test))]))

    async def _test_digits(self) -> Dataset | None:
        """Return the test digits, or None, and say why, where they cannot be read."""
        try:
            test = (await to_thread(self.visitor.library.data)).test
        except GroundupError as error:
            self.visitor.complain(str(error))
            return None
        return None if self.visitor.client.is_deleted else test


def _unit(text: str) -> tuple[str, Shape] | None:
    """Return the unit that the address names, ``place-channel-row-column``; whether it exists is seen later."""
    place, *unit = text.split("-")
    known = place == INPUT or all(part.isdecimal() for part in place.split("."))
    if not known or not unit or not all(part.isdecimal() and len(part) < 7 for part in unit):
        return None
    return place, tuple(int(part) for part in unit)
