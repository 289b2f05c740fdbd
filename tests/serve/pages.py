"""A playground in a process of its own, and what tests need to look at its pages."""

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
from urllib.request import urlopen

import pytest

PATIENCE = 120  # seconds that anything may take
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
Visit = Callable[..., Any]


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


def parameters(page: Any) -> str:
    """Return what stands in the address bar once the last change is written."""
    page.wait_for_timeout(600)
    return str(page.url)


def keep_screenshot(page: Any, name: str) -> None:
    """Keep a screenshot of the whole page, if ``GROUNDUP_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("GROUNDUP_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{re.sub(r'[^a-zA-Z0-9-]+', '-', name)}.png", full_page=True)
