"""``groundup train``: train a network and keep it in a run folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from groundup import backends
from groundup.cli.options import threads_option
from groundup.cli.progress import TrainingProgress
from groundup.cli.settings import apply_settings, setting_options
from groundup.data import load
from groundup.data.datasets import Data, pixel_statistics
from groundup.data.sources import is_name
from groundup.errors import ConfigurationError
from groundup.json_text import to_json
from groundup.models import shipped
from groundup.models.configuration import Configuration
from groundup.models.recipes import recipe
from groundup.network import Normalization
from groundup.training.loop import Result, fit, resume
from groundup.training.run import Run


@click.command("train")
@click.option("--network", metavar="NETWORK", help="A name, sizes such as 784-800-10, or a TOML file.  [default: mlp]")
@click.option("--data", metavar="SOURCE", help="As for `groundup data`.")
@click.option(
    "--normalization",
    type=click.Choice(["unit", "signed", "standard"]),
    help="Inputs 0..1, -1..1, or mean 0 and deviation 1.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="RUN", help="The run folder.  [default: a new one in runs/]"
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Repeat the run that wrote this config.toml."
)
@click.option(
    "--resume", "resumed", type=click.Path(path_type=Path), metavar="RUN", help="Go on with an interrupted run."
)
@click.option("--cross-validate", "folds", type=click.IntRange(min=2), metavar="K", help="Measure on K folds instead.")
@click.option(
    "--find-learning-rate", "finding", is_flag=True, help="Look for a good learning rate instead; --out FILE.png."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@threads_option
@setting_options
def command(
    network: str | None,
    data: str | None,
    normalization: str | None,
    out: Path | None,
    config: Path | None,
    resumed: Path | None,
    folds: int | None,
    finding: bool,
    as_json: bool,
    **settings: Any,
) -> int:
    """Train a network and keep it in a run folder.

    NETWORK is one of mlp, cnn, lenet5, and of the networks that people built from scratch and published: matrix-800,
    deriv8, neurons-16, tensorvalue, notebook-10. Each brings its hyperparameters; the options below change them.

    Ctrl-C stops after the batch that runs and saves; --resume goes on to the very same result. After the last batch,
    the run is finished first. Ends with 1 if training was interrupted or diverged, with 130 if Ctrl-C came outside of
    the run, or twice.
    """
    watch = TrainingProgress()
    say = Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print
    if resumed is not None:
        _refuse(resumed, network, data, normalization, out, config, folds, finding or None, *settings.values())
        run = Run.open(resumed)
        return _keep(lambda: _resume(run, watch, say), watch, say, as_json)
    if network is not None and config is not None:
        raise ConfigurationError("--network and --config exclude each other: the configuration has its network")
    configuration = Configuration.read(config) if config is not None else recipe(network or "mlp")
    if settings["init_from"] is not None and shipped.found(settings["init_from"]) == Path(settings["init_from"]):
        settings["init_from"] = str(Path(settings["init_from"]).resolve())  # a shipped model keeps its name
    configuration = apply_settings(configuration, settings)
    if data is not None:
        configuration = replace(configuration, data=_lasting(data), data_sha256="")
    if folds is not None and (finding or out is not None):
        raise ConfigurationError("--cross-validate goes without --find-learning-rate and --out: it keeps nothing")
    loaded = _load(configuration.data, say)
    if configuration.backend == "auto" and not backends.native_is_built():
        say("numpy trains: native, which is faster, is not built here; groundup info says how to get it.")
    if normalization is not None:
        configuration = replace(
            configuration, network=replace(configuration.network, normalization=_normalization(normalization, loaded))
        )
    if finding:
        return _find_learning_rate(configuration, loaded, out or Path("learning-rate.png"), as_json)
    if folds is not None:
        return _cross_validate(configuration, loaded, folds, watch, as_json)
    return _keep(lambda: fit(configuration, loaded, folder=out, keep=True, watch=watch), watch, say, as_json)


def _refuse(run: Path, *others: object) -> None:
    if any(other is not None for other in others):
        raise ConfigurationError(f"--resume {run} goes on with the run's own configuration; leave the other options")


def _keep(train: Callable[[], Result], watch: TrainingProgress, say: Any, as_json: bool) -> int:
    """Train and report; whoever interrupts a run outside of its loop, or twice, is told how to go on, too."""
    try:
        try:
            result = train()
        finally:
            watch.close()
        return _report(result, as_json)
    except KeyboardInterrupt:
        if watch.folder is not None and Run(watch.folder).configuration_file.is_file():
            say(f"Interrupted; go on with: groundup train --resume {watch.folder}")
        raise


def _resume(run: Run, watch: TrainingProgress, say: Any) -> Result:
    watch.keeps(run.folder)
    return resume(run, _load(run.configuration().data, say), watch)


def _lasting(source: str) -> str:
    """Return a data source so that it means the same from any folder."""
    return source if is_name(source) else str(Path(source).expanduser().resolve())


def _load(source: str | None, say: Any) -> Data:
    data = load(source)
    say(f"Data: {data.name} from {data.origin}.")
    say(f"{len(data.train):,} pictures to train on, {len(data.test):,} to test on.")
    return data


def _normalization(name: str, data: Data) -> Normalization:
    if name == "unit":
        return Normalization()
    if name == "signed":
        return Normalization(127.5, 127.5)
    mean, deviation = pixel_statistics(data.train.images)
    return Normalization(255 * mean, 255 * deviation)


def _report(result: Result, as_json: bool) -> int:
    """Print what training came to; return the exit code."""
    assert result.run is not None
    if as_json:
        click.echo(to_json(result.summary()))
    else:
        _print(result)
    return 1 if result.interrupted or result.history.diverged else 0


def _print(result: Result) -> None:
    assert result.run is not None
    folder = escape(str(result.run.folder))
    console = Console(highlight=False, soft_wrap=True)
    if result.interrupted:
        console.print(f"Interrupted after {len(result.history)} epochs; go on with: groundup train --resume {folder}")
        return
    if result.test is not None:
        low, high = result.test.interval
        console.print(
            f"Test accuracy [bold]{result.test.accuracy:.2%}[/bold] (95% interval {low:.2%} to {high:.2%}) "
            f"on {result.test.count:,} pictures, after {result.seconds:.1f} s of training."
        )
    console.print(result.history.diagnosis())
    console.print(f"Kept in {folder}: now try groundup evaluate {folder}, groundup predict PICTURE")


def _find_learning_rate(configuration: Configuration, data: Data, out: Path, as_json: bool) -> int:
    from groundup import plots
    from groundup.training.finder import find_learning_rate

    with Console(stderr=True).status("Raising the learning rate"):
        found = find_learning_rate(configuration, data)
    plots.save(plots.learning_rate_finder(found.rates, found.losses, found.suggestion), out)
    if as_json:
        click.echo(to_json(found.summary() | {"plot": str(out)}))
    else:
        click.echo(f"Suggested learning rate: {found.suggestion:.3g} (the plot is {out})")
    return 0


def _cross_validate(
    configuration: Configuration, data: Data, folds: int, watch: TrainingProgress, as_json: bool
) -> int:
    from groundup.training.cross_validation import cross_validate

    try:
        done = cross_validate(configuration, data, folds, watch)
    finally:
        watch.close()
    summary = done.summary()
    if as_json:
        click.echo(to_json(summary))
    else:
        for number, fold in enumerate(done.folds, 1):
            click.echo(f"fold {number}: {fold.accuracy:.2%} of {fold.count:,} pictures")
        if summary["standard_deviation"] is not None:
            click.echo(f"mean {summary['mean']:.2%}, standard deviation {summary['standard_deviation']:.2%}")
    return 1 if done.interrupted else 0
