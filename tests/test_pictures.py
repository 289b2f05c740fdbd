"""Reading pictures and bringing them into MNIST's form."""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import subprocess
import sys
import zlib
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageDraw

from groundup.errors import PictureError
from groundup.pictures import read_picture, to_mnist
from groundup.pictures.ink import stroke_width
from groundup.pictures.mnist import fit, grow, resize, within
from groundup.pictures.pieces import find_pieces
from groundup.pictures.tiles import mosaic


def drawing(side: int = 200, pen: int = 18) -> NDArray[np.float32]:
    """A seven, dark on light, smooth-edged, in the upper left of the picture."""
    image = Image.new("L", (4 * side, 4 * side), 255)
    points = [(0.2, 0.15), (0.6, 0.15), (0.35, 0.75)]
    ImageDraw.Draw(image).line([(4 * side * x, 4 * side * y) for x, y in points], fill=0, width=4 * pen, joint="curve")
    return np.asarray(image.reduce(4), dtype=np.float32) / np.float32(255)


def difference(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """The mean difference of two pictures in grey levels, of the best of all shifts by at most a pixel."""
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(float(np.abs(np.roll(first, shift, (0, 1)).astype(int) - second).mean()) for shift in shifts)


# --- Reading -----------------------------------------------------------------------------------------------------

RAMP = np.linspace(0, 255, 16 * 12).round().astype(np.uint8).reshape(12, 16)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        ("png", "L"), ("png", "LA"), ("png", "RGB"), ("png", "RGBA"), ("png", "P"), ("bmp", "RGB"), ("gif", "L"),
        ("tif", "L"), ("tif", "CMYK"), ("tif", "F"), ("tif", "I"), ("ppm", "RGB"), ("tga", "RGBA"), ("webp", "RGB"),
    ],
)  # fmt: skip
def test_every_format_and_mode_gives_the_same_grey(tmp_path: Path, suffix: str, mode: str) -> None:
    path = tmp_path / f"ramp.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(RAMP).convert(mode).save(path, **options)
    grey = read_picture(path)
    assert grey.dtype == np.float32
    assert np.abs(grey - RAMP / 255).max() < 0.02


def test_jpeg_in_grey_and_cmyk(tmp_path: Path) -> None:
    for mode in ("L", "RGB", "CMYK"):
        Image.fromarray(RAMP).convert(mode).save(tmp_path / "ramp.jpg", quality=98)
        assert np.abs(read_picture(tmp_path / "ramp.jpg") - RAMP / 255).max() < 0.06


@pytest.fixture
def heic(tmp_path: Path) -> Path:
    """A photo as an iPhone takes it held upright: it lies on its side, and a note says how to turn it."""
    pillow_heif: Any = pytest.importorskip("pillow_heif", reason="reads HEIC: install groundup[heic]")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = Image.fromarray(np.rot90(np.kron(RAMP, np.ones((8, 8), np.uint8))).copy()).convert("RGB")
    pillow_heif.from_pillow(turned).save(tmp_path / "photo.heic", quality=100, exif=exif.tobytes())
    return tmp_path / "photo.heic"


def test_heic(heic: Path) -> None:
    for source in (heic, io.BytesIO(heic.read_bytes())):
        grey = read_picture(source)
        assert grey.shape == (96, 128)
        assert np.abs(grey[4::8, 4::8] - RAMP / 255).max() < 0.03
    for length in range(12, heic.stat().st_size, 97):
        (heic.parent / "short.heic").write_bytes(heic.read_bytes()[:length])
        with contextlib.suppress(PictureError):
            assert read_picture(heic.parent / "short.heic").shape == (96, 128)


def test_heic_without_its_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x24ftypheic\0\0\0\0mif1heic")
    with pytest.raises(PictureError, match=r"photo\.heic: to read HEIC takes pillow-heif: pip install"):
        read_picture(tmp_path / "photo.heic")


def test_one_bit(tmp_path: Path) -> None:
    bits = RAMP > 127
    Image.fromarray(bits).save(tmp_path / "bits.png")
    assert np.array_equal(read_picture(tmp_path / "bits.png"), bits)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_scale(tmp_path: Path, suffix: str) -> None:
    deep = RAMP.astype(np.uint16) * 257
    Image.fromarray(deep // 2).save(tmp_path / f"deep.{suffix}")
    assert np.abs(read_picture(tmp_path / f"deep.{suffix}") - RAMP / 510).max() < 1e-4


def test_a_sixteen_bit_png_that_pillow_did_not_write(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + (RAMP[row].astype(">u2") * 257).tobytes() for row in range(12))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 16, 12, 16, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert np.abs(read_picture(tmp_path / "deep.png") - RAMP / 255).max() < 1e-4


def test_lab_takes_the_lightness(tmp_path: Path) -> None:
    Image.merge("LAB", [Image.fromarray(plane) for plane in (RAMP, RAMP, RAMP)]).save(tmp_path / "lab.tif")
    assert np.array_equal(read_picture(tmp_path / "lab.tif"), RAMP / np.float32(255))


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    alpha = np.zeros((12, 16), dtype=np.uint8)
    alpha[:, 8:] = 255
    black = np.zeros((12, 16, 3), dtype=np.uint8)
    Image.fromarray(np.dstack([black, alpha])).save(tmp_path / "rgba.png")
    Image.fromarray(np.dstack([black[..., 0], alpha])).save(tmp_path / "la.png")
    indexed = Image.fromarray((alpha > 0).astype(np.uint8), mode=None)
    indexed = indexed.convert("P")
    indexed.putpalette([10, 20, 30, 0, 0, 0])
    indexed.save(tmp_path / "p.png", transparency=b"\x00\xff")
    Image.fromarray(np.where(alpha > 0, 0, 7).astype(np.uint8)).save(tmp_path / "l.png", transparency=7)
    for name in ("rgba", "la", "p", "l"):
        assert np.array_equal(read_picture(tmp_path / f"{name}.png"), 1 - alpha / np.float32(255)), name


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    # What a camera stores for each value of the tag, so that it must be turned back.
    stored = {
        1: RAMP, 2: RAMP[:, ::-1], 3: RAMP[::-1, ::-1], 4: RAMP[::-1],
        5: RAMP.T, 6: RAMP.T[::-1], 7: RAMP.T[::-1, ::-1], 8: RAMP.T[:, ::-1],
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, **options)
    assert np.abs(read_picture(path) - RAMP / np.float32(255)).max() < 0.01


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert np.abs(read_picture(tmp_path / "moving.gif") - RAMP / 255).max() < 0.02


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("a seven")
    (tmp_path / "vector.eps").write_bytes(_saved("EPS"))
    for name, message in (
        ("missing.png", "no such file"),
        (".", "folder"),
        ("empty.png", "empty"),
        ("text.png", "not a picture"),
        ("text.png/seven.png", "cannot be read"),
        ("vector.eps", "PostScript"),
    ):
        with pytest.raises(PictureError, match=message) as caught:
            read_picture(tmp_path / name)
        assert str(tmp_path) in str(caught.value)


def test_not_finite(tmp_path: Path) -> None:
    values = np.full((4, 4), np.nan, dtype=np.float32)
    Image.fromarray(values).save(tmp_path / "nan.tif")
    with pytest.raises(PictureError, match="not finite"):
        read_picture(tmp_path / "nan.tif")


def test_too_big_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    for width, height in ((10_000, 5_001), (10_000, 10_000), (60_000, 60_000)):
        header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        chunk = b"IHDR" + header
        path = tmp_path / "big.png"
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
            + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
        )  # fmt: skip
        with pytest.raises(PictureError, match="too big"):
            read_picture(path)


def test_a_fault_beside_the_pixels_does_not_matter(tmp_path: Path) -> None:
    body = _saved("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x09\0")  # announces nine tags and has none
    (tmp_path / "phone.jpg").write_bytes(body)
    assert read_picture(tmp_path / "phone.jpg").shape == RAMP.shape


def _saved(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RAMP).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM"])
def test_every_truncation_is_an_error_or_a_picture(tmp_path: Path, kind: str) -> None:
    whole = _saved(kind)
    path = tmp_path / "short"
    messages = []
    for length in range(1, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        try:
            assert read_picture(path).shape == RAMP.shape
        except PictureError as error:
            messages.append(str(error))
    assert len(messages) > 30
    assert all(str(path) in message for message in messages)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "TGA", "WEBP", "PCX", "ICO"]), data=st.data())
def test_damage_is_an_error_or_a_picture(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    body = bytearray(_saved(kind))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=6)):
        body[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(body)
    try:
        grey = read_picture(path)
    except PictureError:
        return
    assert grey.ndim == 2
    assert grey.min() >= 0
    assert grey.max() <= 1


# --- Into MNIST's form ---------------------------------------------------------------------------------------------


def test_form() -> None:
    grey = drawing()
    prepared = to_mnist(grey)
    assert prepared.pixels.shape == (28, 28)
    assert prepared.pixels.dtype == np.uint8
    ink = np.argwhere(prepared.pixels > 30)
    assert (ink.max(axis=0) - ink.min(axis=0) + 1).max() == 20
    left, top, right, bottom = prepared.box
    inside = grey[top:bottom, left:right] < 0.5
    assert inside.sum() == (grey < 0.5).sum()
    assert (bottom - top) <= 0.75 * 200
    rows, columns = np.mgrid[:28, :28]
    weights = prepared.pixels / prepared.pixels.sum(dtype=float)
    assert abs((weights * rows).sum() - 14) <= 0.5
    assert abs((weights * columns).sum() - 14) <= 0.5
    assert prepared.pixels.max() == 255
    assert np.mean((prepared.pixels > 0) & (prepared.pixels < 255)) > 0.05  # soft edges


@settings(max_examples=25, deadline=None)
@given(
    margins=st.tuples(*4 * [st.integers(0, 40)]),
    scale=st.sampled_from([1, 2]),
    contrast=st.floats(0.15, 1),
    dark=st.booleans(),
)
def test_place_size_contrast_and_polarity_do_not_matter(
    margins: tuple[int, int, int, int], scale: int, contrast: float, dark: bool
) -> None:
    grey = drawing(100, pen=9)
    plain = to_mnist(grey)
    above, below, left, right = margins
    other = np.pad(grey, ((above, below), (left, right)), mode="edge").repeat(scale, axis=0).repeat(scale, axis=1)
    other = 0.5 + np.float32(contrast) * (other - 0.5)
    moved = to_mnist(other if dark else 1 - other)
    assert difference(moved.pixels, plain.pixels) < 2.5
    expected = [scale * (edge + by) for edge, by in zip(plain.box, (left, above, left, above), strict=True)]
    assert np.abs(np.subtract(moved.box, expected)).max() <= 2 * scale


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
        elements=st.floats(0, 1, width=32),
    )
)
def test_any_picture_gives_a_digit_or_an_error(grey: NDArray[np.float32]) -> None:
    try:
        prepared = to_mnist(grey)
    except PictureError:
        return
    left, top, right, bottom = prepared.box
    assert 0 <= left < right <= grey.shape[1]
    assert 0 <= top < bottom <= grey.shape[0]
    assert prepared.pixels.shape == (28, 28)
    assert prepared.pixels.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (28, 28), (700, 300)])
def test_blank_pictures(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).normal(0.7, 0.02, shape).clip(0, 1).astype(np.float32)
    for grey in (np.zeros(shape, np.float32), np.full(shape, 0.3, np.float32), noise if min(shape) > 20 else noise * 0):
        with pytest.raises(PictureError, match="blank"):
            to_mnist(grey)


def test_shade_and_noise_do_not_matter() -> None:
    grey = drawing()
    y, x = np.mgrid[:200, :200] / 200
    shaded = 0.35 + 0.3 * grey + 0.2 * x + 0.1 * y * x + np.random.default_rng(2).normal(0, 0.015, grey.shape)
    assert difference(to_mnist(shaded.astype(np.float32)).pixels, to_mnist(grey).pixels) < 6


def test_specks_and_lines_from_beyond_the_border_are_ignored() -> None:
    grey = drawing()
    plain = to_mnist(grey)
    grey[180:183, 185:188] = 0  # a speck
    grey[195:197, :] = 0.1  # a ruled line
    dirty = to_mnist(grey)
    assert dirty.box == plain.box
    assert difference(dirty.pixels, plain.pixels) < 1


def test_specks_beside_the_strokes_are_erased() -> None:
    grey = drawing()
    plain = to_mnist(grey)
    grey[140:144, 115:119] = 0  # within the digit's box, beside its stem
    assert difference(to_mnist(grey).pixels, plain.pixels) < 0.1


def test_a_stroke_apart_belongs_to_the_digit() -> None:
    grey = np.ones((100, 100), np.float32)
    grey[20:28, 40:70] = 0  # the bar of a five, not joined to its body
    grey[34:80, 30:38] = 0
    assert to_mnist(grey).box == (30, 20, 70, 80)


def test_thin_lines_are_widened_and_usual_ones_are_not() -> None:
    thin = to_mnist(drawing(1000, pen=2)).pixels
    usual = to_mnist(drawing(1000, pen=80)).pixels
    assert thin.max() > 240
    assert thin.sum() > 0.35 * usual.sum()
    assert difference(usual, to_mnist(drawing(200, pen=16)).pixels) < 2


def test_large_pictures_keep_the_box_in_their_own_pixels() -> None:
    small, large = to_mnist(drawing(250)).box, to_mnist(drawing(250).repeat(9, axis=0).repeat(9, axis=1)).box
    assert np.abs(np.subtract(large, 9 * np.array(small))).max() <= 2 * 9


# --- Real digits ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits(mnist_folder: Path) -> NDArray[np.uint8]:
    for path in sorted(mnist_folder.glob("t10k-images-idx3-ubyte*")):
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        images = np.frombuffer(body, np.uint8, offset=16).reshape(-1, 28, 28)[:300]
        # Unusually thin and thick strokes are changed on purpose, so those are not expected back as they were.
        return images[[1.8 < stroke_width(image / np.float32(255)) < 3.9 for image in images]]
    raise AssertionError("no test pictures in GROUNDUP_DATA")


@pytest.mark.parametrize("change", ["none", "inverted", "ten times larger", "in a larger picture", "grey on grey"])
def test_mnist_stays_as_it_is(digits: NDArray[np.uint8], change: str) -> None:
    changed = {
        "none": lambda grey: grey,
        "inverted": lambda grey: 1 - grey,
        "ten times larger": lambda grey: grey.repeat(10, axis=0).repeat(10, axis=1),
        "in a larger picture": lambda grey: np.pad(grey, ((7, 90), (60, 3))),
        "grey on grey": lambda grey: np.float32(0.7) - np.float32(0.4) * grey,
    }[change]
    differences = [difference(to_mnist(changed(image / np.float32(255))).pixels, image) for image in digits]
    softness = 3 if change == "ten times larger" else 1  # its blocks are not what a real larger picture has
    assert np.mean(differences) < 0.5 * softness
    assert np.quantile(differences, 0.98) < softness


def test_a_photographed_digit_comes_back_upright(digits: NDArray[np.uint8], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for image in digits[:10]:
        page = np.pad(255 - image.repeat(8, axis=0).repeat(8, axis=1), ((20, 60), (90, 30)), constant_values=255)
        Image.fromarray(np.ascontiguousarray(page.T[::-1])).save(tmp_path / "photo.jpg", exif=exif, quality=90)
        assert difference(to_mnist(read_picture(tmp_path / "photo.jpg")).pixels, image) < 4


# --- The stages ----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)))
def test_pieces_are_those_of_a_flood_fill(mask: NDArray[np.bool_]) -> None:
    pieces = find_pieces(mask)
    labels, boxes = pieces.labels, pieces.boxes
    expected = np.zeros(mask.shape, dtype=int)
    count = 0
    for start in map(tuple, np.argwhere(mask)):
        if expected[start]:
            continue
        count += 1
        queue = deque([start])
        expected[start] = count
        while queue:
            row, column = queue.popleft()
            for y in range(max(row - 1, 0), min(row + 2, mask.shape[0])):
                for x in range(max(column - 1, 0), min(column + 2, mask.shape[1])):
                    if mask[y, x] and not expected[y, x]:
                        expected[y, x] = count
                        queue.append((y, x))
    assert len(boxes) == count
    assert len({*zip(expected.ravel(), labels.ravel(), strict=True)}) == len(np.unique(expected))
    assert np.array_equal(labels > 0, mask)
    for index, (left, top, right, bottom) in enumerate(boxes, start=1):
        places = np.argwhere(labels == index)
        assert (top, left) == tuple(places.min(axis=0))
        assert (bottom, right) == tuple(places.max(axis=0) + 1)


@settings(deadline=None)
@given(hnp.arrays(np.float32, (6, 10), elements=st.floats(0, 1, width=32)), st.integers(1, 30), st.integers(1, 30))
def test_resizing_keeps_the_mean(picture: NDArray[np.float32], height: int, width: int) -> None:
    scaled = resize(picture, height, width)
    assert scaled.shape == (height, width)
    assert scaled.mean() == pytest.approx(picture.mean(), abs=1e-5)


def test_resizing_by_whole_factors_is_pillows() -> None:
    picture = np.random.default_rng(3).random((20, 30), dtype=np.float32)
    assert np.allclose(resize(picture, 4, 6), np.asarray(Image.fromarray(picture).reduce(5)), atol=1e-6)
    assert np.array_equal(resize(picture, 40, 60), picture.repeat(2, axis=0).repeat(2, axis=1))


def test_fitting_keeps_the_aspect() -> None:
    assert fit(np.ones((100, 50), np.float32)).shape == (20, 10)
    assert fit(np.ones((3, 300), np.float32)).shape == (1, 20)
    assert fit(np.ones((5, 4), np.float32)).shape == (20, 16)


def test_growing_makes_about_a_disc() -> None:
    point = np.zeros((41, 41), dtype=np.float32)
    point[20, 20] = 1
    disc = grow(point, 12) > 0
    y, x = np.mgrid[-20:21, -20:21]
    assert not disc[np.hypot(x, y) > 14].any()
    assert disc[np.hypot(x, y) <= 12].all()


@given(st.integers(0, 2**32 - 1), st.floats(0, 30))
def test_what_lies_within_a_distance(seed: int, distance: float) -> None:
    mask = np.random.default_rng(seed).random((17, 23)) < 0.02
    ys, xs = np.nonzero(mask)
    y, x = np.indices(mask.shape)
    distances = np.hypot(y[..., None] - ys, x[..., None] - xs).min(axis=-1, initial=np.inf)
    near = within(mask, distance)
    clear = abs(distances - distance) > 1e-4  # OpenCV counts in float32
    assert np.array_equal(near[clear], (distances <= distance)[clear])


def test_stroke_width_of_a_bar() -> None:
    bar = np.zeros((60, 60), np.float32)
    bar[5:55, 20:27] = 1
    assert stroke_width(bar) == pytest.approx(7 * 4 / np.pi, rel=0.15)


def test_mosaic() -> None:
    tiled = mosaic(np.arange(1, 4)[:, None, None] * np.ones((3, 2, 2)), columns=2)
    assert tiled.shape == (5, 5)
    assert tiled[0, 0] == 1
    assert tiled[0, 3] == 2
    assert tiled[3, 0] == 3
    assert np.isnan(tiled[2]).all()
    assert np.isnan(tiled[3:, 3:]).all()


def test_reading_needs_nothing_heavy() -> None:
    code = "import sys, groundup.pictures; print(any(name in sys.modules for name in ('scipy', 'matplotlib', 'rich')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
