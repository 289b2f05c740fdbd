"""What breaks a network as a whole: sliders for all of its weights, and a button for each of its units."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, NamedTuple

from nicegui import background_tasks, ui
from nicegui.events import GenericEventArguments

from groundup.inspection.edits import hidden_weight_names, weakest_units
from groundup.inspection.weights import weighted
from groundup.network import Network
from groundup.serve.panels.surgery import Surgery

MOST_BUTTONS = 256
"""Units of a layer that have a button each: the first of a wider layer."""

CHOSEN = "event => { const unit = event.target.closest('[data-unit]'); if (unit) emit(unit.dataset.unit); }"


class Control(NamedTuple):
    """A slider: its title, what it does, its range, and how its value is written."""

    title: str
    explained: str
    least: float
    most: float
    step: float
    shown: str


CONTROLS = {
    "pruned": Control("Prune weights", "The smallest become 0.", 0, 0.99, 0.01, "{:.0%}"),
    "weakest": Control("Silence units", "The weakest of every hidden layer.", 0, 0.95, 0.01, "{:.0%}"),
    "bits": Control("Quantise", "Weights are rounded to so many bits.", 2, 9, 1, "{:.0f} bits"),
    "noise": Control("Perturb", "Noise, as a share of the weights' deviation.", 0, 2, 0.02, "{:.0%}"),
    "temperature": Control(
        "Temperature", "Divides the logits: the answers stay, how sure they are does not.", 0.1, 5, 0.1, "{:.1f}"
    ),
}
"""By the name of the field of `Edits`."""

AS_TRAINED = 9
"""The place on the slider of bits where nothing is rounded."""


def start(work: Coroutine[Any, Any, None]) -> None:
    """Do something that takes a while, without waiting for it."""
    background_tasks.create(work)


class Sliders:
    """What is done to all weights."""

    def __init__(self, surgery: Surgery) -> None:
        self.surgery = surgery
        self.following = False
        with ui.element("section").classes("card"):
            ui.label("All weights").classes("card-title").props("role=heading aria-level=2")
            self.sliders = {name: self._slider(name, control) for name, control in CONTROLS.items()}
            again = ui.button("Other noise", icon="casino", on_click=self._other_noise)
            again.props("flat no-caps dense data-testid=other-noise").mark("other-noise").classes("self-start")
        surgery.on_change(self.follow)

    def _slider(self, name: str, control: Control) -> ui.slider:
        with ui.element("div").classes("slider-row"):
            ui.label(control.title)
            slider = ui.slider(min=control.least, max=control.most, step=control.step, value=self._value(name))
            slider.props(f'aria-label="{control.title}" data-testid=edit-{name}').mark(f"edit-{name}")
            value = ui.label().classes("slider-value")
            value.bind_text_from(slider, "value", lambda number: _written(name, number))
            ui.label(control.explained).classes("explained slider-explained")
        slider.on_value_change(lambda event: self._moved(name, float(event.value)))
        return slider

    def _value(self, name: str) -> float:
        value = float(getattr(self.surgery.edits, name))
        return value or AS_TRAINED if name == "bits" else value

    def _moved(self, name: str, value: float) -> None:
        if not self.following:
            bits = 0 if value == AS_TRAINED else round(value)
            start(self.surgery.change(name, bits if name == "bits" else round(value, 3)))

    def _other_noise(self) -> None:
        start(self.surgery.change("seed", self.surgery.edits.seed + 1))

    def follow(self) -> None:
        """Show what the edits are, where something else than a slider changed them."""
        self.following = True
        for name, slider in self.sliders.items():
            slider.value = self._value(name)
        self.following = False


def _written(name: str, number: float) -> str:
    return "as trained" if name == "bits" and number == AS_TRAINED else CONTROLS[name].shown.format(number)


class Units:
    """A button for each unit of a layer, which silences it."""

    def __init__(self, surgery: Surgery) -> None:
        self.surgery = surgery
        self.network: Network | None = None
        with ui.element("section").classes("card"):
            ui.label("Single units").classes("card-title").props("role=heading aria-level=2")
            ui.label(
                "A click silences a unit, or a filter: nothing leads into it or out of it any more. Another wakes it."
            ).classes("explained")
            self.layer = ui.select({}, label="Hidden layer").props(
                "dense outlined options-dense data-testid=unit-layer"
            )
            self.layer.mark("unit-layer").on_value_change(self._draw)
            self.told = ui.label().classes("explained")
            self.buttons = ui.html(sanitize=False).classes("unit-buttons").mark("units")
            self.buttons.props('role=group aria-label="Units" data-testid=units')
            self.buttons.on("click", self._clicked, js_handler=CHOSEN)
        surgery.on_change(self.follow)
        self.follow()

    def follow(self) -> None:
        """Show another network's layers, and which units are silent."""
        network = self.surgery.base.network
        if network is not self.network:
            self.network = network
            names = layer_choices(network, hidden_weight_names(network))
            self.layer.set_options(names, value=next(reversed(names), None))
        self._draw()

    def _draw(self) -> None:
        name, network = self.layer.value, self.surgery.base.network
        if name not in network.parameters():
            self.buttons.content, self.told.text = "", "This network has no hidden layer."
            return
        count = network.parameters()[name][0]
        edits = self.surgery.edits
        weakest = set(weakest_units(self.surgery.base, name, edits.weakest))
        silent = {unit for other, unit in edits.silent if other == name}
        self.told.text = f"{len(weakest | silent)} of {count} are silent."
        if count > MOST_BUTTONS:
            self.told.text += f" The first {MOST_BUTTONS} are shown."
        self.buttons.content = "".join(
            _unit(index, index in silent, index in weakest) for index in range(min(count, MOST_BUTTONS))
        )

    def _clicked(self, event: GenericEventArguments) -> None:
        if self.layer.value is not None and isinstance(event.args, str) and event.args.isdecimal():
            one = (str(self.layer.value), int(event.args))
            rest = tuple(other for other in self.surgery.edits.silent if other != one)
            silent = rest if one in self.surgery.edits.silent else (*rest, one)
            start(self.surgery.edit("one", replace(self.surgery.edits, silent=silent)))


def layer_choices(network: Network, names: list[str]) -> dict[str, str]:
    """Return what a person calls the layers of these weights, by the weights' names."""
    layers = weighted(network)
    return {name: f"{name.removesuffix('.weight')} {layers[name.removesuffix('.weight')]}" for name in names}


def _unit(index: int, silent: bool, weak: bool) -> str:
    state = "silent" if silent else "silenced as one of the weakest" if weak else "speaks"
    return (
        f'<button type="button" class="unit-button {"silent" if silent or weak else ""}" data-unit="{index}" '
        f'aria-pressed="{str(silent).lower()}" aria-label="Unit {index} {state}">{index}</button>'
    )
