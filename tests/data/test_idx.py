from __future__ import annotations

import gzip
import struct
import zlib
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from groundup.data import idx
from groundup.errors import DataError

TYPES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def reference_bytes(values: np.ndarray[Any, Any]) -> bytes:
    """Write the format as its description says, with NumPy's own big-endian types."""
    header = bytes([0, 0, TYPES[values.dtype.name], values.ndim])
    return header + np.array(values.shape, ">u4").tobytes() + values.astype(values.dtype.newbyteorder(">")).tobytes()


arrays = st.sampled_from(sorted(TYPES)).flatmap(
    lambda name: hypothesis_numpy.arrays(
        np.dtype(name), hypothesis_numpy.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5)
    )
)


def write_bytes(folder: Path, contents: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(contents)
    return path


@given(values=arrays, zipped=st.booleans())
def test_read_gives_what_the_format_says(tmp_path_factory: pytest.TempPathFactory, values: Any, zipped: bool) -> None:
    contents = reference_bytes(values)
    path = write_bytes(tmp_path_factory.mktemp("idx"), gzip.compress(contents) if zipped else contents)
    view = idx.read(path)
    assert view.c_contiguous
    assert not view.readonly
    assert view.shape == values.shape
    found = np.asarray(view)
    assert found.dtype == values.dtype
    assert found.tobytes() == values.tobytes()  # Bytes, so that NaNs count as equal.


@given(values=arrays, name=st.sampled_from(["a", "a.gz"]))
def test_write_gives_what_the_format_says(tmp_path_factory: pytest.TempPathFactory, values: Any, name: str) -> None:
    path = tmp_path_factory.mktemp("idx") / name
    idx.write(path, values)
    contents = path.read_bytes()
    assert (gzip.decompress(contents) if name == "a.gz" else contents) == reference_bytes(values)
    assert np.asarray(idx.read(path)).tobytes() == values.tobytes()


@given(contents=st.binary(max_size=60), zipped=st.booleans())
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, contents: bytes, zipped: bool) -> None:
    path = write_bytes(tmp_path_factory.mktemp("idx"), gzip.compress(contents) if zipped else contents)
    try:
        view = idx.read(path, limit=1 << 16)
    except DataError:
        return
    assert reference_bytes(np.asarray(view)) == contents


@given(values=arrays, cut=st.floats(0, 1, exclude_max=True), zipped=st.booleans())
def test_every_cut_is_refused(tmp_path_factory: pytest.TempPathFactory, values: Any, cut: float, zipped: bool) -> None:
    contents = reference_bytes(values)
    contents = gzip.compress(contents) if zipped else contents
    path = write_bytes(tmp_path_factory.mktemp("idx"), contents[: int(cut * len(contents))])
    with pytest.raises(DataError):
        idx.read(path)


@given(values=arrays, position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_in_gzip_goes_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, values: Any, position: float, bit: int
) -> None:
    contents = bytearray(gzip.compress(reference_bytes(values), mtime=0))
    contents[int(position * len(contents))] ^= 1 << bit
    path = write_bytes(tmp_path_factory.mktemp("idx"), bytes(contents))
    try:
        found = np.asarray(idx.read(path))
    except DataError:
        return
    assert found.tobytes() == values.tobytes()  # Some bits of gzip's header mean nothing: its time, its system.


def test_types_of_the_standard_library_are_written(tmp_path: Path) -> None:
    idx.write(tmp_path / "a", array("h", [1, -2, 300]))
    assert (tmp_path / "a").read_bytes() == bytes.fromhex("00000b01 00000003 0001 fffe 012c")
    idx.write(tmp_path / "b", memoryview(b"abcdef").cast("B", (2, 3)))
    assert (tmp_path / "b").read_bytes() == bytes.fromhex("00000802 00000002 00000003") + b"abcdef"


def test_arrays_that_are_not_contiguous_are_written_in_order(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.uint8).reshape(4, 6)[::2, ::-3].T
    idx.write(tmp_path / "a", values)
    assert np.array_equal(np.asarray(idx.read(tmp_path / "a")), values)


def test_gzip_is_deterministic_and_has_no_name(tmp_path: Path) -> None:
    idx.write(tmp_path / "a.gz", np.arange(9, dtype=np.int32))
    idx.write(tmp_path / "b.gz", np.arange(9, dtype=np.int32))
    contents = (tmp_path / "a.gz").read_bytes()
    assert contents == (tmp_path / "b.gz").read_bytes()
    assert contents[3:8] == bytes(5)  # No flags, so no name; and no time.


def test_sha256_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    values = np.arange(10, dtype=np.float32).reshape(2, 5)
    idx.write(tmp_path / "a", values)
    assert idx.sha256(values) == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()


GOOD = reference_bytes(np.arange(6, dtype=np.uint8).reshape(2, 3))
ZIPPED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "byte 0: the file ends here; an IDX file begins with 4 bytes of magic number"),
        (GOOD[:3], "byte 3: the file ends here; an IDX file begins with 4 bytes of magic number"),
        (b"\x89PNG\r\n", "byte 0: not an IDX file: begins with 89 50 4e 47 instead of 00 00"),
        (b"\0\0\x0a\x01\0\0\0\1\0", "byte 2: unknown type 0a"),
        (b"\0\0\x08\0\1", "byte 3: 0 dimensions; 1 to 64"),
        (b"\0\0\x08\x41\1", "byte 3: 65 dimensions; 1 to 64"),
        (GOOD[:10], "byte 10: the file ends here, within the sizes of 2 dimensions"),
        (b"\0\0\x08\2\0\0\0\1\0\0\0\0", r"byte 8: shape \(1, 0\) has an empty dimension"),
        (GOOD[:-2], "truncated: 18 bytes by its header, but there are at most 16"),
        (gzip.compress(GOOD[:-2], mtime=0), "truncated: 18 bytes by its header, but there are 16"),
        (GOOD + b"x", r"byte 18: more follows after the 6 bytes of shape \(2, 3\)"),
        (gzip.compress(GOOD + b"x", mtime=0), "byte 18: more follows"),
        (ZIPPED[:-9], "damaged or cut off gzip"),
        (ZIPPED[:-1] + b"\1", "damaged or cut off gzip: Incorrect length"),
        (ZIPPED[:-5] + b"\1" + ZIPPED[-4:], "damaged or cut off gzip: CRC check failed"),
        (ZIPPED[:10] + b"\xff" * 9, "damaged or cut off gzip"),
        (b"\x1f\x8b\x07" + GOOD, "damaged or cut off gzip: Unknown compression method"),
        (ZIPPED + b"rubbish", "damaged or cut off gzip: Not a gzipped file"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, contents: bytes, message: str) -> None:
    path = write_bytes(tmp_path, contents)
    with pytest.raises(DataError, match=message) as caught:
        idx.read(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_gzip_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    assert idx.read(write_bytes(tmp_path, GOOD, "plain.gz")).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert idx.read(write_bytes(tmp_path, gzip.compress(GOOD), "zipped")).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_gzip_file_of_several_members_is_read(tmp_path: Path) -> None:
    path = write_bytes(tmp_path, gzip.compress(GOOD[:7]) + gzip.compress(GOOD[7:]))
    assert idx.read(path).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_header_that_wants_too_much_is_refused(tmp_path: Path) -> None:
    path = write_bytes(tmp_path, b"\0\0\x0e\3" + struct.pack(">3I", 1 << 31, 1 << 31, 1 << 31) + bytes(100))
    with pytest.raises(DataError, match=r"byte 4: shape .* of float64 is 79,228,[0-9,]+ bytes; limit is 1,073,741,824"):
        idx.read(path)
    with pytest.raises(DataError, match="6 bytes; limit is 5"):
        idx.read(write_bytes(tmp_path, GOOD), limit=5)


def test_no_memory_is_taken_for_what_a_small_file_cannot_hold(tmp_path: Path) -> None:
    import tracemalloc

    header = b"\0\0\x08\1" + struct.pack(">I", 1 << 30)
    for contents in (header + bytes(50), gzip.compress(header + bytes(50))):
        path = write_bytes(tmp_path, contents)
        tracemalloc.start()
        with pytest.raises(DataError, match="truncated"):
            idx.read(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 20


def test_a_gzip_bomb_is_not_inflated(tmp_path: Path) -> None:
    import tracemalloc

    squeeze = zlib.compressobj(9, wbits=31)
    bomb = squeeze.compress(GOOD) + b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(64)) + squeeze.flush()
    assert len(bomb) < 1 << 17
    path = write_bytes(tmp_path, bomb)
    tracemalloc.start()
    with pytest.raises(DataError, match="byte 18: more follows"):
        idx.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        idx.read(tmp_path)
    with pytest.raises(DataError, match=r"missing: cannot be read: No such file"):
        idx.read(tmp_path / "missing")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(3, np.int64), "cannot hold numbers of type 'l'|'q'"),
        (np.zeros(3, ">i4"), "cannot hold numbers of type '>i'"),
        (np.zeros(3, np.bool_), r"cannot hold numbers of type '\?'"),
        (np.zeros(3, np.float16), "only uint8, int8, int16, int32, float32, float64"),
        (np.uint8(3), r"cannot hold shape \(\)"),
        (np.zeros((0, 28, 28), np.uint8), r"cannot hold shape \(0, 28, 28\)"),
        (np.broadcast_to(np.uint8(0), (1 << 32,)), r"cannot hold shape \(4294967296,\)"),
    ],
)
def test_what_idx_cannot_hold_is_refused(tmp_path: Path, values: Any, message: str) -> None:
    path = write_bytes(tmp_path, b"precious")
    with pytest.raises(DataError, match=message):
        idx.write(path, values)
    assert path.read_bytes() == b"precious"


def test_another_reader_reads_the_same(tmp_path: Path) -> None:
    mlxtend_data = pytest.importorskip("mlxtend.data", reason="needs mlxtend, whose reader is compared")
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    labels = np.arange(20, dtype=np.uint8) % 10
    idx.write(tmp_path / "images", images)
    idx.write(tmp_path / "labels", labels)
    found_images, found_labels = mlxtend_data.loadlocal_mnist(str(tmp_path / "images"), str(tmp_path / "labels"))
    assert np.array_equal(found_images.reshape(images.shape), images)
    assert np.array_equal(found_labels, labels)


def test_reading_needs_the_standard_library_only() -> None:
    import subprocess
    import sys

    code = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names | {"groundup"}:
            raise ImportError(name)
sys.meta_path.insert(0, Block())
from groundup.data import idx
"""
    subprocess.run([sys.executable, "-c", code], check=True)
