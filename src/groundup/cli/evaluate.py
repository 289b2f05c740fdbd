"""``groundup evaluate``: what a model gets right on a data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.status import Status
from rich.table import Table

from groundup.cli.options import (
    backend_option,
    data_option,
    json_option,
    load_recogniser,
    model_argument,
    reject_option,
    threads_option,
    views_option,
)
from groundup.data import load
from groundup.data.datasets import Data, Dataset
from groundup.errors import ConfigurationError
from groundup.json_text import to_json
from groundup.models.calibration import calibration_bins, coverage_at, coverage_curve, threshold_for
from groundup.models.evaluation import Evaluation
from groundup.models.recogniser import Recogniser
from groundup.terminal import in_rows, wants_colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ON_A_SHEET, ON_THE_SCREEN = 50, 10  # of the worst mistakes
CURVE_LINES = 10


@click.command(name="evaluate")
@model_argument
@data_option
@backend_option
@threads_option
@views_option
@reject_option
@click.option(
    "--format", "suffix", type=click.Choice(["png", "svg"]), default="png", show_default=True, help="Of the figures."
)
@click.option("--corruptions", is_flag=True, help="Measure on fifteen kinds of spoilt pictures, too (MNIST-C).")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write confusion, mistakes, calibration and coverage as figures into a folder; and corruptions, with those.",
)
@json_option
def command(
    model_path: Path, source: str | None, backend: str, views: int, error_rate: float | None, suffix: str,
    corruptions: bool, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure a model on a data set's test part: accuracy, loss, calibration, confusion matrix, worst mistakes.

    MODEL is a model file (.safetensors or .json), a run folder, of which the best model is taken, or the name of a
    shipped model: cnn.
    """
    recogniser = load_recogniser(model_path)
    threshold = None if error_rate is None else threshold_for(recogniser.calibration, error_rate)
    data = load(source)
    with Console(stderr=True).status(f"Evaluating on {len(data.test):,} pictures") as status:
        evaluation = recogniser.evaluate(data.test, backend, views)
        report = describe(evaluation) | {"model": str(model_path), "data": data.test.name, "origin": data.origin}
        if threshold is not None:
            report["reject"] = _rejection(evaluation, threshold)
        if corruptions:
            report["corruptions"] = _on_corruptions(recogniser, data.test, backend, views, status)
    if out is not None:
        figures = _figures(evaluation, data.test, threshold)
        if corruptions:
            figures["corruptions"] = _corruptions_figure(report["corruptions"])
        report["files"] = _write(figures, out, suffix)
    if as_json:
        click.echo(to_json(report))
    else:
        _print(evaluation, data, report)
        for name in report.get("files", []):
            click.echo(f"Written: {name}")


def _rejection(evaluation: Evaluation, threshold: float) -> dict[str, Any]:
    """Return what the threshold comes to on these pictures, and the whole coverage curve."""
    probabilities, labels = evaluation.probabilities, evaluation.labels
    curve = [point._asdict() for point in coverage_curve(probabilities, labels)]
    return coverage_at(threshold, probabilities, labels)._asdict() | {"curve": curve}


def _on_corruptions(
    recogniser: Recogniser, part: Dataset, backend: str, views: int, status: Status
) -> list[dict[str, Any]]:
    """Return a record for each kind of corruption."""
    from groundup.data.corruptions import KINDS, corrupted

    records = []
    for number, kind in enumerate(KINDS, start=1):
        status.update(f"Evaluating on corrupted pictures, {number} of {len(KINDS)}: {kind}")
        evaluation = recogniser.evaluate(corrupted(part, kind), backend, views)
        records.append(
            {
                "kind": kind,
                "accuracy": evaluation.accuracy,
                "interval": list(evaluation.interval),
                "correct": evaluation.correct,
                "calibration_error": evaluation.calibration_error,
            }
        )
    return records


def describe(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figures as JSON can hold them."""
    counts = evaluation.confusion.sum(axis=1).tolist()
    shares = zip(evaluation.class_names, counts, evaluation.precision.tolist(), evaluation.recall.tolist(), strict=True)
    return {
        "accuracy": evaluation.accuracy,
        "interval": list(evaluation.interval),
        "loss": evaluation.loss,
        "calibration_error": evaluation.calibration_error,
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


def _figures(evaluation: Evaluation, part: Dataset, threshold: float | None) -> dict[str, Figure]:
    """Return the confusion matrix, the worst mistakes, the calibration and the coverage curve, by name."""
    from groundup import plots

    probabilities, labels = evaluation.probabilities, evaluation.labels
    figures = {"confusion": plots.confusion(evaluation.confusion, evaluation.class_names)}
    worst = evaluation.worst_mistakes(ON_A_SHEET)
    if len(worst):
        captions = _captions(evaluation, worst.tolist(), "{label} taken for {answer}\n{probability:.0%}, no. {index}")
        figures["mistakes"] = plots.sheet(part.images[worst], captions)
    chosen = None if threshold is None else coverage_at(threshold, probabilities, labels)
    figures["calibration"] = plots.calibration(calibration_bins(probabilities, labels))
    figures["coverage"] = plots.coverage(coverage_curve(probabilities, labels), chosen)
    return figures


def _corruptions_figure(records: list[dict[str, Any]]) -> Figure:
    from groundup import plots

    return plots.corruptions({record["kind"]: record["accuracy"] for record in records})


def _write(figures: dict[str, Figure], folder: Path, suffix: str) -> list[str]:
    """Write figures into a folder; return the files' names."""
    from groundup import plots

    paths = {folder / f"{name}.{suffix}": figure for name, figure in figures.items()}
    try:
        for path, figure in paths.items():
            plots.save(figure, path)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written: {error.strerror}") from None
    return list(map(str, paths))


def _print(evaluation: Evaluation, data: Data, report: dict[str, Any]) -> None:
    """Print the figures for people."""
    console = Console(highlight=False)
    low, high = evaluation.interval
    console.print(f"{data.test.name}, {evaluation.count:,} pictures, from {data.origin}", markup=False)
    console.print(
        f"accuracy [bold]{evaluation.accuracy:.2%}[/bold] (95% interval {low:.2%} to {high:.2%}), "
        f"{evaluation.count - evaluation.correct:,} mistakes, loss {evaluation.loss:.4f}, "
        f"calibration error {evaluation.calibration_error:.2%}"
    )
    console.print(_table(evaluation))
    worst = evaluation.worst_mistakes(ON_THE_SCREEN)
    if len(worst):
        console.print("\nThe worst mistakes (label > answer, index):")
        captions = _captions(evaluation, worst.tolist(), "{label} > {answer} {probability:.0%} {index}")
        click.echo(in_rows(data.test.images[worst], captions, console.width, wants_colour(sys.stdout)))
    if "reject" in report:
        _print_rejection(report["reject"], console)
    if "corruptions" in report:
        _print_corruptions(report["corruptions"], console)


def _print_rejection(report: dict[str, Any], console: Console) -> None:
    console.print(
        f'\nBelow a probability of {report["threshold"]:.2%} "I don\'t know": {report["coverage"]:.2%} answered, '
        f"{report['error_rate']:.3%} of these wrongly"
    )
    table = Table("answers above", "answered", "of these wrong", box=box.SIMPLE_HEAD)
    curve = report["curve"]
    for index in np.unique(np.linspace(0, len(curve) - 1, min(len(curve), CURVE_LINES)).round().astype(int)):
        point = curve[index]
        table.add_row(f"{point['threshold']:.2%}", f"{point['coverage']:.2%}", f"{point['error_rate']:.3%}")
    console.print(table)


def _print_corruptions(records: list[dict[str, Any]], console: Console) -> None:
    table = Table("corruption", "accuracy", "95% interval", "calibration error", box=box.SIMPLE_HEAD)
    for record in records:
        low, high = record["interval"]
        interval, calibration = f"{low:.2%} to {high:.2%}", f"{record['calibration_error']:.2%}"
        table.add_row(record["kind"], f"{record['accuracy']:.2%}", interval, calibration)
    table.add_section()
    table.add_row("mean", f"{sum(record['accuracy'] for record in records) / len(records):.2%}", "", "")
    console.print(table)


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
