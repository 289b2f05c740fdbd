"""A playground in a process of its own, and a browser to look at it with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

PATIENCE = 120  # seconds that anything may take
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


@contextmanager
def playground(*options: str) -> Iterator[str]:
    """Run ``groundup play`` on a free port, and give its address."""
    pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")
    command = [sys.executable, "-c", "from groundup.cli import main; main()", "play"]
    process = subprocess.Popen([*command, "--no-open", "--port", "0", "--json", *options], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())["address"]
        with urlopen(found, timeout=PATIENCE) as answer:  # what it imports takes a while on a busy machine
            answer.read()
        yield found
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The address of a playground that runs: ``http://127.0.0.1:PORT/``."""
    with playground() as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, or a skip."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: install groundup[browser]")
    if not CHROMIUM.exists():
        pytest.skip(f"needs the browser {CHROMIUM} (Debian's package chromium)")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield found
        found.close()


Visit = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Return ``visit(query="", **context)``, which opens a page of a visitor of their own, at desktop size unless told.

    The test fails if any of its pages writes an error to the console, raises one, or asks any other host for anything.
    A screenshot of each page as the test leaves it is kept in the folder that ``GROUNDUP_SCREENSHOTS`` names.
    """
    contexts, complaints = [], list[str]()
    host = urlsplit(address).netloc

    def opened(query: str = "", **options: Any) -> Any:
        context = browser.new_context(**(DESKTOP | options))
        context.set_default_timeout(1000 * PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(f"console: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(f"page: {error}"))
        page.on("request", lambda asked: _same_host(asked.url, host) or complaints.append(f"elsewhere: {asked.url}"))
        page.goto(address + query)
        page.wait_for_function("() => window.did_handshake || window.socket?.connected", timeout=1000 * PATIENCE)
        return page

    yield opened
    for number, context in enumerate(contexts):
        for page in context.pages:
            keep_screenshot(page, f"{request.node.name}-{number}")
        context.close()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def page(visit: Visit) -> Any:
    """The page on a desktop, 1280x800."""
    return visit()


@pytest.fixture
def phone(visit: Visit) -> Any:
    """The page on a phone, 390x844, with touch."""
    return visit(**PHONE)


def keep_screenshot(page: Any, name: str) -> None:
    """Keep a screenshot of the whole page, if ``GROUNDUP_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("GROUNDUP_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{re.sub(r'[^a-zA-Z0-9-]+', '-', name)}.png", full_page=True)


def _same_host(url: str, host: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob", "about") or parts.netloc == host
