"""``groundup show network``, ``weights``, ``histograms`` and ``activations``: what is inside a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from groundup.cli.options import data_option, figure_option, json_option, load_model, model_argument
from groundup.cli.show.shared import chosen_picture, image_argument, index_option, save, signed, statistics
from groundup.errors import ModelError
from groundup.inspection.activations import as_pictures
from groundup.inspection.edits import weight_names
from groundup.inspection.weights import filters
from groundup.json_text import to_json
from groundup.models.model import Model
from groundup.pictures.tiles import mosaic
from groundup.terminal import sparkline

FEW = 16  # features are written as numbers
KERNELS = 256  # of a layer, at most, are drawn
BARS = 40  # of a histogram


@click.command()
@model_argument
@figure_option
@json_option
def network(model_path: Path, out: Path | None, as_json: bool) -> None:
    """Show a model's layers: their shapes, and what they cost."""
    described = load_model(model_path).network
    if out is not None:
        from groundup import plots

        save(plots.network(described), out)
    if as_json:
        keys = ("place", "layer", "output", "parameters", "multiply_adds")
        rows = [dict(zip(keys, row, strict=True)) for row in described.rows()]
        click.echo(to_json({"network": described.description(), "table": rows}))
    elif out is None:
        click.echo(described.summary())


@click.command()
@model_argument
@click.option("--layer", metavar="NAME", help="A weight's name, such as 0.weight. Without it, the first.")
@figure_option
@json_option
def weights(model_path: Path, layer: str | None, out: Path | None, as_json: bool) -> None:
    """Show a layer's weights as pictures: blue above zero, red below."""
    model = load_model(model_path)
    kernels = _kernels(model)
    name = layer or next(iter(kernels), "")
    if name not in kernels:
        raise ModelError(f"{model_path} has no weight {name!r}; it has {', '.join(kernels) or 'none'}")
    table = filters(model, name.removesuffix(".weight"))
    arrays = table.reshape(-1, *table.shape[2:])
    shown = arrays[:KERNELS]
    if out is not None:
        from groundup import plots

        few = "" if len(shown) == len(arrays) else f", the first {len(shown)} of {len(arrays)}"
        save(plots.weights(shown, f"{name}  {' x '.join(map(str, kernels[name].shape))}{few}"), out)
    if as_json:
        click.echo(to_json({"layers": [statistics(each, array) for each, array in kernels.items()]}))
    elif out is None:
        click.echo(f"{name} {kernels[name].shape}, {kernels[name].min():.3g} to {kernels[name].max():.3g}")
        click.echo(signed(_rows(shown, Console().width)))


@click.command()
@model_argument
@figure_option
@json_option
def histograms(model_path: Path, out: Path | None, as_json: bool) -> None:
    """Show how the numbers of each weight are spread."""
    kernels = _kernels(load_model(model_path))
    if out is not None:
        from groundup import plots

        save(plots.weight_histograms(kernels), out)
    if as_json:
        found = {name: np.histogram(array, BARS) for name, array in kernels.items()}
        layers = [{"name": name, "counts": c.tolist(), "edges": e.tolist()} for name, (c, e) in found.items()]
        click.echo(to_json({"layers": layers}))
    elif out is None:
        for name, array in kernels.items():
            counts = np.histogram(array, BARS)[0].tolist()
            click.echo(f"{name}  {array.min():.3g} {sparkline(counts)} {array.max():.3g}  deviation {array.std():.3g}")


@click.command()
@model_argument
@image_argument
@data_option
@index_option
@figure_option
@json_option
def activations(
    model_path: Path, image: Path | None, source: str | None, index: int | None, out: Path | None, as_json: bool
) -> None:
    """Show what every layer makes of one picture: of IMAGE, or of one of a data set (--index)."""
    model = load_model(model_path)
    pixels = chosen_picture(image, source, index).pixels
    layers = model.activations(pixels)
    layers[0] = (layers[0][0], layers[0][1].reshape(1, *pixels.shape))  # a picture, also where the network takes rows
    titled = [(f"{name}  {' x '.join(map(str, array.shape))}", array) for name, array in layers]
    if out is not None:
        from groundup import plots

        save(plots.activations(titled), out)
    if as_json:
        click.echo(
            to_json({"layers": [statistics(name, array) | {"values": array.tolist()} for name, array in layers]})
        )
    elif out is None:
        for title, array in titled:
            click.echo(f"{title}\n{_on_screen(array, Console().width)}")


def _kernels(model: Model) -> dict[str, NDArray[Any]]:
    """Return the weights of linear layers and convolutions, in the network's order."""
    return {name: np.asarray(model.state[name]) for name in weight_names(model.network)}


def _rows(arrays: NDArray[Any], width: int) -> NDArray[Any]:
    """Tile pictures (N, height, width) in rows of at most `width` columns; tiny ones are enlarged."""
    zoom = max(1, 8 // max(arrays.shape[1:]))
    large = arrays.repeat(zoom, axis=1).repeat(zoom, axis=2)
    gap = 1 + large.shape[2] // 12
    return mosaic(large, max(1, min(len(large), (width + gap) // (large.shape[2] + gap))))


def _on_screen(array: NDArray[Any], width: int) -> str:
    """Draw one layer's output: maps beside each other, or features in rows; few features as numbers."""
    if array.ndim == 3:
        return signed(_rows(array, width))
    if array.size <= FEW:
        return "  ".join(f"{value:.3g}" for value in array)
    return signed(as_pictures(array, width)[0])
