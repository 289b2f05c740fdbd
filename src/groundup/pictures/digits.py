"""Reading all digits in a picture: rows of them, each with its probability and its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundup.errors import PictureError
from groundup.pictures.context import in_context
from groundup.pictures.doubt import IsDigit, detector, doubting
from groundup.pictures.mnist import Prepared, prepare
from groundup.pictures.pieces import usual_height
from groundup.pictures.reading import Picture, Source, open_picture
from groundup.pictures.rows import find_rows
from groundup.pictures.segmentation import Parts, Span, best_spans, divide, possible_spans
from groundup.pictures.sheet import any_sheet
from groundup.pictures.writing import Writing, find_writing

if TYPE_CHECKING:
    from groundup.models.recogniser import Recogniser

Classify = Callable[[NDArray[np.uint8]], NDArray[Any]]

DOUBT = 0.3  # where the recogniser is less sure than this of most that it sees, it sees no digits
SURE = 0.9  # where it is less sure, the picture may show something else than it seems
NO_DIGIT = 0.5  # what is a digit with a lower probability than this is left out
OTHER = 0.3  # the probability that counts for what is no digit when a row is divided


class Digit(NamedTuple):
    """A digit that was read.

    Parameters
    ----------
    digit : int
        0 to 9.
    probability : float
        How sure the recogniser is of it, 0 to 1.
    box : tuple of int
        Where it stands: left, top, right, bottom in pixels of the picture; right and bottom are the first column and
        row after it.
    """

    digit: int
    probability: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Recognised:
    """A digit in MNIST's form and what is said of it.

    Parameters
    ----------
    prepared : Prepared
        Its pixels and its place.
    probabilities : ndarray, shape (classes,)
        Of each class, if it is one of them.
    is_digit : float
        The probability that it is.
    """

    prepared: Prepared
    probabilities: NDArray[Any]
    is_digit: float = 1.0

    @property
    def believed(self) -> bool:
        """Whether it is more probably a digit than anything else."""
        return self.is_digit >= NO_DIGIT

    @property
    def likely(self) -> float:
        """The probability that counts when a row is divided: of one digit, or of ink that is none.

        Two digits that touch may look like a third one to the recogniser, but hardly like any digit. Were ink that is
        none to count for less than `OTHER`, letters would be divided until their parts look like digits.
        """
        return self.is_digit * float(self.probabilities.max()) if self.believed else OTHER


@dataclass(frozen=True)
class Page:
    """A picture that was read.

    Parameters
    ----------
    writing : Writing
        What was found in it, stage by stage.
    factor : int
        What it was shrunk by.
    rows : list of list of Recognised
        Its rows of digits, in reading order.
    left_out : sequence of Recognised
        What is no digit.
    """

    writing: Writing
    factor: int
    rows: list[list[Recognised]]
    left_out: Sequence[Recognised] = ()

    @property
    def convincing(self) -> bool:
        """Whether most of what was found are digits, and most of them surely."""
        likely = [one.likely for row in self.rows for one in row]
        return len(likely) > len(self.left_out) and float(np.median(likely)) > SURE


class NoDigitsError(PictureError):
    """A picture in which nothing looks like a digit; `page` is what was found in it."""

    def __init__(self, page: Page) -> None:
        super().__init__("nothing in the picture looks like a digit")
        self.page = page


def read_digits(picture: Source, model: Recogniser | str | Path | None = None) -> list[list[Digit]]:
    """Read all digits in a picture, in rows from top to bottom, each from left to right; what is none is left out.

    Parameters
    ----------
    picture : str, Path, file, PIL image or ndarray
        A picture's file, or the picture: uint8 of shape (height, width), or (height, width, 3 or 4) in colour, without
        or with transparency; or float, shape (height, width), 0 is black, 1 is white.
    model : Recogniser, str or Path, optional
        A model or a committee; or its file, run folder, or shipped name. Without it, the shipped one, or else the
        newest run's.

    Raises
    ------
    PictureError
        If it is no picture that can be read, or nothing in it looks like a digit.
    ModelError
        If there is no such model.
    """
    recogniser = _loaded(model)
    page = read_page(open_picture(picture), recogniser.predict, doubting(recogniser, detector().predict))
    return [
        [Digit(int(one.probabilities.argmax()), float(one.probabilities.max()), one.prepared.box) for one in row]
        for row in page.rows
    ]


def _loaded(model: Recogniser | str | Path | None) -> Recogniser:
    from groundup.models import shipped
    from groundup.models.recogniser import Recogniser

    if isinstance(model, Recogniser):
        return model
    return Recogniser.load(shipped.default() if model is None else model)


def read_page(picture: Picture, classify: Classify, is_digit: IsDigit | None = None) -> Page:
    """Read all digits in a picture, and leave out what is none.

    Where that does not convince, but in the picture is what may be a torn, curled or round sheet, it is read once more
    as if that were all.

    Parameters
    ----------
    picture : Picture
        As `open_picture` gives it.
    classify : callable
        Returns the probability of each class (N, classes) for digits in MNIST's form (N, 28, 28) uint8.
    is_digit : callable, optional
        Returns for the same the probability that each is a digit at all (N,). Without it, all are.

    Raises
    ------
    PictureError
        If nothing in it looks like a digit.
    """
    try:
        page = _believed(read_writing(find_writing(picture.grey), picture, classify, is_digit))
    except PictureError:
        if (on_sheet := _read_sheet(picture, classify, is_digit)) is None:
            raise
        return on_sheet
    return page if page.convincing else _read_sheet(picture, classify, is_digit) or page


def _read_sheet(picture: Picture, classify: Classify, is_digit: IsDigit | None) -> Page | None:
    """Read what may be a sheet of any form as if it were the whole picture; None if that does not convince."""
    if (sheet := any_sheet(picture.grey)) is not picture.grey:
        with suppress(PictureError):
            page = _believed(read_writing(find_writing(picture.grey, sheet), picture, classify, is_digit))
            return page if page.convincing else None
    return None


def read_writing(writing: Writing, picture: Picture, classify: Classify, is_digit: IsDigit | None = None) -> Page:
    """Read all that was found in a picture as digits, also what is none; parameters as for `read_page`."""
    parts = divide(writing.pieces, writing.chosen)
    rows = _rows(writing, parts)
    spans = [possible_spans(parts, row, height) for row, height in rows]
    prepared = [
        prepare(writing.ink.ink, parts.labels, [row[index] for index in range(*span)], parts.boxes, picture)
        for (row, _), of_row in zip(rows, spans, strict=True)
        for span in of_row
    ]
    pixels = np.stack([one.pixels for one in prepared])
    told = np.ones(len(pixels)) if is_digit is None else is_digit(pixels)
    recognised = iter(map(Recognised, prepared, classify(pixels), told.tolist()))
    read = []
    for (row, height), of_row in zip(rows, spans, strict=True):
        known: dict[Span, Recognised] = {span: next(recognised) for span in of_row}
        likely = {span: one.likely for span, one in known.items()}
        best = [known[span] for span in best_spans(parts, row, height, likely)]
        read.append(best if is_digit is None else _beside_each_other(best))
    return Page(writing, picture.factor, read)


def _beside_each_other(row: list[Recognised]) -> list[Recognised]:
    """Return a row with what its members tell of each other."""
    looks = np.array([one.is_digit for one in row])
    told = in_context(looks, np.array([one.prepared.box for one in row]))
    return [replace(one, is_digit=float(each)) for one, each in zip(row, told, strict=True)]


def _rows(writing: Writing, parts: Parts) -> list[tuple[Sequence[int], float]]:
    """Return each row's parts from left to right, and the height of a usual digit in it."""
    pieces, chosen = writing.pieces, writing.chosen
    middles = parts.boxes[:, 0] + parts.boxes[:, 2]
    rows = []
    for row in find_rows(pieces.boxes[chosen], usual_height(pieces, chosen)):
        members = np.flatnonzero(np.isin(parts.pieces, chosen[row]))
        rows.append((members[np.argsort(middles[members])].tolist(), usual_height(pieces, chosen[row])))
    return rows


def _believed(page: Page) -> Page:
    """Leave out what is no digit; refuse the page if that is all, or if the recogniser is sure of few."""
    digits = [[one for one in row if one.believed] for row in page.rows]
    left_out = [one for row in page.rows for one in row if not one.believed]
    believed = replace(page, rows=[row for row in digits if row], left_out=left_out)
    sure = [float(one.probabilities.max()) for row in digits for one in row]
    if not sure or np.median(sure) < DOUBT:
        raise NoDigitsError(believed)
    return believed
