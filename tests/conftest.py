"""What several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the real MNIST's four IDX files, or a skip."""
    folder = os.environ.get("GROUNDUP_DATA")
    if not folder:
        pytest.skip("needs the real MNIST: set GROUNDUP_DATA to the folder of its four IDX files")
    return Path(folder).resolve()
