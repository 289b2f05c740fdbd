"""The view of reasons: which pixels speak for an answer, and what would change it."""

from __future__ import annotations

from asyncio import to_thread
from typing import Any

import numpy as np
from nicegui import ui
from numpy.typing import NDArray

from groundup.inspection.activations import Floats, largest
from groundup.inspection.changes import Change, occlusion, smallest_change
from groundup.inspection.gradients import saliency
from groundup.models.model import Model
from groundup.serve.inside.elements import Overlay
from groundup.serve.inside.look import Look, short
from groundup.serve.inside.views import Choose, View, legend

NEAREST = "nearest"

Subject = tuple[Model, NDArray[np.uint8]]
"""A network and a picture."""


class Reasons(View):
    """Saliency, occlusion, and the smallest change that makes the answer another."""

    units = False

    def __init__(self, look: Look, choose: Choose) -> None:
        super().__init__(look, choose)
        legend("Blue pixels speak for the digit, orange ones against it.", "against", "for")
        self.digit = Labels(look)
        with ui.element("div").classes("overlays"):
            self.saliency = _figure("Saliency", "More ink here would speak for the digit, or against it.", "saliency")
            self.occlusion = _figure(
                "Covering", "A 5x5 patch of paper here costs the digit so much probability.", "occlusion"
            )
        ui.separator()
        ui.label("What would change the answer").classes("card-title").props("role=heading aria-level=3")
        ui.label(
            "The smallest change of pixels that makes the network answer another digit: for people it is the same one."
        ).classes("explained")
        with ui.element("div").classes("tools"):
            ui.label("Into").classes("explained")
            self.target = ui.toggle({NEAREST: "the nearest"}, value=NEAREST)
            self.target.props("no-caps dense unelevated data-testid=change-target")
            self.button = ui.button("Find it", icon="search", on_click=self._find)
            self.button.props("unelevated no-caps data-testid=find-change")
        self.told = ui.label().props("aria-live=polite data-testid=change-told").mark("change-told")
        with ui.element("div").classes("overlays") as self.pictures:
            self.before = _figure("The picture", "", "change-before")
            self.difference = _figure("The change", "Blue: more ink. Orange: less.", "change-difference")
            self.after = _figure("The changed picture", "", "change-after")
        self.pictures.set_visibility(False)
        self.changed: Subject | None = None

    def work(self) -> None:
        """Calculate saliency and occlusion."""
        look = self.look
        self.label = look.label()
        self.slopes = saliency(look.model, look.pixels, self.label)
        self.falls = occlusion(look.model, look.pixels, self.label)

    def show(self) -> None:
        """Show saliency and occlusion, and take away the change that belonged to another picture."""
        pixels, names = self.look.pixels, self.look.model.class_names
        targets = {NEAREST: "the nearest", **{str(label): name for label, name in enumerate(names)}}
        if self.target.options != targets:
            self.target.set_options(targets, value=NEAREST)
        self.digit.show(self.look, self.label)
        self.saliency.show(pixels, self.slopes, largest(self.slopes))
        self.occlusion.show(pixels, self.falls, max(largest(self.falls), 0.01))
        if self.changed is not None and not self._is_of(self.changed):
            self.changed = None
            self.pictures.set_visibility(False)
            self.told.text = ""

    def _is_of(self, subject: Subject) -> bool:
        """Return whether these are still the network and the picture that are looked at."""
        return subject[0] is self.look.model and np.array_equal(subject[1], self.look.pixels)

    async def _find(self) -> None:
        if not self.look.steps:
            return
        model, pixels = subject = (self.look.model, self.look.pixels)
        target = None if self.target.value == NEAREST else int(self.target.value)
        self.button.props(add="loading")
        try:
            found = await to_thread(smallest_change, model, pixels, target)
        finally:
            self.button.props(remove="loading")
        if self.look.visitor.client.is_deleted or not self._is_of(subject):
            return
        self.changed = subject
        self.pictures.set_visibility(found is not None)
        self.told.text = self._words(found, target)
        if found is not None:
            difference: Floats = found.pixels.astype(float) - pixels
            self.before.show(pixels)
            self.difference.show(np.zeros_like(pixels), difference, largest(difference))
            self.after.show(found.pixels)

    def _words(self, found: Change | None, target: int | None) -> str:
        names = self.look.model.class_names
        if found is None and target is not None and target == int(self.look.steps[-1].outputs.argmax()):
            return f"The answer is {names[target]} already."
        if found is None:
            return "No small change was found that does it."
        return (
            f"{names[found.before]} becomes {names[found.after]}: a change as large as {short(found.distance)} pixels "
            f"from paper to full ink, found in {found.steps} step{'s' if found.steps > 1 else ''}."
        )


class Labels:
    """Buttons to choose the digit that gradients are taken for."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.showing = False
        with ui.element("div").classes("tools"):
            ui.label("For the digit").classes("explained")
            self.buttons = ui.toggle({}, on_change=self._chosen).props("no-caps dense unelevated data-testid=label")
            self.buttons.mark("label")
            self.note = ui.label().classes("explained")

    def show(self, look: Look, label: int) -> None:
        """Show which digit it is."""
        self.showing = True
        self.buttons.set_options(dict(enumerate(look.model.class_names)), value=label)
        self.showing = False
        self.note.text = "" if look.visitor.label == label else "the network's answer"

    def _chosen(self, event: Any) -> None:
        if not self.showing and event.value is not None:
            self.look.visitor.choose_label(int(event.value))


def _figure(title: str, words: str, name: str) -> Overlay:
    with ui.element("figure").classes("overlay-figure"):
        overlay = Overlay(title).mark(name).props(f"data-testid={name}")
        with ui.element("figcaption"):
            ui.label(title).classes("layer-title")
            if words:
                ui.label(words).classes("explained")
    return overlay
