"""What several test files share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

QUIETLY = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Chromium's options: it asks nobody for anything."""

settings.register_profile("groundup", deadline=None)  # a busy machine is no failure
settings.load_profile("groundup")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # behind a shell's `&`; the programs under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the real MNIST's four IDX files, or a skip."""
    folder = os.environ.get("GROUNDUP_DATA")
    if not folder:
        pytest.skip("needs the real MNIST: set GROUNDUP_DATA to the folder of its four IDX files")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, or a skip."""
    return pytest.importorskip("torch", reason="compares with PyTorch: install groundup[oracles]")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, or a skip. One for all tests: Playwright's event loop stands in the main thread until it ends."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: install groundup[browser]")
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("needs the browser Chromium, Debian's package chromium")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=chromium, args=QUIETLY)
        yield found
        found.close()
