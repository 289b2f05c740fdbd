"""How many pages may be open at once: each takes memory for as long as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from nicegui import Client  # who wants the API alone need not wait for it

MOST = 100
"""Pages open at once, by default: three for each pupil of a class. One on which nothing was done yet takes 4 MB."""

PATIENCE = 20.0
"""Seconds after which a page whose browser has not come back for it makes room, when there is no other."""

AGAIN = 15
"""Seconds after which a page that was refused tries again by itself."""

FULL = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>groundup: no page is free</title>
<meta http-equiv="refresh" content="{again}"><link rel="stylesheet" href="/static/groundup.css"></head>
<body class="page-full"><main class="card">
<h1 class="card-title">No page is free</h1>
<p>This playground has {most} pages open, and may not have more: each keeps a network of its own in memory. Close a page
that you no longer need; it makes room some seconds later.</p>
<p class="explained">This page tries again every {again} seconds.</p>
</main></body>
</html>
"""


class Pages:
    """Counts the pages that are open.

    Parameters
    ----------
    most : int
        How many may be.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._open: set[str] = set()

    def enter(self, client: Client) -> bool:
        """Count a page from now until it is closed; or return False if there are as many as there may be."""
        if len(self._open) >= self.most:
            type(client).prune_instances(client_age_threshold=PATIENCE)
        if len(self._open) >= self.most:
            return False
        name = client.id
        self._open.add(name)
        client.on_delete(lambda: self._open.discard(name))
        return True

    def refusal(self) -> HTMLResponse:
        """Return what a person is told for whom there is no page."""
        text = FULL.format(most=self.most, again=AGAIN)
        return HTMLResponse(text, 503, {"Retry-After": str(AGAIN), "Cache-Control": "no-store"})
