"""Draw: a digit or a whole number, and what the network makes of it."""

from __future__ import annotations

from nicegui import ui

from groundup.serve.draw.answer import Answer
from groundup.serve.draw.gallery import Gallery
from groundup.serve.draw.keeping import keep_menu
from groundup.serve.draw.lesson import Lesson
from groundup.serve.drawing_pad import DrawingPad
from groundup.serve.visitor import Visitor

TITLE = "Draw"
ICON = "draw"

PEN = 40
"""Its width at the beginning, in units of the pad."""


def build(visitor: Visitor) -> None:
    """Build the tab."""
    with ui.element("div").classes("draw"):
        with ui.element("div").classes("stack draw-pad"):
            pad = DrawingPad(visitor)
            _tools(visitor, pad)
        with ui.element("div").classes("stack draw-answer"):
            Answer(visitor)
            Lesson(visitor)
        with ui.element("div").classes("draw-more"):
            Gallery(visitor)


def _tools(visitor: Visitor, pad: DrawingPad) -> None:
    """Build what stands below the pad. A click goes to the pad at once, not by way of the server."""
    with ui.element("div").classes("tools tools-pad"):
        _tool(pad, "Undo", "undo", "undo()")
        _tool(pad, "Redo", "redo", "redo()")
        _tool(pad, "Clear", "delete", "clear()")
        with ui.element("label").classes("pen"):
            ui.label("Pen")
            slider = ui.slider(min=12, max=96, step=2, value=PEN).props('aria-label="Width of the pen" data-testid=pen')
            slider.on("update:model-value", js_handler=f"(width) => getElement({pad.id}).setPen(width)").mark("pen")
        ui.element("div").classes("tools-gap")
        _tool(pad, "Picture", "image", "choose(false)").tooltip(
            "Choose a picture of digits; dropping or pasting one works, too"
        )
        _tool(pad, "Photo", "photo_camera", "choose(true)").classes("only-touch").tooltip("Photograph digits on paper")
        keep_menu(visitor)


def _tool(pad: DrawingPad, text: str, icon: str, call: str) -> ui.button:
    button = ui.button(text, icon=icon).props(f"flat no-caps dense aria-label={text}").mark(text.lower())
    button.props(f"data-testid={text.lower()}")
    return button.on("click", js_handler=f"() => getElement({pad.id}).{call}")
