"""What the tests of data sets share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundup.data.datasets import Dataset


@pytest.fixture
def parts() -> tuple[Dataset, Dataset]:
    """A small training and test part: noise, every digit equally often."""
    rng = np.random.default_rng(5)
    train, test = (
        Dataset(
            rng.integers(0, 256, (count, 28, 28), dtype=np.uint8),
            np.arange(count, dtype=np.uint8) % 10,
            f"noise/{part}",
        )
        for part, count in (("train", 40), ("test", 20))
    )
    return train, test


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No data set in the environment, no mirror to be reached, an empty cache, which is returned."""
    from groundup.data import download, sources
    from groundup.errors import DataError

    def unreachable(*_: object) -> list[str]:
        raise DataError("no mirror can be reached:\n  http://example.invalid/ said nothing")

    monkeypatch.delenv("GROUNDUP_DATA", raising=False)
    monkeypatch.setattr(download, "by_answer", unreachable)
    monkeypatch.setattr(sources, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"
