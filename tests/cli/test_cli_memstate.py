"""``groundup memstate``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from command_line import groundup
from groundup.backends.interpreter import Interpreter
from groundup.layers import Linear
from groundup.verify.memstate import Recording
from stand_in import WRONG, StandIn, registered

NETWORK = ("--network", "784-6-10", "--steps", 2, "--batch-size", 3)


@pytest.fixture
def a(tmp_path: Path, data_folder: Path) -> Path:
    """A recording of the reference."""
    path = tmp_path / "a.safetensors"
    assert groundup("memstate", "record", *NETWORK, "--data", data_folder, "--out", path).code == 0
    return path


def spoilt(a: Path, name: str, change: Any) -> Path:
    """A recording with one value changed, or without it."""
    recording = Recording.read(a)
    values = {each: value for each, value in recording.values.items() if each != name}
    if change is not None:
        values = recording.values | {name: change(recording.values[name])}
    path = a.with_name("b.safetensors")
    replace(recording, values=values).write(path)
    return path


def test_record(a: Path, data_folder: Path, tmp_path: Path, small_data: Any) -> None:
    recording = Recording.read(a)
    assert (recording.steps, recording.precision, recording.backend) == (2, "float64", "numpy")
    assert np.array_equal(recording.batch(2).pixels, small_data.images[3:6])
    out = tmp_path / "b.safetensors"
    single = ("--backend", "numpy", "--precision", "float32", "--seed", 4, "--out", out, "--json")
    report = groundup("memstate", "record", *NETWORK, "--data", data_folder, *single).json
    made = Recording.read(out)
    assert report["file"] == str(out)
    assert report["names"] == list(made.values)
    assert report["steps"] == 2
    assert report["bytes"] == out.stat().st_size
    assert made.precision == "float32"
    assert made.complete_setup().seed == 4


def test_diff_of_equal_ones(a: Path, data_folder: Path, tmp_path: Path) -> None:
    b = tmp_path / "b.safetensors"
    lists = ("--backend", "lists", "--out", b)
    assert groundup("memstate", "record", *NETWORK, "--data", data_folder, *lists).code == 0
    done = groundup("memstate", "diff", a, b)
    assert done.code == 0
    count = len(Recording.read(a).values)
    assert f"Compared {count} of {count} names. All agree within their tolerances." in done.out
    report = groundup("memstate", "diff", a, b, "--json").json
    assert (report["holds"], report["first"], report["compared"], report["names"]) == (True, None, count, count)
    assert groundup("memstate", "diff", a, b, "--lockstep").code == 0


def test_diff_names_the_first(a: Path) -> None:
    b = spoilt(a, "step/2/gradient/0.weight", lambda value: -value)
    done = groundup("memstate", "diff", a, b)
    assert done.code == 1
    assert "The first value that differs is step/2/gradient/0.weight." in done.out
    assert "step/2/gradient/0.weight: B leaves the float64 reference." in done.out
    report = groundup("memstate", "diff", a, b, "--json")
    assert report.code == 1
    row = next(row for row in report.json["rows"] if row["name"] == "step/2/gradient/0.weight")
    assert row["shape"] == [6, 784]
    assert row["relative"] == 2
    assert row["ulps"] > 2**50
    assert row["share"] > 1e6
    values = Recording.read(a).values[row["name"]]
    assert row["absolute"] == 2 * np.abs(values).max()
    assert values[tuple(row["where"])] != 0


def test_diff_with_a_missing_name_and_nan(a: Path) -> None:
    missing = groundup("memstate", "diff", a, spoilt(a, "step/1/loss", None))
    count = len(Recording.read(a).values)
    assert missing.code == 1
    assert "step/1/loss: B lacks it." in missing.out
    assert f"Compared {count - 1} of {count} names." in missing.out
    nan = groundup("memstate", "diff", a, spoilt(a, "step/1/loss", lambda value: value * np.nan), "--json")
    assert nan.code == 1
    assert nan.json["first"] == "step/1/loss"


def test_many_differences_are_counted(a: Path, tmp_path: Path) -> None:
    recording = Recording.read(a)
    few = {name: value for name, value in recording.values.items() if not name.startswith("step/2/")}
    replace(recording, values=few).write(tmp_path / "b.safetensors")
    done = groundup("memstate", "diff", a, tmp_path / "b.safetensors")
    assert done.code == 1
    assert "more that differ." in done.out


def test_lockstep_runs_the_backend_of_b_again(a: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    b = spoilt(a, "step/1/0.weight", lambda value: value + 1)
    assert groundup("memstate", "diff", a, b).code == 1
    assert groundup("memstate", "diff", a, b, "--lockstep").code == 0  # the backend itself is right
    right = Interpreter._update

    def twice(self: Any, gradients: Any, learning_rate: float) -> None:
        right(self, gradients, 2 * learning_rate)

    monkeypatch.setattr(Interpreter, "_update", twice)
    done = groundup("memstate", "diff", a, a, "--lockstep", "--json")
    assert done.code == 1
    wrong = [row["name"] for row in done.json["rows"] if row["problem"]]
    assert wrong[0] == "step/1/0.weight"
    assert not [name for name in wrong if "output" in name or "gradient" in name]


def test_lockstep_cannot_run_a_port(a: Path, tmp_path: Path) -> None:
    replace(Recording.read(a), backend="pytorch").write(tmp_path / "b.safetensors")
    done = groundup("memstate", "diff", a, tmp_path / "b.safetensors", "--lockstep")
    assert done.code == 2
    assert "pytorch, which cannot be run from here" in done.err
    replace(Recording.read(a), backend="pytorch", lockstep=True).write(tmp_path / "b.safetensors")
    assert groundup("memstate", "diff", a, tmp_path / "b.safetensors", "--lockstep").code == 0


@pytest.mark.parametrize("name", ["step/1/0.weight", "step/1/0.bias", "step/1/pixels", "step/1/loss"])
def test_a_picture_of_the_difference(a: Path, name: str) -> None:
    picture = a.with_name("difference.png")
    done = groundup(
        "memstate", "diff", a, spoilt(a, name, lambda value: value + np.ones_like(value)), "--picture", picture
    )
    assert done.code == 1
    assert str(picture) in done.err
    with Image.open(picture) as image:
        assert image.size[0] > image.size[1] > 300


def test_pictures_that_cannot_be_drawn_or_written(a: Path) -> None:
    b = spoilt(a, "step/1/0.weight", lambda value: value + 1)
    for path, words in ((a.parent / "x.jpg", ".png"), (a / "below" / "x.png", "cannot be written")):
        done = groundup("memstate", "diff", a, b, "--picture", path)
        assert done.code == 2
        assert words in done.err
    done = groundup("memstate", "diff", a, spoilt(a, "step/1/loss", None), "--picture", a.parent / "x.png")
    assert done.code == 2
    assert "step/1/loss cannot be drawn" in done.err


def test_compare(data_folder: Path) -> None:
    for options in ([], ["--lockstep"]):
        done = groundup("memstate", "compare", *NETWORK, "--data", data_folder, "--json", *options)
        assert done.code == 0
        assert done.json["holds"] is True
        found = {each["backend"]: each for each in done.json["backends"]}
        assert {"scalar float64", "lists float64", "numpy float32", "numpy float64"} <= set(found)
        whole = [each for name, each in found.items() if not name.startswith("native")]
        assert all(each["compared"] == each["names"] > 40 for each in whole)
    people = groundup("memstate", "compare", *NETWORK, "--data", data_folder, "--backends", "lists, numpy")
    assert people.code == 0
    assert "scalar" not in people.out
    assert "numpy float32" in people.out


def test_compare_of_a_compiler(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch, StandIn(left_out=("output/0",), compiler=True))
    compare = ("memstate", "compare", *NETWORK, "--data", data_folder, "--backends", "stand-in")
    done = groundup(*compare, "--json")
    assert done.code == 0
    assert [each["backend"] for each in done.json["backends"]] == ["stand-in float32", "stand-in mixed"]
    for each in done.json["backends"]:
        assert each["holds"]
        assert each["compared"] == each["names"] - 2  # one in each step
    registered(monkeypatch, StandIn(WRONG["truncated"], left_out=("output/0",), compiler=True))
    wrong = groundup(*compare)
    assert wrong.code == 1
    assert "A is the reference, B is stand-in mixed." in wrong.out
    assert "B is stand-in float32." not in wrong.out


def test_a_compilers_file(a: Path, tmp_path: Path) -> None:
    recording, path = Recording.read(a), tmp_path / "b.safetensors"
    names = recording.values.keys() - {"step/1/inputs", "step/2/output/1"}
    values = {name: value for name, value in recording.values.items() if name in names}
    replace(recording, values=values).write(path)
    assert groundup("memstate", "diff", a, path).code == 1
    replace(recording, values=values, compiler=True).write(path)
    done = groundup("memstate", "diff", a, path)
    assert done.code == 0
    assert f"Compared {len(values)} of {len(recording.values)} names. All agree within their tolerances." in done.out


def test_compare_of_a_wrong_backend(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Linear.parameter_gradients
    wrong = lambda *arguments: right(*arguments) | {"bias": 2 * right(*arguments)["bias"]}  # noqa: E731 - a patch
    monkeypatch.setattr(Linear, "parameter_gradients", wrong)
    backends = ("--backends", "scalar,lists")
    done = groundup("memstate", "compare", *NETWORK, "--data", data_folder, *backends)
    assert done.code == 1
    assert "A is the reference, B is scalar float64." in done.out  # it alone derives gradients from the graph
    assert "B is lists float64." not in done.out
    assert "The first value that differs is step/1/gradient/2.bias." in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["record"], "--out"),
        (["record", "--out", "x.safetensors", "--steps", "100", "--batch-size", "1"], "more than the 40"),
        (["record", "--out", "x.safetensors", "--backend", "abacus"], "abacus"),
        (["record", "--out", "x.safetensors", "--precision", "float8"], "float8"),
        (["record", "--out", "x.safetensors", "--network", "nonsense"], "nonsense"),
        (["compare", "--backends", "numpy,abacus"], "abacus"),
    ],
)
def test_wrong_use(
    arguments: list[str], words: str, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = groundup("memstate", *arguments, "--data", data_folder)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
    assert not list(tmp_path.glob("*.safetensors"))


def test_hostile_files(a: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not safetensors at all")
    (tmp_path / "half").write_bytes(a.read_bytes()[:1000])
    for broken in ("text", "half", "missing", "."):
        for pair in ((a, tmp_path / broken), (tmp_path / broken, a)):
            done = groundup("memstate", "diff", *pair)
            assert done.code == 2
            assert str(tmp_path / broken) in done.err
            assert "Traceback" not in done.err


def test_a_reference_without_a_setup(a: Path) -> None:
    replace(Recording.read(a), setup=None).write(a.with_name("b.safetensors"))
    done = groundup("memstate", "diff", a.with_name("b.safetensors"), a)
    assert done.code == 2
    assert "no setup" in done.err
    assert groundup("memstate", "diff", a, a.with_name("b.safetensors")).code == 0


def test_a_file_that_cannot_be_written(a: Path, data_folder: Path) -> None:
    done = groundup("memstate", "record", *NETWORK, "--data", data_folder, "--out", a / "below")
    assert done.code == 2
    assert "cannot be written" in done.err


def test_json_is_strict(a: Path) -> None:
    spoilt_by_infinity = spoilt(a, "step/1/0.weight", lambda value: value + np.inf)
    done = groundup("memstate", "diff", a, spoilt_by_infinity, "--json")
    assert done.code == 1
    assert json.loads(done.out)["first"] == "step/1/0.weight"
