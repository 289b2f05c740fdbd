"""``groundup show answers``: a model's answers, one picture after another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from groundup.cli.options import data_option, figure_option, json_option, load_recogniser, model_argument
from groundup.cli.show.shared import check_index, save
from groundup.data import load
from groundup.data.datasets import Dataset
from groundup.json_text import to_json
from groundup.models.evaluation import Evaluation
from groundup.models.recogniser import Recogniser
from groundup.terminal import distribution, half_blocks, side_by_side, wants_colour

SAMPLES = 40


@click.command()
@model_argument
@data_option
@click.option("--index", "indices", type=int, multiple=True, help="A picture of the test part, from 0 on.")
@click.option("--mistakes", is_flag=True, help="Only wrong answers, the surest first.")
@click.option("--count", type=click.IntRange(1), default=SAMPLES, show_default=True, help="At most so many pictures.")
@figure_option
@json_option
def answers(
    model_path: Path, source: str | None, indices: tuple[int, ...], mistakes: bool, count: int, out: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Show a model's answers on the test part, one picture after another: Enter for the next, q to stop.

    Each comes with the probabilities, the label and the loss.
    """
    model, part = load_recogniser(model_path), load(source).test
    chosen = _choose(model, part, indices, mistakes, count)
    answered = [(index, model.evaluate(part.subset(np.array([index]), part.name))) for index in chosen]
    if out is not None:
        from groundup import plots

        save(plots.sheet(part.images[chosen], [_caption(index, answer) for index, answer in answered]), out)
    if as_json:
        click.echo(to_json({"data": part.name, "pictures": [_describe(index, answer) for index, answer in answered]}))
    elif out is None and not answered:
        click.echo(f"There is no wrong answer among the {len(part):,} of {part.name}.")
    elif out is None:
        _page(part, answered)


def _choose(model: Recogniser, part: Dataset, indices: tuple[int, ...], mistakes: bool, count: int) -> list[int]:
    """Return which pictures to show."""
    if indices:
        return [check_index(part, index) for index in indices]
    if mistakes:
        return [int(index) for index in model.evaluate(part).worst_mistakes(count)]
    return list(range(min(count, len(part))))


def _describe(index: int, answer: Evaluation) -> dict[str, Any]:
    return {
        "index": index,
        "label": int(answer.labels[0]),
        "answer": int(answer.answers[0]),
        "loss": answer.loss,
        "probabilities": answer.probabilities[0].tolist(),
    }


def _caption(index: int, answer: Evaluation) -> str:
    label, best = (answer.class_names[number] for number in (answer.labels[0], answer.answers[0]))
    verdict = best if label == best else f"{label} taken for {best}"
    return f"{verdict}, {answer.probabilities[0].max():.0%}\nno. {index}, loss {answer.loss:.2f}"


def _page(part: Dataset, answered: list[tuple[int, Evaluation]]) -> None:
    """Print one answer after another; on a terminal, wait for Enter between them."""
    asking = sys.stdin.isatty() and sys.stdout.isatty()
    colour = wants_colour(sys.stdout)
    for number, (index, answer) in enumerate(answered, start=1):
        right = answer.labels[0] == answer.answers[0]
        about = (
            f"{part.name}[{index}]  label {part.class_names[part.labels[index]]}  loss {answer.loss:.4f}  "
            + click.style("right" if right else "WRONG", fg="green" if right else "red", bold=True)
        )
        drawn = half_blocks(part.images[index], colour)
        click.echo(about)
        click.echo(side_by_side(drawn, distribution(part.class_names, answer.probabilities[0].tolist())))
        if asking and number < len(answered):
            click.echo(f"{number} of {len(answered)}: Enter for the next, q to stop ", nl=False)
            if sys.stdin.readline().strip().lower() == "q":
                return
