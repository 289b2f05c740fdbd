"""Train: watch a network learn, change how it learns, and see what happens in every layer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from nicegui import ui

from groundup.errors import GroundupError
from groundup.inspection.divergence import Diagnosis
from groundup.models.model import Model
from groundup.serve.model_file import model_file
from groundup.serve.styles import add_styles
from groundup.serve.train.figures import Curves, FirstWeights, Layers
from groundup.serve.train.lanes import RaceCard
from groundup.serve.train.panel import Settings
from groundup.serve.train.settings import PACE, PACES
from groundup.serve.trainer import State, Trainer, View
from groundup.serve.visitor import Visitor
from groundup.training.changes import Change
from groundup.training.history import History

TITLE = "Train"
ICON = "model_training"

EVERY = 0.3
"""Seconds between two looks at what the training has told."""

PATIENCE = 30.0
"""Seconds that the newest network is waited for."""


def build(visitor: Visitor) -> None:
    """Build the tab."""
    add_styles("train")
    Train(visitor)


class Train:
    """One visitor's training, and all that is shown of it."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.trainer = Trainer(visitor.library.workers)
        self.shown = View()
        self.beginning = False
        visitor.on_leave(self.trainer.stop)
        with ui.element("div").classes("stack"):
            with ui.element("section").classes("card train-bar-card"):
                self._buttons()
                self.status = ui.label().classes("train-status").props("data-testid=train-status").mark("train-status")
                self.words = ui.label().classes("explained").props("data-testid=train-words aria-live=polite")
            self.diagnosis = DiagnosisCard(self._calm)
            with ui.element("div").classes("train-columns"):
                with ui.element("div").classes("stack"):
                    self.settings = Settings(visitor, self._changed)
                with ui.element("div").classes("stack"):
                    self.curves = Curves()
                    self.first = FirstWeights()
                    self.layers = Layers()
            self.race = RaceCard(visitor, self.settings.configuration)
        self._show(self.shown)
        ui.timer(EVERY, self.follow)

    def _buttons(self) -> None:
        with ui.element("div").classes("tools"):
            self.start = _button("Start", "play_arrow", self._toggle, "train-start", "unelevated")
            self.step = _button("One step", "skip_next", lambda: self._go(steps=1), "train-step", "outline")
            self.epoch = _button("One epoch", "fast_forward", lambda: self._go(epochs=1), "train-epoch", "outline")
            self.again = _button("Start anew", "restart_alt", self._anew, "train-anew", "flat")
            pace = self.visitor.url.get("pace", "")
            self.pace = ui.select(PACES, label="Pace", value=int(pace) if pace in map(str, PACES) else PACE)
            self.pace.props("dense outlined options-dense data-testid=train-pace").classes("train-pace")
            self.pace.on_value_change(self._paced)
            ui.space()
            self.use = _button("Use this network in all tabs", "done_all", self._use, "train-use", "flat")
            self.save = _button("Save it", "download", self._save, "train-save", "flat")

    def _paced(self) -> None:
        self.visitor.remember("pace", None if self.pace.value == PACE else str(self.pace.value))
        if self.trainer.view.state is State.RUNNING:
            self.trainer.go(pace=float(self.pace.value))

    async def _toggle(self) -> None:
        if self.trainer.view.state is State.RUNNING:
            self.trainer.pause()
        else:
            await self._go()

    async def _go(self, **what: Any) -> None:
        """Train, and make a training ready first if there is none."""
        if self.beginning:
            return
        if not self.trainer.running:
            self.beginning = True
            try:
                configuration = self.settings.configuration()
                self.words.text = "Reading the pictures …"
                data = await asyncio.to_thread(self.visitor.library.data)
                await asyncio.to_thread(self.trainer.begin, configuration, data, self.settings.choice.pictures)
            except GroundupError as error:
                self.words.text = str(error)
                return
            finally:
                self.beginning = False
            if self.visitor.client.is_deleted:  # gone while it was made ready
                self.trainer.stop()
                return
        self.trainer.go(pace=float(self.pace.value), **what)
        self.follow()

    def _anew(self) -> None:
        self.trainer.forget()
        self.follow()

    def _changed(self, change: Change) -> None:
        if self.trainer.running:
            self.trainer.change(change)

    async def _calm(self, learning_rate: float) -> None:
        """Go on with the learning rate that was recommended."""
        self.settings.put("learning_rate", learning_rate)
        await self._go()

    async def _use(self) -> None:
        model = await self._model()
        if model is not None:
            self.visitor.use(model, f"{self.settings.choice.network}, trained here")
            ui.notify("All tabs look at this network now.", type="positive")

    async def _save(self) -> None:
        model = await self._model()
        if model is not None:
            name = self.settings.choice.network
            ui.download.content(await asyncio.to_thread(model_file, model, name), f"{name}.safetensors")

    async def _model(self) -> Model | None:
        """Return the network as it stands; a training that runs is asked for it."""
        view = self.trainer.view
        if view.state is not State.RUNNING:
            return view.model
        self.trainer.keep()
        until = time.monotonic() + PATIENCE
        while self.trainer.view.models == view.models and self.trainer.running and time.monotonic() < until:
            await asyncio.sleep(0.05)
        return self.trainer.view.model

    def follow(self) -> None:
        """Show what the training has told since the last time."""
        if self.visitor.open_tab != "train":
            return
        if self.trainer.view is not self.shown:
            self._show(self.trainer.view)
        self.race.follow()

    def _show(self, view: View) -> None:
        before, self.shown = self.shown, view
        running = view.state is State.RUNNING
        self.start.text = "Pause" if running else "Start" if not view.training else "Go on"
        self.start.props(f"icon={'pause' if running else 'play_arrow'}")
        for button in (self.step, self.epoch):
            button.set_enabled(not running)
        self.again.set_enabled(view.state is not State.NONE or bool(view.looks))
        for button in (self.use, self.save):
            button.set_enabled(view.model is not None)
        self.settings.lock(view.state is not State.NONE)
        self.status.text = _status(view)
        self.words.text = _words(view)
        self.diagnosis.show(view.diagnosis)
        if view.ready and view.trouble and view.trouble != before.trouble:  # a change was refused: as it was
            self.settings.follow(view.ready.configuration)
        if view.training is not before.training or view.looks is not before.looks:
            self.curves.show(view)
        if view.looks and view.looks[-1:] != before.looks[-1:]:
            self.layers.show(view.looks[-1])
            self.first.show(view.looks[-1])


class DiagnosisCard:
    """Why a training fell apart, and what to do."""

    def __init__(self, calm: Callable[[float], Any]) -> None:
        self.shown: Diagnosis | None = None
        with (
            ui.element("section")
            .classes("card train-diagnosis")
            .props("role=alert data-testid=train-diagnosis") as self.card
        ):
            title = ui.label("It fell apart, and was rolled back to where all was well").classes("card-title")
            title.props("role=heading aria-level=2")
            self.what = ui.label()
            self.why = ui.label()
            self.advice = ui.label()
            self.button = ui.button(
                icon="healing", on_click=lambda: calm(self.shown.learning_rate if self.shown else 0.1)
            )
            self.button.props("outline no-caps data-testid=train-calm").classes("self-start")
        self.card.set_visibility(False)

    def show(self, diagnosis: Diagnosis | None) -> None:
        """Show a diagnosis, or nothing."""
        self.shown = diagnosis
        self.card.set_visibility(diagnosis is not None)
        if diagnosis:
            self.what.text, self.why.text, self.advice.text = diagnosis.what, diagnosis.why, diagnosis.advice
            self.button.text = f"Set the learning rate to {diagnosis.learning_rate:g} and go on"


def _button(text: str, icon: str, clicked: Callable[[], Any], name: str, look: str) -> ui.button:
    return ui.button(text, icon=icon, on_click=clicked).props(f"{look} no-caps data-testid={name}").mark(name)


def _status(view: View) -> str:
    """Return where the training stands, in a line."""
    if view.ready is None:
        return "Getting ready …" if view.state is not State.NONE else "Nothing is trained yet: press Start."
    if not view.training:
        return f"{view.state.value}. {view.ready.pictures:,} pictures to learn from."
    last = view.training[-1]
    parts = [view.state.value, f"epoch {last.epoch:.2f}", f"step {last.steps:,}", f"loss {last.loss:.3g}"]
    parts.append(f"{view.validation[-1].accuracy:.1%} right on validation pictures")
    parts += [f"learning rate {last.learning_rate:.2g}", f"{last.speed:,.0f} pictures a second"]
    return " · ".join(parts)


def _words(view: View) -> str:
    """Return what there is to say about it."""
    if view.trouble:
        return view.trouble
    if view.state is State.FINISHED:
        return History(view.records).diagnosis().replace(" (--patience)", "")  # an option of the command line
    if view.ready is None:
        return "Every training has a process of its own. Leave the page, and it ends."
    record = view.records[-1] if view.records else None
    whole = f"After epoch {record['epoch']}: {record['validation_accuracy']:.2%} of " if record else "Measured on "
    return f"{whole}{view.ready.validation:,} pictures that it never learns from."
