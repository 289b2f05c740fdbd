"""A playground, and pages of it in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pages import DESKTOP, PATIENCE, PHONE, Visit, keep_screenshot, playground


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The address of a playground that runs: ``http://127.0.0.1:PORT/``."""
    with playground() as found:
        yield found


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


def _same_host(url: str, host: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob", "about") or parts.netloc == host
