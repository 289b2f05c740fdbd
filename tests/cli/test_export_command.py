"""``groundup export``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from command_line import groundup
from groundup.layers import Flatten, Linear
from groundup.models.model import Model
from groundup.network import Network


def test_html(model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    done = groundup("export", model_file, "--html", path)
    size = path.stat().st_size
    assert done.out == f"Written: {path}, {size:,} bytes\n"
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<title>Draw a digit: model</title>" in page
    assert "{{" not in page
    small = groundup("export", model_file, "--html", path, "--store", "int8", "--json").json
    written = {"format": "html", "file": str(path), "bytes": path.stat().st_size, "store": "int8"}
    assert small == {"model": str(model_file), "written": [written]}
    assert path.stat().st_size < size


def test_onnx_and_html_at_once(model_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="writes ONNX: install groundup[export]")
    files = {"onnx": tmp_path / "model.onnx", "html": tmp_path / "page.html"}
    report = groundup("export", model_file, "--onnx", files["onnx"], "--html", files["html"], "--json").json
    assert {each["format"]: Path(each["file"]) for each in report["written"]} == files
    assert {each["format"]: each["bytes"] for each in report["written"]} == {
        name: path.stat().st_size for name, path in files.items()
    }


def test_wrong_use(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    small = tmp_path / "small.safetensors"
    Model(Network([Linear(36, 10)]), {"0.weight": np.zeros((10, 36)), "0.bias": np.zeros(10)}).save(small)
    four = tmp_path / "four.safetensors"  # pictures of 56x14 pixels: as many, but not of this form
    network = Network([Flatten(), Linear(784, 10)], (4, 14, 14))
    Model(network, {"1.weight": np.zeros((10, 784)), "1.bias": np.zeros(10)}).save(four)
    for arguments, message in (
        ([model_file], "--onnx FILE or --html FILE"),
        (
            [model_file, "--onnx", tmp_path / "both", "--html", tmp_path / "small" / ".." / "both"],
            "--onnx and --html both say",
        ),
        ([tmp_path / "none", "--html", tmp_path / "page.html"], "there is no such model file"),
        ([model_file, "--html", tmp_path / "file" / "page.html"], f"{tmp_path}/file/page.html: cannot be written"),
        ([model_file, "--html", tmp_path], f"{tmp_path}: cannot be written: Is a directory"),
        ([model_file, "--html", "."], ".: cannot be written: Is a directory"),
        ([four, "--html", tmp_path / "page.html"], "pictures of 28x28 pixels"),
        ([small, "--html", tmp_path / "page.html"], "pictures of 28x28 pixels"),
    ):
        done = groundup("export", *arguments)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
        assert "Traceback" not in done.err
    assert not (tmp_path / "page.html").exists()
