"""Options and habits that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from groundup.models.model import Model

model_argument = click.argument("model_path", metavar="MODEL", type=click.Path(path_type=Path))
data_option = click.option(
    "--data", "source", metavar="SOURCE", help="A data set's name, folder or CSV file. Without it, the best to be had."
)
backend_option = click.option("--backend", default="auto", help="What runs the network; 'auto' is the fastest.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
figure_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a figure (.png or .svg) instead of the screen.",
)


def load_model(path: Path | None) -> Model:
    """Load a model file or a run folder's best model; without a path, the newest run's.

    Raises
    ------
    ModelError
        If there is none, or it cannot be read.
    """
    if path is None:
        from groundup.training.run import Run

        path = Run.newest().best_model_file
    return Model.load(path)
