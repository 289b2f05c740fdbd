"""Downloading a published data set into a folder: resumable, from several mirrors, checked before it is used.

The library that downloads is pooch; what is added here is going on where a broken download ended, and trying mirrors.
"""

from __future__ import annotations

import hashlib
import os
import queue
import re
import threading
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.data import idx
from groundup.data.published import Published, PublishedFile
from groundup.errors import DataError

if TYPE_CHECKING:
    import requests
    from rich.progress import Progress

ANSWER_WITHIN = 3.0  # seconds for the first mirror to answer; a machine without network waits no longer
TIMEOUT = (3.0, 10.0)  # seconds to connect, and between two pieces of data
ATTEMPTS = 5  # at one mirror
PIECE = 1 << 13  # bytes; of a connection that breaks, the piece that had begun is lost
CONNECTION = re.compile(r"^<?HTTPS?Connection\(.*?\)>?: ")


def fetch(published: Published, folder: Path) -> None:
    """Download those files of a published data set that are not in `folder` yet, showing progress on stderr.

    Every file arrives as a ``.part`` file, is checked, and only then gets its own name. What an interrupted call
    leaves, the next one goes on with.

    Parameters
    ----------
    published : Published
        What to download.
    folder : Path
        Where to; it is made if it is not there.

    Raises
    ------
    DataError
        If no mirror answers, or a file can be had whole from none; the message names each mirror's trouble.
    """
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Of two processes that want the same data set, the second waits and finds it there.
        with FileLock(folder / ".lock"):
            missing = [file for file in published.files if not (folder / file.name).exists()]
            mirrors = by_answer(published.mirrors, missing[0].name) if missing else []
            with _progress() as progress:
                for file in missing:
                    download(file, mirrors, folder, progress)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _progress() -> Progress:
    """Return the bars that are shown on stderr, one a file."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))


def by_answer(mirrors: Sequence[str], name: str) -> list[str]:
    """Return the mirrors, the first that says it has the file `name` in front.

    All are asked at once, so that neither a dead mirror nor a network that swallows everything costs much time.

    Raises
    ------
    DataError
        If none says so within a few seconds.
    """
    import pooch
    import requests

    answers: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()

    def ask(mirror: str) -> None:
        try:
            has = pooch.HTTPDownloader(timeout=ANSWER_WITHIN)(mirror + name, None, None, check_only=True)
            answers.put((mirror, "" if has else f"has no {name}"))
        except requests.RequestException as error:
            answers.put((mirror, _reason(error)))

    for mirror in mirrors:
        # A daemon: looking up a host's address cannot be stopped and must not hold up the end of the program.
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    troubles = dict.fromkeys(mirrors, f"no answer within {ANSWER_WITHIN:g} seconds")
    deadline = time.monotonic() + ANSWER_WITHIN
    for _ in mirrors:
        try:
            mirror, trouble = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if not trouble:
            return [mirror, *(other for other in mirrors if other != mirror)]
        troubles[mirror] = trouble
    raise DataError(_all_failed("no mirror can be reached", troubles))


def download(file: PublishedFile, mirrors: Sequence[str], folder: Path, progress: Progress) -> None:
    """Download one file from the first of `mirrors` that gives it whole and unchanged.

    Raises
    ------
    DataError
        If none does.
    """
    troubles = {}
    bar = _Bar(progress, file.name)
    for mirror in mirrors:
        trouble = _from_mirror(file, mirror + file.name, folder / file.name, bar)
        if trouble is None:
            for other_part in folder.glob(f"{file.name}.*.part"):
                other_part.unlink()
            return
        troubles[mirror] = trouble
    raise DataError(_all_failed(f"{file.name} cannot be downloaded", troubles))


def _from_mirror(file: PublishedFile, url: str, path: Path, bar: _Bar) -> str | None:
    """Download from one address, going on after each break; return what was wrong, None if nothing."""
    import requests

    # One part a mirror: the same bytes may be compressed differently elsewhere, and pieces of two do not fit.
    part = path.with_name(f"{path.name}.{zlib.crc32(url.encode()):08x}.part")
    trouble: str | None = None
    for _ in range(ATTEMPTS):
        before = part.stat().st_size if part.exists() else 0
        try:
            _receive(url, part, bar)
        except requests.RequestException as error:
            trouble = _reason(error)
            if error.response is not None and error.response.status_code == 416:
                part.unlink()  # There is nothing after the part's end, yet it was not taken for whole: begin anew.
            elif part.stat().st_size <= before:
                break
            continue
        trouble = fault(file, part)
        if trouble is None:
            part.replace(path)
            return None
        part.unlink()
        if before == 0:
            break  # Fetched in one go and wrong: it would be wrong again.
    return trouble


def _receive(url: str, part: Path, bar: _Bar) -> None:
    """Append to `part` what of `url` it lacks."""
    import pooch

    with part.open("ab") as output:
        start = output.tell()

        def begin(response: Any, **_: Any) -> None:
            if response.status_code == 200:
                output.truncate(0)  # The server does not do ranges and sends everything again.

        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        receive = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=PIECE,
            timeout=TIMEOUT,
            headers=headers,
            hooks={"response": begin},
        )
        receive(url, output, None)
        os.fsync(output.fileno())


class _Bar:
    """What pooch tells its progress bar, told to rich."""

    def __init__(self, progress: Progress, description: str) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=None)

    def _begin(self, total: int) -> None:
        self._progress.update(self._task, total=total, completed=0)

    total = property(None, _begin, doc="How many bytes come; pooch sets it when the server has said so.")

    def update(self, count: int) -> None:
        """Count bytes."""
        self._progress.advance(self._task, count)

    def reset(self) -> None:
        """Begin again at 0."""
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Leave the bar as it stands."""


def fault(file: PublishedFile, path: Path) -> str | None:
    """Say what is wrong with the file at `path`, which should be `file`; None if it is the one that was published."""
    if file.md5:
        md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        if md5 != file.md5:
            return f"its MD5 is {md5} instead of {file.md5}; it was thrown away"
    try:
        values = idx.read(path)
    except DataError as error:
        return f"{error}; it was thrown away"
    sha256 = idx.sha256(values)
    if file.sha256 and sha256 != file.sha256:
        return f"the SHA-256 of its contents is {sha256} instead of {file.sha256}; it was thrown away"
    return None


def _reason(error: requests.RequestException) -> str:
    """Return the innermost error's message; the outer ones repeat the address and name a library's parts."""
    inner: object = error
    while isinstance(inner, Exception):
        outer = inner
        inner = getattr(outer, "reason", None) or next(iter(outer.args), None)
    return CONNECTION.sub("", inner if isinstance(inner, str) else str(outer))


def _all_failed(what: str, troubles: dict[str, str]) -> str:
    """Return a message with a line for each mirror's trouble."""
    return "\n  ".join([f"{what}:", *(f"{mirror} {trouble}" for mirror, trouble in troubles.items())])
