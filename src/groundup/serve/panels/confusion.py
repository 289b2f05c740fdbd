"""What the network takes for what: the confusion matrix, the digits of a cell, and the most confident errors."""

from __future__ import annotations

import html

import numpy as np
from nicegui import ui
from nicegui.events import GenericEventArguments
from numpy.typing import NDArray

from groundup.data.datasets import Dataset
from groundup.models.evaluation import Evaluation
from groundup.serve.panels.digits import gallery
from groundup.serve.visitor import Visitor

SHOWN = 24
WORST = 24

CHOSEN = "event => { const cell = event.target.closest('[data-cell]'); if (cell) emit(cell.dataset.cell); }"
MOVED = """event => {
  const cells = [...event.currentTarget.querySelectorAll('[data-cell]')], here = cells.indexOf(event.target);
  const across = Math.sqrt(cells.length);
  const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across}[event.key];
  if (here < 0 || !step) return;
  event.preventDefault();
  cells[here + step]?.focus();
}"""


class Confusion:
    """A matrix of buttons, and beside it the digits of the cell that was chosen.

    Parameters
    ----------
    visitor : Visitor
        Whose page it is; ``cell`` in the address, as in ``4-9``, is the label and the answer, as indices.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.dataset: Dataset | None = None
        self.evaluation: Evaluation | None = None
        self.shown = SHOWN
        with ui.element("div").classes("columns even"):
            with ui.element("section").classes("card"):
                ui.label("What is taken for what").classes("card-title").props("role=heading aria-level=2")
                self.told = ui.label().classes("explained").mark("mistakes-told").props("data-testid=mistakes-told")
                self.matrix = (
                    ui.html(sanitize=False).classes("confusion").mark("confusion").props("data-testid=confusion")
                )
                self.matrix.on("click", self._clicked, js_handler=CHOSEN).on("keydown", js_handler=MOVED)
            with ui.element("div").classes("stack"):
                with ui.element("section").classes("card").props("aria-live=polite"):
                    self.cell = ui.element("div").classes("stack")
                self.worst = Worst(visitor)

    def show(self, dataset: Dataset, evaluation: Evaluation) -> None:
        """Show another model's answers."""
        self.dataset, self.evaluation = dataset, evaluation
        wrong, low_high = evaluation.count - evaluation.correct, [f"{bound:.2%}" for bound in evaluation.interval]
        self.told.text = (
            f"A row for what the digit is, a column for what the network answers. {evaluation.accuracy:.2%} are right "
            f"(95% interval {' to '.join(low_high)}); {wrong:,} of {evaluation.count:,} are mistakes. "
            "Choose a cell to see its digits."
        )
        self._choose(*self._wanted(evaluation))
        self.worst.show(dataset, evaluation)

    def _wanted(self, evaluation: Evaluation) -> tuple[int, int]:
        """Return the cell that the address names, or the one with most mistakes."""
        cell = _cell(self.visitor.url.get("cell", ""), len(evaluation.class_names))
        if cell is not None:
            return cell
        mistakes = np.where(np.eye(len(evaluation.confusion), dtype=bool), 0, evaluation.confusion)
        row, column = np.unravel_index(int(mistakes.argmax()), mistakes.shape)
        return int(row), int(column)

    def _clicked(self, event: GenericEventArguments) -> None:
        if self.evaluation is None or not isinstance(event.args, str):
            return
        cell = _cell(event.args, len(self.evaluation.class_names))
        if cell is not None:
            self.visitor.remember("cell", event.args)
            self.shown = SHOWN
            self._choose(*cell)

    def _choose(self, row: int, column: int) -> None:
        assert self.evaluation is not None
        self.matrix.content = matrix_html(self.evaluation, (row, column))
        self.cell.clear()
        with self.cell:
            self._digits(row, column)

    def _digits(self, row: int, column: int) -> None:
        """Show the digits of a cell: of mistakes the surest first, of right answers the least sure."""
        assert self.evaluation is not None
        assert self.dataset is not None
        found, names = self.evaluation, self.evaluation.class_names
        places = np.flatnonzero((found.labels == row) & (found.answers == column))
        sureness = found.probabilities[places, column]
        places = places[np.argsort(sureness if row == column else -sureness, kind="stable")]
        if row == column:
            title = f"{names[row]}, and read as {names[row]}: {len(places):,}"
            explained = "The least sure first. The share below each is how sure the network is of its answer."
        else:
            title = f"{names[row]} taken for {names[column]}: {len(places):,}"
            explained = "The surest first. The share below each is how sure the network is of its wrong answer."
        ui.label(title).classes("card-title").props("role=heading aria-level=3 data-testid=cell-title").mark(
            "cell-title"
        )
        ui.label(explained if len(places) else "No digit was taken so.").classes("explained")
        some = places[: self.shown]
        shares = [f"{found.probabilities[place, column]:.0%}" for place in some]
        said = [f"A {names[row]}, read as {names[column]} with {share}: put it on the pad" for share in shares]
        gallery(self.visitor, self.dataset.images[some], shares, said, "cell-digits")
        if len(places) > self.shown:
            more = ui.button(
                f"{len(places) - self.shown:,} more", icon="expand_more", on_click=lambda: self._more(row, column)
            )
            more.props("flat no-caps dense data-testid=more-digits").mark("more-digits")

    def _more(self, row: int, column: int) -> None:
        self.shown += 3 * SHOWN
        self._choose(row, column)


def _cell(text: str, classes: int) -> tuple[int, int] | None:
    """Return the label and the answer that ``4-9`` names, or None where there are no such classes."""
    row, _, column = text.partition("-")
    known = {str(label): label for label in range(classes)}
    return (known[row], known[column]) if row in known and column in known else None


def matrix_html(evaluation: Evaluation, chosen: tuple[int, int]) -> str:
    """Return a table of buttons: a row for each label, a column for each answer."""
    names = [html.escape(name) for name in evaluation.class_names]
    most = int(np.where(np.eye(len(names), dtype=bool), 0, evaluation.confusion).max(initial=1))
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{name}</th>{_row(evaluation.confusion[row], names, row, most, chosen)}'
        f'<td class="recall">{_share(evaluation.recall[row])}</td></tr>'
        for row, name in enumerate(names)
    )
    return f'<table aria-label="Labels and answers"><tr><td></td>{head}<th class="recall">right</th></tr>{rows}</table>'


def _row(counts: NDArray[np.int64], names: list[str], row: int, most: int, chosen: tuple[int, int]) -> str:
    cells = []
    for column, count in enumerate(counts.tolist()):
        here = (row, column) == chosen
        kind = "right" if row == column else "wrong" if count else "none"
        shade = f"--share:{round(100 * (count / most) ** 0.5)}%" if kind == "wrong" else ""
        told = f"{names[row]} read as {names[column]}: {count}"
        cells.append(
            f'<td><button type="button" data-cell="{row}-{column}" class="{kind}" style="{shade}" aria-label="{told}" '
            f'aria-pressed="{str(here).lower()}" tabindex="{0 if here else -1}">{count or "·"}</button></td>'
        )
    return "".join(cells)


def _share(share: float) -> str:
    return f"{share:.1%}" if np.isfinite(share) else "-"


class Worst:
    """The most confident errors."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        with ui.element("section").classes("card"):
            ui.label("The most confident errors").classes("card-title").props("role=heading aria-level=2")
            ui.label(
                "What it is, what the network takes it for, and how sure it is. Some of these labels are the mistake."
            ).classes("explained")
            self.digits = ui.element("div")

    def show(self, dataset: Dataset, evaluation: Evaluation) -> None:
        """Show another model's errors."""
        places, names = evaluation.worst_mistakes(WORST), evaluation.class_names
        captions, said = [], []
        for place in places:
            label, answer = names[evaluation.labels[place]], names[evaluation.answers[place]]
            share = f"{evaluation.probabilities[place].max():.0%}"
            captions.append(f"{label} → {answer}, {share}")
            said.append(f"A {label}, read as {answer} with {share}: put it on the pad")
        self.digits.clear()
        with self.digits:
            gallery(self.visitor, dataset.images[places], captions, said, "worst-digits")
