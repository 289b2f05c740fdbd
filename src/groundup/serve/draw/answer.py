"""What the network says of the drawing, and what it saw."""

from __future__ import annotations

from itertools import groupby

from nicegui import ui

from groundup.pictures.digits import Recognised
from groundup.serve.drawing_pad import PixelGrid, ProbabilityBars
from groundup.serve.visitor import Visitor

LONG = 6  # letters of an answer that is set smaller
SURE, FAIRLY = 0.95, 0.7


class Answer:
    """A card with the digits that were read, the probabilities of one, and its 28x28 pixels."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        with ui.element("section").classes("card"):
            with ui.element("div").classes("answer"):
                with ui.element("div").classes("answer-words"):
                    ui.label("The network reads").classes("card-title")
                    self.text = ui.label().props("data-testid=answer aria-live=polite").classes("answer-text")
                    self.words = ui.label().props("data-testid=words").classes("explained")
                with ui.element("figure").classes("seen"):
                    self.pixels = PixelGrid("The 28 by 28 pixels that the network sees").props("data-testid=seen")
                    with ui.element("figcaption").classes("explained"):
                        ui.label("Seen as 28x28 pixels")
            self.bars = ProbabilityBars(visitor.recogniser.class_names)
            ui.label(
                "How probable each digit is, in the network's eyes. They sum to 100%: it cannot say “none of them”. So "
                "a second network is asked, which has seen letters, signs and scribbles, too."
            ).classes("explained")
        visitor.on_change(self.follow)

    def follow(self) -> None:
        """Show what was read."""
        visitor = self.visitor
        if visitor.open_tab != "draw":
            return
        digits, names = visitor.reading.digits, visitor.recogniser.class_names
        chosen = digits[visitor.chosen] if digits else None
        self.bars.show(names, None if chosen is None else chosen.probabilities)
        self.pixels.show(visitor.pixels)
        text = self._text()
        if chosen is not None and not chosen.believed and len(digits) == 1:
            self.text.text, size = "Not a digit?", "answer-none"
        else:
            self.text.text, size = text or "?", "answer-long" if len(text) > LONG else ""
        self.text.classes(replace=f"answer-text {size}")
        self.words.text = self._words(chosen)

    def _text(self) -> str:
        """Return the digits as they stand on the pad, a line for each row."""
        reading, names = self.visitor.reading, self.visitor.recogniser.class_names
        rows = groupby(zip(reading.rows, reading.digits, strict=True), key=lambda pair: pair[0])
        return "\n".join("".join(names[int(one.probabilities.argmax())] for _, one in row) for _, row in rows)

    def _words(self, chosen: Recognised | None) -> str:
        visitor = self.visitor
        if visitor.complaint:
            return visitor.complaint
        if chosen is None:
            return "Nothing that may be a digit." if visitor.drawing else "Draw, and it answers while you draw."
        names, order = visitor.recogniser.class_names, chosen.probabilities.argsort()[::-1]
        best, second = names[int(order[0])], names[int(order[1])]
        share = float(chosen.probabilities.max())
        if not chosen.believed:
            sure = f"More like a letter, a sign or a scribble; it must choose, and says {best}."
        elif share > SURE:
            sure = f"Sure that it is {best}."
        else:
            sure = f"Fairly sure: {best}, or else {second}." if share > FAIRLY else f"Not sure: {best}, or {second}?"
        if len(visitor.reading.digits) == 1:
            return sure
        return f"Digit {visitor.chosen + 1} of {len(visitor.reading.digits)}: {sure} Tap a digit's name on the pad."
