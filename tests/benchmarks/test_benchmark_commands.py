"""The benchmarks run, on a few drawn digits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from matplotlib import get_data_path

from groundup.data import Dataset, idx_folders, strokes
from groundup.models import shipped

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn")
    idx_folders.write(path, Dataset(*strokes.make(600, 1), "train"), Dataset(*strokes.make(200, 2), "test"))
    return path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    settings = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(BENCHMARKS / words[0]), *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | settings, timeout=600)


def answer(finished: subprocess.CompletedProcess[str]) -> Any:
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_peers(folder: Path) -> None:
    chosen = ["--cases", "784-32-32-10,one picture", "--peers", "groundup numpy", "--rounds", "1", "--threads", "1"]
    found = answer(run("peers.py", *chosen, "--data", str(folder), "--json"))
    assert set(found["cases"]) >= {"784-32-32-10 batch 100 epoch", "fast99 one picture"}
    for case, contestants in found["cases"].items():
        assert set(contestants) == {"groundup numpy"}, case
        assert 0 < contestants["groundup numpy"]["seconds"] < 60
        assert contestants["groundup numpy"]["accuracy"] > 0.1
    assert found["left_out"] == {}


def test_peers_as_a_table(folder: Path) -> None:
    chosen = ["--cases", "784-32-32-10", "--peers", "groundup numpy", "--rounds", "1", "--threads", "1"]
    head, rule, row = run("peers.py", *chosen, "--data", str(folder)).stdout.split("\n")[:3]
    assert head.count("|") == rule.count("|") == row.count("|")
    assert "x1.00" in row


def test_agreement(folder: Path) -> None:
    pytest.importorskip("torch", reason="compares with PyTorch: install groundup[benchmarks]")
    pytest.importorskip("scipy", reason="has the t-test: install groundup[benchmarks]")
    chosen = ["--networks", "fast99", "--seeds", "2", "--backend", "numpy", "--data", str(folder), "--json"]
    found = answer(run("agreement.py", *chosen))["networks"]["fast99"]
    assert len(found["groundup"]) == len(found["PyTorch"]) == 2
    assert found["p"] > 0.01


def test_accuracy(folder: Path) -> None:
    found = answer(run("accuracy.py", "--networks", "784-10", "--seeds", "0,1", "--data", str(folder), "--json"))
    assert len(found["accuracies"]["784-10"]) == 2


@pytest.mark.parametrize("own", [False, True])
def test_load(tmp_path: Path, own: bool) -> None:
    for package in ("fastapi_offline", "nicegui"):
        pytest.importorskip(package, reason="asks the playground: install groundup[play]")
    model = shutil.copy(shipped.file("fast99"), tmp_path / "my own.safetensors") if own else "fast99"
    chosen = ["--clients", "5", "--seconds", "1", "--warm", "0.5", "--model", str(model)]
    found = answer(run("load.py", *chosen, "--json"))
    assert set(found["statuses"]) == {"200"}
    assert found["wrong_answers"] == found["lost_connections"] == 0
    assert found["answers_a_second"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]


class Refusing(BaseHTTPRequestHandler):
    """Answers everything with 404."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


def test_load_without_an_answer_is_no_success() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever).start()
        chosen = ["--clients", "2", "--seconds", "0.5", "--warm", "0.1", "--model", "fast99"]
        finished = run("load.py", *chosen, "--url", f"http://127.0.0.1:{server.server_address[1]}", "--json")
        server.shutdown()
    assert finished.returncode == 1
    assert set(json.loads(finished.stdout)["statuses"]) == {"404"}
    assert "nothing was answered" in finished.stderr


def test_fonts_are_printed_and_read(tmp_path: Path) -> None:
    fonts, folder = tmp_path / "fonts" / "deeper", tmp_path / "printed"
    fonts.mkdir(parents=True)
    for to, name in (("a.ttf", "cmss10"), ("same.ttf", "cmss10")):
        shutil.copy(Path(get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", fonts / to)
    (fonts / "broken.otf").write_bytes(b"no font")
    (fonts.parent / "namesake").mkdir()
    shutil.copy(Path(get_data_path()) / "fonts" / "ttf" / "cmr10.ttf", fonts.parent / "namesake" / "a.ttf")
    refused = run("fonts.py", str(fonts / "none"), str(folder))
    assert refused.returncode == 2
    assert "there is no .ttf or .otf file" in refused.stderr
    assert run("fonts.py", str(fonts.parent), str(folder)).returncode == 0
    assert len(list(folder.glob("a_?.png"))) == len(list(folder.glob("*.png"))) == 10
    assert run("fonts.py", str(fonts), str(tmp_path / "first")).returncode == 0  # and none of the namesake's
    assert (folder / "a_1.png").read_bytes() == (tmp_path / "first" / "a_1.png").read_bytes()
    found = answer(run("pictures.py", str(folder), "--json"))
    assert found["wrong"] == []
    assert [(kind["kind"], kind["right"]) for kind in found["kinds"]][-2:] == [("printed 9", 1), ("all", 10)]
