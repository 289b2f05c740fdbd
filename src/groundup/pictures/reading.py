"""Reading a picture of any format as grey, and no larger than it takes to read digits."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from groundup.errors import PictureError

Grey = NDArray[np.float32]
Source = str | Path | BinaryIO | Image.Image | NDArray[Any]

MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000  # of a file that comes from a pipe, which has no end that can be seen
WORKING_SIDE = 2048  # pictures with a longer side are shrunk first
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # as which phones mark their photos
INVISIBLE = 240  # what is transparent and nowhere darker than this cannot be seen on white

# What Pillow's decoders raise for broken files. UnidentifiedImageError is an OSError.
DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    AttributeError,
    RuntimeError,
    struct.error,
)


@dataclass(frozen=True)
class Picture:
    """A picture, shrunk if it was large.

    Parameters
    ----------
    grey : ndarray of float32, shape (height, width)
        0 is black, 1 is white.
    factor : int
        What it was shrunk by.
    size : tuple of int
        Width and height of the original.
    """

    grey: Grey
    factor: int
    size: tuple[int, int]

    def in_original(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Return left, top, right, bottom in the original's pixels."""
        left, top, right, bottom = (edge * self.factor for edge in box)
        return left, top, min(right, self.size[0]), min(bottom, self.size[1])


def read_picture(source: Source) -> Grey:
    """Read a picture of any format and colour as grey, the way up that a viewer shows it.

    Transparent parts become white, or black if the picture is white itself; of an animation the first frame is read.

    Parameters
    ----------
    source : str, Path, file, PIL image or ndarray
        A file in any format that Pillow reads, except PostScript, which is a program; or a picture as `read_digits`
        takes it.

    Returns
    -------
    ndarray of float32, shape (height, width)
        0 is black, 1 is white.

    Raises
    ------
    PictureError
        If there is no such file, it is a folder or empty, no picture, damaged, or larger than 50 megapixels.
    """
    return _values(_open(source))


def open_picture(source: Source) -> Picture:
    """Read a picture as `read_picture` does, with no side above `WORKING_SIDE`.

    It is shrunk before it is turned into floating-point numbers, which would take four times its memory.
    """
    image = _open(source)
    factor = -(-max(image.size) // WORKING_SIDE)
    return Picture(_values(image.reduce(factor) if factor > 1 else image), factor, image.size)


def shrunk(grey: Grey) -> Picture:
    """Return grey values (height, width) in 0..1 as a picture with no side above `WORKING_SIDE`."""
    return open_picture(Image.fromarray(np.asarray(grey, np.float32)))


def _values(image: Image.Image) -> Grey:
    """Return a picture of mode L or F as values in 0..1."""
    values = np.array(image, dtype=np.float32)
    if image.mode == "L":
        values /= 255
    return values


def _open(source: Source) -> Image.Image:
    """Return a picture in mode L, or in mode F with values in 0..1."""
    if isinstance(source, str | Path):
        _refuse_what_is_no_file(path := Path(source))
        # Given a name, Pillow maps a plain TIFF into memory, and garbles it if it is to be turned by 90 degrees.
        with path.open("rb") as file:
            return _guarded(lambda: _decoder(file, f"{path}"), f"{path}")
    if isinstance(source, np.ndarray):
        return _guarded(lambda: _image_of(source), "the array")
    if isinstance(source, Image.Image):
        return _guarded(source.copy, "the picture")
    data = source.read(MAX_BYTES + 1)
    if not data:
        raise PictureError("the file is empty")
    if len(data) > MAX_BYTES:
        raise PictureError(f"the file is too long; at most {MAX_BYTES // 10**6} megabytes")
    return _guarded(lambda: _decoder(io.BytesIO(data), "the file"), "the file")


def _decoder(file: BinaryIO, name: str) -> Image.Image:
    """Open a picture's file; with pillow-heif, if it is HEIC, which Pillow alone does not read."""
    start = file.read(12)
    if start[4:8] == b"ftyp" and start[8:] in HEIC:
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise PictureError(f"{name}: to read HEIC takes pillow-heif: pip install 'groundup[heic]'") from None
        register_heif_opener()
    return Image.open(file)  # from its beginning


def _guarded(opened: Callable[[], Image.Image], name: str) -> Image.Image:
    """Return a picture as grey, or say what is wrong with it."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of huge pictures, and of faults in what stands beside the pixels; many phones write those.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with opened() as image:
                _refuse_dangerous(image, name)
                image.draft("L", None)  # a JPEG is decoded as grey at once, which halves the time of a photograph
                ImageOps.exif_transpose(image, in_place=True)
                return _grey(image)
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"{name}: not a picture in a format that can be read (PNG, JPEG, GIF, TIFF, ...)") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PictureError(f"{name}: the picture is too big; at most {MAX_PIXELS // 10**6} megapixels") from None
    except MemoryError:
        raise PictureError(f"{name}: the picture takes more memory than there is") from None
    except DECODING_ERRORS as error:
        raise PictureError(f"{name}: the picture is damaged or cut short ({str(error).strip()})") from None


def _image_of(array: NDArray[Any]) -> Image.Image:
    """Return an array of grey or colour as a picture."""
    right_shape = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not right_shape or not array.size or not (array.dtype == np.uint8 or array.dtype.kind == "f"):
        raise PictureError(
            "an array of a picture has shape (height, width), or (height, width, 3 or 4) in colour, and is uint8 or "
            f"floating-point; this one has shape {array.shape} and is {array.dtype}"
        )
    if array.dtype != np.uint8:
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise PictureError("a floating-point array of a picture holds values from 0, black, to 1, white")
        if array.ndim == 2:
            return Image.fromarray(array.astype(np.float32))
        array = np.round(array * 255).astype(np.uint8)
    return Image.fromarray(array)


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        raise PictureError(f"{path}: is a folder, not a picture")
    try:
        if path.stat().st_size == 0:
            raise PictureError(f"{path}: the file is empty")
    except FileNotFoundError:
        raise PictureError(f"{path}: no such file") from None
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror})") from None


def _refuse_dangerous(image: Image.Image, name: str) -> None:
    """Refuse, before any pixel is decoded, what would fill the memory or run a program."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{name}: the picture is too big, {width}x{height} pixels; at most {MAX_PIXELS // 10**6} megapixels"
        )
    if image.format == "EPS":
        raise PictureError(f"{name}: PostScript is a program, not a picture; save it as PNG")


def _grey(image: Image.Image) -> Image.Image:
    """Return any mode as grey: in mode L, or in mode F with values in 0..1."""
    if image.mode in ("F", "I") or image.mode.startswith("I;"):
        return _deep_grey(image)
    if image.mode == "LAB":
        return image.getchannel(0)
    if image.has_transparency_data:
        return _without_transparency(image if image.mode in ("LA", "RGBA") else image.convert("RGBA"))
    return (image if image.mode in ("1", "L", "RGB") else image.convert("RGB")).convert("L")


def _without_transparency(image: Image.Image) -> Image.Image:
    """Lay a picture on white; if it cannot be seen there, it was drawn in white: then on black."""
    grey, alpha = image.convert("L"), image.getchannel("A")
    laid = Image.composite(grey, Image.new("L", image.size, 255), alpha)
    darkest, most_transparent = (float(np.asarray(band).min()) for band in (laid, alpha))
    invisible = darkest > INVISIBLE and most_transparent < 255 - INVISIBLE
    return Image.composite(grey, Image.new("L", image.size, 0), alpha) if invisible else laid


def _deep_grey(image: Image.Image) -> Image.Image:
    """Return 16-bit, 32-bit and floating-point grey in mode F."""
    values = np.array(image, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError("some of its pixels are not finite numbers")
    if image.mode.startswith("I;"):
        white = 65535.0
    else:  # these modes have no white of their own: the lowest of the usual ones that is above all values is taken
        largest = float(values.max(initial=0))
        white = min((usual for usual in (1.0, 255.0, 65535.0) if usual >= largest), default=largest)
    values /= white
    return Image.fromarray(np.clip(values, 0, 1, out=values))
