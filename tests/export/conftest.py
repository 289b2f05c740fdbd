"""A real browser, for the page that runs in one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium without a window, or a skip."""
    playwright = pytest.importorskip("playwright.sync_api", reason="opens pages: install groundup[browser]")
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("needs the browser Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield made
        made.close()
