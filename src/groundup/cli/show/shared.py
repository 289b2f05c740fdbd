"""What several of the commands share: figures, pictures of a data set, numbers in colours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from groundup.data import load
from groundup.data.datasets import Dataset
from groundup.errors import ConfigurationError, DataError
from groundup.pictures import read_picture, to_mnist
from groundup.terminal import half_blocks, signed_colours, wants_colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

image_argument = click.argument("image", required=False, type=click.Path(path_type=Path))
index_option = click.option("--index", type=int, help="A picture of the data set's test part, from 0 on, not IMAGE.")
seed_option = click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Chooses the pictures, and all else."
)


class Shown(NamedTuple):
    """One picture (height, width) uint8, and its class's name where that is known."""

    pixels: NDArray[np.uint8]
    label: str | None


def chosen_picture(image: Path | None, source: str | None, index: int | None) -> Shown:
    """Return the picture in the file `image`, or the one at `index` of a data set's test part.

    Raises
    ------
    click.UsageError
        If neither or both are named.
    GroundupError
        If there is no such picture.
    """
    if image is not None and index is None:
        return Shown(to_mnist(read_picture(image)).pixels, None)
    if image is not None or index is None:
        raise click.UsageError("Name either a picture or, with --index, one of a data set's.")
    part = load(source).test
    return Shown(part.images[check_index(part, index)], part.class_names[part.labels[index]])


def check_index(part: Dataset, index: int) -> int:
    """Return `index`, or raise `DataError` if there is no such picture."""
    if not 0 <= index < len(part):
        raise DataError(f"{part.name} has the pictures 0 to {len(part) - 1}, but no {index}")
    return index


def signed(values: NDArray[Any]) -> str:
    """Draw numbers (height, width) in colours; without colours, by their magnitude."""
    colour = wants_colour(sys.stdout)
    if colour:
        return half_blocks(signed_colours(values), colour)
    magnitude = np.abs(np.nan_to_num(values))
    return half_blocks((magnitude / (magnitude.max() or 1) * 255).astype(np.uint8), colour)


def statistics(name: str, array: NDArray[Any]) -> dict[str, Any]:
    """Return what an array is like, for JSON."""
    figures = {"min": array.min(), "max": array.max(), "mean": array.mean(), "std": array.std()}
    return {"name": name, "shape": list(array.shape)} | {key: float(value) for key, value in figures.items()}


def save(figure: Figure, path: Path) -> None:
    """Write a figure and say so.

    Raises
    ------
    ConfigurationError
        If the file is no .png or .svg, or cannot be written.
    """
    from groundup import plots

    try:
        plots.save(figure, path)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None
    click.echo(f"Written: {path}", err=True)
