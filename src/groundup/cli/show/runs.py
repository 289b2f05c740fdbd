"""``groundup show curves`` and ``ladder``: how training went, and how fast it is."""

from __future__ import annotations

import json
import math
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from groundup.cli.options import figure_option, json_option
from groundup.cli.show.shared import save
from groundup.errors import ConfigurationError
from groundup.json_text import to_json
from groundup.terminal import bar, grouped, sparkline
from groundup.training.history import History

WIDTH = 40  # of the longest bar


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@figure_option
@json_option
def curves(run: Path, out: Path | None, as_json: bool) -> None:
    """Show the learning curves of the run in the folder RUN, and say in words what they mean."""
    history = _read_history(run)
    if out is not None:
        from groundup import plots

        save(plots.curves(history), out)
    if as_json:
        click.echo(to_json({"run": str(run), "history": list(history), "diagnosis": history.diagnosis()}))
    elif out is None:
        Console(highlight=False).print(_table(history))
        click.echo(history.diagnosis())


@click.command()
@click.argument("figures", metavar="NAME=NUMBER...", nargs=-1, required=True)
@click.option("--unit", default="pictures a second", show_default=True, help="What the numbers count.")
@figure_option
@json_option
def ladder(figures: tuple[str, ...], unit: str, out: Path | None, as_json: bool) -> None:
    """Show how fast backends are, on a scale of magnitudes, from figures that you measured.

    Such as: groundup show ladder scalar=0.4 lists=31 numpy=29000 native=610000
    """
    speeds = dict(_speed(figure) for figure in figures)
    if out is not None:
        from groundup import plots

        save(plots.ladder(speeds, unit), out)
    if as_json:
        click.echo(to_json({"unit": unit, "speeds": speeds}))
    elif out is None:
        low, high = (math.log10(choose(speeds.values())) for choose in (min, max))
        longest = max(map(len, speeds))
        for name, speed in speeds.items():
            share = (1 + math.log10(speed) - low) / (1 + high - low)  # the slowest has a bar, too
            click.echo(f"{name:>{longest}}  {bar(share, WIDTH)} {grouped(speed)} {unit}")


def _speed(figure: str) -> tuple[str, float]:
    """Return what ``numpy=29000`` says."""
    name, _, number = figure.partition("=")
    try:
        speed = float(number)
    except ValueError:
        speed = math.nan
    if not name or not 1e-18 < speed < 1e18:  # far beyond every machine; and an axis has an end
        raise ConfigurationError(f"{figure}: write a name and a positive number, such as numpy=29000")
    return name, speed


def _read_history(run: Path) -> History:
    """Read a run folder's metrics."""
    path = run / "metrics.jsonl"
    try:
        return History.from_json([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    except FileNotFoundError:
        raise ConfigurationError(f"{run} has no metrics.jsonl: it is no run folder, or no epoch is done yet") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path}: is not one JSON object a line, of an epoch's numbers: {error}") from None


def _table(history: History) -> Table:
    """Return a row for each measure: its course over the epochs, the first and the last value."""
    table = Table("", f"epochs 1 to {len(history)}", "first", "last")
    for key in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy", "learning_rate"):
        values = [record[key] for record in history if key in record]
        if values:
            form = ".2%" if key.endswith("accuracy") else ".4g"
            table.add_row(key.replace("_", " "), sparkline(values), f"{values[0]:{form}}", f"{values[-1]:{form}}")
    return table
