"""Downloads from servers on this machine that misbehave in every way that mirrors do."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import rich.progress

from groundup.data import download, idx
from groundup.data.download import PIECE
from groundup.data.published import Published, PublishedFile
from groundup.errors import DataError

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@dataclass
class Mirror:
    """How a mirror behaves, and what it was asked."""

    files: dict[str, bytes]
    ranges: bool = True
    break_after: list[int] = field(default_factory=list)  # bytes of each successive answer, then whole ones
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # file name, Range header
    url: str = ""

    def answer(self, request: http.server.BaseHTTPRequestHandler, body: bool) -> None:
        name = request.path.lstrip("/")
        if body:
            self.asked.append((name, request.headers["Range"]))
        if name not in self.files:
            request.send_error(404)
            return
        contents, start = self.files[name], 0
        if self.ranges and (wanted := request.headers["Range"]):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(contents):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(contents) - start))
        request.end_headers()
        if body:
            stop = start + self.break_after.pop(0) if self.break_after else len(contents)
            request.wfile.write(contents[start:stop])


@pytest.fixture
def serve() -> Iterator[Callable[[Mirror], str]]:
    servers = []

    def start(mirror: Mirror) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self, body=True)

            def do_HEAD(self) -> None:
                mirror.answer(self, body=False)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        mirror.url = f"http://127.0.0.1:{server.server_port}/"
        return mirror.url

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def arrays() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 256, (count, 28, 28), dtype=np.uint8) for count in (200, 20)]
    labels = [rng.integers(0, 10, count, dtype=np.uint8) for count in (200, 20)]
    return [images[0], labels[0], images[1], labels[1]]


@pytest.fixture
def files(arrays: list[np.ndarray], tmp_path: Path) -> dict[str, bytes]:
    for name, array in zip(NAMES, arrays, strict=True):
        idx.write(tmp_path / "made" / name, array)
    return {name: (tmp_path / "made" / name).read_bytes() for name in NAMES}


@pytest.fixture
def published(arrays: list[np.ndarray]) -> Callable[..., Published]:
    def make(*mirrors: str) -> Published:
        one, two, three, four = (
            PublishedFile(name, sha256=idx.sha256(array)) for name, array in zip(NAMES, arrays, strict=True)
        )
        return Published("tiny", mirrors, (one, two, three, four))

    return make


def is_complete(folder: Path, files: dict[str, bytes]) -> bool:
    """Say whether the folder has the four files and nothing half-done."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}
    return found == files


def test_downloads_every_file_once(serve, files, published, tmp_path, capsys) -> None:
    mirror = Mirror(files)
    tiny = published(serve(mirror))
    download.fetch(tiny, tmp_path / "cache")
    download.fetch(tiny, tmp_path / "cache")
    assert is_complete(tmp_path / "cache", files)
    assert mirror.asked == [(name, None) for name in NAMES]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert NAMES[0] in printed.err


def test_goes_on_where_the_connection_broke(serve, files, published, tmp_path) -> None:
    mirror = Mirror(files, break_after=[8 * PIECE + 100, 5 * PIECE + 5])
    download.fetch(published(serve(mirror)), tmp_path / "cache")
    assert is_complete(tmp_path / "cache", files)
    ranges = [asked for name, asked in mirror.asked if name == NAMES[0]]
    assert ranges == [None, f"bytes={8 * PIECE}-", f"bytes={13 * PIECE}-"]


def test_the_next_call_goes_on_where_the_last_was_killed(serve, files, published, tmp_path, monkeypatch) -> None:
    mirror = Mirror(files, break_after=[8 * PIECE])
    tiny = published(serve(mirror))
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz cannot be downloaded:\n  http://127.0.0.1"):
        download.fetch(tiny, tmp_path / "cache")
    (part,) = (tmp_path / "cache").glob("*.part")
    assert part.read_bytes() == files[NAMES[0]][: 8 * PIECE]
    assert not (tmp_path / "cache" / NAMES[0]).exists()
    download.fetch(tiny, tmp_path / "cache")
    assert is_complete(tmp_path / "cache", files)
    assert (NAMES[0], f"bytes={8 * PIECE}-") in mirror.asked


def test_begins_again_where_the_server_knows_no_ranges(serve, files, published, tmp_path) -> None:
    mirror = Mirror(files, ranges=False, break_after=[8 * PIECE])
    download.fetch(published(serve(mirror)), tmp_path / "cache")
    assert is_complete(tmp_path / "cache", files)
    assert len(mirror.asked) == 5


@pytest.mark.parametrize("length", [None, 1, -1], ids=["whole", "too long", "broken"])
def test_a_part_that_does_not_fit_is_thrown_away(serve, files, published, tmp_path, length) -> None:
    mirror = Mirror(files)
    tiny = published(serve(mirror))
    url = mirror.url + NAMES[0]
    good = files[NAMES[0]]
    leftover = {None: good, 1: good + b"x", -1: b"x" * 1000}[length]
    part = tmp_path / "cache" / f"{NAMES[0]}.{download.zlib.crc32(url.encode()):08x}.part"
    part.parent.mkdir()
    part.write_bytes(leftover)
    download.fetch(tiny, tmp_path / "cache")
    assert is_complete(tmp_path / "cache", files)
    assert mirror.asked[:2] == [(NAMES[0], f"bytes={len(leftover)}-"), (NAMES[0], None)]


def test_takes_what_one_mirror_lacks_from_the_next(serve, files, published, tmp_path) -> None:
    first = Mirror({NAMES[0]: files[NAMES[0]], NAMES[2]: files[NAMES[2]]}, break_after=[10**6, PIECE, 0])
    # Compressed in another way: what counts is what is inside.
    second = Mirror({name: gzip.compress(gzip.decompress(contents), 1) for name, contents in files.items()})
    mirrors = [serve(first), serve(second)]
    with rich.progress.Progress(disable=True) as progress:
        for file in published().files:
            download.download(file, mirrors, tmp_path, progress)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(NAMES)
    assert (tmp_path / NAMES[0]).read_bytes() == first.files[NAMES[0]]
    assert all((tmp_path / name).read_bytes() == second.files[name] for name in NAMES[1:])


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"<!DOCTYPE html><title>Log in to the network</title>", "byte 0: not an IDX file: begins with 3c 21 44 4f"),
        (b"", "byte 0: the file ends here"),
        (None, "the SHA-256 of its contents is [0-9a-f]{64} instead of [0-9a-f]{64}; it was thrown away"),
    ],
)
def test_what_is_wrong_is_thrown_away(serve, files, published, tmp_path, contents, message) -> None:
    wrong = files[NAMES[2]] if contents is None else contents
    bad = Mirror(files | {NAMES[0]: wrong})
    tiny = published(serve(bad))
    with pytest.raises(DataError, match=message):
        download.fetch(tiny, tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".lock"]
    assert len(bad.asked) == 1
    good = Mirror(files)
    serve(good)
    download.fetch(published(bad.url, good.url), tmp_path / "cache")
    assert is_complete(tmp_path / "cache", files)


def test_md5_is_that_of_the_compressed_file(files, tmp_path) -> None:
    path = tmp_path / NAMES[1]
    path.write_bytes(files[NAMES[1]])
    digest = hashlib.md5(files[NAMES[1]]).hexdigest()
    assert download.fault(PublishedFile(NAMES[1], md5=digest), path) is None
    assert "its MD5 is" in (download.fault(PublishedFile(NAMES[1], md5="0" * 32), path) or "")


def test_asks_the_mirror_first_that_answers_first(serve, files, published) -> None:
    dead, poor, good = "http://127.0.0.1:1/", Mirror({}), Mirror(files)
    mirrors = [dead, serve(poor), serve(good)]
    assert download.by_answer(mirrors, NAMES[0]) == [good.url, dead, poor.url]


def test_no_mirror_that_answers_is_an_error_that_names_each(serve, files, tmp_path) -> None:
    poor = Mirror({})
    with pytest.raises(DataError) as caught:
        download.by_answer(["http://127.0.0.1:1/", serve(poor)], NAMES[0])
    message = str(caught.value)
    assert message.startswith("no mirror can be reached:\n  http://127.0.0.1:1/ ")
    assert "Connection refused" in message
    assert f"{poor.url} has no {NAMES[0]}" in message


def test_a_network_that_swallows_everything_costs_little_time(monkeypatch) -> None:
    import socket

    monkeypatch.setattr(download, "ANSWER_WITHIN", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(DataError, match=r"no answer within 0.2 seconds|timed out"):
            download.by_answer([f"http://127.0.0.1:{silent.getsockname()[1]}/"] * 3, NAMES[0])
        assert time.monotonic() - start < 2


def test_a_folder_that_cannot_be_written_is_an_error(published, tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be written: Not a directory"):
        download.fetch(published("http://127.0.0.1:1/"), tmp_path / "file" / "cache")
