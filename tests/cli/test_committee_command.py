"""``groundup committee``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from command_line import groundup
from groundup.cli.progress import TrainingProgress
from groundup.data.datasets import Data
from groundup.data.splits import validation_split
from groundup.layers import Linear
from groundup.models.calibration import Calibration
from groundup.models.committee import Committee
from groundup.models.model import Model
from groundup.network import Network
from groundup.training.run import Run
from small_data import PIXELS, data, folder


@pytest.fixture(scope="module")
def digits() -> Data:
    return data(1500, 60, noise=150)


@pytest.fixture(scope="module")
def source(digits: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("patterns") / "patterns", digits)


def member(path: Path, digits: Data, seed: int, **configuration: object) -> Path:
    """Write a model that knows the patterns by some of their pictures."""
    chosen = np.random.default_rng(seed).permutation(len(digits.train))[:200]
    inputs = digits.train.images[chosen].reshape(200, PIXELS) / 255
    weight = np.linalg.lstsq(inputs, np.eye(10)[digits.train.labels[chosen]] * 8, rcond=1e-3)[0].T
    state = {"0.weight": weight.astype(np.float32), "0.bias": np.zeros(10, np.float32)}
    told = {"validation": 0.1, "data_sha256": digits.train.sha256()} | configuration
    model = Model(Network([Linear(PIXELS, 10)]), state, training={"configuration": told, "test_accuracy": 0.5})
    model.save(path)
    return path


def test_a_committee(tmp_path: Path, digits: Data, source: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", digits, seed) for seed in range(3)]
    out = tmp_path / "new" / "best.safetensors"
    report = groundup("committee", *paths, "--out", out, "--data", source, "--json").json
    made = Committee.load(out)
    assert len(made.members) == 3
    assert report["bytes"] == out.stat().st_size
    assert report["members"][1] == {"model": str(paths[1]), "test_accuracy": 0.5}
    assert report["test_accuracy"] == made.training["test_accuracy"] == made.evaluate(digits.test).accuracy
    assert made.calibration is not None
    assert made.calibration.pictures == len(validation_split(digits.train, 0.1)[1])
    assert made.calibration.temperature == report["temperature"]
    evaluated = groundup("evaluate", out, "--data", source, "--reject", 0.01, "--json").json
    assert evaluated["accuracy"] == report["test_accuracy"]
    assert groundup("predict", "--model", out, "--data", source, "--index", 1, "--json").code == 0
    assert groundup("show", "answers", out, "--data", source, "--json").code == 0
    refused = groundup("show", "weights", out)
    assert refused.code == 2
    assert "holds a committee" in refused.err


def test_what_is_measured_is_what_the_file_holds(tmp_path: Path, digits: Data, source: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", digits, seed) for seed in range(2)]
    out = tmp_path / "half.safetensors"
    done = groundup("committee", *paths, "--out", out, "--store", "float16", "--data", source)
    assert done.code == 0
    assert f"Written: {out}" in done.out
    half, whole = Committee.load(out), Committee(tuple(map(Model.load, paths)))
    assert half.members[0].state["0.weight"].tobytes() != whole.members[0].state["0.weight"].tobytes()
    assert half.calibration is not None
    validation = validation_split(digits.train, 0.1)[1]
    assert half.calibration == Calibration.fit(half.uncalibrated(validation.images), validation.labels)
    assert half.calibration != Calibration.fit(whole.uncalibrated(validation.images), validation.labels)
    rounded = whole.members[0].state["0.weight"].astype(np.float16)
    assert np.array_equal(half.members[0].state["0.weight"], rounded)


def test_without_pictures_in_common_it_is_not_calibrated(tmp_path: Path, digits: Data, source: Path) -> None:
    paths = [member(tmp_path / f"{share}.safetensors", digits, 1, validation=share) for share in (0.1, 0.0)]
    out = tmp_path / "best.safetensors"
    done = groundup("committee", *paths, "--out", out, "--data", source)
    assert "not calibrated" in done.out
    assert Committee.load(out).calibration is None


def test_what_is_refused(tmp_path: Path, digits: Data, source: Path) -> None:
    path = member(tmp_path / "one.safetensors", digits, 1)
    out = tmp_path / "best.safetensors"
    assert groundup("committee", "--out", out).code == 2
    assert groundup("committee", path).code == 2
    other = Model.load(path)
    replace(other, class_names=tuple("abcdefghij")).save(tmp_path / "letters.safetensors")
    done = groundup("committee", path, tmp_path / "letters.safetensors", "--out", out, "--data", source)
    assert (done.code, "other classes" in done.err) == (2, True)
    groundup("committee", path, "--out", out, "--data", source)
    done = groundup("committee", path, out, "--out", tmp_path / "more.safetensors", "--data", source)
    assert (done.code, "holds a committee" in done.err) == (2, True)
    (tmp_path / "file").touch()
    assert groundup("committee", path, "--out", tmp_path / "file" / "x.safetensors", "--data", source).code == 2


def test_it_trains_its_members(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("committee", "--train", f"{PIXELS}-10,{PIXELS}-4-10", "--seeds", "0,3", "--out", "both.safetensors")
    done = groundup(*command, "--data", source, "--json")
    assert done.code == 0
    folders = [f"runs/both/{PIXELS}-10-0", f"runs/both/{PIXELS}-10-3", f"runs/both/{PIXELS}-4-10-0"]
    assert [told["model"] for told in done.json["members"]][:3] == folders
    seeds = [Run.open(told["model"]).configuration().seed for told in done.json["members"]]
    assert seeds == [0, 3, 0, 3]
    made = Committee.load("both.safetensors")
    for told, member in zip(done.json["members"], made.members, strict=True):
        assert np.array_equal(member.state["0.weight"], Model.load(told["model"]).state["0.weight"])
    again = groundup(*command, "--data", source, "--json")
    assert again.json == done.json


def test_training_of_members_goes_on_where_it_was_interrupted(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("committee", "--train", f"{PIXELS}-10", "--seeds", "0,1", "--out", "both.safetensors", "--data", source)
    with monkeypatch.context() as stopping:
        stopping.setattr(TrainingProgress, "stops", lambda self: True)
        done = groundup(*command)
    assert (done.code, "the same command goes on" in done.err) == (1, True)
    assert not Path("both.safetensors").exists()
    assert not Path(f"runs/both/{PIXELS}-10-1").exists()
    assert groundup(*command).code == 0
    alone = groundup("train", "--network", f"{PIXELS}-10", "--data", source, "--out", "alone")
    assert alone.code == 0
    assert np.array_equal(
        Model.load("alone").state["0.weight"], Model.load(f"runs/both/{PIXELS}-10-0").state["0.weight"]
    )


def test_seeds_are_numbers(tmp_path: Path) -> None:
    done = groundup("committee", "--train", "784-10", "--seeds", "0,x", "--out", tmp_path / "best.safetensors")
    assert (done.code, "such as 0,1,2" in done.err) == (2, True)
