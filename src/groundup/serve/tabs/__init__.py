"""The tabs of the page, each a module with ``TITLE``, ``ICON`` and ``build(visitor)``."""

from __future__ import annotations

import importlib
from typing import Protocol

from groundup.serve.visitor import Visitor

NAMES = ("draw", "inside", "train", "mistakes", "breaking")
"""In the order in which they stand; the first is open at the beginning."""


class Tab(Protocol):
    """What a tab's module has."""

    TITLE: str
    ICON: str
    """A Material icon's name."""

    def build(self, visitor: Visitor) -> None:
        """Build the tab's content inside the current container; called once a visitor, when it is first opened."""


def tabs() -> dict[str, Tab]:
    """Return the tabs by name."""
    return {name: importlib.import_module(f"{__name__}.{name}") for name in NAMES}
