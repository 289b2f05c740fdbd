"""What a request's body may hold: pixels as JSON, or a picture, bare or in a form."""

from __future__ import annotations

import io
import warnings
from itertools import chain
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from groundup.checks import shown
from groundup.pictures.mnist import SIDE
from groundup.pictures.reading import DECODING_ERRORS
from groundup.serve.problems import Problem

FORM = "multipart/form-data"
JSON = "application/json"
PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG"}
FIELD = "picture"

NUMBERS = frozenset({int, float})


def pixels_of(body: bytes, most: int) -> NDArray[np.uint8]:
    """Return the pixels (N, 28, 28) in a JSON body ``{"pixels": ...}``: one picture's rows, or a list of such.

    Fractions are rounded.

    Raises
    ------
    Problem
        422, if the body is anything else, or holds more than `most` pictures.
    """
    pixels = _pixels_in(body)
    one = not (isinstance(pixels[0], list) and pixels[0] and isinstance(pixels[0][0], list))
    pictures = [pixels] if one else pixels
    if len(pictures) > most:
        raise Problem(422, f"a body holds at most {most} pictures, and here are {len(pictures)}", "pixels")
    several = b"".join(_picture(rows, "pixels" if one else f"pixels[{number}]") for number, rows in enumerate(pictures))
    return np.frombuffer(several, np.uint8).reshape(-1, SIDE, SIDE)


def _pixels_in(body: bytes) -> list[Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(422, f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})", "body") from None
    if not isinstance(given, dict) or given.keys() != {"pixels"}:
        keys = shown(sorted(given)) if isinstance(given, dict) else shown(given)
        raise Problem(422, f'the body must be an object with the one key "pixels", not {keys}', "body")
    pixels = given["pixels"]
    if not isinstance(pixels, list) or not pixels:
        raise Problem(422, f"pixels must be a list of {SIDE} rows, or of pictures, not {shown(pixels)}", "pixels")
    return pixels


def _picture(rows: Any, where: str) -> bytes:
    """Return one picture's pixels, if they are right. This is the API's busiest line of work: it is kept short."""
    if type(rows) is list and len(rows) == SIDE and all(type(row) is list and len(row) == SIDE for row in rows):
        numbers = list(chain.from_iterable(rows))
        kinds = set(map(type, numbers))
        if kinds <= NUMBERS and min(numbers) >= 0 and max(numbers) <= 255:
            return bytes(numbers if kinds == {int} else map(round, numbers))
    raise _wrong(rows, where)


def _wrong(rows: Any, where: str) -> Problem:
    """Return what is wrong with the first wrong part of a picture."""
    if type(rows) is not list or len(rows) != SIDE:
        return Problem(422, f"a picture must be a list of {SIDE} rows, not {_what(rows)}", where)
    for y, row in enumerate(rows):
        if type(row) is not list or len(row) != SIDE:
            return Problem(422, f"a row must be a list of {SIDE} numbers, not {_what(row)}", f"{where}[{y}]")
    y, x, value = next(
        (y, x, value)
        for y, row in enumerate(rows)
        for x, value in enumerate(row)
        if type(value) not in NUMBERS or not 0 <= value <= 255
    )
    detail = f"a pixel must be a number from 0 (background) to 255 (ink), not {shown(value)}"
    return Problem(422, detail, f"{where}[{y}][{x}]")


def _what(value: Any) -> str:
    return f"one of {len(value)}" if type(value) is list else shown(value)


async def picture_in_form(content_type: str, body: bytes) -> bytes:
    """Return the file that a form holds in its one field, ``picture``.

    Raises
    ------
    Problem
        422 if there is none, or something else besides.
    """

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "headers": [(b"content-type", content_type.encode("latin-1"))]}
    try:
        async with Request(scope, receive).form(max_files=1, max_fields=1) as form:
            picture = form.get(FIELD)
            if len(form.multi_items()) != 1 or not isinstance(picture, UploadFile):
                raise Problem(422, f'a form must have one field, a file called "{FIELD}"', "body")
            return await picture.read()
    except MultiPartException as error:
        raise Problem(422, f"not a form that can be read: {error.message}", "body") from None


def check_picture(body: bytes, most: int) -> None:
    """Refuse what is no PNG or JPEG, or has more than `most` pixels, before any of them is decoded.

    Raises
    ------
    Problem
        422 or 413.
    """
    if not body:
        raise Problem(422, "the picture is empty", FIELD)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = Image.open(io.BytesIO(body), formats=tuple(PICTURES.values())).size
    except Image.DecompressionBombError:
        raise Problem(413, f"the picture is too big: at most {most:,} pixels are read", FIELD) from None
    except DECODING_ERRORS:
        raise Problem(422, "not a PNG or JPEG picture that can be read", FIELD) from None
    if width * height > most:
        raise Problem(413, f"the picture is too big, {width}x{height}: at most {most:,} pixels are read", FIELD)
