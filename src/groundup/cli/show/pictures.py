"""``groundup show samples`` and ``augmentation``: what there is to learn from."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from groundup import randomness
from groundup.augmentation import HANDWRITING
from groundup.augmentation.pixels import augmented
from groundup.cli.options import data_option, figure_option, json_option
from groundup.cli.show.shared import save, seed_option
from groundup.data import load
from groundup.errors import ConfigurationError
from groundup.json_text import to_json
from groundup.models.recipes import recipe
from groundup.terminal import in_rows, per_row, wants_colour

SAMPLES = 40


@click.command()
@data_option
@click.option("--count", type=click.IntRange(1, 1000), default=SAMPLES, show_default=True, help="How many pictures.")
@seed_option
@figure_option
@json_option
def samples(source: str | None, count: int, seed: int, out: Path | None, as_json: bool) -> None:
    """Show pictures of a data set's training part, chosen by a seed."""
    part = load(source).train
    chosen = np.sort(np.random.default_rng(seed).permutation(len(part))[:count])
    labels = [part.class_names[label] for label in part.labels[chosen]]
    if out is not None:
        from groundup import plots

        save(plots.sheet(part.images[chosen], labels), out)
    if as_json:
        pairs = zip(chosen.tolist(), labels, strict=True)
        click.echo(
            to_json({"data": part.name, "pictures": [{"index": index, "label": label} for index, label in pairs]})
        )
    elif out is None:
        click.echo(in_rows(part.images[chosen], labels, Console().width, wants_colour(sys.stdout)))


@click.command()
@click.option("--network", metavar="NETWORK", help="As for `groundup train`; its augmentation.  [default: a usual one]")
@click.option("--strength", type=float, default=1.0, show_default=True, help="So many times as strong.")
@data_option
@click.option("--count", type=click.IntRange(1, 100), default=5, show_default=True, help="How many pictures.")
@seed_option
@figure_option
@json_option
def augmentation(
    network: str | None, strength: float, source: str | None, count: int, seed: int, out: Path | None, as_json: bool
) -> None:
    """Show what augmentation makes of training pictures: a row for each, the picture itself first."""
    settings = (recipe(network).augmentation if network else HANDWRITING).scaled(strength)
    if not settings:
        raise ConfigurationError(f"{network or 'strength 0'} leaves the pictures as they are: there is no augmentation")
    part = load(source).train
    chosen = np.sort(np.random.default_rng(seed).permutation(len(part))[:count])
    labels = [part.class_names[label] for label in part.labels[chosen]]
    columns = 10 if out is not None else max(2, per_row(part.images.shape[2], Console().width))
    deformed = augmented(part.images[chosen].repeat(columns, axis=0), settings, randomness.key(seed, "augmentation", 1))
    deformed[::columns] = part.images[chosen]
    captions = [label if column == 0 else "" for label in labels for column in range(columns)]
    if out is not None:
        from groundup import plots

        save(plots.sheet(deformed, captions, columns), out)
    if as_json:
        pairs = zip(chosen.tolist(), labels, strict=True)
        shown = [{"index": index, "label": label} for index, label in pairs]
        click.echo(to_json({"data": part.name, "augmentation": asdict(settings), "pictures": shown}))
    elif out is None:
        click.echo(in_rows(deformed, captions, Console().width, wants_colour(sys.stdout)))
