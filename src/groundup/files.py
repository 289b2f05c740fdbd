"""Writing files so that nothing is lost: to a temporary name first, then renamed into place."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block ends well, remove it otherwise.

    The rename is atomic, and the bytes are on the disk before it: a crash, a full disk or Ctrl-C leaves either the
    old file or the new one, whole. Folders that are missing are made. A process killed in between may leave a
    ``.partial`` file behind; nothing reads those.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    final = Path(path)
    if not final.name:  # ".", "/" or nothing
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(final))
    final.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: libraries choose a file's format by it.
    temporary = final.with_name(f".{final.stem}.partial-{secrets.token_hex(4)}{final.suffix}")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)
