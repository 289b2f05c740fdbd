"""``groundup show saliency``, ``gradients``, ``embedding`` and ``robustness``: what a model makes of digits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from groundup.cli.options import data_option, figure_option, json_option, load_model, load_recogniser, model_argument
from groundup.cli.show.shared import chosen_picture, image_argument, index_option, save, signed
from groundup.data import load
from groundup.data.datasets import Dataset
from groundup.errors import ParameterError
from groundup.inspection import embedding as maps
from groundup.inspection import gradients as inspected
from groundup.inspection import robustness as spoiling
from groundup.inspection.health import root_mean_square
from groundup.json_text import to_json
from groundup.models.model import Model
from groundup.terminal import sparkline

ROWS, COLUMNS = 28, 76  # of a map on the screen


def _asking(answer: Callable[..., None]) -> click.Command:
    """Return a command that asks about one picture and one class.

    `answer` is given the model, the pixels (height, width) and the class's number, then --out and --json.
    """

    @click.command()
    @model_argument
    @image_argument
    @data_option
    @index_option
    @click.option("--label", help="The class to ask about.  [default: what the picture is]")
    @figure_option
    @json_option
    @functools.wraps(answer)
    def command(
        model_path: Path, image: Path | None, source: str | None, index: int | None, label: str | None, **others: Any
    ) -> None:
        model = load_model(model_path)
        pixels, known = chosen_picture(image, source, index)
        answer(model, pixels, _class(model, pixels, known if label is None else label), **others)

    return command


@_asking
def saliency(model: Model, pixels: NDArray[np.uint8], asked: int, out: Path | None, as_json: bool) -> None:
    """Show which pixels speak for an answer, and which against it: the answer's gradient by every pixel."""
    gradient = inspected.saliency(model, pixels, asked)
    if out is not None:
        from groundup import plots

        save(plots.saliency(pixels, gradient, f"What speaks for {model.class_names[asked]}"), out)
    if as_json:
        click.echo(to_json({"label": asked, "gradient": gradient.tolist()}))
    elif out is None:
        click.echo(signed(gradient))


@_asking
def gradients(model: Model, pixels: NDArray[np.uint8], asked: int, out: Path | None, as_json: bool) -> None:
    """Show how large the loss's gradient is at every layer, if the picture showed --label."""
    found = inspected.loss_gradients(model, pixels, asked)
    layers = model.network.layers
    sizes = {f"{i} {layer}": root_mean_square(found.outputs[f"{i}"]) for i, layer in enumerate(layers)}
    if out is not None:
        from groundup import plots

        save(plots.gradient_sizes(sizes), out)
    if as_json:
        click.echo(to_json({"label": asked, "loss": found.loss, "sizes": sizes}))
    elif out is None:
        click.echo(f"loss {found.loss:.4g} for {model.class_names[asked]}")
        for name, size in sizes.items():
            click.echo(f"{size:10.3e}  {name}")


@click.command()
@model_argument
@data_option
@click.option("--layer", type=int, help="0 is the input, 1 the first layer's output.  [default: the last but one]")
@click.option("--count", type=click.IntRange(4, 2000), default=500, show_default=True, help="How many pictures.")
@click.option("--neighbours", is_flag=True, help="Keep neighbours together (t-SNE); without it, principal components.")
@figure_option
@json_option
def embedding(
    model_path: Path, source: str | None, layer: int | None, count: int, neighbours: bool, out: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Show a map of test pictures as a layer sees them: what it takes to be alike lies side by side."""
    model, whole = load_model(model_path), load(source).test
    part = whole.subset(np.arange(min(count, len(whole))), whole.name)
    chosen = len(model.network.layers) - 1 if layer is None else layer
    vectors = maps.layer_vectors(model, part.images, chosen)
    points = maps.neighbour_map(vectors) if neighbours else maps.principal_components(vectors)[0]
    if out is not None:
        from groundup import plots

        title = f"{len(part):,} digits after {maps.layer_names(model.network)[chosen]}"
        save(plots.embedding(points, part.labels, part.class_names, title), out)
    if as_json:
        click.echo(to_json({"layer": chosen, "points": points.tolist(), "labels": part.labels.tolist()}))
    elif out is None:
        click.echo(_map(points, part))


@click.command()
@model_argument
@data_option
@click.option("--kind", "kinds", type=click.Choice(list(spoiling.DISTURBANCES)), multiple=True, help="Only this one.")
@click.option("--count", type=click.IntRange(1), default=1000, show_default=True, help="At most so many pictures.")
@figure_option
@json_option
def robustness(
    model_path: Path, source: str | None, kinds: tuple[str, ...], count: int, out: Path | None, as_json: bool
) -> None:
    """Show how many answers stay right while pictures are spoilt more and more: by noise, rotation, thickness."""
    recogniser, whole = load_recogniser(model_path), load(source).test
    part = whole.subset(np.arange(min(count, len(whole))), whole.name)
    curves = {}
    with Console(stderr=True).status("Spoiling pictures") as status:
        for kind in kinds or spoiling.DISTURBANCES:
            status.update(f"Spoiling pictures: {kind}")
            curves[kind] = (spoiling.DISTURBANCES[kind].unit, spoiling.accuracy_curve(recogniser, part, kind))
    if out is not None:
        from groundup import plots

        save(plots.robustness(curves), out)
    if as_json:
        found = {
            kind: {"unit": unit, "points": [list(point) for point in curve]} for kind, (unit, curve) in curves.items()
        }
        click.echo(to_json({"data": part.name, "count": len(part), "curves": found}))
    elif out is None:
        for kind, (unit, curve) in curves.items():
            first, last = curve[0].strength, curve[-1].strength
            click.echo(f"{kind:>10}  {first:g} {sparkline([point.accuracy for point in curve])} {last:g} {unit}")


def _class(model: Model, pixels: NDArray[np.uint8], name: str | None) -> int:
    """Return the number of the class of this name; without one, what the model takes the picture for."""
    if name is None:
        return int(model.predict(pixels[np.newaxis])[0].argmax())
    if name not in model.class_names:
        there = ", ".join(model.class_names)
        raise ParameterError(f"the model knows no class {name!r}: {there}; --label chooses one")
    return model.class_names.index(name)


def _map(points: NDArray[np.float64], part: Dataset) -> str:
    """Draw points as the first letters of their classes."""
    low, high = points.min(axis=0), points.max(axis=0)
    places = ((points - low) / np.maximum(high - low, 1e-12) * [COLUMNS - 1, ROWS - 1]).round().astype(int)
    lines = [[" "] * COLUMNS for _ in range(ROWS)]
    for (x, y), label in zip(places, part.labels, strict=True):
        lines[ROWS - 1 - y][x] = part.class_names[label][0]
    return "\n".join("".join(line).rstrip() for line in lines)
