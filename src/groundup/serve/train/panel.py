"""The card with all choices and sliders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nicegui import ui

from groundup import backends
from groundup.errors import GroundupError
from groundup.models.configuration import Configuration
from groundup.models.recipes import RECIPES
from groundup.serve.train.settings import (
    NETWORKS,
    OTHER,
    OWN,
    PICTURES,
    SIZES,
    SLIDERS,
    Choice,
    change,
    named,
    settings_of,
)
from groundup.serve.visitor import Visitor
from groundup.training.changes import Change

Changed = Callable[[Change], None]


class Slider(ui.slider):
    """A slider that the browser moves by itself: the server's answer to one move may come after the next."""

    LOOPBACK = False


class Settings:
    """What the visitor has chosen.

    Parameters
    ----------
    visitor : Visitor
    changed : callable
        Is told when a slider has moved.

    Attributes
    ----------
    choice : Choice
        Network, recipe, backend, pictures and seed.
    values : dict of str to float
        Where the sliders stand.
    """

    def __init__(self, visitor: Visitor, changed: Changed) -> None:
        self.visitor = visitor
        self.changed = changed
        self.choice = Choice.of(visitor.url)
        self.values = settings_of(self.choice.configuration())
        self._read_url()
        self._following = False
        self._shown: dict[str, ui.label] = {}
        with ui.element("section").classes("card"):
            ui.label("What is trained").classes("card-title").props("role=heading aria-level=2")
            self._choices()
            self.trouble = ui.label().classes("train-trouble").props("role=alert data-testid=network-trouble")
            self.trouble.set_visibility(False)
            self.locked = ui.label("To choose something else, start anew.").classes("explained")
        with ui.element("section").classes("card train-how"):
            ui.label("How it learns").classes("card-title").props("role=heading aria-level=2")
            self.words = ui.label().classes("explained").props("data-testid=train-recipe-words")
            self.sliders = {name: self._slider(name) for name in SLIDERS}
            ui.label("All of these can be moved while it trains.").classes("explained")
        self._tell_recipe()

    def configuration(self) -> Configuration:
        """Return everything that a training begins with.

        Raises
        ------
        GroundupError
            If what was chosen does not go together.
        """
        made = self.choice.configuration()
        usual = settings_of(made)
        for name, value in self.values.items():
            if value != usual[name]:
                made = change(name, value).applied(made)
        return made

    def _read_url(self) -> None:
        for name, slider in SLIDERS.items():
            try:
                value = float(self.visitor.url.get(name, ""))
            except ValueError:
                continue
            if slider.values[0] <= value <= slider.values[-1]:
                self.values[name] = value

    def _choices(self) -> None:
        choice = self.choice
        with ui.element("div").classes("train-choices"):
            self.network = ui.select([*NETWORKS, OTHER], label="Network")
            self.network.value = choice.network if choice.network in NETWORKS else OTHER
            self.sizes = ui.input(
                "Sizes, from 784 pixels to 10 digits", value=choice.network if choice.network not in RECIPES else SIZES
            )
            self.sizes.props("dense outlined data-testid=train-sizes debounce=400").mark("train-sizes")
            self.sizes.bind_visibility_from(self.network, "value", value=OTHER)
            self.sizes.on_value_change(lambda event: self._choose("network", event.value))
            self.recipe = ui.select([OWN, *RECIPES], label="Recipe", value=choice.recipe)
            self.recipe.tooltip("Whose loss, optimizer, schedule and settings are taken.")
            self.backend = ui.select(list(reversed(backends.available())), label="Backend", value=choice.backend)
            self.backend.tooltip("What computes it: all give the same numbers, at very different speeds.")
            self.pictures = ui.select(PICTURES, label="Pictures to learn from", value=choice.pictures)
            self.seed = ui.number("Seed", value=choice.seed, min=0, max=2**31, step=1, format="%d")
            self.seed.tooltip("Another seed begins with other random weights.")
        self.chosen: dict[str, Any] = {
            "network": self.network,
            "recipe": self.recipe,
            "backend": self.backend,
            "pictures": self.pictures,
            "seed": self.seed,
        }
        for name, element in self.chosen.items():
            element.props(f"dense outlined options-dense data-testid=train-{name}").mark(f"train-{name}")
            element.on_value_change(lambda event, name=name: self._choose(name, event.value))

    def _choose(self, name: str, value: Any) -> None:
        """Take a choice, and put the sliders where its recipe has them."""
        if value is None or self._following:
            return
        try:
            if name == "network":
                value = str(self.sizes.value if value == OTHER else value).strip()
                named(value)
            values: dict[str, Any] = {name: int(value) if name in ("pictures", "seed") else value}
            self.choice = replace(self.choice, **values)
        except GroundupError as error:
            self.trouble.text = str(error)
            self.trouble.set_visibility(True)
            return
        self.trouble.set_visibility(False)
        usual, now = Choice(backend=backends.available()[-1]), getattr(self.choice, name)
        self.visitor.remember(name, None if getattr(usual, name) == now else str(now))
        if name in ("network", "recipe"):
            self._show(settings_of(self.choice.configuration()))
            for slider in SLIDERS:
                self.visitor.remember(slider, None)
            self._tell_recipe()

    def _slider(self, name: str) -> ui.slider:
        kind = SLIDERS[name]
        with ui.element("div").classes("train-slider"):
            ui.label(kind.title)
            slider = Slider(min=0, max=len(kind.values) - 1, step=1, value=kind.nearest(self.values[name]))
            slider.props(f'aria-label="{kind.title}" data-testid=train-{name}').mark(f"train-{name}")
            self._shown[name] = ui.label(kind.shown(self.values[name])).classes("train-value")
            self._shown[name].props(f"data-testid=train-{name}-value")
            ui.label(kind.explained).classes("explained train-explained")
        slider.on_value_change(lambda event: self._moved(name, kind.values[round(event.value)]))
        return slider

    def _moved(self, name: str, value: float) -> None:
        if not self._following:
            self.put(name, value)

    def put(self, name: str, value: float) -> None:
        """Set one of the sliders, and tell of it."""
        self._show({name: value})
        usual = settings_of(self.choice.configuration())[name]
        self.visitor.remember(name, None if value == usual else f"{value:g}")
        self.changed(change(name, value))

    def _show(self, values: dict[str, float]) -> None:
        self._following = True
        for name, value in values.items():
            self.values[name] = value
            self.sliders[name].value = SLIDERS[name].nearest(value)
            self._shown[name].text = SLIDERS[name].shown(value)
        self._following = False

    def _tell_recipe(self) -> None:
        made = self.choice.configuration()
        kinds = [type(each).__name__ for each in (made.optimizer, made.schedule, made.loss)]
        example = f"{made.name} is trained" if self.choice.recipe == OWN else self.choice.recipe
        self.words.text = f"{kinds[0]}, {kinds[1]} over {made.epochs} epochs, {kinds[2]}: as {example}."

    def follow(self, configuration: Configuration) -> None:
        """Put the sliders where a configuration has them."""
        self._show(settings_of(configuration))

    def lock(self, locked: bool) -> None:
        """Let the choices stand while there is a training; the sliders can always be moved."""
        for element in (*self.chosen.values(), self.sizes):
            element.set_enabled(not locked)
        self.locked.set_visibility(locked)
