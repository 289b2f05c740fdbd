"""``groundup show``: look at digits, networks, answers and training, on the screen or in a file."""

from __future__ import annotations

import click

from groundup.cli.show.answers import answers
from groundup.cli.show.digits import embedding, gradients, robustness, saliency
from groundup.cli.show.inside import activations, histograms, network, weights
from groundup.cli.show.pictures import augmentation, samples
from groundup.cli.show.runs import curves, ladder


@click.group(name="show")
def command() -> None:
    """Look at digits, networks, answers and training, on the screen or in a file (--out)."""


for each in (
    samples, augmentation, answers, network, weights, histograms, activations, saliency, gradients, embedding,
    robustness, curves, ladder,
):  # fmt: skip
    command.add_command(each)
