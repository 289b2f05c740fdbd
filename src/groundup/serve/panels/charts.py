"""Charts in the page's own colours, light or dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

Options = dict[str, Any]

ACCENT, SECOND, GOOD, THIRD = "var(--accent)", "var(--accent-2)", "var(--good)", "var(--third)"
MUTED, LINE = "var(--muted)", "var(--line)"


def chart(options: Options, label: str, name: str) -> ui.echart:
    """Add a chart; `label` says what it shows to those who cannot see it, `name` is what tests call it."""
    # As SVG, and not on a canvas, a chart may name the page's variables as colours, and follows light and dark.
    element = ui.echart(options, renderer="svg").classes("chart").mark(name)
    element.props(f'role=img aria-label="{label}" data-testid={name}')
    return element


def axis(name: str, **more: Any) -> Options:
    """Return a number axis with a name in its middle."""
    return {
        "type": "value",
        "name": name,
        "nameLocation": "middle",
        "nameTextStyle": {"color": MUTED, "fontSize": 12},
        "axisLabel": {"color": MUTED, "fontSize": 12},
        "axisLine": {"lineStyle": {"color": LINE}},
        "axisTick": {"lineStyle": {"color": LINE}},
        "splitLine": {"lineStyle": {"color": LINE, "opacity": 0.6}},
        **more,
    }


def x_axis(name: str, **more: Any) -> Options:
    """Return the axis to the right."""
    return axis(name, nameGap=26, **{"splitLine": {"show": False}, **more})


def y_axis(name: str, **more: Any) -> Options:
    """Return the axis upwards; its name stands above it."""
    return axis(name, **{"nameLocation": "end", "nameGap": 10, **more}) | {
        "nameTextStyle": {"color": MUTED, "fontSize": 12, "align": "left"}
    }


def percent_axis(name: str, **more: Any) -> Options:
    """Return an axis upwards for shares from 0 to 1."""
    return y_axis(name, axisLabel={"color": MUTED, "fontSize": 12, ":formatter": PERCENT}, **more)


PERCENT = "value => +(100 * value).toFixed(2) + '%'"
"""A share as a percentage, in the page's script."""


def line(name: str, points: Sequence[Sequence[float | None]], colour: str, **more: Any) -> Options:
    """Return a line through points (x, y); None leaves a gap."""
    return {
        "type": "line",
        "name": name,
        "data": [list(point) for point in points],
        "showSymbol": False,
        "lineStyle": {"width": 2, "color": colour},
        "itemStyle": {"color": colour},
        **more,
    }


def tooltip(**more: Any) -> Options:
    """Return what appears beside the pointer."""
    style = {"color": "var(--text)", "fontSize": 12}
    return {"backgroundColor": "var(--surface)", "borderColor": LINE, "textStyle": style, "confine": True, **more}


GRID = {"left": 8, "right": 16, "top": 34, "bottom": 30, "containLabel": True}
"""Room for the names of the axes."""
