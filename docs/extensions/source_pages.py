"""A link from a page to a file of the repository becomes a link to a page that shows that file.

In the repository, and on a forge that renders Markdown, ``[value.py](../src/groundup/backends/scalar/value.py)`` is a
link that works. MyST would make a download of it. This makes a highlighted page.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

REPOSITORY = Path(__file__).parents[2]
SHOWN = ("src/", "tests/", "benchmarks/", "docs/exercises/")


def _page(path: Path) -> str | None:
    """Return the page's name for a file of the repository, or None if it is shown as no page."""
    try:
        relative = path.resolve().relative_to(REPOSITORY).as_posix()
    except ValueError:
        return None
    return f"source/{relative}" if path.is_file() and relative.startswith(SHOWN) else None


def _linked(app: Sphinx) -> dict[str, str]:
    """Return the files that are linked to, by their pages' names.

    Sphinx keeps its environment, and what is in it, from one build to the next: a page that did not change is not read
    again.
    """
    linked: dict[str, str] = vars(app.env).setdefault("source_pages", {})
    return linked


def link(app: Sphinx, doctree: nodes.document) -> None:
    """Turn each download of a source file into a link to its page."""
    document = app.env.docname
    folder = Path(app.srcdir, document).parent
    for found in list(doctree.findall(addnodes.download_reference)):
        path = Path(os.path.normpath(folder / str(found["reftarget"])))
        page = _page(path)
        if page is None:
            continue
        _linked(app)[page] = str(path)
        target = os.path.relpath(page, Path(document).parent) + ".html"
        reference = nodes.reference("", "", internal=True, refuri=target, classes=["source"])
        reference += found.children
        found.replace_self(reference)


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each file that is linked to."""
    for name, path in sorted(_linked(app).items()):
        title = name.removeprefix("source/")
        yield (
            name,
            {"title": title, "body": f"<h1>{html.escape(title)}</h1>{_highlighted(app, Path(path))}"},
            "page.html",
        )


def _highlighted(app: Sphinx, path: Path) -> str:
    try:
        language = get_lexer_for_filename(path.name).aliases[0]
    except ClassNotFound:
        language = "text"
    assert isinstance(app.builder, StandaloneHTMLBuilder)  # nothing else collects pages
    return app.builder.highlighter.highlight_block(path.read_text(encoding="utf-8"), language, linenos="inline")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("doctree-read", link, priority=400)  # before Sphinx collects what there is to download
    app.connect("html-collect-pages", pages)
    return {"version": "1", "parallel_read_safe": False}
