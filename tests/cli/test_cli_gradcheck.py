"""``groundup gradcheck``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from command_line import groundup
from groundup.layers import Linear, ReLU
from groundup.verify.small_networks import SMALL_NETWORKS


def test_every_layer() -> None:
    report = groundup("gradcheck", "--json").json
    assert report["holds"] is True
    assert report["backend"] == "numpy"
    assert {each["network"] for each in report["parameters"]} == set(SMALL_NETWORKS)
    assert all(each["holds"] and each["error"] < report["tolerance"] for each in report["parameters"])
    assert [each for each in report["scalar"] if not each["holds"]] == []
    assert {each["network"] for each in report["scalar"]} == set(SMALL_NETWORKS)


def test_one_network() -> None:
    report = groundup(
        "gradcheck", "--network", "784-10-10", "--parameters", "0.bias, 2.weight", "--samples", 3, "--json"
    ).json
    assert [(each["parameter"], each["checked"] + each["kinks"], each["size"]) for each in report["parameters"]] == [
        ("0.bias", 3, 10),
        ("2.weight", 3, 100),
    ]
    assert report["holds"] is True


def test_for_people() -> None:
    done = groundup("gradcheck", "--network", "17-5", "--samples", 2)
    assert done.code == 0
    assert "0.weight" in done.out
    assert "2 of 85" in done.out
    assert "agrees on 1 of 1 networks" in done.out
    assert "Every gradient agrees" in done.out


def _negative(right: Any) -> Any:
    def parameter_gradients(self: Any, params: Any, x: Any, dy: Any) -> Any:
        return {name: -gradient for name, gradient in right(self, params, x, dy).items()}

    return parameter_gradients


def test_a_mistake_ends_with_1_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Linear, "parameter_gradients", _negative(Linear.parameter_gradients))
    done = groundup("gradcheck", "--network", "17-5", "--samples", 2)
    assert done.code == 1
    assert "17-5: 0.weight[" in done.out
    assert "the gradient is" in done.out
    assert "agrees on 0 of 1 networks" in done.out
    assert "step/1/gradient/0.weight is the first value that differs" in done.out
    assert "Not every gradient agrees" in done.out
    report = groundup("gradcheck", "--network", "17-5", "--samples", 2, "--json")
    assert report.code == 1
    (weight, bias) = report.json["parameters"]
    assert weight["holds"] is bias["holds"] is False
    assert weight["analytic"] == pytest.approx(-weight["numeric"], rel=1e-5)
    assert report.json["scalar"] == [{"network": "17-5", "holds": False, "first": "step/1/gradient/0.weight"}]


def test_relus_derivative_always_1_is_found_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReLU, "backward", lambda self, params, y, dy: (dy, {}))
    done = groundup("gradcheck", "--json")
    assert done.code == 1
    wrong = {(each["network"], each["parameter"]) for each in done.json["parameters"] if not each["holds"]}
    assert wrong == {("relu", "0.weight"), ("relu", "0.bias")}


OWN = """
from groundup import MeanSquaredError, Network
from groundup.verify.pitfalls import OneBiasGradient

network, loss = Network([OneBiasGradient(17, 5)]), MeanSquaredError()
"""


def _program(folder: Path, text: str = OWN) -> Path:
    path = folder / "own.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_program_of_ones_own_is_graded(tmp_path: Path) -> None:
    done = groundup("gradcheck", _program(tmp_path), "--json")
    assert done.code == 1
    assert [(each["parameter"], each["holds"]) for each in done.json["parameters"]] == [
        ("0.weight", True),
        ("0.bias", False),
    ]
    assert groundup("gradcheck", _program(tmp_path), "--parameters", "0.weight").code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "leaves no Network of the name `network`"),
        ("from groundup import *\nnetwork, loss = Network([Linear(9, 5)]), 3", "`loss` must be a Loss"),
    ],
)
def test_a_program_that_leaves_nothing_to_check(tmp_path: Path, text: str, words: str) -> None:
    done = groundup("gradcheck", _program(tmp_path, text))
    assert done.code == 2
    assert words in done.err


def test_a_program_has_its_own_network(tmp_path: Path) -> None:
    done = groundup("gradcheck", _program(tmp_path), "--network", "17-5")
    assert done.code == 2
    assert "leave --network" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--parameters", "0.weight"], "say which with --network"),
        (["--network", "17-5", "--parameters", "1.weight"], "no parameter '1.weight'; there are 0.weight, 0.bias"),
        (["--network", "nonsense"], "nonsense"),
        (["--backend", "abacus"], "abacus"),
        (["--samples", "0"], "samples"),
    ],
)
def test_wrong_use(arguments: list[str], words: str) -> None:
    done = groundup("gradcheck", *arguments)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
