"""``groundup play`` from the command line."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from groundup.cli import play
from groundup.errors import ConfigurationError, DataError, ModelError

COMMAND = [sys.executable, "-c", "from groundup.cli import main; main()", "play", "--no-open"]

with_nicegui = pytest.mark.skipif(
    importlib.util.find_spec("nicegui") is None, reason="the playground needs NiceGUI: install groundup[play]"
)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nicegui" else real(name))
    with pytest.raises(ConfigurationError, match=re.escape("pip install 'groundup[play]'")):
        CliRunner().invoke(play.command, ["--no-open"], catch_exceptions=False)


@with_nicegui
def test_a_port_that_is_taken_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "--port 0" in done.stderr
    assert "Traceback" not in done.stderr


@with_nicegui
def test_a_model_that_is_none_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        CliRunner().invoke(play.command, ["--no-open", "--model", str(tmp_path / "none")], catch_exceptions=False)


@with_nicegui
def test_a_data_set_that_is_none_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        CliRunner().invoke(play.command, ["--no-open", "--data", str(tmp_path / "none")], catch_exceptions=False)


@with_nicegui
def test_a_host_that_can_be_none_is_explained() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot listen on a\.\.b"):
        CliRunner().invoke(play.command, ["--no-open", "--host", "a..b"], catch_exceptions=False)


@with_nicegui
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_it_serves_the_page_until_it_is_interrupted() -> None:
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        address = json.loads(running.stdout.readline())["address"]
        assert address.startswith("http://127.0.0.1:")
        with urlopen(address, timeout=60) as answer:
            text = answer.read().decode()
        running.send_signal(signal.SIGINT)
        _, complaints = running.communicate(timeout=60)
    assert "<title>groundup" in text
    assert not re.search(r"https?://(?!127\.0\.0\.1|www\.w3\.org)", text), "the page asks other hosts for something"
    assert complaints.decode().strip() == "groundup: stopped."
    assert running.returncode == 130


def test_addresses_are_for_this_machines_browser() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert play._address("0.0.0.0", listening) == f"http://127.0.0.1:{port}/"
        assert play._address("::1", listening) == f"http://[::1]:{port}/"
        assert play._address("localhost", listening) == f"http://localhost:{port}/"
