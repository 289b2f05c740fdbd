"""The race of the backends: a lane for each."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from html import escape

import numpy as np
from nicegui import ui

from groundup.errors import GroundupError
from groundup.models.configuration import Configuration
from groundup.serve.race import BATCH, LANES, STEPS, Lane, Racer, RaceView
from groundup.serve.visitor import Visitor

PICTURES = 1000
"""What the backends race over."""

FASTEST = 1e7
"""Pictures a second at the end of a lane; it begins at a tenth, and is logarithmic."""


class RaceCard:
    """The same network with the same numbers, on every backend.

    Parameters
    ----------
    visitor : Visitor
    configuration : callable
        Returns what the visitor has chosen to train; may raise `GroundupError`.
    """

    def __init__(self, visitor: Visitor, configuration: Callable[[], Configuration]) -> None:
        self.visitor = visitor
        self.configuration = configuration
        self.racer = Racer(visitor.library.workers)
        self.shown: RaceView | None = None
        self.beginning = False
        with ui.element("section").classes("card"):
            ui.label("The backends race").classes("card-title").props("role=heading aria-level=2")
            ui.label(
                f"The network that is chosen above does {STEPS} steps of {BATCH} pictures on each backend, from the "
                "same weights: the numbers must agree, the clocks do not. One runs after the other, the fastest first, "
                "so that none slows another. With every mark a lane is ten times as fast."
            ).classes("explained")
            with ui.element("div").classes("tools"):
                self.start = ui.button("Race", icon="sports_score", on_click=self.begin)
                self.start.props("unelevated no-caps data-testid=race-start").mark("race-start")
                self.words = ui.label().classes("explained").props("aria-live=polite data-testid=race-words")
            self.lanes = ui.html(sanitize=False).classes("train-lanes").props("data-testid=race-lanes")
            self.losses = ui.html(sanitize=False).classes("train-losses").props("data-testid=race-losses")
        visitor.on_leave(self.racer.stop)

    async def begin(self) -> None:
        """Start the race, or end the one that runs."""
        if self.beginning:
            return
        if self.racer.view.running:
            self.racer.stop()
            self.follow()
            return
        self.beginning = True
        try:
            settings = self.configuration()
            data = await asyncio.to_thread(self.visitor.library.data)
            pictures = data.train.subset(np.arange(min(PICTURES, len(data.train))), data.train.name)
            await asyncio.to_thread(self.racer.begin, settings, pictures)
        except GroundupError as error:
            self.words.text = str(error)
        finally:
            self.beginning = False
        if self.visitor.client.is_deleted:  # gone while it was made ready
            self.racer.stop()

    def follow(self) -> None:
        """Show what has come of the race."""
        view = self.racer.view
        if view is self.shown:
            return
        self.shown = view
        self.start.text = "Stop the race" if view.running else "Race"
        self.start.props(f"icon={'stop' if view.running else 'sports_score'}")
        slowest = min((lane.speed for lane in view.lanes.values() if lane.speed), default=0.0)
        if view.running or slowest or view.trouble:
            self.lanes.content = "".join(_lane(name, lane, slowest) for name, lane in view.lanes.items())
            self.losses.content = _table(view)
            self.words.text = view.trouble or _told(view)


def _lane(name: str, lane: Lane, slowest: float) -> str:
    share = min(max((1 + math.log10(lane.speed)) / (1 + math.log10(FASTEST)), 0.01), 1) if lane.speed else 0.0
    if lane.absent:
        clock = escape(lane.absent)
    elif lane.speed:
        times = "" if lane.speed == slowest else f" · {_number(lane.speed / slowest)} times as fast"
        clock = f"<b>{_number(lane.speed)}</b> pictures a second{times}"
    else:
        clock = "waits"
    return (
        f"<div class=train-lane data-testid=lane-{name}><div><b>{name}</b> <span>a number is {LANES[name]}</span></div>"
        f"<div class=train-track><div style='width:{share:.1%}'></div></div><div class=train-clock>{clock}</div></div>"
    )


def _table(view: RaceView) -> str:
    """Return the losses after each step, beside each other."""
    names = [name for name, lane in view.lanes.items() if lane.losses]
    if not names:
        return ""
    head = "".join(f"<th scope=col>{name}</th>" for name in names)
    rows = ""
    for step in range(STEPS):
        cells = "".join(
            f"<td>{view.lanes[name].losses[step]:.6f}</td>" if step < len(view.lanes[name].losses) else "<td></td>"
            for name in names
        )
        rows += f"<tr><th scope=row>{step + 1}</th>{cells}</tr>"
    return f"<table><caption>Loss of each step</caption><tr><th scope=col>Step</th>{head}</tr>{rows}</table>"


def _told(view: RaceView) -> str:
    difference = view.largest_difference()
    if difference is None:
        return "Getting ready …" if view.running else ""
    if not difference:
        return "The losses are equal, to the last digit."
    agree = f"The losses differ by at most {difference:.0e} of their size: "
    return agree + ("the last digits of float32, and nothing more." if difference < 1e-5 else "too much.")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
