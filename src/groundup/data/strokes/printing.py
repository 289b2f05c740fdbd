"""Printed letters and digits, in fonts that come with Matplotlib."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from groundup.data.strokes import pen

FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
)
SIZE = 80  # pixels, of which a capital is about 58 high
SHEET = 160  # pixels a side


def printed(characters: str, count: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Print one of `characters` in each of `count` pictures.

    Returns
    -------
    images : ndarray of uint8, shape (count, 28, 28)
        255 is full ink on 0.
    indices : ndarray of int64, shape (count,)
        Which of `characters` it is.
    """
    which, how = rng.integers(len(characters), size=count), rng.integers(len(FONTS), size=count)
    boxes = np.zeros((count, pen.BOX, pen.BOX), np.uint8)
    for box, character, font in zip(boxes, which.tolist(), how.tolist(), strict=True):
        small = _in_box(characters[character], FONTS[font])
        down, across = ((pen.BOX - side) // 2 for side in small.shape)
        box[down : down + small.shape[0], across : across + small.shape[1]] = small
    return pen.centre(boxes), which


@lru_cache(maxsize=1024)
def _in_box(character: str, font: str) -> NDArray[np.uint8]:
    """Return a character whose longer side has 20 pixels, (height, width) uint8."""
    from matplotlib import get_data_path

    file = Path(get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    sheet = Image.new("L", (SHEET, SHEET))
    ImageDraw.Draw(sheet).text((SHEET // 4, SHEET // 4), character, 255, ImageFont.truetype(str(file), SIZE))
    ink = sheet.crop(sheet.getbbox())
    scale = pen.BOX / max(ink.size)
    size = max(1, round(ink.width * scale)), max(1, round(ink.height * scale))
    return np.asarray(ink.resize(size, Image.Resampling.BOX))
