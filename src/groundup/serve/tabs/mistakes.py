"""Mistakes: what the network takes for what, how sure it is, how it sees digits, and what it can stand."""

from __future__ import annotations

from nicegui import background_tasks, ui

from groundup.data import Data
from groundup.errors import GroundupError
from groundup.models.recogniser import Recogniser
from groundup.serve.examiner import examiner
from groundup.serve.panels.confusion import Confusion
from groundup.serve.panels.maps import DigitMap
from groundup.serve.panels.rejecting import Rejecting
from groundup.serve.panels.spoiling import Spoiling
from groundup.serve.visitor import Visitor

TITLE = "Mistakes"
ICON = "rule"


def build(visitor: Visitor) -> None:
    """Build the tab."""
    ui.add_head_html('<link rel="stylesheet" href="/static/mistakes.css">')
    visitor.on_change(Mistakes(visitor).follow)


class Mistakes:
    """All about the answers that one model gives to test digits."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.recogniser: Recogniser | None = None
        with ui.element("div").classes("stack"):
            with ui.element("div").classes("tools"):
                self.waits = ui.spinner(size="sm")
                self.told = ui.label().classes("explained").props("aria-live=polite data-testid=mistakes-data")
                self.told.mark("mistakes-data")
            self.sections = ui.element("div").classes("stack")
            with self.sections:
                self.confusion = Confusion(visitor)
                with ui.element("div").classes("columns even"):
                    self.map, self.rejecting = DigitMap(visitor), Rejecting(visitor)
                self.spoiling = Spoiling(visitor)
        self.sections.set_visibility(False)

    def follow(self) -> None:
        """Show another model's answers if there is another model, and take the digit that is on the pad."""
        if self.visitor.open_tab != "mistakes":
            return
        if self.recogniser is self.visitor.recogniser:
            self.spoiling.follow()
        else:
            self.recogniser = self.visitor.recogniser
            background_tasks.create(self._load(self.recogniser))

    async def _load(self, recogniser: Recogniser) -> None:
        self.waits.set_visibility(True)
        self.told.text = f"{self.visitor.model_name} reads all test digits …"
        try:
            data = await examiner().data(self.visitor.library)
            evaluation = await examiner().evaluation(recogniser, data.test)
        except GroundupError as error:
            self.told.text = str(error)
            self.sections.set_visibility(False)
            return
        finally:
            self.waits.set_visibility(False)
        if recogniser is not self.recogniser or self.visitor.client.is_deleted:
            return
        self.told.text = f"{self.visitor.model_name} on {len(data.test):,} test digits of {described(data)}."
        self.sections.set_visibility(True)
        self.confusion.show(data.test, evaluation)
        self.rejecting.show(data.test, evaluation, recogniser)
        self.spoiling.show(data.test, recogniser)
        await self.map.show(data.test, evaluation, recogniser)


def described(data: Data) -> str:
    """Return what data set it is; of one that is not what a person would expect, also where it comes from."""
    return f"{data.name} ({data.origin})" if data.name in ("sample", "strokes") else data.name
