"""The mathematics imports nothing but the standard library: in a process that refuses everything else."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULES = ["network", "layers", "losses", "optimizers", "schedules", "initializers", "randomness", "checks", "errors"]
MODULES += ["augmentation"]
MODULES += ["backends", "backends.lists", "backends.lists.namespace"]
PROGRAM = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top != "groundup" and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not of the standard library")

sys.meta_path.insert(0, Refuse())
"""
USE = """
from groundup import CrossEntropy, Linear, Network, ReLU, SGD

network = Network([Linear(784, 10), ReLU()])
assert len(network.initial_state(1)["0.weight"]) == 7840
assert Network.from_description(network.description()) == network
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM + program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", MODULES)
def test_import(module: str) -> None:
    finished = run(f"import groundup.{module}")
    assert finished.returncode == 0, finished.stderr


def test_use() -> None:
    finished = run(USE)
    assert finished.returncode == 0, finished.stderr


def test_the_refusal_works() -> None:
    finished = run("import numpy")
    assert finished.returncode != 0
    assert "ImportError: numpy is not of the standard library" in finished.stderr
