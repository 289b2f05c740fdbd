"""Break: edit, silence, prune, quantise and perturb a network, and see what is left of it; and bugs to turn on."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import numpy as np
from nicegui import ui

from groundup.inspection.activations import inspected
from groundup.models.evaluation import Evaluation
from groundup.models.recogniser import Recogniser
from groundup.serve.panels.classroom import Classroom
from groundup.serve.panels.controls import Sliders, Units, start
from groundup.serve.panels.surgery import Surgery
from groundup.serve.panels.weight import OneWeight
from groundup.serve.styles import add_styles
from groundup.serve.visitor import Visitor

TITLE = "Break"
ICON = "healing"


def build(visitor: Visitor) -> None:
    """Build the tab."""
    add_styles("mistakes")
    surgery = Surgery(visitor)
    with ui.element("div").classes("stack"):
        with ui.element("div").classes("columns even"):
            with ui.element("div").classes("stack"):
                patient = Patient(visitor, surgery)
                Sliders(surgery)
            with ui.element("div").classes("stack"):
                Units(surgery)
                OneWeight(surgery)
        Classroom(visitor)
    visitor.on_change(patient.follow)
    start(surgery.begin())


class Patient:
    """How well the edited model does, and what can be done with it."""

    def __init__(self, visitor: Visitor, surgery: Surgery) -> None:
        self.visitor = visitor
        self.surgery = surgery
        self.seen: Recogniser = visitor.recogniser
        with ui.element("section").classes("card"):
            self.title = ui.label().classes("card-title").props("role=heading aria-level=2")
            with ui.element("div").classes("patient"):
                self.accuracy = ui.label("…").classes("answer-text").mark("edited-accuracy")
                self.told = ui.label().classes("explained").props("aria-live=polite data-testid=edited-accuracy")
            self.accuracy.props("data-testid=accuracy")
            self.classes = ui.html(sanitize=False).classes("class-bars")
            self.example = ui.label().props("data-testid=edited-answer").mark("edited-answer")
            self.complaint = ui.label().classes("complaint").props("role=alert")
            with ui.element("div").classes("tools"):
                self.undo = self._button("Undo", "undo", lambda: start(surgery.undo()))
                self.reset = self._button("Reset", "restart_alt", lambda: start(surgery.reset()))
                self._button("Save", "download", self._save).tooltip("Download the edited model as a safetensors file")
                self._button("Use in all tabs", "check", self._use).tooltip("Every tab then shows the edited model")
        surgery.on_change(self.show)
        self.show()

    def _button(self, title: str, icon: str, action: Callable[[], Any]) -> ui.button:
        name = title.lower().replace(" ", "-")
        button = ui.button(title, icon=icon).props(f"flat no-caps dense data-testid=edit-{name}").mark(f"edit-{name}")
        return button.on_click(action)

    def follow(self) -> None:
        """Operate on another model if the visitor chose one, and read the digit that is on the pad."""
        visitor = self.visitor
        if visitor.open_tab != "breaking":
            return
        if visitor.recogniser is not self.seen:
            self.seen = visitor.recogniser
            start(self.surgery.operate_on(inspected(visitor.recogniser), visitor.model_name))
        self._read()

    def show(self) -> None:
        """Show what is known of the edited model."""
        surgery, found = self.surgery, self.surgery.evaluation
        self.title.text = f"What is left of {surgery.name}"
        self.complaint.text = surgery.complaint
        self.complaint.set_visibility(bool(surgery.complaint))
        self.undo.set_enabled(surgery.steps > 0)
        self.reset.set_enabled(bool(surgery.edits.text()))
        if found is not None and surgery.before is not None:
            whole = found.count == surgery.before.count
            self.accuracy.text = f"{found.accuracy:.2%}"
            self.told.text = (
                f"right on {'all ' if whole else ''}{found.count:,} test digits{'' if whole else ' so far'}; "
                f"{surgery.before.accuracy:.2%} before"
            )
            self.classes.content = class_bars(found)
        self._read()

    def _read(self) -> None:
        pixels = self.visitor.pixels
        if pixels.any():
            answer = self.surgery.edited.predict(pixels[np.newaxis])[0]
            name = self.surgery.edited.class_names[int(answer.argmax())]
            self.example.text = f"The digit on the pad: it reads {name}, and is {answer.max():.1%} sure."
        else:
            self.example.text = "With a digit on the pad, its answer stands here, too."

    async def _save(self) -> None:
        ui.download.content(await self.surgery.file(), f"{self.surgery.name}-edited.safetensors")

    def _use(self) -> None:
        self.seen = self.surgery.edited  # which remains the patient: no other model to operate on
        self.visitor.use(self.surgery.edited, f"{self.surgery.name}, edited")
        ui.notify(
            "All tabs now use the edited model. The model choice above brings the old one back.", position="bottom"
        )


def class_bars(evaluation: Evaluation) -> str:
    """Return a bar for each class, as high as the share of its digits that is read rightly."""
    shares = np.nan_to_num(evaluation.recall)
    bars = "".join(
        f'<span class="class-bar" role="img" aria-label="{html.escape(name)}: {share:.1%}" title="{share:.1%}">'
        f'<i style="--share:{share:.3f}"></i><b>{html.escape(name)}</b></span>'
        for name, share in zip(evaluation.class_names, shares, strict=True)
    )
    return f'<div aria-label="Right answers by class">{bars}</div>'
