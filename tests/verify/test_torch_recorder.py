"""A port to PyTorch: a right one agrees, a wrong one is told where it is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import SETUP, noise, reference

from groundup.errors import RecordingError
from groundup.layers import BatchNorm, Conv2d, Flatten, Linear, MaxPool2d, ReLU
from groundup.losses import CrossEntropy
from groundup.network import Network
from groundup.optimizers import SGD, Adam, AdamW, Optimizer
from groundup.verify.comparison import Difference, diff
from groundup.verify.memstate import Batch, Recording, Setup, record
from groundup.verify.torch_recorder import TorchRecorder
from pytorch import nn, optimizer_of, sequential, torch

A = reference()


def ported(a: Recording, module: Any, layers: Any = None, *, lockstep: bool = False) -> Recording:
    """What a port records: the dozen lines that a user writes."""
    setup = a.complete_setup()
    optimizer = optimizer_of(setup.optimizer, module.parameters(), setup.learning_rate)
    dtype = next(module.parameters()).dtype
    with TorchRecorder(layers or module, optimizer) as recorder:
        recorder.load_state(a.state(0))
        for step in range(1, a.steps + 1):
            if lockstep and step > 1:
                recorder.load_state(a.state(step - 1))
            pixels, labels = map(torch.tensor, a.batch(step))
            optimizer.zero_grad()
            inputs = pixels.reshape(-1, *setup.network.input_shape).to(dtype) / 255
            loss = nn.functional.cross_entropy(module(inputs), labels.long())
            loss.backward()
            optimizer.step()
            recorder.end_step(loss)
    return recorder.recording()


def first(difference: Difference) -> str:
    assert difference.first is not None
    return difference.first.name


@pytest.mark.parametrize("lockstep", [False, True])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    "optimizer",
    [SGD(), SGD(momentum=0.9, nesterov=True, weight_decay=0.01), Adam(amsgrad=True), AdamW()],
    ids=str,
)
def test_a_right_port(optimizer: Optimizer, precision: str, lockstep: bool) -> None:
    a = reference(replace(SETUP, optimizer=optimizer, learning_rate=0.01), steps=3)
    b = ported(a, sequential(SETUP.network).to(getattr(torch, precision)), lockstep=lockstep)
    assert (b.precision, b.lockstep) == (precision, lockstep)
    difference = diff(a, b)
    assert difference.first is None
    computed = [name for name in a.values if not name.startswith("step/0") and not name.endswith(("pixels", "labels"))]
    assert {row.name for row in difference.rows if row.compared} >= set(computed)


def test_a_convolutional_port_with_batch_norm(tmp_path: Path) -> None:
    network = Network(
        [Conv2d(1, 3, 3, padding=1), BatchNorm(3), ReLU(), MaxPool2d(2), Flatten(), Linear(27, 10)], (1, 6, 6)
    )
    a = record(Setup(network, CrossEntropy(), SGD(momentum=0.9)), noise(network, 3))
    for dtype in (torch.float32, torch.float64):
        ported(a, sequential(network).to(dtype)).write(tmp_path / "b.safetensors")
    assert diff(a, Recording.read(tmp_path / "b.safetensors")).first is None


class Port(nn.Module):  # type: ignore[misc]  # torch is imported by a function, so its types are not known
    """The network of the tests as somebody might write it, with one mistake to choose."""

    def __init__(self, mistake: str = "") -> None:
        super().__init__()
        self.mistake = mistake
        self.first, self.hidden, self.last = nn.Linear(36, 12), nn.Linear(12, 12), nn.Linear(12, 10)
        self.activation = nn.ReLU(inplace=mistake == "in place")

    def forward(self, x: Any) -> Any:
        x = self.activation(self.first(x))
        x = self.activation(self._hidden(x))
        x = self.last(x)
        return x.softmax(1) if self.mistake == "softmax twice" else x

    def _hidden(self, x: Any) -> Any:
        return self.hidden(x)


def layers(port: Port) -> dict[int, Any]:
    return {0: port.first, 1: port.activation, 2: port.hidden, 3: port.activation, 4: port.last}


def test_a_module_that_is_no_sequential_and_calls_one_layer_twice() -> None:
    for mistake in ("", "in place"):  # working in place is none
        port = Port(mistake).double()
        assert diff(A, ported(A, port, layers(port))).first is None


def _hook(name: str, change: Callable[[Any, Any], Any]) -> Callable[[Port], None]:
    return lambda port: getattr(port, name).register_forward_hook(
        lambda module, inputs, output: change(module, inputs[0])
    )


def _halve_gradient(port: Port) -> None:
    port.hidden.weight.register_hook(lambda gradient: gradient / 2)


def _one_bias_gradient(port: Port) -> None:
    port.last.bias.register_hook(lambda gradient: gradient.sum().expand_as(gradient))


@pytest.mark.parametrize(
    ("break_it", "name"),
    [
        (_hook("hidden", lambda module, x: x @ module.weight + module.bias), "step/1/output/2"),  # transposed
        (_hook("first", lambda module, x: x @ module.weight.T), "step/1/gradient/0.bias"),  # without bias: no gradient
        (_hook("activation", lambda module, x: x.clamp(min=1e-3)), "step/1/output/1"),
        (_halve_gradient, "step/1/gradient/2.weight"),
        (_one_bias_gradient, "step/1/gradient/4.bias"),
    ],
)
def test_a_wrong_port_is_told_where(break_it: Callable[[Port], None], name: str) -> None:
    port = Port().double()
    break_it(port)
    assert first(diff(A, ported(A, port, layers(port)))) == name


def test_a_softmax_before_the_cross_entropy_is_seen_in_the_loss() -> None:
    port = Port("softmax twice").double()
    assert first(diff(A, ported(A, port, layers(port)))) == "step/1/loss"


def test_a_layer_without_bias_lacks_it() -> None:
    port = Port().double()
    port.last = nn.Linear(12, 10, bias=False).double()
    found = diff(A, ported(A, port, layers(port)))
    assert first(found) == "step/1/gradient/4.bias"
    assert found.first is not None
    assert found.first.problem == "B lacks it"


def test_a_wrong_optimizer_is_seen_in_the_update() -> None:
    a = replace(A, setup=replace(SETUP, learning_rate=0.2))
    port = Port().double()
    assert first(diff(A, ported(a, port, layers(port)))) == "step/1/0.weight"


def test_what_no_module_computes_is_noted() -> None:
    port = Port().double()
    recorded = layers(port)
    del recorded[3]
    assert first(diff(A, ported(A, port, recorded))) == "step/1/output/1"  # now both calls are recorded as one
    optimizer = torch.optim.SGD(port.parameters(), lr=0.1)
    with TorchRecorder({0: port.first}, optimizer) as recorder:
        recorder.note("output/1", torch.ones(3, requires_grad=True))
        port(torch.zeros(2, 36).double())
    assert set(recorder.recording().values) == {"step/1/output/1", "step/1/inputs", "step/1/output/0"}
    port(torch.ones(2, 36).double())
    assert not recorder.recording().values["step/1/inputs"].any()  # after the block nothing is recorded


def test_evaluation_is_not_recorded() -> None:
    port = Port().double()
    with TorchRecorder(layers(port), torch.optim.SGD(port.parameters(), lr=0.1)) as recorder:
        port.eval()(torch.zeros(2, 36).double())
    assert not recorder.recording().values


def test_other_parameters_than_the_references() -> None:
    for module, words in (
        (
            nn.Sequential(nn.Linear(36, 11)),
            r"0\.weight has shape \(11, 36\) in PyTorch, and in the reference \(12, 36\)",
        ),
        (
            nn.Sequential(nn.Tanh(), nn.Linear(36, 12)),
            r"1\.weight has shape \(12, 36\) in PyTorch, and in the reference none",
        ),
    ):
        recorder = TorchRecorder(module, torch.optim.SGD(module.parameters(), lr=0.1))
        with recorder, pytest.raises(RecordingError, match=words):
            recorder.load_state(A.state(0))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_precisions_without_a_tolerance(precision: str) -> None:
    module = nn.Sequential(nn.Linear(3, 2)).to(getattr(torch, precision))
    with pytest.raises(RecordingError, match=f"float32 or float64, not {precision}"):
        TorchRecorder(module, torch.optim.SGD(module.parameters(), lr=0.1))


def test_mixed_precisions() -> None:
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2).double())
    with pytest.raises(RecordingError, match="of one precision"):
        TorchRecorder(module, torch.optim.SGD(module.parameters(), lr=0.1))


def test_the_example_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "memstate.md"
    (example,) = [
        block for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL) if "Torch" in block
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (3, 10, 28, 28)).astype(np.uint8)
    setup = Setup(
        Network([Linear(784, 32), ReLU(), Linear(32, 32), ReLU(), Linear(32, 10)]), optimizer=SGD(momentum=0.9)
    )
    record(setup, [Batch(each, np.arange(10, dtype=np.uint8)) for each in pixels]).write(
        tmp_path / "reference.safetensors"
    )
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    port = Recording.read("port.safetensors")
    assert (port.precision, port.steps) == ("float32", 3)
    assert diff(Recording.read("reference.safetensors"), port).first is None


def test_a_port_cannot_be_the_reference() -> None:
    port = Port().double()
    with pytest.raises(RecordingError, match="no setup"):
        diff(ported(A, port, layers(port)), A)
    assert np.isfinite(A.values["step/1/loss"])
