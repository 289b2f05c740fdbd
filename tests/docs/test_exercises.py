"""The book's exercises: each is refused as it is handed out, and accepted once it is solved."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from command_line import groundup
from groundup.data import idx_folders, strokes
from groundup.data.datasets import Dataset

EXERCISES = Path(__file__).parents[2] / "docs" / "exercises"

SOLUTIONS = {
    "activation.py": {
        "return 0 * dy, {}  # yours to write": (
            "xp = x.__array_namespace__()\n        return dy / (1 + xp.exp(-x)), {}"
        ),
    },
    "linear.py": {
        "return 0 * x, self": "return dy @ params['weight'], self",
        'return {"weight": 0 * params["weight"], "bias": 0 * params["bias"]}': (
            "xp = dy.__array_namespace__()\n        return {'weight': dy.T @ x, 'bias': xp.sum(dy, axis=0)}"
        ),
    },
    "convolution.py": {
        "windows = exchanged  # something is missing here": "windows = exchanged[:, :, ::-1, ::-1]",
    },
    "batch_norm.py": {
        'dx = g * residuals["scale"]  # two terms are missing; residuals["normalized"] is x̂': (
            'normalized = residuals["normalized"]\n'
            '        dx = (g - g.mean(axis=0) - normalized * (g * normalized).mean(axis=0)) * residuals["scale"]'
        ),
    },
    "loss.py": {
        "return 0 * (logits + targets)  # yours to write": (
            "xp = logits.__array_namespace__()\n"
            "        powers = xp.exp(logits - xp.max(logits, axis=1, keepdims=True))\n"
            "        return (powers / xp.sum(powers, axis=1, keepdims=True) - targets) / logits.shape[0]"
        ),
    },
}
PORT = """
    w0, b0, w2, b2 = (state[name] for name in ("0.weight", "0.bias", "2.weight", "2.bias"))
    z = x @ w0.T + b0
    h = np.maximum(z, 0)
    y = h @ w2.T + b2
    powers = np.exp(y - y.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.mean(np.sum(target * np.log(p), axis=1))
    dy = (p - target) / len(x)
    dz = (dy @ w2) * (z > 0)
    gradients = {"2.weight": dy.T @ h, "2.bias": dy.sum(axis=0), "0.weight": dz.T @ x, "0.bias": dz.sum(axis=0)}
    values |= {"output/0": z, "output/1": h, "output/2": y, "loss": loss}
    values |= {f"gradient/{name}": gradient for name, gradient in gradients.items()}
    state = dict(state)
    for name, gradient in gradients.items():
        state[f"velocity/{name}"] = MOMENTUM * state[f"velocity/{name}"] + gradient
        state[name] = state[name] - LEARNING_RATE * state[f"velocity/{name}"]
    return values | state
"""


def _solved(name: str, replacements: dict[str, str], folder: Path) -> Path:
    text = (EXERCISES / name).read_text(encoding="utf-8")
    for old, new in replacements.items():
        assert text.count(old) == 1, f"{name} has no {old!r}"
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SOLUTIONS)
def test_gradcheck_grades(name: str, tmp_path: Path) -> None:
    assert groundup("gradcheck", EXERCISES / name).code == 1
    done = groundup("gradcheck", _solved(name, SOLUTIONS[name], tmp_path))
    assert done.code == 0, done.out


def test_memstate_grades_a_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    digits = Dataset(*strokes.make(30, seed=1), "digits")
    idx_folders.write(tmp_path / "digits", digits, digits)
    recorded = groundup(
        "memstate", "record", "--network", "784-32-10", "--data", "digits", "--out", "reference.safetensors"
    )
    assert recorded.code == 0, recorded.err
    runpy.run_path(str(EXERCISES / "training.py"), run_name="__main__")
    empty = groundup("memstate", "diff", "reference.safetensors", "port.safetensors", "--json")
    assert (empty.code, empty.json["first"]) == (1, "step/1/output/0")
    solved = _solved("training.py", {"    return values | state\n": PORT}, tmp_path)
    runpy.run_path(str(solved), run_name="__main__")
    done = groundup("memstate", "diff", "reference.safetensors", "port.safetensors", "--json")
    assert done.code == 0, done.json["first"]


def test_memstate_finds_the_bug_of_a_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    digits = Dataset(*strokes.make(30, seed=1), "digits")
    idx_folders.write(tmp_path / "digits", digits, digits)
    recorded = groundup(
        "memstate", "record", "--network", "784-32-10", "--data", "digits", "--out", "reference.safetensors"
    )
    assert recorded.code == 0, recorded.err
    mended = _solved("port.py", {" + (1 - momentum) * gradient": " + gradient"}, tmp_path)
    for path, first in ((EXERCISES / "port.py", "step/1/0.weight"), (mended, None)):
        runpy.run_path(str(path))["port"]("reference.safetensors", "port.safetensors")
        found = groundup("memstate", "diff", "reference.safetensors", "port.safetensors", "--json")
        assert (found.code, found.json["first"]) == (int(first is not None), first)
