from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import groundup.data
from groundup.cli.data import command
from groundup.data import idx_folders
from groundup.data.datasets import Dataset
from groundup.errors import DataError

Parts = tuple[Dataset, Dataset]


@pytest.fixture
def folder(tmp_path: Path, parts: Parts) -> Path:
    idx_folders.write(tmp_path / "mine", *parts)
    return tmp_path / "mine"


def run(*arguments: object) -> tuple[int, str]:
    """Run the command; return its exit status and what it printed."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value or 0, result.stdout


def test_json_is_one_object_that_describes_both_parts(folder: Path, parts: Parts) -> None:
    status, printed = run("--data", folder, "--json")
    report = json.loads(printed)
    assert status == 0
    assert (report["name"], report["origin"]) == ("mine", f"the folder {folder}")
    assert report["classes"] == list("0123456789")
    assert report["train"]["count"] == 40
    assert report["train"]["shape"] == [28, 28]
    assert report["test"]["counts"] == [2] * 10
    assert report["train"]["mean"] == pytest.approx(parts[0].images.mean() / 255)
    assert "verified" not in report


def test_people_are_told_the_same(folder: Path) -> None:
    status, printed = run("--data", folder)
    assert status == 0
    for words in (f"mine from the folder {folder}".split()[-1], "28x28", "40", "standard deviation"):
        assert words in printed.replace("\n", "")


def test_verify_ends_with_1_where_it_does_not_hold(folder: Path) -> None:
    status, printed = run("--data", folder, "--verify", "--json")
    report = json.loads(printed)
    assert status == 1
    assert (report["verified"]["as"], report["verified"]["holds"]) == ("mnist", False)
    assert len(report["verified"]["files"]) == 4
    status, printed = run("--data", folder, "--verify")
    assert status == 1
    assert "t10k-labels-idx1-ubyte.gz: NOT as published in mnist" in printed


def test_verify_holds_for_the_real_mnist(mnist_folder: Path) -> None:
    status, printed = run("--data", mnist_folder, "--verify")
    assert status == 0
    assert "train-images-idx3-ubyte.gz: as published in mnist" in printed


def test_out_writes_what_can_be_loaded_again(folder: Path, parts: Parts, tmp_path: Path) -> None:
    status, printed = run("--data", folder, "--out", tmp_path / "copy", "--json")
    assert status == 0
    assert json.loads(printed)["written"] == str(tmp_path / "copy")
    assert np.array_equal(groundup.data.load(tmp_path / "copy").test.images, parts[1].images)
    with pytest.raises(DataError, match="holds IDX files already; name another folder"):
        run("--data", folder, "--out", tmp_path / "copy")


def test_out_that_cannot_be_written_is_an_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be written"):
        run("--data", folder, "--out", tmp_path / "file" / "copy")
