"""The book's reference leaves out no command and no public name."""

from __future__ import annotations

import re
from pathlib import Path

import groundup
from groundup.cli import COMMANDS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_every_command() -> None:
    told = re.findall(r":prog: groundup (\w+)", (REFERENCE / "commands.md").read_text(encoding="utf-8"))
    assert sorted(told) == sorted(COMMANDS)


def test_every_public_name() -> None:
    text = (REFERENCE / "api.md").read_text(encoding="utf-8")
    told = set(re.findall(r"\.\. auto\w+:: (\w+)$", text, re.MULTILINE))
    assert told >= set(groundup.__all__)
