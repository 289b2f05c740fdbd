"""``groundup predict``: recognise the digits in pictures."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from groundup.cli.options import backend_option, data_option, json_option, load_model
from groundup.errors import DataError, PictureError
from groundup.json_text import to_json
from groundup.models.model import Model
from groundup.pictures import Prepared, read_picture, to_mnist
from groundup.terminal import distribution, half_blocks, side_by_side, wants_colour


@dataclass(frozen=True)
class Picture:
    """What was asked about, and what came of it.

    Parameters
    ----------
    name : str
        The file, or the data set with the index.
    prepared : Prepared or None
        The digit as the network sees it; None if there is an `error`.
    label : str or None
        The right answer, where it is known.
    error : str or None
        Why the picture could not be read.
    """

    name: str
    prepared: Prepared | None = None
    label: str | None = None
    error: str | None = None


@click.command(name="predict")
@click.argument("images", nargs=-1, metavar="[IMAGE]...", type=click.Path(path_type=Path))
@click.option(
    "--model",
    "model_path",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="A model file or a run folder. Without it, the newest run.",
)
@data_option
@click.option("--index", "indices", type=int, multiple=True, help="A picture of the data set's test part, from 0 on.")
@backend_option
@json_option
def command(
    images: tuple[Path, ...],
    model_path: Path | None,
    source: str | None,
    indices: tuple[int, ...],
    backend: str,
    as_json: bool,
) -> int:
    """Recognise the digit in each IMAGE (PNG, JPEG, ...), or in pictures of a data set (--index).

    A digit may be written or photographed, dark on light or light on dark, of any size. Ends with 1 if a picture
    could not be read; the others are answered all the same.
    """
    if not images and not indices:
        raise click.UsageError("Name a picture, or one of a data set's with --index.")
    if source is not None and not indices:
        raise click.UsageError("--data needs --index, which says which of its pictures.")
    model = load_model(model_path)
    pictures = [_from_file(path) for path in images] + (_from_data(source, indices) if indices else [])
    readable = [picture.prepared.pixels for picture in pictures if picture.prepared]
    answers = iter(model.predict(np.stack(readable), backend) if readable else ())
    answered = [(picture, next(answers) if picture.prepared else None) for picture in pictures]
    if as_json:
        click.echo(to_json({"pictures": [_describe(picture, model, answer) for picture, answer in answered]}))
    else:
        for picture, answer in answered:
            _print(picture, model, answer)
    return 1 if any(picture.error for picture in pictures) else 0


def _from_file(path: Path) -> Picture:
    try:
        return Picture(str(path), to_mnist(read_picture(path)))
    except PictureError as error:
        return Picture(str(path), error=str(error).removeprefix(f"{path}: "))


def _from_data(source: str | None, indices: tuple[int, ...]) -> list[Picture]:
    """Take pictures of a data set's test part as they are."""
    from groundup.data import load

    part = load(source).test
    for index in indices:
        if not 0 <= index < len(part):
            raise DataError(f"{part.name} has the pictures 0 to {len(part) - 1}, but no {index}")
    height, width = part.images.shape[1:]
    return [
        Picture(
            f"{part.name}[{index}]",
            Prepared(part.images[index], (0, 0, width, height)),
            part.class_names[part.labels[index]],
        )
        for index in indices
    ]


def _describe(picture: Picture, model: Model, answer: NDArray[Any] | None) -> dict[str, Any]:
    """Return one picture's answer as JSON can hold it."""
    described: dict[str, Any] = {"file": picture.name, "rows": [], "digits": [], "error": picture.error}
    if picture.label is not None:
        described["label"] = picture.label
    if picture.prepared is not None and answer is not None:
        digit = int(answer.argmax())
        described["rows"] = [model.class_names[digit]]
        described["digits"] = [
            {
                "digit": digit,
                "probability": float(answer[digit]),
                "box": list(picture.prepared.box),
                "probabilities": answer.tolist(),
            }
        ]
    return described


def _print(picture: Picture, model: Model, answer: NDArray[Any] | None) -> None:
    """Print one picture's answer for people: the picture as the network sees it, and the probabilities."""
    if picture.prepared is None or answer is None:
        click.echo(f"groundup: {picture.name}: {picture.error}", err=True)
        return
    best = int(answer.argmax())
    known = "" if picture.label is None else f" (label: {picture.label})"
    verdict = f"{picture.name}: {click.style(model.class_names[best], bold=True)}, {answer[best]:.1%}{known}"
    drawn = half_blocks(picture.prepared.pixels, wants_colour(sys.stdout))
    click.echo(verdict)
    click.echo(side_by_side(drawn, distribution(model.class_names, answer.tolist())))
