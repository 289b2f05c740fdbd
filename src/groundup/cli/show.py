"""``groundup show``: look at digits, augmentation, answers, weights, activations and learning curves."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from groundup import randomness
from groundup.augmentation import HANDWRITING
from groundup.augmentation.pixels import augmented
from groundup.cli.options import data_option, figure_option, json_option, load_model, load_recogniser, model_argument
from groundup.data import load
from groundup.data.datasets import Dataset
from groundup.errors import ConfigurationError, DataError, ModelError
from groundup.json_text import to_json
from groundup.models.evaluation import Evaluation
from groundup.models.recipes import recipe
from groundup.models.recogniser import Recogniser
from groundup.pictures import read_picture, to_mnist
from groundup.pictures.tiles import mosaic
from groundup.terminal import (
    distribution,
    half_blocks,
    in_rows,
    per_row,
    side_by_side,
    signed_colours,
    sparkline,
    wants_colour,
)
from groundup.training.history import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES = 40
FEW = 16  # features are written as numbers
KERNELS = 256  # of a layer, at most, are drawn

index_option = click.option(
    "--index", "indices", type=int, multiple=True, help="A picture of the test part, from 0 on."
)


@click.group(name="show")
def command() -> None:
    """Look at digits, augmentation, answers, weights, activations and curves, on the screen or in a file (--out)."""


@command.command()
@data_option
@click.option("--count", type=click.IntRange(1, 1000), default=SAMPLES, show_default=True, help="How many pictures.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the pictures.")
@figure_option
@json_option
def samples(source: str | None, count: int, seed: int, out: Path | None, as_json: bool) -> None:
    """Show pictures of a data set's training part, chosen by a seed."""
    part = load(source).train
    chosen = np.sort(np.random.default_rng(seed).permutation(len(part))[:count])
    labels = [part.class_names[label] for label in part.labels[chosen]]
    if out is not None:
        from groundup import plots

        _save(plots.sheet(part.images[chosen], labels), out)
    if as_json:
        pairs = zip(chosen.tolist(), labels, strict=True)
        click.echo(
            to_json({"data": part.name, "pictures": [{"index": index, "label": label} for index, label in pairs]})
        )
    elif out is None:
        click.echo(in_rows(part.images[chosen], labels, Console().width, wants_colour(sys.stdout)))


@command.command()
@click.option("--network", metavar="NETWORK", help="As for `groundup train`; its augmentation.  [default: a usual one]")
@click.option("--strength", type=float, default=1.0, show_default=True, help="So many times as strong.")
@data_option
@click.option("--count", type=click.IntRange(1, 100), default=5, show_default=True, help="How many pictures.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the pictures and all else.")
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

        _save(plots.sheet(deformed, captions, columns), out)
    if as_json:
        pairs = zip(chosen.tolist(), labels, strict=True)
        shown = [{"index": index, "label": label} for index, label in pairs]
        click.echo(to_json({"data": part.name, "augmentation": asdict(settings), "pictures": shown}))
    elif out is None:
        click.echo(in_rows(deformed, captions, Console().width, wants_colour(sys.stdout)))


@command.command()
@model_argument
@data_option
@index_option
@click.option("--mistakes", is_flag=True, help="Only wrong answers, the surest first.")
@click.option("--count", type=click.IntRange(1), default=SAMPLES, show_default=True, help="At most so many pictures.")
@figure_option
@json_option
def answers(
    model_path: Path, source: str | None, indices: tuple[int, ...], mistakes: bool, count: int, out: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Show a model's answers on the test part, one picture after another: Enter for the next, q to stop.

    Each comes with the probabilities, the label and the loss.
    """
    model, part = load_recogniser(model_path), load(source).test
    chosen = _choose(model, part, indices, mistakes, count)
    answered = [(index, model.evaluate(part.subset(np.array([index]), part.name))) for index in chosen]
    if out is not None:
        from groundup import plots

        _save(plots.sheet(part.images[chosen], [_caption(index, answer) for index, answer in answered]), out)
    if as_json:
        click.echo(to_json({"data": part.name, "pictures": [_describe(index, answer) for index, answer in answered]}))
    elif out is None:
        _page(part, answered)


@command.command()
@model_argument
@click.option("--layer", metavar="NAME", help="A weight's name, such as 0.weight. Without it, the first.")
@figure_option
@json_option
def weights(model_path: Path, layer: str | None, out: Path | None, as_json: bool) -> None:
    """Show a layer's weights as pictures: red above zero, blue below."""
    model = load_model(model_path)
    kernels = {name: np.asarray(array) for name, array in model.state.items() if array.ndim >= 2}
    name = layer or next(iter(kernels), "")
    if name not in kernels:
        raise ModelError(f"{model_path} has no weight {name!r}; it has {', '.join(kernels) or 'none'}")
    arrays = _as_pictures(kernels[name], model.network.input_shape)
    shown = arrays[:KERNELS]
    if out is not None:
        from groundup import plots

        few = "" if len(shown) == len(arrays) else f", the first {len(shown)} of {len(arrays)}"
        _save(plots.weights(shown, f"{name}  {' x '.join(map(str, kernels[name].shape))}{few}"), out)
    if as_json:
        click.echo(to_json({"layers": [_statistics(each, array) for each, array in kernels.items()]}))
    elif out is None:
        click.echo(f"{name} {kernels[name].shape}, {kernels[name].min():.3g} to {kernels[name].max():.3g}")
        click.echo(_signed(_rows(shown, Console().width)))


@command.command()
@model_argument
@click.argument("image", required=False, type=click.Path(path_type=Path))
@data_option
@click.option("--index", type=int, help="A picture of the data set's test part, from 0 on, instead of IMAGE.")
@figure_option
@json_option
def activations(
    model_path: Path, image: Path | None, source: str | None, index: int | None, out: Path | None, as_json: bool
) -> None:
    """Show what every layer makes of one picture: of IMAGE, or of one of a data set (--index)."""
    if (image is None) == (index is None):
        raise click.UsageError("Name either a picture or, with --index, one of a data set's.")
    model = load_model(model_path)
    if image is not None:
        pixels = to_mnist(read_picture(image)).pixels
    else:
        part = load(source).test
        pixels = part.images[_check_index(part, index or 0)]
    layers = model.activations(pixels)
    layers[0] = (layers[0][0], layers[0][1].reshape(1, *pixels.shape))  # a picture, also where the network takes rows
    titled = [(f"{name}  {' x '.join(map(str, array.shape))}", array) for name, array in layers]
    if out is not None:
        from groundup import plots

        _save(plots.activations(titled), out)
    if as_json:
        click.echo(
            to_json({"layers": [_statistics(name, array) | {"values": array.tolist()} for name, array in layers]})
        )
    elif out is None:
        for title, array in titled:
            click.echo(f"{title}\n{_on_screen(array, Console().width)}")


@command.command()
@click.argument("run", type=click.Path(path_type=Path))
@figure_option
@json_option
def curves(run: Path, out: Path | None, as_json: bool) -> None:
    """Show the learning curves of the run in the folder RUN, and say in words what they mean."""
    history = _read_history(run)
    if out is not None:
        from groundup import plots

        _save(plots.curves(history), out)
    if as_json:
        click.echo(to_json({"run": str(run), "history": list(history), "diagnosis": history.diagnosis()}))
    elif out is None:
        Console(highlight=False).print(_table(history))
        click.echo(history.diagnosis())


# --- Samples and answers -------------------------------------------------------------------------------------------


def _check_index(part: Dataset, index: int) -> int:
    if not 0 <= index < len(part):
        raise DataError(f"{part.name} has the pictures 0 to {len(part) - 1}, but no {index}")
    return index


def _choose(model: Recogniser, part: Dataset, indices: tuple[int, ...], mistakes: bool, count: int) -> list[int]:
    """Return which pictures to show."""
    if indices:
        return [_check_index(part, index) for index in indices]
    if mistakes:
        return [int(index) for index in model.evaluate(part).worst_mistakes(count)]
    return list(range(min(count, len(part))))


def _describe(index: int, answer: Evaluation) -> dict[str, Any]:
    return {
        "index": index,
        "label": int(answer.labels[0]),
        "answer": int(answer.answers[0]),
        "loss": answer.loss,
        "probabilities": answer.probabilities[0].tolist(),
    }


def _caption(index: int, answer: Evaluation) -> str:
    label, best = (answer.class_names[number] for number in (answer.labels[0], answer.answers[0]))
    verdict = best if label == best else f"{label} taken for {best}"
    return f"{verdict}, {answer.probabilities[0].max():.0%}\nno. {index}, loss {answer.loss:.2f}"


def _page(part: Dataset, answered: list[tuple[int, Evaluation]]) -> None:
    """Print one answer after another; on a terminal, wait for Enter between them."""
    asking = sys.stdin.isatty() and sys.stdout.isatty()
    colour = wants_colour(sys.stdout)
    for number, (index, answer) in enumerate(answered, start=1):
        right = answer.labels[0] == answer.answers[0]
        about = (
            f"{part.name}[{index}]  label {part.class_names[part.labels[index]]}  loss {answer.loss:.4f}  "
            + click.style("right" if right else "WRONG", fg="green" if right else "red", bold=True)
        )
        drawn = half_blocks(part.images[index], colour)
        click.echo(about)
        click.echo(side_by_side(drawn, distribution(part.class_names, answer.probabilities[0].tolist())))
        if asking and number < len(answered):
            click.echo(f"{number} of {len(answered)}: Enter for the next, q to stop ", nl=False)
            if sys.stdin.readline().strip().lower() == "q":
                return


# --- Weights and activations ---------------------------------------------------------------------------------------


def _as_pictures(weight: NDArray[Any], input_shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a weight as pictures (N, height, width).

    A kernel is a picture for each of its channels; a unit that sees the whole picture is one; any other linear layer
    is one picture of all its weights.
    """
    if weight.ndim == 4:
        return weight.reshape(-1, *weight.shape[2:])
    side = round(weight.shape[1] ** 0.5)
    if weight.shape[1] == np.prod(input_shape) and side * side == weight.shape[1]:
        return weight.reshape(-1, side, side)
    return weight[np.newaxis]


def _rows(arrays: NDArray[Any], width: int) -> NDArray[Any]:
    """Tile pictures (N, height, width) in rows of at most `width` columns; tiny ones are enlarged."""
    zoom = max(1, 8 // max(arrays.shape[1:]))
    large = arrays.repeat(zoom, axis=1).repeat(zoom, axis=2)
    gap = 1 + large.shape[2] // 12
    return mosaic(large, max(1, min(len(large), (width + gap) // (large.shape[2] + gap))))


def _on_screen(array: NDArray[Any], width: int) -> str:
    """Draw one layer's output: maps beside each other, or features in rows; few features as numbers."""
    if array.ndim == 3:
        return _signed(_rows(array, width))
    if array.size <= FEW:
        return "  ".join(f"{value:.3g}" for value in array)
    filled = np.full(-(-array.size // width) * width, np.nan)
    filled[: array.size] = array
    return _signed(filled.reshape(-1, width))


def _signed(values: NDArray[Any]) -> str:
    """Draw numbers in colours; without colours, by their magnitude."""
    colour = wants_colour(sys.stdout)
    if colour:
        return half_blocks(signed_colours(values), colour)
    magnitude = np.abs(np.nan_to_num(values))
    return half_blocks((magnitude / (magnitude.max() or 1) * 255).astype(np.uint8), colour)


def _statistics(name: str, array: NDArray[Any]) -> dict[str, Any]:
    figures = {"min": array.min(), "max": array.max(), "mean": array.mean(), "std": array.std()}
    return {"name": name, "shape": list(array.shape)} | {key: float(value) for key, value in figures.items()}


# --- Curves --------------------------------------------------------------------------------------------------------


def _read_history(run: Path) -> History:
    """Read a run folder's metrics."""
    path = run / "metrics.jsonl"
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        raise ConfigurationError(f"{run} has no metrics.jsonl: it is no run folder, or no epoch is done yet") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path}: is not one JSON object a line: {error}") from None
    return History(tuple(records))


def _table(history: History) -> Table:
    """Return a row for each measure: its course over the epochs, the first and the last value."""
    table = Table("", f"epochs 1 to {len(history)}", "first", "last")
    for key in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy", "learning_rate"):
        values = [record[key] for record in history if key in record]
        if values:
            form = ".2%" if key.endswith("accuracy") else ".4g"
            table.add_row(key.replace("_", " "), sparkline(values), f"{values[0]:{form}}", f"{values[-1]:{form}}")
    return table


def _save(figure: Figure, path: Path) -> None:
    """Write a figure and say so."""
    from groundup import plots

    try:
        plots.save(figure, path)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None
    click.echo(f"Written: {path}", err=True)
