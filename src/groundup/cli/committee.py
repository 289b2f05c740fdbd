"""``groundup committee``: several models in one file, that answer together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from groundup.cli.options import backend_option, data_option, json_option, load_model, threads_option
from groundup.cli.progress import TrainingProgress
from groundup.data import load
from groundup.data.datasets import Data
from groundup.errors import ConfigurationError
from groundup.json_text import to_json
from groundup.models.calibration import Calibration
from groundup.models.committee import Committee, held_out
from groundup.models.configuration import Configuration
from groundup.models.evaluation import Evaluation
from groundup.models.model import Model
from groundup.models.recipes import recipe
from groundup.models.storage import STORED_TYPES, rounded
from groundup.training.loop import fit, resume
from groundup.training.run import RUNS, Run


@click.command(name="committee")
@click.argument("paths", metavar="MODEL...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--train",
    "networks",
    metavar="NETWORK,...",
    help="Train members, too: each of these networks with each of the seeds, in run folders below runs/FILE.",
)
@click.option("--seeds", default="0,1,2,3,4", show_default=True, metavar="SEED,...", help="The seeds for --train.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The new file, .safetensors."
)
@click.option(
    "--store",
    type=click.Choice(STORED_TYPES),
    default=STORED_TYPES[0],
    show_default=True,
    help="How the file holds weights: float16 halves it.",
)
@data_option
@backend_option
@threads_option
@json_option
def command(
    paths: tuple[Path, ...],
    networks: str | None,
    seeds: str,
    out: Path,
    store: str,
    source: str | None,
    backend: str,
    as_json: bool,
) -> int:
    """Put several models into one file, to answer together, by the mean of their probabilities.

    Each MODEL is a model file, a run folder or a shipped model's name. The committee is calibrated on the training
    pictures that all members have held out for validation, if there are any, and measured on the test part.

    With --train, what Ctrl-C interrupts goes on when the command is repeated. Ends with 1 if training was interrupted.
    """
    runs = _runs(networks, seeds, out) if networks else {}
    if not paths and not runs:
        raise ConfigurationError("a committee needs members: name models, or networks to --train")
    data = load(source)
    paths += tuple(runs)
    if not _trained(runs, data):
        click.echo("Interrupted; the same command goes on.", err=True)
        return 1
    members = tuple(_rounded(load_model(path), store) for path in paths)
    with Console(stderr=True).status(f"Measuring a committee of {len(members)}") as status:
        committee = Committee(members)
        validation = held_out(members, data)
        if validation is not None:
            probabilities = committee.uncalibrated(validation.images, backend)
            committee = replace(committee, calibration=Calibration.fit(probabilities, validation.labels))
        status.update(f"Measuring it on {len(data.test):,} pictures")
        test = committee.evaluate(data.test, backend)
    committee = replace(committee, training={"data": data.name, "test_accuracy": test.accuracy})
    committee.save(out, store)
    report = _report(committee, test, paths, out)
    click.echo(to_json(report) if as_json else _text(report))
    return 0


def _runs(networks: str, seeds: str, out: Path) -> dict[Path, Configuration]:
    """Return the run folder and the configuration of each member that is to be trained."""
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise ConfigurationError(f"--seeds are whole numbers and commas, such as 0,1,2, not {seeds!r}") from None
    return {
        RUNS / out.stem / f"{name}-{seed}": replace(recipe(name), seed=seed)
        for name in networks.split(",")
        for seed in numbers
    }


def _trained(runs: dict[Path, Configuration], data: Data) -> bool:
    """Train each, or go on where an earlier call was interrupted; return whether all are trained to their ends."""
    for folder, configuration in runs.items():
        watch = TrainingProgress()
        click.echo(f"Training {folder}", err=True)
        try:
            if folder.exists():
                result = resume(Run.open(folder), data, watch)
            else:
                result = fit(configuration, data, folder=folder, keep=True, watch=watch)
        finally:
            watch.close()
        if result.interrupted:
            return False
    return True


def _rounded(model: Model, store: str) -> Model:
    """Return the model as the file will give it back: this is the one to calibrate and to measure."""
    return replace(model, state=rounded(model.state, store))


def _report(committee: Committee, test: Evaluation, paths: tuple[Path, ...], out: Path) -> dict[str, Any]:
    return {
        "file": str(out),
        "bytes": out.stat().st_size,
        "test_accuracy": test.accuracy,
        "test_interval": list(test.interval),
        "calibration_error": test.calibration_error,
        "temperature": committee.calibration.temperature if committee.calibration else None,
        "members": [
            {"model": str(path), "test_accuracy": member.training.get("test_accuracy")}
            for path, member in zip(paths, committee.members, strict=True)
        ],
    }


def _text(report: dict[str, Any]) -> str:
    temperature = report["temperature"]
    calibrated = (
        "not calibrated: its members held out no pictures in common"
        if temperature is None
        else f"calibrated, temperature {temperature:.3f}"
    )
    low, high = report["test_interval"]
    return (
        f"A committee of {len(report['members'])}: {report['test_accuracy']:.2%} of the test pictures "
        f"(95% interval {low:.2%} to {high:.2%}), {calibrated}\n"
        f"Written: {report['file']}, {report['bytes'] / 1e6:.1f} MB"
    )
