"""What the network makes of a drawing or of a picture."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from groundup.errors import PictureError
from groundup.pictures.digits import Classify, Page, Recognised, read_page, read_writing
from groundup.pictures.doubt import IsDigit
from groundup.pictures.frames import find_frames
from groundup.pictures.ink import Grey, Ink
from groundup.pictures.mnist import Prepared
from groundup.pictures.reading import Picture, Source, open_picture
from groundup.pictures.writing import Writing, without_lines
from groundup.serve import drawing
from groundup.serve.drawing import Stroke

MOST_LETTERS = 400_000  # of a picture's data URL; the pad sends less
MOST_PIXELS = 2048  # of a picture's side; the pad sends 960

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Reading:
    """Digits that were found, in reading order.

    Parameters
    ----------
    digits : sequence of Recognised
        Each in MNIST's form, with the probability of each class.
    rows : sequence of int
        The row of text that each stands in, from 0.
    boxes : sequence of Box
        Where each stands: left, top, right, bottom, as shares of the picture's width and height.
    newest : int
        The index of the digit that was drawn last.
    """

    digits: Sequence[Recognised] = ()
    rows: Sequence[int] = ()
    boxes: Sequence[Box] = ()
    newest: int = 0


def of_drawing(strokes: Sequence[Stroke], classify: Classify, is_digit: IsDigit | None = None) -> Reading:
    """Read the digits of a drawing; none if there is nothing that may be one."""
    if all(np.ptp(stroke.points, axis=0).max() < stroke.widths.max() for stroke in strokes):
        return Reading()  # dots: the pen has only just touched the pad
    ink = drawing.ink(strokes)
    picture = Picture(1 - ink, 1, (ink.shape[1], ink.shape[0]))
    try:
        found = _reading(read_writing(_writing(ink), picture, classify, is_digit), picture)
    except PictureError:
        return Reading()
    return replace(found, newest=_nearest(found.boxes, strokes[-1])) if found.digits else found


def of_picture(source: Source, classify: Classify, is_digit: IsDigit | None = None) -> Reading:
    """Read the digits in a picture, and leave out what is none.

    Raises
    ------
    PictureError
        If it is none that can be read, or nothing in it looks like a digit.
    """
    picture = open_picture(source)
    return _reading(read_page(picture, classify, is_digit), picture)


def of_pixels(pixels: NDArray[np.uint8], classify: Classify, is_digit: IsDigit | None = None) -> Reading:
    """Recognise one digit that is in MNIST's form already, (28, 28) uint8."""
    side = len(pixels)
    unknown = Recognised(Prepared(pixels, (0, 0, side, side)), np.empty(0))
    return again(Reading([unknown], [0], [(0, 0, 1, 1)]), classify, is_digit)


def of_data_url(url: str, classify: Classify, is_digit: IsDigit | None = None) -> Reading:
    """Read the digits in a picture that a browser sent; errors as for `of_picture`, or if it is too large."""
    head, _, data = url.partition(";base64,")
    if not head.startswith("data:image/") or len(url) > MOST_LETTERS:
        raise PictureError("not a picture, or one that was not made small first")
    try:
        return of_picture(_small(base64.b64decode(data, validate=True)), classify, is_digit)
    except binascii.Error:
        raise PictureError("the picture is damaged") from None


def _small(data: bytes) -> io.BytesIO:
    """Return the file, or refuse it where its pixels would take much memory, before any is decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"]) as image:
            side = max(image.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise PictureError("not a picture that can be read") from None
    if side > MOST_PIXELS:
        raise PictureError(f"the picture is too big; at most {MOST_PIXELS} pixels a side")
    return io.BytesIO(data)


def data_url(pixels: NDArray[np.uint8]) -> str:
    """Return a digit in MNIST's form as a PNG in a data URL: dark ink on white paper."""
    file = io.BytesIO()
    Image.fromarray(255 - pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def again(read: Reading, classify: Classify, is_digit: IsDigit | None = None) -> Reading:
    """Return the same digits with what another model says of them."""
    if not read.digits:
        return read
    pixels = np.stack([one.prepared.pixels for one in read.digits])
    told = np.ones(len(pixels)) if is_digit is None else is_digit(pixels)
    digits = [
        Recognised(one.prepared, *said) for one, *said in zip(read.digits, classify(pixels), told.tolist(), strict=True)
    ]
    return replace(read, digits=digits)


def _nearest(boxes: Sequence[Box], stroke: Stroke) -> int:
    """Return the index of the box that is nearest to the pen."""
    x, y = stroke.points[-1] / (drawing.WIDTH, drawing.HEIGHT)
    away = [max(left - x, x - right, 0) + max(top - y, y - bottom, 0) for left, top, right, bottom in boxes]
    return int(np.argmin(away))


def _writing(ink: Grey) -> Writing:
    """Return the writing on a pad, where, unlike in a photograph, it is known what is ink and what is not."""
    found = Ink(ink, ink > 0.5, ink > 0, np.ones_like(ink))
    return without_lines(1 - ink, found, find_frames(found.faint, found.mask))


def _reading(page: Page, picture: Picture) -> Reading:
    width, height = picture.size
    found = [(index, one) for index, row in enumerate(page.rows) for one in row]
    boxes = [one.prepared.box for _, one in found]
    return Reading(
        [one for _, one in found],
        [index for index, _ in found],
        [(left / width, top / height, right / width, bottom / height) for left, top, right, bottom in boxes],
    )
