"""The page's style sheets."""

from __future__ import annotations

from nicegui import ui

import groundup


def add_styles(*names: str) -> None:
    """Add style sheets from the folder ``static``, by name; the version in the address is for browsers' caches."""
    links = (f'<link rel="stylesheet" href="/static/{name}.css?{groundup.__version__}">' for name in names)
    ui.add_head_html("".join(links))
