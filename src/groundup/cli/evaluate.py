"""``groundup evaluate``: what a model gets right on a data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from groundup.cli.options import backend_option, data_option, json_option, load_model, model_argument, threads_option
from groundup.data import load
from groundup.data.datasets import Data, Dataset
from groundup.errors import ConfigurationError
from groundup.json_text import to_json
from groundup.models.evaluation import Evaluation
from groundup.terminal import in_rows, wants_colour

ON_A_SHEET, ON_THE_SCREEN = 50, 10  # of the worst mistakes


@click.command(name="evaluate")
@model_argument
@data_option
@backend_option
@threads_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write confusion.png and mistakes.png into a folder."
)
@json_option
def command(model_path: Path, source: str | None, backend: str, out: Path | None, as_json: bool) -> None:
    """Measure a model on a data set's test part: accuracy, loss, confusion matrix, worst mistakes.

    MODEL is a model file (.safetensors or .json) or a run folder, of which the best model is taken.
    """
    model = load_model(model_path)
    data = load(source)
    with Console(stderr=True).status(f"Evaluating on {len(data.test):,} pictures"):
        evaluation = model.evaluate(data.test, backend)
    report = describe(evaluation) | {"model": str(model_path), "data": data.test.name, "origin": data.origin}
    if out is not None:
        report["files"] = _write(evaluation, data.test, out)
    if as_json:
        click.echo(to_json(report))
    else:
        _print(evaluation, data)
        for name in report.get("files", []):
            click.echo(f"Written: {name}")


def describe(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figures as JSON can hold them."""
    counts = evaluation.confusion.sum(axis=1).tolist()
    shares = zip(evaluation.class_names, counts, evaluation.precision.tolist(), evaluation.recall.tolist(), strict=True)
    return {
        "accuracy": evaluation.accuracy,
        "interval": list(evaluation.interval),
        "loss": evaluation.loss,
        "correct": evaluation.correct,
        "count": evaluation.count,
        "confusion": evaluation.confusion.tolist(),
        "classes": [
            {"name": name, "count": count, "precision": precision, "recall": recall}
            for name, count, precision, recall in shares
        ],
        "worst_mistakes": [_mistake(evaluation, index) for index in evaluation.worst_mistakes(ON_A_SHEET).tolist()],
    }


def _mistake(evaluation: Evaluation, index: int) -> dict[str, Any]:
    answer = int(evaluation.answers[index])
    return {
        "index": index,
        "label": int(evaluation.labels[index]),
        "answer": answer,
        "probability": float(evaluation.probabilities[index, answer]),
    }


def _captions(evaluation: Evaluation, indices: list[int], form: str) -> list[str]:
    """Return a caption for each picture; `form` has ``{label}``, ``{answer}``, ``{probability}`` and ``{index}``."""
    names = evaluation.class_names
    mistakes = [_mistake(evaluation, index) for index in indices]
    return [form.format(**m | {"label": names[m["label"]], "answer": names[m["answer"]]}) for m in mistakes]


def _write(evaluation: Evaluation, part: Dataset, folder: Path) -> list[str]:
    """Write the confusion matrix and the worst mistakes as PNG; return the files' names."""
    from groundup import plots

    figures = {"confusion.png": plots.confusion(evaluation.confusion, evaluation.class_names)}
    worst = evaluation.worst_mistakes(ON_A_SHEET)
    if len(worst):
        captions = _captions(evaluation, worst.tolist(), "{label} taken for {answer}\n{probability:.0%}, no. {index}")
        figures["mistakes.png"] = plots.sheet(part.images[worst], captions)
    try:
        for name, figure in figures.items():
            plots.save(figure, folder / name)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written: {error.strerror}") from None
    return [str(folder / name) for name in figures]


def _print(evaluation: Evaluation, data: Data) -> None:
    """Print the figures for people."""
    console = Console(highlight=False)
    low, high = evaluation.interval
    console.print(f"{data.test.name}, {evaluation.count:,} pictures, from {data.origin}", markup=False)
    console.print(
        f"accuracy [bold]{evaluation.accuracy:.2%}[/bold] (95% interval {low:.2%} to {high:.2%}), "
        f"{evaluation.count - evaluation.correct:,} mistakes, loss {evaluation.loss:.4f}"
    )
    console.print(_table(evaluation))
    worst = evaluation.worst_mistakes(ON_THE_SCREEN)
    if len(worst):
        console.print("\nThe worst mistakes (label > answer, index):")
        captions = _captions(evaluation, worst.tolist(), "{label} > {answer} {probability:.0%} {index}")
        click.echo(in_rows(data.test.images[worst], captions, console.width, wants_colour(sys.stdout)))


def _table(evaluation: Evaluation) -> Table:
    """Return the confusion matrix with each class's recall and precision."""
    table = Table("label", *evaluation.class_names, "recall", box=box.SIMPLE_HEAD, padding=(0, 0))
    for column in table.columns:
        column.no_wrap = True
        column.justify = "right"
    for index, (name, counts) in enumerate(zip(evaluation.class_names, evaluation.confusion.tolist(), strict=True)):
        cells = [f"{count}" if count else "[dim]·[/dim]" for count in counts]
        cells[index] = f"[bold]{counts[index]}[/bold]"
        table.add_row(name, *cells, f"{evaluation.recall[index]:.1%}")
    table.add_section()
    table.add_row("precision", *(f"{share:.0%}" for share in evaluation.precision), "")
    return table
