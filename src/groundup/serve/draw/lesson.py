"""Telling the network what it misread, and letting it learn from that."""

from __future__ import annotations

from asyncio import to_thread
from functools import partial

from nicegui import ui

from groundup.errors import GroundupError
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.serve.correction import BATCH, COPIES, Correction, teach
from groundup.serve.visitor import Visitor

TAUGHT = ", taught"
"""What is added to the name of a model that learned something."""


class Lesson:
    """A card with a button for each digit; what is learned is learned by a copy of the model, and can be taken back."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.before: tuple[Recogniser, str] | None = None
        self.names: tuple[str, ...] = ()
        with ui.element("section").classes("card"):
            ui.label("Is it wrong? Tell it what it is").classes("card-title")
            self.buttons = ui.element("div").classes("digit-buttons").props('role=group aria-label="It is a"')
            self.words = ui.label().props("data-testid=lesson aria-live=polite").classes("explained")
            with ui.element("div").classes("tools") as self.undo:
                ui.button("Take it back", icon="undo", on_click=self.take_back).props(
                    "outline no-caps dense data-testid=take-back"
                )
        self.undo.set_visibility(False)
        visitor.on_change(self.follow)

    def follow(self) -> None:
        """Show a button for each of the model's classes, and only while there is a digit."""
        visitor = self.visitor
        if visitor.open_tab != "draw":
            return
        if self.names != visitor.recogniser.class_names:
            self.names = visitor.recogniser.class_names
            self.buttons.clear()
            self.buttons.classes(**{"add" if max(map(len, self.names)) > 2 else "remove": "words"})
            with self.buttons:
                for label, name in enumerate(self.names):
                    button = ui.button(name, on_click=partial(self.teach, label)).props("outline no-caps")
                    button.props["aria-label"] = f"It is a {name}"
                    button.props(f"data-testid=teach-{label}").mark(f"teach-{label}")
        if self.before is not None and visitor.recogniser is self.before[0]:
            self.before = None
            self.undo.set_visibility(False)
        if self.before is None:
            self.words.text = (
                "A copy of the network, yours alone, then trains on your digit for a moment."
                if visitor.reading.digits
                else "First draw one."
            )

    async def teach(self, label: int) -> None:
        """Let a copy of the model learn the digit that is looked at."""
        visitor = self.visitor
        model, name = visitor.recogniser, visitor.model_name
        if not visitor.reading.digits:
            self.words.text = "First draw a digit."
            return
        if not isinstance(model, Model):
            self.words.text = "A committee of several networks cannot be taught: choose one network."
            return
        self._enable(False)
        self.words.text = "It learns …"
        try:
            data = await to_thread(visitor.library.data)
            lesson = await to_thread(teach, model, visitor.pixels, label, data)
        except GroundupError as error:
            self.words.text = str(error)
            return
        finally:
            self._enable(True)
        if visitor.recogniser is not model:  # another was chosen meanwhile
            return
        if lesson.steps:
            self.before = (model, name)
            self.undo.set_visibility(True)
            visitor.use(lesson.model, name if name.endswith(TAUGHT) else name + TAUGHT)
        visitor.choose_label(label)
        self.words.text = _told(lesson, model.class_names[label])

    def take_back(self) -> None:
        """Use the model as it was before the last lesson."""
        if self.before is not None:
            self.visitor.use(*self.before)

    def _enable(self, on: bool) -> None:
        if on:
            self.buttons.props(remove="inert")
        else:
            self.buttons.props("inert")


def _told(lesson: Correction, name: str) -> str:
    if not lesson.steps:
        return f"It knew that already: {name} with {lesson.before:.1%}."
    return (
        f"After {lesson.steps} steps of training, each on your digit {COPIES} times and on {BATCH - COPIES} others, it "
        f"is {name} with {lesson.after:.1%}; before, {lesson.before:.1%}. Of {lesson.measured:,} test digits it now "
        f"reads {lesson.accuracy_after:.1%} rightly; before, {lesson.accuracy_before:.1%}."
    )
