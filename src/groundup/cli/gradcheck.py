"""``groundup gradcheck``: every hand-written backward pass against the definition of a derivative."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Column, Table

from groundup.cli.options import json_option
from groundup.errors import ParameterError
from groundup.json_text import to_json
from groundup.losses import CrossEntropy, Loss
from groundup.models.recipes import recipe
from groundup.network import Network
from groundup.verify.comparison import Difference
from groundup.verify.gradcheck import Check, check_against_scalar, gradcheck
from groundup.verify.small_networks import SMALL_NETWORKS
from groundup.verify.tolerances import DIFFERENCE_ERROR


@click.command("gradcheck")
@click.argument("own", metavar="[FILE]", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--network", metavar="NETWORK", help="As for `groundup train`.  [default: small ones with every layer]")
@click.option("--backend", default="numpy", show_default=True, help="Whose gradients are checked.")
@click.option(
    "--parameters", metavar="NAMES", default="", help="Only these, for example 0.weight,2.bias; of one network."
)
@click.option(
    "--samples", type=click.IntRange(min=1), default=20, show_default=True, help="Numbers to check of each parameter."
)
@json_option
def command(own: Path | None, network: str | None, backend: str, parameters: str, samples: int, as_json: bool) -> int:
    """Check gradients: central differences of the loss in float64 against the hand-written backward passes.

    A network that is small enough is checked against the backend `scalar`, too, which needs no backward pass. Kinks
    of ReLU and of maxima are recognised, reported and not counted. Ends with 1 if a gradient is wrong.

    FILE is a Python program of your own. It is run, and must leave a Network of the name `network`, with layers of
    your own in it, and may leave a Loss of the name `loss`. It is not checked against `scalar`.
    """
    wanted = tuple(name.strip() for name in parameters.split(",") if name.strip())
    if own and network:
        raise ParameterError(f"{own} has its own network; leave --network")
    if wanted and not (own or network):
        raise ParameterError("--parameters are those of one network: say which with --network")
    subjects = _subjects(own, network)
    checks: list[Check] = []
    differences: dict[str, Difference] = {}
    with Console(stderr=True).status("Checking gradients") as status:
        for name, (subject, loss) in subjects.items():
            status.update(f"Checking {name}")
            checks += gradcheck(subject, loss, name=name, backend=backend, parameters=wanted, samples=samples)
            difference = None if own else check_against_scalar(subject, loss, backend=backend)
            differences |= {name: difference} if difference is not None else {}
    holds = all(check.holds for check in checks) and all(each.holds for each in differences.values())
    if as_json:
        click.echo(to_json(_report(checks, differences, backend, holds)))
    else:
        _print(checks, differences, holds)
    return 0 if holds else 1


def _subjects(own: Path | None, network: str | None) -> dict[str, tuple[Network, Loss]]:
    """Return the networks to check, by name, each with its loss."""
    if own:
        return {own.name: _left_by(own)}
    if network:
        made = recipe(network)
        return {network: (made.network, made.loss)}
    return SMALL_NETWORKS


def _left_by(path: Path) -> tuple[Network, Loss]:
    """Run a program, and return the network and the loss that it leaves."""
    names = runpy.run_path(str(path))
    network, loss = names.get("network"), names.get("loss", CrossEntropy())
    if not isinstance(network, Network):
        raise ParameterError(f"{path}: leaves no Network of the name `network`, for example Network([Linear(17, 5)])")
    if not isinstance(loss, Loss):
        raise ParameterError(f"{path}: `loss` must be a Loss, for example CrossEntropy(), not {loss!r}")
    return network, loss


def _report(checks: list[Check], differences: dict[str, Difference], backend: str, holds: bool) -> dict[str, Any]:
    return {
        "holds": holds,
        "backend": backend,
        "tolerance": DIFFERENCE_ERROR,
        "parameters": [
            {
                "network": check.network,
                "parameter": check.parameter,
                "size": check.size,
                "checked": len(check.entries) - check.kinks,
                "kinks": check.kinks,
                "error": check.worst.error if check.worst else None,
                "where": list(check.worst.where) if check.worst else None,
                "analytic": check.worst.analytic if check.worst else None,
                "numeric": check.worst.numeric if check.worst else None,
                "holds": check.holds,
            }
            for check in checks
        ],
        "scalar": [
            {"network": name, "holds": difference.holds, "first": difference.first.name if difference.first else None}
            for name, difference in differences.items()
        ],
    }


def _print(checks: list[Check], differences: dict[str, Difference], holds: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table = Table(
        "network", Column("parameter", no_wrap=True), "checked", "kinks", "relative error", box=box.SIMPLE_HEAD
    )
    for check in checks:
        error = f"{check.worst.error:.1e}" if check.worst else "kinks alone"
        counted = f"{len(check.entries) - check.kinks} of {check.size:,}"
        cells = (check.network, check.parameter, counted, str(check.kinks or ""), error)
        table.add_row(*cells, style="" if check.holds else "bold red")
    console.print(table)
    for sentence in _sentences(checks, differences):
        console.print(sentence, markup=False)
    console.print(f"{'Every' if holds else 'Not every'} gradient agrees (relative error up to {DIFFERENCE_ERROR:g}).")


def _sentences(checks: list[Check], differences: dict[str, Difference]) -> Iterator[str]:
    """Say what is wrong, what was left out, and how `scalar` agrees."""
    for check in checks:
        if not check.holds and check.worst:
            yield (
                f"{check.network}: {check.parameter}{list(check.worst.where)}: "
                f"the gradient is {check.worst.analytic:.6g}, the difference {check.worst.numeric:.6g}."
            )
    kinks = sum(check.kinks for check in checks)
    if kinks:
        yield f"{kinks} numbers lie at a kink, where there is no derivative; they are not counted."
    if differences:
        agreeing = sum(difference.holds for difference in differences.values())
        yield f"scalar, without any backward pass, agrees on {agreeing} of {len(differences)} networks."
    for name, difference in differences.items():
        if difference.first is not None:
            yield f"{name}: {difference.first.name} is the first value that differs: {difference.first.problem}."
