"""Options and habits that several commands share."""

from __future__ import annotations

import os
from pathlib import Path

import click

from groundup.backends import threads
from groundup.models import shipped
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.models.views import VIEWS


def _set_threads(context: click.Context, parameter: click.Parameter, value: int | None) -> None:
    """Let the whole process run on so many threads: training, its validation, its test."""
    if value is not None:
        os.environ[threads.VARIABLE] = str(value)


model_argument = click.argument("model_path", metavar="MODEL", type=click.Path(path_type=Path))
data_option = click.option(
    "--data", "source", metavar="SOURCE", help="A data set's name, folder or CSV file. Without it, the best to be had."
)
backend_option = click.option("--backend", default="auto", help="What runs the network; 'auto' is the fastest.")
threads_option = click.option(
    "--threads",
    type=click.IntRange(1, threads.MAXIMUM),
    expose_value=False,  # no setting of the run: results in float32 do not depend on it
    callback=_set_threads,
    help=f"Threads of the backend native.  [default: {threads.VARIABLE}, or one a processor]",
)
views_option = click.option(
    "--views",
    type=click.IntRange(1, len(VIEWS)),
    default=1,
    show_default=True,
    help="Look at each picture so often: as it is, smaller, larger, turned, stretched, leaning.",
)
reject_option = click.option(
    "--reject",
    "error_rate",
    type=click.FloatRange(0, 1),
    metavar="RATE",
    help='Say "I don\'t know" where needed to keep the share of wrong answers below RATE, such as 0.001.',
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
figure_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a figure (.png or .svg) instead of the screen.",
)


def load_model(path: Path) -> Model:
    """Load one network: a model file, a run folder's best model, or a shipped model by its name.

    Raises
    ------
    ModelError
        If there is none, it cannot be read, or it is a committee.
    """
    return Model.load(path)


def load_recogniser(path: Path | None) -> Recogniser:
    """Load a model or a committee; without a path, the shipped one for pictures, or else the newest run's.

    Raises
    ------
    ModelError
        If there is none, or it cannot be read.
    """
    return Recogniser.load(shipped.default() if path is None else path)
