"""Reading a picture file of any format as grey."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from groundup.errors import PictureError
from groundup.pictures.ink import Grey

MAX_PIXELS = 50_000_000

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


def read_picture(path: str | Path) -> Grey:
    """Read a picture of any format and colour as grey, the way up that a viewer shows it.

    Transparent parts become white; of an animation the first frame is read.

    Parameters
    ----------
    path : str or Path
        A file in any format that Pillow reads, except PostScript, which is a program.

    Returns
    -------
    ndarray of float32, shape (height, width)
        0 is black, 1 is white.

    Raises
    ------
    PictureError
        If there is no such file, it is a folder or empty, no picture, damaged, or larger than 50 megapixels.
    """
    path = Path(path)
    _refuse_what_is_no_file(path)
    try:
        with warnings.catch_warnings():
            # Pillow warns of huge pictures, and of faults in what stands beside the pixels; many phones write those.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Given a name, Pillow maps a plain TIFF into memory, and garbles it if it is to be turned by 90 degrees.
            with path.open("rb") as file, Image.open(file) as image:
                _refuse_dangerous(image, path)
                image.draft("L", None)  # a JPEG is decoded as grey at once, which halves the time of a photograph
                return _grey(ImageOps.exif_transpose(image))
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"{path}: not a picture in a format that can be read (PNG, JPEG, GIF, TIFF, ...)") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PictureError(f"{path}: the picture is too big; at most {MAX_PIXELS // 10**6} megapixels") from None
    except DECODING_ERRORS as error:
        raise PictureError(f"{path}: the picture is damaged or cut short ({error})") from None


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


def _refuse_dangerous(image: Image.Image, path: Path) -> None:
    """Refuse, before any pixel is decoded, what would fill the memory or run a program."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{path}: the picture is too big, {width}x{height} pixels; at most {MAX_PIXELS // 10**6} megapixels"
        )
    if image.format == "EPS":
        raise PictureError(f"{path}: PostScript is a program, not a picture; save it as PNG")


def _grey(image: Image.Image) -> Grey:
    """Return any mode as grey in 0..1, shape (height, width)."""
    if image.mode in ("F", "I") or image.mode.startswith("I;"):
        return _deep_grey(image)
    if image.mode == "LAB":
        image = image.getchannel(0)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    elif image.mode not in ("1", "L"):
        image = image.convert("RGB")
    return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


def _deep_grey(image: Image.Image) -> Grey:
    """Return 16-bit, 32-bit and floating-point grey in 0..1, shape (height, width)."""
    values = np.asarray(image, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("some of its pixels are not finite numbers")
    if image.mode.startswith("I;"):
        white = 65535.0
    else:  # these modes have no white of their own: the lowest of the usual ones that is above all values is taken
        largest = values.max(initial=0)
        white = min((usual for usual in (1, 255, 65535) if usual >= largest), default=largest)
    return np.clip(values / white, 0, 1).astype(np.float32)
