"""What several test files share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("groundup", deadline=None)  # a busy machine is no failure
settings.load_profile("groundup")


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the real MNIST's four IDX files, or a skip."""
    folder = os.environ.get("GROUNDUP_DATA")
    if not folder:
        pytest.skip("needs the real MNIST: set GROUNDUP_DATA to the folder of its four IDX files")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, or a skip."""
    return pytest.importorskip("torch", reason="compares with PyTorch: install groundup[oracles]")
