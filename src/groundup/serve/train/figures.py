"""Curves of a training, and how its layers do."""

from __future__ import annotations

import math
from html import escape

import numpy as np
from nicegui import ui

from groundup.inspection.health import LARGE_UPDATE, SMALL_UPDATE, Histogram, LayerHealth, findings, share
from groundup.serve.panels.charts import ACCENT, GRID, SECOND, chart, line, percent_axis, tooltip, x_axis, y_axis
from groundup.serve.panels.weight import weight_picture
from groundup.serve.trainer import View
from groundup.serve.training_messages import Looked

FEW = 20
"""Points of a curve that are marked each; of more, the line is enough."""

DECADES = 6
"""Powers of ten on the bar of a gradient's size, from 1e-6 to 1."""


class Curves:
    """Loss and accuracy, on what it learns from and on what it does not."""

    def __init__(self) -> None:
        with ui.element("section").classes("card train-curves"):
            ui.label("Learning curves").classes("card-title").props("role=heading aria-level=2")
            with ui.element("div").classes("train-charts"):
                self.loss = _chart("Loss", y_axis("loss", min=0, max=2.5), "train-loss")
                self.accuracy = _chart("Accuracy", percent_axis("accuracy", min=0, max=1), "train-accuracy")
            ui.label(
                "Blue: on the pictures of the newest steps, before it learned from them. Orange: on pictures that it "
                "never learns from. Where the two part, it begins to memorise."
            ).classes("explained")

    def show(self, view: View) -> None:
        """Draw the curves as they are now."""
        self.loss.options["yAxis"]["max"] = None if view.looks else 2.5
        for figure, name in ((self.loss, "loss"), (self.accuracy, "accuracy")):
            training = [(point.epoch, _finite(getattr(point, name))) for point in view.training]
            looks = [(point.epoch, _finite(getattr(point, name))) for point in view.validation]
            figure.options["series"][0]["data"] = [list(each) for each in training]
            figure.options["series"][1]["data"] = [list(each) for each in looks]
            for series in figure.options["series"]:
                series["showSymbol"] = len(series["data"]) < FEW
            figure.options["xAxis"]["max"] = max(1, math.ceil(max(x for x, _ in (*training, *looks, (0, 0)))))
            figure.update()


def _chart(label: str, axis: dict[str, object], name: str) -> ui.echart:
    options = {
        "animation": False,
        "grid": GRID | {"top": 52},
        "legend": {"top": 0, "right": 0, "textStyle": {"color": "var(--text)"}},
        "tooltip": tooltip(trigger="axis"),
        "xAxis": x_axis("epochs", min=0, max=1),
        "yAxis": axis,
        "series": [line("training", [], ACCENT), line("validation", [], SECOND)],
    }
    return chart(options, f"{label} on training and validation pictures, by epochs", name)


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


class Layers:
    """Gradients, updates, dead units and weights, layer by layer."""

    def __init__(self) -> None:
        with ui.element("section").classes("card train-more"):
            ui.label("Layer by layer").classes("card-title").props("role=heading aria-level=2")
            ui.label(
                "From one step, looked at in every detail. Gradient: how much the loss would change with a weight, as "
                "a root mean square; the bar has a power of ten in each sixth. Update: by what share of their size the "
                "step changed the weights; around 0.1% is healthy. Dead: units whose activation is flat for each of "
                "100 pictures, so that they learn nothing. Weights: how many of them are how large."
            ).classes("explained")
            self.table = ui.html(sanitize=False).classes("train-layers").props("data-testid=train-layers")
            self.findings = ui.html(sanitize=False).classes("train-findings").props("data-testid=train-findings")

    def show(self, look: Looked) -> None:
        """Show the newest look."""
        head = "".join(f"<th scope=col>{name}</th>" for name in ("Layer", "Gradient", "Update", "Dead", "Weights"))
        rows = "".join(_row(layer) for layer in look.layers)
        self.table.content = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        self.findings.content = "".join(f"<p>{escape(sentence)}</p>" for sentence in findings(look.layers))


def _row(layer: LayerHealth) -> str:
    length = min(max(1 + math.log10(max(layer.gradient, 1e-12)) / DECADES, 0), 1) if layer.gradient > 0 else 0
    calm = SMALL_UPDATE <= layer.update <= LARGE_UPDATE
    dead = "" if layer.dead is None else f"{layer.dead} of {layer.units}"
    cells = (
        f"<span class=train-bar><span style='width:{length:.1%}'></span></span>{layer.gradient:.1e}",
        f"<span class='{'' if calm else 'train-wrong'}'>{_share(layer.update)}</span>",
        f"<span class='{'train-wrong' if layer.dead else ''}'>{dead or '&ndash;'}</span>",
        _bars(layer.histogram),
    )
    labels = ("Gradient", "Update", "Dead", "Weights")
    columns = "".join(f"<td data-label={name}>{cell}</td>" for name, cell in zip(labels, cells, strict=True))
    return f"<tr><th scope=row>{layer.place} {escape(layer.layer)}</th>{columns}</tr>"


def _share(value: float) -> str:
    return "&lt; 0.0001%" if value < SMALL_UPDATE else share(value)


def _bars(histogram: Histogram) -> str:
    """Return a small histogram as SVG, with the largest weights below."""
    tallest, width = max(histogram.counts) or 1, len(histogram.counts)
    path = "".join(
        f"M{x} 24v{-24 * count / tallest:.1f}h1v{24 * count / tallest:.1f}z" for x, count in enumerate(histogram.counts)
    )
    low, high = histogram.edges[0], histogram.edges[-1]
    return (
        f"<svg viewBox='0 0 {width} 24' preserveAspectRatio=none role=img "
        f"aria-label='Weights from {low:.2g} to {high:.2g}'><path d='{path}'/></svg>"
        f"<span class=train-span><span>{low:.2g}</span><span>{high:.2g}</span></span>"
    )


class FirstWeights:
    """What the first layer looks for, as it forms."""

    def __init__(self) -> None:
        with ui.element("section").classes("card train-more"):
            ui.label("First-layer weights").classes("card-title").props("role=heading aria-level=2")
            self.words = ui.label("They appear with the first step: at random, then ever clearer.").classes("explained")
            self.picture = ui.element("img").classes("train-filters")
            self.picture.props('alt="The weights of the first layer" data-testid=train-filters')
            self.picture.set_visibility(False)

    def show(self, look: Looked) -> None:
        """Show the newest look."""
        self.picture.set_visibility(bool(len(look.filters)))
        if not len(look.filters):
            self.words.text = "The first layer of this network does not read pictures."
            return
        values = (look.filters.astype(np.float32) - 128) / 127 * (look.limit or 1)
        self.picture.props["src"] = weight_picture(values)[1]
        self.words.text = (
            f"Each picture is what one of the first {len(look.filters)} units looks for. Blue speaks for it, orange "
            f"against it; the strongest colour is {look.limit:.2g}."
        )
