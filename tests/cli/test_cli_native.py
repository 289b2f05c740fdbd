"""Whether the backend `native` is there, which instruction set it takes, and how many threads."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import groundup.backends.cuda.device  # now, because `without` hides where it lies
from command_line import groundup
from groundup import backends
from groundup.backends.threads import MAXIMUM, processors, thread_count
from groundup.errors import ParameterError
from groundup.models.model import Model

NEEDS = {
    "portable": set(),
    "avx2": {"avx2", "fma"},
    "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma"},
}
NEEDS["amx"] = NEEDS["avx512"] | {"avx512_bf16", "amx_tile", "amx_bf16"}


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The C++ module, which no environment variable tells what to take."""
    monkeypatch.delenv("GROUNDUP_ISA", raising=False)
    monkeypatch.delenv("GROUNDUP_THREADS", raising=False)
    return pytest.importorskip("groundup.backends.native._native", reason="native is not built here")


# --- Where it is not built ----------------------------------------------------------------------------------------


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation without the C++ module."""
    (tmp_path / "native").mkdir()
    monkeypatch.setattr(backends, "__path__", [str(tmp_path)])


@pytest.mark.usefixtures("without")
def test_without_it_numpy_serves() -> None:
    assert backends.available() == ("scalar", "lists", "numpy")
    assert backends.get().name == "numpy"
    with pytest.raises(ParameterError, match="backend native is not built: it takes GCC or Clang"):
        backends.get("native")


@pytest.mark.usefixtures("without")
def test_without_it_the_commands_say_so(data_folder: Path, tmp_path: Path) -> None:
    told = groundup("info", "--json").json
    assert told["backend"] == "numpy"
    assert told["native"].startswith("not built: ")
    train = ("train", "--network", "784-10", "--epochs", 1, "--data", data_folder, "--out")
    done = groundup(*train, tmp_path / "a")
    assert done.code == 0, done.err
    assert "numpy trains: native, which is faster, is not built here" in done.err
    assert "native" not in groundup(*train, tmp_path / "b", "--backend", "numpy").err
    done = groundup(*train, tmp_path / "c", "--backend", "native")
    assert done.code == 2
    assert "not built" in done.err


# --- The instruction set ------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="compares with what Linux says of the processor")
def test_instruction_sets_are_those_that_linux_tells_of(native: Any) -> None:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    flags = set(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())
    found = {name: (available, why_not) for name, available, why_not in native.instruction_sets()}
    assert list(found) == list(NEEDS)
    for name, (available, why_not) in found.items():
        assert available is (why_not == "")
        if "not built" not in why_not and "permit" not in why_not:
            assert available is (flags >= NEEDS[name])
        if why_not.startswith("the processor lacks "):
            lacks = why_not.removeprefix("the processor lacks ").split(", ")
            assert {each.lower().replace("-", "_") for each in lacks} == NEEDS[name] - flags


def test_the_fastest_is_chosen_or_the_one_that_is_asked_for(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sets = native.instruction_sets()
    assert native.chosen() == [name for name, available, _ in sets if available][-1]
    for name, available, why_not in sets:
        monkeypatch.setenv("GROUNDUP_ISA", name)
        if available:
            assert native.chosen() == name
            assert name == "avx512" or native.bfloat16_in_hardware() is (name == "amx")
        else:
            with pytest.raises(ParameterError) as raised:
                native.chosen()
            assert str(raised.value) == f"GROUNDUP_ISA={name} cannot run here: {why_not}"
    monkeypatch.setenv("GROUNDUP_ISA", "sse")
    with pytest.raises(ParameterError, match="GROUNDUP_ISA=sse is unknown; there are portable, avx2, avx512, amx"):
        native.chosen()
    monkeypatch.setenv("GROUNDUP_ISA", "")
    assert native.chosen() in NEEDS


def test_info(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDUP_ISA", "portable")
    monkeypatch.setenv("GROUNDUP_THREADS", "1")
    told = groundup("info", "--json").json
    assert told["native"] == "built"
    assert told["instruction_set"] == "portable"
    assert told["threads"] == 1
    assert told["mixed_in_hardware"] is False
    assert [*told["instruction_sets"], *told["not_available"]] == list(NEEDS)
    people = groundup("info").out
    assert "mixed in hardware  no\nthreads            1\n" in people
    for name, why_not in told["not_available"].items():
        assert f"{name}: {why_not}\n" in people
    monkeypatch.setenv("GROUNDUP_ISA", "sse")
    done = groundup("info")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("groundup: GROUNDUP_ISA=sse is unknown")


# --- Threads ------------------------------------------------------------------------------------------------------


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDUP_THREADS", raising=False)
    assert thread_count() == processors() == len(os.sched_getaffinity(0))
    monkeypatch.setenv("GROUNDUP_THREADS", "3")
    assert thread_count() == 3
    assert thread_count(1) == 1
    assert thread_count(MAXIMUM) == 1024
    for wrong in (0, -1, MAXIMUM + 1):
        with pytest.raises(ParameterError, match=f"threads must be a whole number from 1 to 1024, not {wrong}"):
            thread_count(wrong)
    for nonsense in ("0", "two", "1.5", "²"):
        monkeypatch.setenv("GROUNDUP_THREADS", nonsense)
        with pytest.raises(ParameterError, match="GROUNDUP_THREADS must be a whole number"):
            thread_count()


def test_threads_option(
    native: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data_folder: Path, small_model: Model
) -> None:
    from groundup.backends.native import NativeBackend

    seen = []
    begin = NativeBackend.__init__

    def listening(self: NativeBackend, threads: int | None = None) -> None:
        seen.append(threads)
        begin(self, threads)

    monkeypatch.setattr(NativeBackend, "__init__", listening)
    small_model.save(tmp_path / "model.safetensors")
    model = ("--model", tmp_path / "model.safetensors")
    native_on_three = ("--data", data_folder, "--backend", "native", "--threads", 3)
    done = [
        groundup("train", "--network", "784-10", "--epochs", 1, "--out", tmp_path / "run", *native_on_three),
        groundup("predict", *model, "--index", 0, *native_on_three),
        groundup("evaluate", model[1], *native_on_three),
    ]
    assert [each.code for each in done] == [0, 0, 0], done
    assert len(seen) >= 3
    assert set(seen) == {3}
    assert "threads" not in (tmp_path / "run" / "config.toml").read_text()
    assert thread_count() == processors()
    assert groundup("train", "--threads", 0).code == 2
