"""How much a network can stand: sliders that spoil a digit, and the curves of all digits spoilt so."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from nicegui import background_tasks, ui
from numpy.typing import NDArray

from groundup.data.datasets import Dataset
from groundup.errors import GroundupError
from groundup.inspection.robustness import DISTURBANCES, Point, disturbed
from groundup.models.recogniser import Recogniser
from groundup.serve.batches import compiled
from groundup.serve.drawing_pad import PixelGrid, ProbabilityBars
from groundup.serve.examiner import SPOILT
from groundup.serve.panels import charts
from groundup.serve.panels.digits import show_on_pad
from groundup.serve.visitor import Visitor

STEPS = {"noise": 0.02, "rotation": 1.0, "thickness": 0.1, "blur": 0.1, "size": 0.02}
SHOWN = {
    "noise": "{:.0%} of full ink",
    "rotation": "{:.0f}°",
    "thickness": "{:.1f} px",
    "blur": "{:.1f} px",
    "size": "{:.0%}",
}


class Spoiling:
    """Sliders, the digit that they spoil, the answer to it, and a curve for each slider.

    Parameters
    ----------
    visitor : Visitor
        Whose page it is; ``spoil`` in the address holds the strengths, as in ``noise_0.3 rotation_20``.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.recogniser: Recogniser | None = None
        self.dataset: Dataset | None = None
        self.example: NDArray[np.uint8] | None = None
        self.curves: dict[str, list[Point]] = {}
        begin = strengths_from(visitor.url.get("spoil", ""))
        with ui.element("section").classes("card"):
            ui.label("How much can it stand?").classes("card-title").props("role=heading aria-level=2")
            ui.label(
                "Spoil a digit, the one on the pad if there is one, and watch the answer. The curve shows the same for "
                f"{SPOILT} test digits."
            ).classes("explained")
            with ui.element("div").classes("columns even"):
                with ui.element("div").classes("stack"):
                    self._example()
                    self.sliders = {kind: self._slider(kind, begin.get(kind)) for kind in DISTURBANCES}
                    self._tools()
                with ui.element("div").classes("stack"):
                    self.kind = ui.toggle(list(DISTURBANCES), value=next(iter(begin), "noise"), on_change=self._ask)
                    self.kind.props("no-caps dense unelevated data-testid=curve-kind").classes("curve-kinds").mark(
                        "curve-kind"
                    )
                    self.chart = charts.chart(
                        {}, "Accuracy over the strength of a disturbance", "robustness-chart"
                    ).classes("tall")
                    self.told = (
                        ui.label()
                        .classes("explained")
                        .props("aria-live=polite data-testid=robustness")
                        .mark("robustness")
                    )

    def _example(self) -> None:
        with ui.element("div").classes("spoilt"):
            self.pixels = PixelGrid("The spoilt digit, as the network sees it")
            self.bars = ProbabilityBars(self.visitor.recogniser.class_names)

    def _slider(self, kind: str, strength: float | None) -> ui.slider:
        how = DISTURBANCES[kind]
        with ui.element("div").classes("slider-row"):
            ui.label(kind.capitalize())
            slider = ui.slider(min=how.strengths[0], max=how.strengths[-1], step=STEPS[kind], value=how.neutral)
            slider.props(f'aria-label="{kind.capitalize()}" data-testid=spoil-{kind}').mark(f"spoil-{kind}")
            value = ui.label().classes("slider-value")
            value.bind_text_from(slider, "value", lambda number: SHOWN[kind].format(number))
        slider.value = how.neutral if strength is None else strength
        slider.on_value_change(lambda: self._moved(kind))
        return slider

    def _tools(self) -> None:
        with ui.element("div").classes("tools"):
            another = ui.button("Another digit", icon="casino", on_click=self._another)
            another.props("flat no-caps dense data-testid=another-digit").mark("another-digit")
            ui.button("As it was", icon="restart_alt", on_click=self._reset).props("flat no-caps dense").mark(
                "unspoilt"
            )
            ui.button("Put on the pad", icon="draw", on_click=self._keep).props("flat no-caps dense").mark(
                "spoilt-to-pad"
            )

    def strengths(self) -> dict[str, float]:
        """Return every slider's value by name, but for those that change nothing."""
        values = {kind: float(slider.value) for kind, slider in self.sliders.items()}
        return {kind: value for kind, value in values.items() if value != DISTURBANCES[kind].neutral}

    def show(self, dataset: Dataset, recogniser: Recogniser) -> None:
        """Show what another model can stand."""
        self.dataset, self.recogniser, self.curves = dataset, recogniser, {}
        self._classify = compiled(recogniser)
        if self.example is None:
            self.example = dataset.images[0]
        self.follow()
        self._ask()

    def follow(self) -> None:
        """Take the digit on the pad, if there is one, and spoil it."""
        if self.visitor.pixels.any():
            self.example = self.visitor.pixels
        if self.example is None or self.recogniser is None:
            return
        spoilt = disturbed(self.example[np.newaxis], self.strengths())
        self.pixels.show(spoilt[0])
        self.bars.show(self.recogniser.class_names, self._classify(spoilt)[0])

    def _another(self) -> None:
        if self.dataset is not None:
            show_on_pad(self.visitor, self.dataset.images[np.random.default_rng().integers(len(self.dataset))])

    def _reset(self) -> None:
        for kind, slider in self.sliders.items():
            slider.value = DISTURBANCES[kind].neutral

    def _keep(self) -> None:
        if self.example is not None:
            show_on_pad(self.visitor, disturbed(self.example[np.newaxis], self.strengths())[0])
            self._reset()

    def _moved(self, kind: str) -> None:
        self.follow()
        words = " ".join(f"{name}_{value:g}" for name, value in self.strengths().items())
        self.visitor.remember("spoil", words or None)
        if self.kind.value != kind:
            self.kind.value = kind
        else:
            self._mark()

    def _ask(self) -> None:
        if self.recogniser is not None:
            background_tasks.create(self._draw(str(self.kind.value)))

    async def _draw(self, kind: str) -> None:
        recogniser, dataset = self.recogniser, self.dataset
        assert recogniser is not None
        assert dataset is not None
        if kind not in self.curves:
            self.told.text = f"Reading {SPOILT} digits, spoilt more and more …"
            try:
                found = await self.visitor.library.examiner.curve(recogniser, dataset, kind)
            except GroundupError as error:
                self.told.text = str(error)
                return
            if recogniser is not self.recogniser or self.visitor.client.is_deleted:
                return
            self.curves[kind] = found
        if kind == self.kind.value:
            self._plot(kind)

    def _plot(self, kind: str) -> None:
        points = [list(point) for point in self.curves[kind]]
        unit = DISTURBANCES[kind].unit
        self.chart.options.clear()
        self.chart.options.update(
            {
                "animation": False,
                "grid": charts.GRID | {"bottom": 44},
                "tooltip": charts.tooltip(trigger="axis"),
                "xAxis": charts.x_axis(f"{kind}, {unit}", min=points[0][0], max=points[-1][0]),
                "yAxis": charts.percent_axis("right answers", min=0, max=1),
                "series": [charts.line("right answers", points, charts.ACCENT, showSymbol=True, symbolSize=6)],
            }
        )
        self._mark()

    def _mark(self) -> None:
        """Draw where the slider is."""
        kind = str(self.kind.value)
        if kind not in self.curves:
            return
        strength = float(self.sliders[kind].value)
        mark = {
            "silent": True,
            "symbol": "none",
            "animation": False,
            "label": {"show": False},
            "data": [{"xAxis": strength}],
        }
        self.chart.options["series"][0]["markLine"] = mark | {
            "lineStyle": {"color": charts.SECOND, "width": 2, "type": "solid"}
        }
        self.chart.update()
        curve = self.curves[kind]
        accuracy = np.interp(strength, [point.strength for point in curve], [point.accuracy for point in curve])
        self.told.text = f"At this {kind}, about {accuracy:.0%} of the digits are read rightly."


def strengths_from(text: str) -> Mapping[str, float]:
    """Return the strengths that stand in an address; what cannot be understood is left out."""
    found: dict[str, float] = {}
    for word in text.split():
        kind, _, value = word.partition("_")
        try:
            strength = float(value)
        except ValueError:
            continue
        if kind in DISTURBANCES and DISTURBANCES[kind].strengths[0] <= strength <= DISTURBANCES[kind].strengths[-1]:
            found[kind] = strength
    return found
