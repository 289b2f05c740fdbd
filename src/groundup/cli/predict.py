"""``groundup predict``: recognise the digits in pictures."""

from __future__ import annotations

import csv
import glob
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from groundup.cli.options import (
    backend_option,
    data_option,
    json_option,
    load_recogniser,
    reject_option,
    threads_option,
    views_option,
)
from groundup.errors import DataError, PictureError
from groundup.json_text import to_json
from groundup.models import shipped
from groundup.models.calibration import threshold_for
from groundup.models.recogniser import Recogniser
from groundup.pictures.digits import Classify, NoDigitsError, Page, Recognised, read_page
from groundup.pictures.doubt import IsDigit, detector, doubting
from groundup.pictures.mnist import Prepared
from groundup.pictures.reading import Source, open_picture
from groundup.terminal import distribution, half_blocks, side_by_side, wants_colour

STANDARD_INPUT = "-"
UNKNOWN = "?"  # stands for "I don't know"
COLUMNS = ("file", "row", "column", "digit", "probability", "left", "top", "right", "bottom")


@dataclass(frozen=True)
class Answer:
    """What was asked about, and what came of it.

    Parameters
    ----------
    name : str
        The file, or the data set with the index.
    rows : list of list of Recognised
        The digits, row by row; none if there is an `error`.
    label : str or None
        The right answer, where it is known.
    error : str or None
        Why the picture could not be read.
    threshold : float
        Of digits no surer than this, "I don't know" is said.
    """

    name: str
    rows: list[list[Recognised]] = field(default_factory=list)
    label: str | None = None
    error: str | None = None
    threshold: float = 0.0

    def knows(self, one: Recognised) -> bool:
        """Return whether a digit is sure enough to be named."""
        return float(one.probabilities.max()) > self.threshold


@click.command(name="predict")
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@click.option(
    "--model",
    "model_path",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help=f"A model file, a run folder or a shipped model's name.  [default: {shipped.DEFAULT}, or else the newest run]",
)
@data_option
@click.option("--index", "indices", type=int, multiple=True, help="A picture of the data set's test part, from 0 on.")
@click.option("--clipboard", is_flag=True, help="Read the picture in the clipboard.")
@click.option(
    "--explain",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write every stage of reading the one IMAGE as a picture.",
)
@backend_option
@threads_option
@views_option
@reject_option
@click.option("--csv", "as_csv", is_flag=True, help="Print a table with a line for each digit.")
@json_option
def command(
    images: tuple[str, ...],
    model_path: Path | None,
    source: str | None,
    indices: tuple[int, ...],
    clipboard: bool,
    explain: Path | None,
    backend: str,
    views: int,
    error_rate: float | None,
    as_csv: bool,
    as_json: bool,
) -> int:
    """Recognise the digits in each IMAGE (PNG, JPEG, ...), or in pictures of a data set (--index).

    Digits may be written or photographed, dark on light or light on dark, of any size, one or many, in rows. IMAGE may
    be a pattern like 'photos/*.jpg', or - for standard input. Ends with 1 if a picture could not be read; the others
    are answered all the same.
    """
    _check_use(bool(images or clipboard), source, indices, as_csv and as_json)
    sources = _sources(images, clipboard)
    if explain is not None and len(sources) != 1:
        raise click.UsageError(f"--explain shows one IMAGE, and there are {len(sources)}.")
    model = load_recogniser(model_path)
    threshold = 0.0 if error_rate is None else threshold_for(model.calibration, error_rate)
    classify = partial(model.predict, backend=backend, views=views)
    is_digit = doubting(model, partial(detector().predict, backend=backend)) if sources else None
    answers = [_read(name, picture, model, classify, is_digit, explain) for name, picture in sources]
    answers += _from_data(source, indices, classify) if indices else []
    answers = [replace(answer, threshold=threshold) for answer in answers]
    if as_json:
        click.echo(to_json({"pictures": [_described(answer, model) for answer in answers]}))
    elif as_csv:
        _print_table(answers, model)
    else:
        for answer in answers:
            _print(answer, model)
    return 1 if any(answer.error for answer in answers) else 0


def _check_use(pictures: bool, source: str | None, indices: tuple[int, ...], two_formats: bool) -> None:
    if not pictures and not indices:
        raise click.UsageError("Name a picture, or one of a data set's with --index.")
    if source is not None and not indices:
        raise click.UsageError("--data needs --index, which says which of its pictures.")
    if two_formats:
        raise click.UsageError("Choose one of --csv and --json.")


def _sources(images: tuple[str, ...], clipboard: bool) -> list[tuple[str, Source]]:
    """Return each picture's name and where it is; a pattern becomes all files that it fits, in order."""
    sources: list[tuple[str, Source]] = []
    for image in images:
        if image == STANDARD_INPUT:
            sources.append(("standard input", sys.stdin.buffer))
        elif glob.has_magic(image) and not Path(image).exists():
            found = sorted(glob.glob(image, recursive=True))
            sources += [(name, Path(name)) for name in found] or [(image, Path(image))]
        else:
            sources.append((image, Path(image)))
    return sources + ([("clipboard", _from_clipboard())] if clipboard else [])


def _from_clipboard() -> Source:
    """Return the picture in the clipboard, or the file that was copied there."""
    from PIL import ImageGrab

    try:
        found = ImageGrab.grabclipboard()
    except (NotImplementedError, OSError) as error:  # on Linux it takes a program, wl-paste or xclip
        raise PictureError(f"the clipboard cannot be read: {error}") from None
    if isinstance(found, list) and found:
        return Path(found[0])
    if found is None or isinstance(found, list):
        raise PictureError("there is no picture in the clipboard")
    return found


def _read(
    name: str, source: Source, model: Recogniser, classify: Classify, is_digit: IsDigit | None, explain: Path | None
) -> Answer:
    try:
        page = read_page(open_picture(source), classify, is_digit)
    except PictureError as error:
        if explain is not None and isinstance(error, NoDigitsError):
            _save_explanation(error.page, model, explain)
        return Answer(name, error=str(error).removeprefix(f"{name}: "))
    if explain is not None:
        _save_explanation(page, model, explain)
    return Answer(name, page.rows)


def _save_explanation(page: Page, model: Recogniser, path: Path) -> None:
    from groundup.pictures.explanation import save_explanation

    try:
        save_explanation(page, model.class_names, path)
    except (OSError, ValueError) as error:
        raise PictureError(f"{path}: cannot be written: {error}") from None


def _from_data(source: str | None, indices: tuple[int, ...], classify: Classify) -> list[Answer]:
    """Recognise pictures of a data set's test part as they are."""
    from groundup.data import load

    part = load(source).test
    for index in indices:
        if not 0 <= index < len(part):
            raise DataError(f"{part.name} has the pictures 0 to {len(part) - 1}, but no {index}")
    height, width = part.images.shape[1:]
    probabilities = classify(part.images[np.array(indices)])
    return [
        Answer(
            f"{part.name}[{index}]",
            [[Recognised(Prepared(part.images[index], (0, 0, width, height)), each)]],
            part.class_names[part.labels[index]],
        )
        for index, each in zip(indices, probabilities, strict=True)
    ]


def _digits(answer: Answer, model: Recogniser) -> Iterator[dict[str, Any]]:
    """Give each digit with its place in the text and in the picture; rows and columns count from 1."""
    for row, members in enumerate(answer.rows, start=1):
        for column, one in enumerate(members, start=1):
            best = int(one.probabilities.argmax())
            yield {
                "row": row,
                "column": column,
                "digit": best,
                "name": _name(answer, one, model),
                "probability": float(one.probabilities[best]),
                "box": list(one.prepared.box),
                "probabilities": one.probabilities.tolist(),
            }


def _text(answer: Answer, model: Recogniser) -> list[str]:
    """Return what each row says."""
    return ["".join(_name(answer, one, model) for one in row) for row in answer.rows]


def _name(answer: Answer, one: Recognised, model: Recogniser) -> str:
    """Return the name of the most probable class, or a question mark where it is not sure enough."""
    return model.class_names[int(one.probabilities.argmax())] if answer.knows(one) else UNKNOWN


def _described(answer: Answer, model: Recogniser) -> dict[str, Any]:
    """Return one picture's answer as JSON can hold it."""
    described: dict[str, Any] = {
        "file": answer.name,
        "rows": _text(answer, model),
        "digits": list(_digits(answer, model)),
        "error": answer.error,
    }
    if answer.label is not None:
        described["label"] = answer.label
    return described


def _print_table(answers: list[Answer], model: Recogniser) -> None:
    """Print a line of comma-separated values for each digit."""
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(COLUMNS)
    for answer in answers:
        _complain(answer)
        for digit in _digits(answer, model):
            numbers = [f"{digit['probability']:.6f}", *digit["box"]]
            table.writerow([answer.name, digit["row"], digit["column"], digit["name"], *numbers])


def _complain(answer: Answer) -> None:
    if answer.error is not None:
        click.echo(f"groundup: {answer.name}: {answer.error}", err=True)


def _print(answer: Answer, model: Recogniser) -> None:
    """Print one picture's answer for people.

    Of a single digit the picture is shown, as the network sees it, and all probabilities; of several, each row and the
    probability of each of its digits.
    """
    _complain(answer)
    text = _text(answer, model)
    known = "" if answer.label is None else f" (label: {answer.label})"
    if [len(row) for row in answer.rows] == [1]:
        one = answer.rows[0][0]
        best = model.class_names[int(one.probabilities.argmax())]
        said = best if answer.knows(one) else f"I don't know; perhaps {best}"
        click.echo(f"{answer.name}: {click.style(said, bold=True)}, {one.probabilities.max():.1%}{known}")
        drawn = half_blocks(one.prepared.pixels, wants_colour(sys.stdout))
        click.echo(side_by_side(drawn, distribution(model.class_names, one.probabilities.tolist())))
    elif text:
        click.echo(f"{answer.name}: {' | '.join(click.style(row, bold=True) for row in text)}")
        for row, members in zip(text, answer.rows, strict=True):
            sure = " ".join(f"{one.probabilities.max():.0%}" for one in members)
            click.echo(f"  {row}  {sure}")
