"""``groundup memstate``: record every value of some training steps, and find the first that differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Column, Table

from groundup import backends
from groundup.cli.options import data_option, json_option
from groundup.data import load
from groundup.errors import ConfigurationError, DataError, ParameterError, RecordingError
from groundup.json_text import to_json
from groundup.models.recipes import recipe
from groundup.verify.comparison import Difference, Row, diff
from groundup.verify.memstate import Batch, Recording, Setup, record, replay
from groundup.verify.tolerances import PRECISIONS

HEAD = box.SIMPLE_HEAD
SAID = 10
"""Of so many values that differ it is said what is wrong; the table has all."""

network_option = click.option(
    "--network", default="784-32-32-10", show_default=True, metavar="NETWORK", help="As for `groundup train`."
)
steps_option = click.option("--steps", type=click.IntRange(min=1), default=3, show_default=True, help="Training steps.")
batch_option = click.option(
    "--batch-size", type=click.IntRange(min=1), default=10, show_default=True, help="Pictures a step."
)
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the initial state and of masks."
)
lockstep_option = click.option(
    "--lockstep", is_flag=True, help="Begin each step from A's state, to separate a mistake from its consequences."
)


@click.group("memstate")
def command() -> None:
    """Record every named value of some training steps, and find the first that differs.

    Two trainings that ought to be the same are compared value by value, in order of execution, with tolerances that
    are derived from the arithmetic. So the first difference names the very operation that is wrong.
    """


@command.command("record")
@network_option
@data_option
@click.option("--backend", default="numpy", show_default=True, help="What runs the network.")
@click.option(
    "--precision",
    default="float64",
    show_default=True,
    help=f"The arithmetic: {', '.join(PRECISIONS)}, as far as the backend has it.",
)
@steps_option
@batch_option
@seed_option
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="Where to write it.")
@json_option
def record_command(
    network: str,
    source: str | None,
    backend: str,
    precision: str,
    steps: int,
    batch_size: int,
    seed: int,
    out: Path,
    as_json: bool,
) -> None:
    """Train some steps on the first pictures of a data set, and write every named value, as safetensors.

    Loss, optimizer and learning rate are those that the network is trained with; the rate stays as it is.
    """
    setup = _setup(network, seed)
    batches = _batches(source, steps, batch_size)
    with Console(stderr=True).status(f"Training {steps} steps with {backend}"):
        made = record(setup, batches, backends.get(backend).name, precision)
    try:
        made.write(out)
    except OSError as error:
        raise ConfigurationError(f"{out}: cannot be written: {error.strerror}") from None
    size = out.stat().st_size
    if as_json:
        click.echo(to_json({"file": str(out), "names": list(made.values), "steps": steps, "bytes": size}))
    else:
        click.echo(f"Written: {out}, {len(made.values)} values of {steps} steps, {size:,} bytes")


@command.command("diff")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@lockstep_option
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE", help="Draw the first difference as .png.")
@json_option
def diff_command(a: Path, b: Path, lockstep: bool, picture: Path | None, as_json: bool) -> int:
    """Hold recordings A, which says what was trained, and B against the float64 reference, value by value.

    With --lockstep, the backend that recorded B trains once more, each step from A's state. Ends with 1 if any value
    leaves the reference beyond its tolerance, is NaN, or is missing.

    The table has, for each value, the largest absolute and relative difference of A and B; then of the element that
    comes nearest its tolerance their difference in units in the last place, its index, and its share of the tolerance.
    """
    first, second = Recording.read(a), Recording.read(b)
    with Console(stderr=True).status("Comparing"):
        if lockstep and not second.lockstep:
            try:
                backends.get(second.backend)
            except ParameterError:
                raise RecordingError(
                    f"{b}: was recorded by {second.backend}, which cannot be run from here; let it begin each step "
                    "from A's state and record that"
                ) from None
            second = replay(first, second.backend, second.precision, lockstep=True)
        difference = diff(first, second)
    if picture is not None:
        _draw(difference, first, second, picture)
    if as_json:
        click.echo(to_json(_report(difference) | {"a": str(a), "b": str(b)}))
    else:
        _print(difference, difference.rows, f"A is {a}, B is {b}.")
    return 0 if difference.holds else 1


@command.command("compare")
@click.option(
    "--backends", "names", default=",".join(backends.available()), show_default=True, help="Which, separated by commas."
)
@network_option
@data_option
@steps_option
@batch_option
@seed_option
@lockstep_option
@json_option
def compare_command(
    names: str,
    network: str,
    source: str | None,
    steps: int,
    batch_size: int,
    seed: int,
    lockstep: bool,
    as_json: bool,
) -> int:
    """Train the same steps on several backends, each in all its precisions, and compare them with the reference.

    A is the layers' own mathematics in float64 on NumPy. Ends with 1 if a backend leaves the reference.
    """
    chosen = [backends.get(name.strip()) for name in names.split(",")]
    batches = _batches(source, steps, batch_size)
    found: dict[str, Difference] = {}
    with Console(stderr=True).status("Recording the reference") as status:
        reference = record(_setup(network, seed), batches)
        for backend in chosen:
            for precision in backend.precisions:
                status.update(f"Comparing {backend.name} in {precision}")
                other = replay(reference, backend.name, precision, lockstep=lockstep)
                found[f"{backend.name} {precision}"] = diff(reference, other)
    if as_json:
        reports = [{"backend": name} | _report(difference) for name, difference in found.items()]
        click.echo(to_json({"holds": all(each.holds for each in found.values()), "backends": reports}))
    else:
        for name, difference in found.items():
            if not difference.holds:
                _print(difference, [row for row in difference.rows if row.problem], f"A is the reference, B is {name}.")
        _print_summary(found)
    return 0 if all(each.holds for each in found.values()) else 1


def _setup(network: str, seed: int) -> Setup:
    chosen = recipe(network)
    return Setup(chosen.network, chosen.loss, chosen.optimizer, chosen.learning_rate, seed)


def _batches(source: str | None, steps: int, batch_size: int) -> list[Batch]:
    """Return the first pictures of a data set's training part, in order."""
    part = load(source).train
    if len(part) < steps * batch_size:
        raise DataError(f"{steps} steps of {batch_size} pictures need more than the {len(part):,} of {part.name}")
    starts = range(0, steps * batch_size, batch_size)
    return [Batch(part.images[at : at + batch_size], part.labels[at : at + batch_size]) for at in starts]


def _report(difference: Difference) -> dict[str, Any]:
    return {
        "holds": difference.holds,
        "compared": difference.compared,
        "names": len(difference.rows),
        "first": difference.first.name if difference.first else None,
        "rows": [row.as_dict() for row in difference.rows],
    }


def _print(difference: Difference, rows: Iterable[Row], headline: str) -> None:
    """Print a row for each value, and what is wrong with those that differ."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table(Column("name", overflow="fold"), "shape", box=HEAD, padding=0, pad_edge=False)
    for heading in ("absolute", "relative", "ULPs", "at", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        figures = [f"{row.absolute:.1e}", f"{row.relative:.1e}", f"{row.ulps:.2g}", ",".join(map(str, row.where))]
        figures = [*figures, f"{row.share:.2g}"] if row.compared else [""] * 5
        table.add_row(row.name, "x".join(map(str, row.shape)), *figures, style="bold red" if row.problem else "")
    console.print(headline, markup=False)
    console.print(table)
    wrong = [row for row in difference.rows if row.problem]
    for row in wrong[:SAID]:
        console.print(f"{row.name}: {row.problem}.", markup=False)
    if len(wrong) > SAID:
        console.print(f"... and {len(wrong) - SAID} more that differ.")
    if difference.first is not None:
        console.print(f"The first value that differs is {difference.first.name}.", markup=False, style="bold")
    console.print(_count(difference))


def _count(difference: Difference) -> str:
    agreeing = " All agree within their tolerances." if difference.holds else ""
    return f"Compared {difference.compared} of {len(difference.rows)} names.{agreeing}"


def _print_summary(found: Mapping[str, Difference]) -> None:
    """Print a line for each backend."""
    table = Table("backend", "compared", "largest relative error", "first that differs", box=HEAD)
    for name, difference in found.items():
        largest = max(row.relative for row in difference.rows)
        first = difference.first.name if difference.first else ""
        names = f"{difference.compared} of {len(difference.rows)}"
        table.add_row(name, names, f"{largest:.1e}", first, style="bold red" if first else "")
    Console(highlight=False, soft_wrap=True).print(table)


def _draw(difference: Difference, a: Recording, b: Recording, path: Path) -> None:
    from groundup import plots
    from groundup.verify.drawing import draw

    name = difference.first.name if difference.first else difference.rows[-1].name
    if name not in a.values or name not in b.values or a.values[name].shape != b.values[name].shape:
        raise RecordingError(f"{name} cannot be drawn: there is not one array of one shape on each side")
    try:
        plots.save(draw(name, a.values[name], b.values[name]), path)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None
    click.echo(f"Written: {path}", err=True)
