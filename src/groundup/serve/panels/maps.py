"""Maps of digits: each a point, placed by what a layer makes of it."""

from __future__ import annotations

from html import escape
from typing import cast

from nicegui import background_tasks, ui
from nicegui.events import EChartPointClickEventArguments

from groundup.data.datasets import Dataset
from groundup.errors import GroundupError
from groundup.inspection.activations import inspected
from groundup.inspection.embedding import layer_names
from groundup.models.evaluation import Evaluation
from groundup.models.recogniser import Recogniser
from groundup.serve import reading
from groundup.serve.examiner import MAPPED, Map, Method, places, spread
from groundup.serve.panels import charts
from groundup.serve.panels.digits import show_on_pad
from groundup.serve.visitor import Visitor

METHODS: dict[Method, str] = {"pca": "PCA", "tsne": "t-SNE"}
HOVER = """point => !point.data.url ? '' : `<div class="map-hover"><img src="${point.data.url}" alt="">
<div>a ${point.data.truth}<br>read as ${point.data.answer}</div></div>`"""


class DigitMap:
    """A map of some test digits at one layer.

    Parameters
    ----------
    visitor : Visitor
        Whose page it is; ``layer`` and ``map`` in the address are the layer's number and the method.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.recogniser: Recogniser | None = None
        self.dataset: Dataset | None = None
        self.evaluation: Evaluation | None = None
        method = visitor.url.get("map", "pca")
        with ui.element("section").classes("card"):
            ui.label("A map of each layer").classes("card-title").props("role=heading aria-level=2")
            ui.label(
                "Test digits, each where the layer puts it. In the input the classes are mixed; "
                "layer by layer they part. A ring marks what is read wrongly. Point at a digit to see it; "
                "a click puts it on the pad."
            ).classes("explained")
            with ui.element("div").classes("tools"):
                self.layer = ui.select({}, label="Layer").classes("map-layer")
                self.layer.props("dense outlined options-dense data-testid=map-layer").mark("map-layer")
                self.method = ui.toggle(dict(METHODS), value=method if method in METHODS else "pca")
                self.method.props("no-caps dense data-testid=map-method").mark("map-method")
                self.waits = ui.spinner(size="sm")
            self.told = ui.label().classes("explained").mark("map-told").props("aria-live=polite data-testid=map-told")
            self.chart = charts.chart({}, "Map of test digits", "map").classes("map")
            self.chart.on_point_click(self._clicked)
            with ui.element("div").classes("slider-row"):
                ui.label("One after another")
                self.walk = ui.slider(min=0, max=MAPPED - 1, step=1, value=0, on_change=self._walked)
                self.walk.props('aria-label="Digit on the map" data-testid=map-walk').mark("map-walk")
                self.here = ui.html(sanitize=False).classes("map-here").props("aria-live=polite")
        self.layer.on_value_change(self._changed)
        self.method.on_value_change(self._changed)

    async def show(self, dataset: Dataset, evaluation: Evaluation, recogniser: Recogniser) -> None:
        """Show another model's layers."""
        names = dict(enumerate(layer_names(inspected(recogniser).network)))
        wanted = self.visitor.url.get("layer", "")
        layer = int(wanted) if wanted.isdecimal() and int(wanted) in names else max(len(names) - 2, 0)
        self.dataset, self.evaluation = spread(dataset, MAPPED), evaluation
        self.recogniser = None  # what the next line changes is no wish of the visitor's
        self.layer.set_options(names, value=layer)
        self.recogniser = recogniser
        self.walk.props["max"] = len(self.dataset) - 1
        self.whole = dataset
        await self._draw()

    def _changed(self) -> None:
        if self.recogniser is not None:
            self.visitor.remember("layer", str(self.layer.value))
            self.visitor.remember("map", None if self.method.value == "pca" else str(self.method.value))
            background_tasks.create(self._draw())

    async def _draw(self) -> None:
        asked = (self.recogniser, self.layer.value, self.method.value)
        assert self.recogniser is not None
        self.waits.set_visibility(True)
        found: Map | None = None
        failure = ""
        try:
            model, layer = inspected(self.recogniser), int(self.layer.value or 0)
            found = await self.visitor.library.examiner.map(model, self.whole, layer, cast(Method, self.method.value))
        except GroundupError as error:
            failure = str(error)
        if asked != (self.recogniser, self.layer.value, self.method.value) or self.visitor.client.is_deleted:
            return
        self.waits.set_visibility(False)
        if found is None:
            self.told.text = failure
        else:
            self._plot(found)

    def _plot(self, found: Map) -> None:
        assert self.dataset is not None
        self.places, shown = found
        self.told.text = f"{len(self.dataset):,} test digits. {shown}"
        series: list[charts.Options] = [
            {
                "type": "scatter",
                "name": name,
                "data": [
                    self._point(index, self.places[index].tolist())
                    for index in (self.dataset.labels == label).nonzero()[0]
                ],
                "color": f"var(--class-{label % 10})",
                "label": {"show": True, "formatter": name, "color": f"var(--class-{label % 10})", "fontWeight": "bold"},
                "emphasis": {"scale": 1.6},
            }
            for label, name in enumerate(self.dataset.class_names)
        ]
        series.append({"type": "scatter", "name": "here", "data": [], "z": 9, "silent": True})
        hidden = {"show": False, "scale": True}
        self.chart.options.clear()
        self.chart.options.update(
            {
                "animationDuration": 400,
                "grid": {"left": 14, "right": 14, "top": 14, "bottom": 14},
                "tooltip": charts.tooltip(**{":formatter": HOVER, "padding": 6}),
                "xAxis": {"type": "value", **hidden},
                "yAxis": {"type": "value", **hidden},
                "series": series,
            }
        )
        self._walked()

    def _point(self, index: int, place: list[float]) -> charts.Options:
        assert self.dataset is not None
        names, answer = self.dataset.class_names, self._answer(index)
        wrong = answer != self.dataset.labels[index]
        ring = {"color": "transparent", "borderColor": charts.SECOND, "borderWidth": 2 if wrong else 0}
        return {
            "value": place,
            "name": str(index),
            "url": reading.data_url(self.dataset.images[index]),
            "truth": escape(names[self.dataset.labels[index]]),
            "answer": escape(names[answer]),
            "itemStyle": ring,
            "symbolSize": 22 if wrong else 14,
        }

    def _answer(self, index: int) -> int:
        assert self.evaluation is not None
        return int(self.evaluation.answers[places(self.evaluation.count, MAPPED)[index]])

    def _clicked(self, event: EChartPointClickEventArguments) -> None:
        if self.dataset is not None and event.name.isdecimal() and int(event.name) < len(self.dataset):
            self.walk.value = int(event.name)
            show_on_pad(self.visitor, self.dataset.images[int(event.name)])

    def _walked(self) -> None:
        """Mark one digit on the map, and show it: for those who walk by keyboard."""
        if self.dataset is None or not self.chart.options:
            return
        index = min(int(self.walk.value), len(self.dataset) - 1)
        ring = {"color": "transparent", "borderColor": "var(--text)", "borderWidth": 2}
        self.chart.options["series"][-1]["data"] = [
            {"value": self.places[index].tolist(), "symbolSize": 26, "itemStyle": ring}
        ]
        self.chart.update()
        names = self.dataset.class_names
        said = escape(f"a {names[self.dataset.labels[index]]}, read as {names[self._answer(index)]}")
        self.here.content = f'<img src="{reading.data_url(self.dataset.images[index])}" alt=""> {said}'
