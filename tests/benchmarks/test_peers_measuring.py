"""Medians of turns, and who is left out of the table of peers."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    module = importlib.import_module("peers")
    monkeypatch.setattr(module, "PAUSE", 0)
    return module


def worker(seconds: list[float], accuracy: float) -> Any:
    """Return a stand-in for a process that takes these turns, and then fails."""
    answers = [{"seconds": each, "megabytes": 100.0 + turn} for turn, each in enumerate(seconds)]
    answers[0]["accuracy"] = accuracy
    given = iter(answers)
    process = SimpleNamespace(communicate=lambda: None)
    return SimpleNamespace(turn=lambda: next(given, None), process=process)


def test_medians_and_who_is_left_out(peers: Any) -> None:
    case, left_out = peers.cases()[0], {}
    workers = {
        "groundup numpy": worker([9.0, 3.0, 1.0, 2.0], 0.96),
        "pytorch float32": worker([9.0, 8.0, 8.0, 8.0], 0.95),
        "pytorch float32 fused": worker([9.0, 4.0, 4.0, 4.0], 0.95),
        "pytorch bfloat16 fused": worker([0.1, 0.1, 0.1, 0.1], 0.10),
        "jax": worker([1.0, 1.0], 0.96),
    }
    found = peers.measure(case, workers, 3, left_out)
    assert found["groundup numpy"] == {"seconds": 2.0, "accuracy": 0.96, "megabytes": 103.0}
    assert set(found) == {"groundup numpy", "pytorch float32", "pytorch float32 fused"}
    assert left_out == {
        f"{case}: pytorch bfloat16 fused": "recognises 10.00%, others 96.00%",
        f"{case}: jax": "failed, see its message above",
    }
    row = peers.row(case, found)
    assert "| 2.000 s x1.00 |" in row
    assert row.count("| 4.000 s x2.00 (float32 fused) |") == 1  # the second shares its bars with the first
    assert row.count("4.000 s x2.00 (float32 fused)") == 2
    assert "95.0% to 96.0%" in row


def test_units(peers: Any) -> None:
    epoch, picture, pictures = (
        next(case for case in peers.cases() if case.task == task) for task in ("epoch", "one picture", "10000 pictures")
    )
    assert peers.shown(epoch, 1.2345) == "1.234 s"
    assert peers.shown(picture, 22.04e-6) == "22.0 µs"
    assert peers.shown(pictures, 1 / 648_000) == "648,000/s"


def test_who_is_chosen(peers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case = peers.cases()[0]
    monkeypatch.setattr(peers, "missing", lambda each: "not installed" if each.peer == "jax" else None)
    monkeypatch.setattr("contestants.native_precision", lambda: "float32")
    left_out: dict[str, str] = {}
    named = [str(each) for each in peers.chosen(case, ["groundup", "jax", "pytorch float32"], left_out)]
    assert named == ["groundup native float32", "groundup numpy", "pytorch float32"]
    assert left_out == {"jax": "not installed"}
    assert [str(each) for each in peers.chosen(case, ["groundup native mixed"], left_out)] == ["groundup native mixed"]
    monkeypatch.setattr("contestants.native_precision", lambda: "mixed")
    assert "groundup native mixed" in [str(each) for each in peers.chosen(case, ["groundup"], left_out)]
