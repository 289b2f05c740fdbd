"""Every stage from a picture to its digits, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from groundup.files import replacing
from groundup.pictures.digits import Page

SIDE = 480  # pixels of the longer side of a stage
DIGIT = 112  # pixels of a digit in MNIST's form: four for one
COLUMNS = 3
GAP = 12
TEXT = 16
COLOURS = np.array(
    [[31, 119, 180], [255, 127, 14], [44, 160, 44], [214, 39, 40], [148, 103, 189], [140, 86, 75]], np.uint8
)
DROPPED = np.array([190, 190, 190], np.uint8)

Colour = NDArray[np.uint8]


def save_explanation(page: Page, class_names: Sequence[str], path: Path) -> None:
    """Write the stages of reading a page as a picture: its name's ending says in which format.

    Raises
    ------
    OSError, ValueError
        If it cannot be written, or there is no such format.
    """
    stages = [_titled(title, _scaled(picture)) for title, picture in _stages(page)]
    rows = [stages[:COLUMNS], stages[COLUMNS:]]
    if page.rows:
        rows.append([_digits(page, class_names)])
    width = GAP + max(sum(panel.width + GAP for panel in row) for row in rows)
    sheet = Image.new("RGB", (width, GAP + sum(max(panel.height for panel in row) + GAP for row in rows)), "white")
    top = GAP
    for row in rows:
        left = GAP
        for panel in row:
            sheet.paste(panel, (left, top))
            left += panel.width + GAP
        top += max(panel.height for panel in row) + GAP
    with replacing(path) as temporary:
        sheet.save(temporary, format=Image.registered_extensions().get(path.suffix.lower()))


def _stages(page: Page) -> list[tuple[str, Image.Image]]:
    writing = page.writing
    return [
        ("1 grey", Image.fromarray(_grey(writing.grey))),
        ("2 background", Image.fromarray(_grey(writing.ink.background))),
        ("3 ink", Image.fromarray(_grey(1 - writing.ink.ink))),
        ("4 mask; rules and frames in red", Image.fromarray(_mask(page))),
        ("5 pieces; grey ones are left out", Image.fromarray(_pieces(page))),
        ("6 digits in their rows; grey are none", _boxes(page)),
    ]


def _grey(values: NDArray[np.float32]) -> Colour:
    return np.repeat(np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def _mask(page: Page) -> Colour:
    picture = _grey(1 - page.writing.ink.mask.astype(np.float32))
    picture[page.writing.lines] = COLOURS[3]
    return picture


def _pieces(page: Page) -> Colour:
    pieces, chosen = page.writing.pieces, page.writing.chosen
    colours = np.tile(DROPPED, (len(pieces.areas) + 1, 1))
    colours[0] = 255
    colours[chosen + 1] = COLOURS[np.arange(len(chosen)) % len(COLOURS)]
    return np.asarray(colours[pieces.labels])


def _boxes(page: Page) -> Image.Image:
    """Draw boxes over the picture, each row in its colour, thick enough to be seen when it is scaled."""
    picture = Image.fromarray(_grey(page.writing.grey))
    pen = ImageDraw.Draw(picture)
    width = max(1, max(picture.size) // 300)
    coloured = [(DROPPED, page.left_out)]
    coloured += [(COLOURS[number % len(COLOURS)], row) for number, row in enumerate(page.rows)]
    for colour, members in coloured:
        for read in members:
            left, top, right, bottom = (edge / page.factor for edge in read.prepared.box)
            pen.rectangle((left - 1, top - 1, right, bottom), outline=tuple(colour.tolist()), width=width)
    return picture


def _scaled(picture: Image.Image) -> Image.Image:
    scale = SIDE / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST)


def _titled(title: str, picture: Image.Image) -> Image.Image:
    font = ImageFont.load_default(TEXT)
    width = max(picture.width, round(font.getlength(title)) + 1)
    panel = Image.new("RGB", (width, picture.height + TEXT + GAP), "white")
    ImageDraw.Draw(panel).text((0, 0), title, fill="black", font=font)
    panel.paste(picture, (0, TEXT + GAP // 2))
    return panel


def _digits(page: Page, class_names: Sequence[str]) -> Image.Image:
    """Draw every digit as the recogniser sees it, below what it says; the picture's rows below each other."""
    rows = [
        [
            _titled(
                f"{class_names[int(read.probabilities.argmax())]}  {read.probabilities.max():.1%}",
                Image.fromarray(read.prepared.pixels).resize((DIGIT, DIGIT), Image.Resampling.NEAREST),
            )
            for read in row
        ]
        for row in page.rows
    ]
    size = (DIGIT + GAP) * max(len(row) for row in rows), rows[0][0].height * len(rows)
    sheet = Image.new("RGB", size, "white")
    for number, row in enumerate(rows):
        for index, panel in enumerate(row):
            sheet.paste(panel, (index * (DIGIT + GAP), number * panel.height))
    return _titled("7 in MNIST's form, with the probability", sheet)
