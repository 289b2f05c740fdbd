"""The pitfalls as switches: turn a bug on, and watch a small network learn with it and without."""

from __future__ import annotations

import html
import math
from asyncio import to_thread

from nicegui import background_tasks, ui

from groundup.errors import GroundupError
from groundup.inspection.lessons import LESSONS
from groundup.inspection.pitfall_trainings import Demonstration
from groundup.serve.panels import charts
from groundup.serve.visitor import Visitor

COLOURS = (charts.ACCENT, charts.SECOND, charts.THIRD, charts.GOOD)


class Classroom:
    """Twelve switches, of which one is on or none, and what it does.

    Parameters
    ----------
    visitor : Visitor
        Whose page it is; ``bug`` in the address is the lesson's name.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.name = ""
        with ui.element("section").classes("card"):
            ui.label("Bugs that cost people days").classes("card-title").props("role=heading aria-level=2")
            ui.label(
                "Turn one on: a small network trains beside its right twin, from the same digits. Hardly any of these "
                "bugs ends with an error."
            ).classes("explained")
            with ui.element("div").classes("columns lesson"):
                with ui.element("div").classes("switches"):
                    self.switches = {name: self._switch(name) for name in LESSONS}
                self.lesson = (
                    ui.element("div").classes("stack").props("aria-live=polite data-testid=lesson").mark("lesson")
                )
        wanted = visitor.url.get("bug", "")
        if wanted in LESSONS:
            self.switches[wanted].value = True
        else:
            self._empty()

    def _switch(self, name: str) -> ui.switch:
        switch = ui.switch(LESSONS[name].title).props(f"dense data-testid=bug-{name}").mark(f"bug-{name}")
        return switch.on_value_change(lambda event: self._turned(name, bool(event.value)))

    def _empty(self) -> None:
        self.lesson.clear()
        with self.lesson:
            ui.label("All is right: no bug is on.").classes("explained")

    def _turned(self, name: str, on: bool) -> None:
        if on:
            self.name = name
            for other, switch in self.switches.items():
                if other != name:
                    switch.value = False
            self.visitor.remember("bug", name)
            background_tasks.create(self._train(name))
        elif name == self.name:
            self.name = ""
            self.visitor.remember("bug", None)
            self._empty()

    async def _train(self, name: str) -> None:
        self.lesson.clear()
        with self.lesson, ui.element("div").classes("tools"):
            ui.spinner(size="sm")
            ui.label("Two networks train, one with the bug …").classes("explained")
        failure, found = "", None
        try:
            data = await to_thread(self.visitor.library.data)
            found = await self.visitor.library.examiner.lesson(name, data.train)
        except GroundupError as error:
            failure = str(error)
        if name != self.name or self.visitor.client.is_deleted:
            return
        self.lesson.clear()
        with self.lesson:
            if found is None:
                ui.label(failure).classes("explained")
            else:
                _tell(name, found)


def _tell(name: str, found: Demonstration) -> None:
    """Show the story, the two lines, the curves, and what the tools say."""
    lesson = LESSONS[name]
    ui.label(lesson.story)
    ui.html(
        "".join(_line(kind, line) for kind, line in zip(("wrong", "right"), lesson.lines, strict=True)), sanitize=False
    ).classes("two-lines")
    charts.chart(curves(name, found), f"{lesson.title}: {lesson.axes[1]} with the bug and without", "lesson-chart")
    said = (("Symptom", lesson.symptom), *found.findings, ("What helps", lesson.cure))
    terms = "".join(f"<dt>{html.escape(title)}</dt><dd>{html.escape(text)}</dd>" for title, text in said)
    ui.html(f"<dl>{terms}</dl>", sanitize=False).classes("findings").props("data-testid=findings").mark("findings")


def _line(kind: str, line: str) -> str:
    return f'<span class="{kind}">{kind}</span><code>{html.escape(line)}</code>'


def curves(name: str, found: Demonstration) -> charts.Options:
    """Return a chart of the curves, each drawn as if the network trained now."""
    right, upwards = LESSONS[name].axes
    first = next(iter(found.curves.values()))
    finite = [value for curve in found.curves.values() for value in curve if math.isfinite(value)]
    runs_away = upwards == "loss" and max(finite) > 3 * max(first)
    limit = 10 * max(first) if runs_away else math.inf  # far outside of the picture, but not so far that none is drawn
    highest = {"max": round(2 * max(first), 1)} if runs_away else {"max": 1} if upwards == "test accuracy" else {}
    vertical = charts.y_axis(upwards, type="log") if name == "paths" else charts.y_axis(upwards, min=0, **highest)
    return {
        "animationDuration": 1800,
        "animationEasing": "linear",
        "grid": charts.GRID | {"top": 58, "bottom": 44},
        "legend": {"top": 0, "left": 0, "icon": "roundRect", "itemHeight": 3, "textStyle": {"color": charts.MUTED}},
        "tooltip": charts.tooltip(trigger="axis"),
        "xAxis": charts.x_axis(right),
        "yAxis": vertical,
        "series": [
            charts.line(
                label, [[step, _number(value, limit)] for step, value in enumerate(curve, 1)], colour, clip=True
            )
            for (label, curve), colour in zip(found.curves.items(), COLOURS, strict=False)
        ],
    }


def _number(value: float, limit: float) -> float | None:
    return min(value, limit) if math.isfinite(value) else None
