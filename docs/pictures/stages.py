"""Draw the photograph in docs/pictures.md, and what each stage makes of it: `python docs/pictures/stages.py`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from groundup import Recogniser
from groundup.data import strokes
from groundup.models import shipped
from groundup.pictures.digits import read_page
from groundup.pictures.doubt import detector, doubting
from groundup.pictures.explanation import save_explanation
from groundup.pictures.reading import open_picture

Grey = NDArray[np.float32]

ROWS = (("31415", 60), ("926", 104))  # digits, and pixels from one to the next: those of the first row touch
SIDE, SQUARE, LEFT, TOP = 100, 30, 60, 30  # pixels of a digit and of the paper's squares; the first digit's place
HEIGHT, WIDTH, TABLE = 350, 500, 40
SEED = 6


def drawn() -> Grey:
    """Return a sheet of graph paper with two rows of digits, the second in boxes, (HEIGHT, WIDTH); 1 is white."""
    made, labels = strokes.make(400, seed=SEED)
    sheet = np.full((HEIGHT, WIDTH), 0.92, np.float32)
    sheet[::SQUARE] = sheet[1::SQUARE] = sheet[:, ::SQUARE] = sheet[:, 1::SQUARE] = 0.8
    for row, (number, step) in enumerate(ROWS):
        for column, digit in enumerate(number):
            which = np.flatnonzero(labels == int(digit))[row + column]
            ink = cv2.resize(made[which].astype(np.float32) / 255, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            left, top = LEFT + step * column, TOP + 150 * row
            place = sheet[top : top + SIDE, left : left + SIDE]
            np.minimum(place, 0.92 - 0.72 * np.clip(ink, 0, 1), out=place)
            if row:
                cv2.rectangle(sheet, (left, top), (left + SIDE, top + SIDE), (0.3,), 3, cv2.LINE_AA)
    return sheet


def photographed(sheet: Grey) -> NDArray[np.uint8]:
    """Return the sheet, a little turned, on a dark table, half of it in the shadow, as a poor camera sees it."""
    size = WIDTH, HEIGHT
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 2.0, 1.0)
    turn[:, 2] += TABLE
    picture = cv2.warpAffine(sheet, turn, size, borderValue=(0.35,))
    down, across = np.mgrid[: size[1], : size[0]] / WIDTH
    shadow = 1 - 0.5 / (1 + np.exp(-16 * (across + 0.5 * down - 0.9)))
    soft = cv2.GaussianBlur(picture * shadow, (0, 0), 0.8)
    noisy = soft + np.random.RandomState(SEED).normal(0, 0.01, soft.shape)
    return np.asarray(np.clip(noisy * 255, 0, 255), np.uint8)


model = Recogniser.load(shipped.default())
page = read_page(open_picture(photographed(drawn())), model.predict, doubting(model, detector().predict))
save_explanation(page, model.class_names, Path(__file__).with_suffix(".png"))
