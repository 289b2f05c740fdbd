"""When to say "I don't know": the rejection threshold, and what it costs and saves."""

from __future__ import annotations

import numpy as np
from nicegui import ui

from groundup.data.datasets import Dataset
from groundup.models.calibration import Coverage, coverage_at, coverage_curve
from groundup.models.evaluation import Evaluation
from groundup.models.recogniser import Recogniser
from groundup.serve.panels import charts
from groundup.serve.panels.digits import gallery
from groundup.serve.visitor import Visitor

RATES = (0.002, 0.001, 0.0)
"""Shares of wrong answers for which the threshold is offered that validation digits have given."""

REFUSED = 14
"""Digits without an answer that are shown."""


class Rejecting:
    """A slider for the confidence below which no answer is given, and the curve that it moves along.

    Parameters
    ----------
    visitor : Visitor
        Whose page it is; ``threshold`` in the address is the confidence, 0 to 1.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.dataset: Dataset | None = None
        self.evaluation: Evaluation | None = None
        with ui.element("section").classes("card"):
            ui.label("Saying \u201cI don\u2019t know\u201d").classes("card-title").props("role=heading aria-level=2")
            ui.label(
                "Below the threshold the network gives no answer. The higher it is, the fewer digits are read, "
                "and the fewer of these wrongly."
            ).classes("explained")
            with ui.element("div").classes("slider-row"):
                ui.label("Answer only above")
                self.slider = ui.slider(min=0, max=1, step=0.001, value=_share(visitor.url.get("threshold", "")))
                self.slider.props('aria-label="Rejection threshold" data-testid=threshold').mark("threshold")
                self.value = ui.label().classes("slider-value")
            self.offers = ui.element("div").classes("tools")
            self.told = ui.label().props("aria-live=polite data-testid=coverage").mark("coverage")
            self.chart = charts.chart({}, "Share of wrong answers over the share of digits answered", "coverage-chart")
            self.refused = ui.element("div").classes("stack")
        self.slider.on_value_change(self._moved)

    def show(self, dataset: Dataset, evaluation: Evaluation, recogniser: Recogniser) -> None:
        """Show another model's curve."""
        self.dataset, self.evaluation = dataset, evaluation
        curve = coverage_curve(evaluation.probabilities, evaluation.labels)
        points = sorted((point.coverage, point.error_rate) for point in curve)
        grid = charts.GRID | {"bottom": 44}
        options: charts.Options = {
            "grid": grid,
            "animation": False,
            "tooltip": charts.tooltip(trigger="item"),
            "xAxis": charts.x_axis(
                "answered", scale=True, max=1, axisLabel={"color": charts.MUTED, ":formatter": charts.PERCENT}
            ),
            "yAxis": charts.percent_axis("of these wrong"),
            "series": [
                charts.line(
                    "all thresholds", points, charts.ACCENT, areaStyle={"color": charts.ACCENT, "opacity": 0.08}
                )
            ],
        }
        options["series"].append({"type": "scatter", "name": "this threshold", "symbolSize": 13, "data": []})
        self.chart.options.clear()
        self.chart.options.update(options)
        self._offer(recogniser)
        self._moved()

    def _offer(self, recogniser: Recogniser) -> None:
        """Offer the thresholds that validation digits, which are no test digits, gave for some error rates."""
        calibration = recogniser.calibration
        self.offers.clear()
        if calibration is None:
            return
        with self.offers:
            ui.label(f"Chosen on {calibration.pictures:,} validation digits, for wrong answers of").classes("explained")
            for rate in RATES:
                threshold = calibration.threshold(rate)
                button = ui.button(
                    f"{rate:.1%}" if rate else "none", on_click=lambda to=threshold: self.slider.set_value(to)
                )
                button.props("outline no-caps dense").classes("small-button")

    def _moved(self) -> None:
        threshold = float(self.slider.value)
        self.value.text = f"{threshold:.2%}"
        self.visitor.remember("threshold", f"{threshold:g}" if threshold else None)
        if self.evaluation is None:
            return
        point = coverage_at(threshold, self.evaluation.probabilities, self.evaluation.labels)
        self.told.text = told(point, self.evaluation)
        mark = {"value": [point.coverage, point.error_rate], "itemStyle": {"color": charts.SECOND}}
        self.chart.options["series"][1]["data"] = [mark]
        self.chart.update()
        self._show_refused(threshold)

    def _show_refused(self, threshold: float) -> None:
        """Show some of the digits that get no answer, the least sure first."""
        assert self.dataset is not None
        assert self.evaluation is not None
        sureness, names = self.evaluation.probabilities.max(axis=1), self.evaluation.class_names
        places = np.argsort(sureness, kind="stable")[: min(int((sureness <= threshold).sum()), REFUSED)]
        self.refused.clear()
        if not len(places):
            return
        said = [f"A {names[self.dataset.labels[place]]} that gets no answer: put it on the pad" for place in places]
        shares = [f"{sureness[place]:.0%}" for place in places]
        with self.refused:
            ui.label("No answer to these, and how sure it would have been:").classes("explained")
            gallery(self.visitor, self.dataset.images[places], shares, said, "refused-digits")


def told(point: Coverage, evaluation: Evaluation) -> str:
    """Return in words what answering above a threshold comes to."""
    answered = round(point.coverage * evaluation.count)
    wrong = round(point.error_rate * answered)
    refused = evaluation.count - answered
    saved = evaluation.count - evaluation.correct - wrong
    if not refused:
        return f"All {answered:,} digits are answered, {wrong:,} of them wrongly ({point.error_rate:.2%})."
    return (
        f"{answered:,} of {evaluation.count:,} digits are answered ({point.coverage:.2%}), {wrong:,} of them wrongly "
        f"({point.error_rate:.2%}). {refused:,} are not, of which {saved:,} would have been mistakes."
    )


def _share(text: str) -> float:
    """Return what stands in the address, or 0."""
    try:
        share = float(text)
    except ValueError:
        return 0.0
    return share if 0 <= share <= 1 else 0.0
