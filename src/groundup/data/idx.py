"""The IDX format: one array of numbers in a file, as the MNIST data set is published.

A file is a header and then the numbers, row by row, all big-endian::

    byte 0-1   zero
    byte 2     the type of a number: 0x08 unsigned byte, 0x09 byte, 0x0B short, 0x0C int, 0x0D float, 0x0E double
    byte 3     the number of dimensions, D
    4 bytes x D    the size of each dimension
    the numbers

A file may be compressed with gzip. Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database", and the ``idx``
library of the Lush language.

This module needs the standard library only: an array is anything with the buffer protocol, so NumPy reads and
writes these files without a copy.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
import sys
import zlib
from array import array
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any, cast

from groundup.errors import DataError
from groundup.files import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Buffer  # collections.abc.Buffer from Python 3.12 on; only the type checker needs it

# The format's type byte -> the standard library's type code.
TYPE_CODES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}
TYPE_NAMES = {"B": "uint8", "b": "int8", "h": "int16", "i": "int32", "f": "float32", "d": "float64"}
TYPE_BYTES = {code: byte for byte, code in TYPE_CODES.items()}

GZIP_MAGIC = b"\x1f\x8b"
GZIP_LEVEL = 6
LARGEST_EXPANSION = 1032  # Deflate makes at most 1032 bytes of one: a match of 258 bytes coded in two bits.
MOST_DIMENSIONS = 64  # of a memoryview and of an ndarray
READ_AT_ONCE = 1 << 18  # bytes: small enough to stay in the processor's cache on the way to the array
GIBIBYTE = 1 << 30


def read(path: str | os.PathLike[str], limit: int = GIBIBYTE) -> memoryview:
    """Read an IDX file, gzipped or not (its first bytes say which, not its name).

    A file that is not exactly what its header says is refused. No more is ever decompressed than the header announces,
    but for one small buffer.

    Parameters
    ----------
    path : path
        The file.
    limit : int
        A file whose numbers take more bytes than this is refused before memory is taken for them.

    Returns
    -------
    memoryview
        The numbers: C-contiguous, writable, in native byte order, with the file's shape.

    Raises
    ------
    DataError
        If the file cannot be opened, is truncated or too long, is no IDX file, or is damaged gzip. Byte offsets in
        the message are those of the uncompressed file.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if file.peek(2)[:2] != GZIP_MAGIC:
                return _read_array(name, file, size, limit)
            with gzip.GzipFile(fileobj=file) as inflated:
                return _read_array(name, inflated, size * LARGEST_EXPANSION, limit)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{name}: damaged or cut off gzip: {error}") from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from error


def _read_array(name: str, stream: BufferedIOBase, most: int, limit: int) -> memoryview:
    """Read the array in `stream`, which can hold at most `most` bytes."""
    code, shape = _read_header(name, stream)
    start = 4 + 4 * len(shape)
    values = array(code, [0])
    size = values.itemsize * math.prod(shape)
    if size > limit:
        raise DataError(f"{name}: byte 4: shape {shape} of {TYPE_NAMES[code]} is {size:,} bytes; limit is {limit:,}")
    if start + size > most:
        # Before memory is taken: a file of a few bytes could announce a gigabyte.
        raise DataError(f"{name}: truncated: {start + size:,} bytes by its header, but there are at most {most:,}")
    values *= math.prod(shape)
    buffer = memoryview(values).cast("B")
    filled = 0
    while filled < size and (count := stream.readinto(buffer[filled : filled + READ_AT_ONCE])):
        filled += count
    if filled < size:
        raise DataError(f"{name}: truncated: {start + size:,} bytes by its header, but there are {start + filled:,}")
    if stream.read(1):  # At the end of a gzip stream this read checks the checksum, too.
        raise DataError(f"{name}: byte {start + size}: more follows after the {size:,} bytes of shape {shape}")
    _swap_to_or_from_big_endian(values)
    shaped: memoryview = cast(Any, buffer).cast(code, shape)  # Any: the type code is known at run time only.
    return shaped


def _read_header(name: str, stream: BufferedIOBase) -> tuple[str, tuple[int, ...]]:
    """Read the type code and the shape."""
    magic = stream.read(4)
    if len(magic) < 4:
        raise DataError(
            f"{name}: byte {len(magic)}: the file ends here; an IDX file begins with 4 bytes of magic number"
        )
    if magic[:2] != b"\0\0":
        raise DataError(f"{name}: byte 0: not an IDX file: begins with {magic.hex(' ')} instead of 00 00")
    if magic[2] not in TYPE_CODES:
        known = ", ".join(f"{byte:02x} ({TYPE_NAMES[code]})" for byte, code in TYPE_CODES.items())
        raise DataError(f"{name}: byte 2: unknown type {magic[2]:02x}; IDX knows {known}")
    if not 1 <= magic[3] <= MOST_DIMENSIONS:
        raise DataError(f"{name}: byte 3: {magic[3]} dimensions; 1 to {MOST_DIMENSIONS} can be read")
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{name}: byte {4 + len(sizes)}: the file ends here, within the sizes of {magic[3]} dimensions")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    if 0 in shape:
        raise DataError(f"{name}: byte {4 + 4 * shape.index(0)}: shape {shape} has an empty dimension")
    return TYPE_CODES[magic[2]], shape


def _swap_to_or_from_big_endian(values: array[int] | array[float]) -> None:
    """Change between native and big-endian byte order, in place."""
    if sys.byteorder == "little" and values.itemsize > 1:
        values.byteswap()


def write(path: str | os.PathLike[str], values: Buffer | NDArray[Any]) -> None:
    """Write an array as an IDX file; gzipped if the name ends in ``.gz``. The same array gives the same bytes.

    Parameters
    ----------
    path : path
        The file; an existing one is replaced when the new one is whole.
    values : ndarray, memoryview, array or any other buffer
        Unsigned bytes, bytes, 16-bit or 32-bit integers, or 32-bit or 64-bit floats, in native byte order.

    Raises
    ------
    DataError
        If IDX has no such type of number or no such shape.
    OSError
        If the file cannot be written.
    """
    name = os.fspath(path)
    contents = _contents(name, values)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        if not name.endswith(".gz"):
            file.writelines(contents)
            return
        # No time and no name inside, so that equal arrays make equal files.
        with gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as deflated:
            deflated.writelines(contents)


def sha256(values: Buffer | NDArray[Any]) -> str:
    """Return the SHA-256, in hexadecimal, of the uncompressed IDX file that `values` would be written as.

    Raises
    ------
    DataError
        If IDX has no such type of number or no such shape.
    """
    digest = hashlib.sha256()
    for part in _contents("SHA-256", values):
        digest.update(part)
    return digest.hexdigest()


def _contents(name: str, values: Buffer | NDArray[Any]) -> tuple[bytes, Buffer]:
    """Return the header and the big-endian numbers of the file that holds `values`."""
    view = memoryview(cast("Buffer", values))
    code = "i" if view.format == "l" and view.itemsize == 4 else view.format  # Windows calls int32 a long.
    if code not in TYPE_BYTES:
        raise DataError(
            f"{name}: IDX cannot hold numbers of type {view.format!r}, only {', '.join(TYPE_NAMES.values())}"
        )
    shape = view.shape or ()
    if not 1 <= len(shape) <= MOST_DIMENSIONS or not all(1 <= size < 1 << 32 for size in shape):
        raise DataError(f"{name}: IDX cannot hold shape {shape}: 1 to {MOST_DIMENSIONS} dimensions, none of them empty")
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, TYPE_BYTES[code], len(shape), *shape)
    if view.itemsize == 1 and view.c_contiguous:
        return header, view.cast("B")
    numbers = array(code, view.tobytes())
    _swap_to_or_from_big_endian(numbers)
    return header, numbers
