"""Edits of a model: what was done to it, step by step, with undo; and what is left of its accuracy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from nicegui import run

from groundup.errors import GroundupError
from groundup.inspection.activations import inspected
from groundup.inspection.edits import Edits
from groundup.models.evaluation import Evaluation
from groundup.models.model import Model
from groundup.serve.examiner import CHUNK, compared
from groundup.serve.model_file import model_file
from groundup.serve.visitor import Visitor

MOST_STEPS = 200
"""That can be undone."""


class Surgery:
    """A visitor's edits of one model. The model that they began with never changes.

    Parameters
    ----------
    visitor : Visitor
        Whose edits they are; ``edits`` in the address is their text.

    Attributes
    ----------
    base, edited : Model
        The model as it was, and with all edits.
    name : str
        What the first is called.
    edits : Edits
        What was done.
    complaint : str
        Why the last edit could not be made; empty if it could.
    before, evaluation : Evaluation or None
        What both get right; of the edited model on as many digits as it has read so far.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.base = self.edited = inspected(visitor.recogniser)
        self.name = visitor.model_name
        self.complaint = ""
        self.edits = Edits()
        self.before: Evaluation | None = None
        self.evaluation: Evaluation | None = None
        self._undone: list[tuple[str, Edits]] = []
        self._listeners: list[Callable[[], None]] = []
        self._asked = 0
        self._turn = asyncio.Lock()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Let `listener` be called when the edits, or what is known of the edited model, changed."""
        self._listeners.append(listener)

    @property
    def steps(self) -> int:
        """How many edits can be undone."""
        return len(self._undone)

    async def begin(self) -> None:
        """Do the edits that stand in the address, if they can be done, and measure what comes of them."""
        try:
            edits, complaint = Edits.from_text(self.visitor.url.get("edits", "")), ""
        except GroundupError as error:
            edits, complaint = Edits(), str(error)
        await self._become(edits, complaint)
        if self.evaluation is None and self.complaint:
            await self._become(Edits(), self.complaint)

    async def edit(self, what: str, edits: Edits) -> None:
        """Replace the edits; `what` names the control, whose movements are undone together."""
        if edits == self.edits:
            return
        if not self._undone or self._undone[-1][0] != what or what == "one":
            self._undone = [*self._undone[1 - MOST_STEPS :], (what, self.edits)]
        await self._become(edits)

    async def change(self, what: str, value: Any) -> None:
        """Set one of the edits' fields, by name."""
        await self.edit(what, replace(self.edits, **{what: value}))

    async def undo(self) -> None:
        """Take the last edit back."""
        if self._undone:
            await self._become(self._undone.pop()[1])

    async def reset(self) -> None:
        """Take all edits back; this can be undone."""
        await self.edit("one", Edits())

    async def operate_on(self, model: Model, name: str) -> None:
        """Begin with another model, and do to all of its weights what was done to the old one's."""
        self.base, self.name, self.before = model, name, None
        self._undone = []
        await self._become(replace(self.edits, numbers=(), silent=()))

    async def file(self) -> bytes:
        """Return the edited model as a safetensors file."""
        return await run.io_bound(model_file, self.edited, self.name) or b""

    async def _become(self, edits: Edits, complaint: str = "") -> None:
        self._asked += 1
        mine = self._asked
        before, self.edits = self.edits, edits
        try:
            found = await run.io_bound(edits.applied, self.base)
        except GroundupError as error:
            if mine == self._asked:
                self.edits, self.complaint = before, str(error)
                self._tell()
            return
        if found is None or mine != self._asked:
            return
        self.edited, self.complaint = found, complaint
        self.visitor.remember("edits", edits.text() or None)
        self._tell()
        async with self._turn:  # of a visitor's measurements one runs, and of those that wait the newest
            if mine == self._asked:
                await self._measure(mine)

    async def _measure(self, mine: int) -> None:
        """Let the edited model read the test digits, some thousand at a time, as long as no other edit comes."""
        examiner = self.visitor.library.examiner
        try:
            data = await asyncio.to_thread(self.visitor.library.data)
            self.before = await examiner.evaluation(self.base, data.test)
            parts, places = [], np.zeros(0, np.int64)
            pieces = max(1, len(data.test) // CHUNK)
            for piece in range(pieces):
                chosen = np.arange(piece, len(data.test), pieces)
                parts.append(await examiner.probabilities(self.edited, data.test.images[chosen]))
                if mine != self._asked or self.visitor.client.is_deleted:
                    return
                places = np.concatenate([places, chosen])
                self.evaluation = compared(np.concatenate(parts), data.test.subset(places, data.test.name))
                self._tell()
        except GroundupError as error:
            self.complaint = str(error)
            self._tell()

    def _tell(self) -> None:
        if not self.visitor.client.is_deleted:
            for listener in self._listeners:
                listener()
