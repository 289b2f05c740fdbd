"""Mistakes: what the network takes for what, how sure it is, how it sees digits, and what it can stand."""

from __future__ import annotations

from asyncio import to_thread

from nicegui import background_tasks, ui

from groundup.errors import GroundupError
from groundup.models.recogniser import Recogniser
from groundup.serve.library import described
from groundup.serve.panels.confusion import Confusion
from groundup.serve.panels.maps import DigitMap
from groundup.serve.panels.rejecting import Rejecting
from groundup.serve.panels.spoiling import Spoiling
from groundup.serve.styles import add_styles
from groundup.serve.visitor import Visitor

TITLE = "Mistakes"
ICON = "rule"


def build(visitor: Visitor) -> None:
    """Build the tab."""
    add_styles("mistakes")
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
        library, failure = self.visitor.library, ""
        self.waits.set_visibility(True)
        self.told.text = f"{self.visitor.model_name} reads all test digits …"
        try:
            data = await to_thread(library.data)
            evaluation = await library.examiner.evaluation(recogniser, data.test)
        except GroundupError as error:
            failure = str(error)
        if recogniser is not self.recogniser or self.visitor.client.is_deleted:
            return
        self.waits.set_visibility(False)
        self.sections.set_visibility(not failure)
        if failure:
            self.told.text = failure
            return
        self.told.text = f"{self.visitor.model_name} on {len(data.test):,} test digits of {described(data)}."
        self.confusion.show(data.test, evaluation)
        self.rejecting.show(data.test, evaluation, recogniser)
        self.spoiling.show(data.test, recogniser)
        await self.map.show(data.test, evaluation, recogniser)
