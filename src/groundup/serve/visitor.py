"""All of one visitor: the drawing, what was read in it, the model, the label and what stands in the address bar."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from nicegui import Client
from numpy.typing import NDArray

from groundup.errors import PictureError
from groundup.json_text import to_json
from groundup.models.recogniser import Recogniser
from groundup.pictures.doubt import IsDigit, doubting
from groundup.pictures.mnist import SIDE
from groundup.serve import drawing, reading
from groundup.serve.batches import Classify, compiled
from groundup.serve.library import Library
from groundup.serve.reading import Reading

Listener = Callable[[], None]

NOTHING: NDArray[np.uint8] = np.zeros((SIDE, SIDE), np.uint8)
"""What the network sees where nothing is drawn."""
NOTHING.flags.writeable = False


class Visitor:
    """All of one visitor, that is of one open page; nothing of it is shared with another.

    It lives as long as the page is open: the page's elements alone refer to it.

    Parameters
    ----------
    client : Client
        The browser's page.
    library : Library
        The models and the data that are there for all.
    url : mapping of str to str
        What stands in the address bar after the question mark.

    Attributes
    ----------
    recogniser : Recogniser
        The model in use. One that the visitor corrected or broke is a copy: a model in the library never changes.
    model_name : str
        What it is called.
    drawing : str
        The strokes on the pad, as `groundup.serve.drawing.write` writes them.
    picture : str
        The picture on the pad as a data URL, where there is one.
    reading : Reading
        The digits that were read in the drawing or the picture.
    chosen : int
        The index of the digit that is looked at.
    pixels : ndarray of uint8, shape (28, 28)
        What the network sees of it; 0 where there is none.
    complaint : str
        Why nothing could be read, if so.
    label : int or None
        The label that the visitor chose, for gradients and corrections.
    open_tab : str
        The name of the tab that is shown. A tab that is not shown should do nothing.
    url : dict of str to str
        Everything that stands in the address bar. A tab reads its own keys when it is built, and writes them with
        `remember`.
    """

    def __init__(self, client: Client, library: Library, url: Mapping[str, str]) -> None:
        self.client = client
        self.library = library
        self.url = dict(url)
        self.open_tab = ""
        label = url.get("label", "")
        self.label: int | None = int(label) if label.isascii() and label.isdigit() and len(label) == 1 else None
        names = library.names()
        self.model_name = url["model"] if url.get("model") in names else names[0]
        self.recogniser: Recogniser = library.model(self.model_name)
        self._classify = compiled(self.recogniser)
        self._is_digit = doubting(self.recogniser, library.detect)
        self._listeners: list[Listener] = []
        self._asked = 0
        self._turn = asyncio.Lock()
        self.drawing, self.picture, self.complaint = "", "", ""
        self.reading, self.chosen = Reading(), 0
        self.pixels = NOTHING
        self._restore()

    def on_change(self, listener: Listener) -> None:
        """Let `listener` be called whenever pixels, label or model changed."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Tell every listener that pixels, label or model changed; once the page is closed, there is none."""
        if not self.client.is_deleted:
            for listener in self._listeners:
                listener()

    def on_leave(self, listener: Listener) -> None:
        """Let `listener` be called when the visitor has gone, to stop what still runs for them."""
        self.client.on_delete(listener)

    def use(self, model: Recogniser, name: str) -> None:
        """Use another model from now on; `name` is what the page calls it."""
        self.recogniser, self.model_name = model, name
        self._classify, self._is_digit = compiled(model), doubting(model, self.library.detect)
        self.reading = reading.again(self.reading, self._classify, self._is_digit)
        self.remember("model", name if name in self.library.names() else None)
        self.changed()

    def choose_label(self, label: int | None) -> None:
        """Set the label, and put it into the address bar."""
        self.label = label
        self.remember("label", None if label is None else str(label))
        self.changed()

    def choose(self, index: int) -> None:
        """Look at another of the digits that were read."""
        if 0 <= index < len(self.reading.digits):
            self.chosen = index
            self.pixels = self.reading.digits[index].prepared.pixels
            self.changed()

    async def draw(self, text: str) -> None:
        """Read a drawing, unless a newer one comes first; the parameter is the text of its strokes."""
        try:
            strokes = drawing.read(text)
        except PictureError as error:
            self.complain(str(error))
            return
        found = await self._read(partial(reading.of_drawing, strokes))
        if found is not None:
            self._take(found, text=text)

    async def look_at(self, url: str) -> None:
        """Read the digits in a picture, given as a data URL, unless something newer comes first."""
        try:
            found = await self._read(partial(reading.of_data_url, url))
        except PictureError as error:
            self._take(Reading(), picture=url)
            self.complain(str(error))
            return
        if found is not None:
            self._take(found, picture=url)

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Look at a digit in MNIST's form, (28, 28) uint8, instead of a drawing."""
        self._asked += 1
        found = reading.of_pixels(pixels, self._classify, self._is_digit)
        self._take(found, picture=reading.data_url(pixels))

    def complain(self, words: str) -> None:
        """Say on the page why nothing could be read."""
        self.complaint = words[:1].upper() + words[1:]
        self.changed()

    def remember(self, key: str, value: str | None) -> None:
        """Put a value into the address bar, or take it away, so that the address shows the same page to others."""
        if self.url.get(key) == value:
            return
        self.url.pop(key, None)
        if value is not None:
            self.url[key] = value
        self.client.run_javascript(f"groundup.remember({to_json(key)}, {to_json(value)})")

    async def _read(self, work: Callable[[Classify, IsDigit | None], Reading]) -> Reading | None:
        """Return what `work` reads, or None where the visitor has drawn on since. One thread at a time works."""
        self._asked += 1
        mine = self._asked
        async with self._turn:
            if mine != self._asked:
                return None
            classify = self._classify
            run = asyncio.get_running_loop().run_in_executor
            try:
                found = await run(self.library.readers, work, classify, self._is_digit)
            except PictureError:
                if mine != self._asked:
                    return None
                raise
        if classify is not self._classify:  # another model was chosen meanwhile
            found = reading.again(found, self._classify, self._is_digit)
        return found if mine == self._asked else None

    def _take(self, found: Reading, text: str = "", picture: str = "") -> None:
        self.drawing, self.picture, self.complaint = text, picture, ""
        self.reading, self.chosen = found, found.newest
        self.pixels = found.digits[found.newest].prepared.pixels if found.digits else NOTHING
        self.remember("draw", text or None)
        self.remember("pixels", _packed(self.pixels) if picture and found.digits else None)
        self.changed()

    def _restore(self) -> None:
        """Show what the address says; what it cannot mean is left out."""
        try:
            if "pixels" in self.url:
                self.show(_unpacked(self.url["pixels"]))
            elif "draw" in self.url:
                text = self.url["draw"]
                self._take(reading.of_drawing(drawing.read(text), self._classify, self._is_digit), text=text)
        except PictureError as error:
            self.complain(str(error))


def _packed(pixels: NDArray[np.uint8]) -> str:
    """Return 28x28 pixels as letters for an address."""
    return base64.urlsafe_b64encode(zlib.compress(pixels.tobytes(), 9)).decode().rstrip("=")


def _unpacked(text: str) -> NDArray[np.uint8]:
    """Return the pixels that `_packed` made letters of; never more than 28x28, whatever the letters say."""
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        plain = zlib.decompressobj().decompress(packed, SIDE * SIDE)
    except (ValueError, zlib.error):
        raise PictureError("the address holds no picture that can be read") from None
    if len(plain) != SIDE * SIDE:
        raise PictureError("the address holds a picture that is cut short")
    return np.frombuffer(plain, np.uint8).reshape(SIDE, SIDE)
