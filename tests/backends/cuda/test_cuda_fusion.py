"""Fusion: fewer launches, which leave the very same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emulated
from groundup import randomness
from groundup.backends.cuda.fusion import fused
from groundup.backends.cuda.plan import NOTHING, THREADS, Buffer, Kernel, Launch, Plan
from groundup.backends.cuda.rules.sequence import sequence
from groundup.backends.cuda.rules.types import Own
from groundup.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
)
from groundup.network import Network

BATCH, COUNT = 6, 5
PICTURES = Network(
    [
        Conv2d(2, 3, 3, padding=1),
        LeakyReLU(0.1),
        Residual([Conv2d(3, 4, 1), Tanh(), Conv2d(4, 3, 1)]),
        MaxPool2d(2),
        ReLU(),
        Conv2d(3, 2, 2),
        Flatten(),
        Sigmoid(),
        Linear(2, 3),
        Dropout(0.5),
    ],
    (2, 5, 4),
)


def planned(network: Network) -> tuple[Plan, dict[Buffer, Any]]:
    """A plan of forward and backward, and what it is given."""
    generator = np.random.default_rng(0)
    plan = Plan(BATCH, False, True, key_count=1)
    values = {name: plan.buffer(name, shape) for name, shape in network.state_shapes().items()}
    gradients = {name: plan.buffer(name, shape) for name, shape in network.parameters().items()}
    x, dy = plan.activation("x", network.input_shape), plan.activation("dy", network.output_shape)
    _, backward = sequence(plan, network.layers, Own("", values, gradients, dict.fromkeys(network.masks(), 0)), x)
    backward(dy, True)
    given = {buffer: generator.normal(size=buffer.shape) for buffer in values.values()}
    given |= {buffer: generator.normal(size=(COUNT, *buffer.shape[1:])) for buffer in (x, dy)}
    return plan, given | {plan.step_keys: np.array([randomness.key(1, "mask", 1)], np.uint64)}


def functions(layers: list[Layer]) -> list[str]:
    """The kernels of the fused plan of a network, without sizes."""
    plan, _ = planned(Network(layers))
    named = [(launch.kernel.function, launch.kernel.template) for launch in fused(plan.launches)]
    return [" ".join([function, *(each for each in template if isinstance(each, str))]) for function, template in named]


@pytest.mark.skipif(not emulated.COMPILER, reason="compiles kernels for the CPU: needs g++")
def test_the_same_numbers() -> None:
    plan, given = planned(PICTURES)
    apart = emulated.run(plan, given, COUNT)
    before = len(plan.launches)
    plan.launches = fused(plan.launches)
    assert len(plan.launches) == before - 10  # all six forward, four backward
    together = emulated.run(plan, given, COUNT)
    for buffer in plan.buffers:
        np.testing.assert_array_equal(together[buffer], apart[buffer])


def test_what_is_fused() -> None:
    assert functions([Linear(3, 4), ReLU(), Linear(4, 2), Sigmoid()]) == [
        "next_step",
        "linear_forward ReLUForward",
        "linear_forward SigmoidForward",
        "elementwise SigmoidBackward",
        "linear_weight_gradient",
        "linear_input_gradient ReLUBackward",
        "linear_weight_gradient",
        "linear_input_gradient Nothing",
    ]


def test_a_kernel_does_one_function_and_what_lies_between_stays() -> None:
    layers = [Linear(3, 4), ReLU(), Tanh(), Linear(4, 2), BatchNorm(2), ReLU(), Linear(2, 2, bias=False), Softmax()]
    assert functions(layers)[1:8] == [
        "linear_forward ReLUForward",
        "elementwise TanhForward",
        "linear_forward Nothing",
        "batch_norm_parts",
        "batch_norm_forward ReLUForward",
        "linear_forward Nothing",
        "softmax_forward",
    ]


@pytest.mark.parametrize(
    ("read", "launches"),
    [("the whole", 1), ("the same part", 1), ("the next part", 2), ("more than the part", 2), ("other memory", 2)],
)
def test_only_what_a_kernel_has_written_is_fused_into_it(read: str, launches: int) -> None:
    whole, other = Buffer("whole", (4, 2)), Buffer("other", (4, 2))
    part = whole.view("part", (2, 2))
    written, x = {
        "the whole": (whole, whole),
        "the same part": (part, whole.view("flat", (4,))),
        "the next part": (part, whole.view("next", (2, 2), 4)),
        "more than the part": (part, whole),
        "other memory": (whole, other),
    }[read]
    product = Launch(Kernel("linear_forward", (2, 2, NOTHING), ("float *y",)), (1, 1, 1), THREADS, (written,))
    relu = Launch(Kernel("elementwise", (2, "ReLUForward"), ("float *y", "step")), (1, 1, 1), THREADS, (x, None))
    assert len(fused([product, relu])) == launches


@pytest.mark.skipif(not emulated.COMPILER, reason="compiles kernels for the CPU: needs g++")
@pytest.mark.parametrize("training", [True, False])
def test_behind_every_kernel_that_can(training: bool) -> None:
    """Each layer on the same inputs, with a function behind it, and backward with one before it."""
    inner = [MaxPool2d(2), MaxPool2d(3, 1), AvgPool2d(2, 1), GlobalAvgPool(), BatchNorm(2), Conv2d(2, 2, 3)]
    shape = (2, 5, 4)
    generator = np.random.default_rng(0)
    plan, given = Plan(BATCH, False, training), {}
    for number, layer in enumerate(inner):
        network = Network([Tanh(), layer, Sigmoid()], shape)
        values = {name: plan.buffer(name, each) for name, each in network.state_shapes().items()}
        gradients = {name: plan.buffer(name, each) for name, each in network.parameters().items()}
        x, dy = plan.activation("x", shape), plan.activation("dy", network.output_shape)
        _, backward = sequence(plan, network.layers, Own(f"{number}.", values, gradients, {}), x)
        if training:
            backward(dy, True)
        given |= {buffer: generator.uniform(0.5, 2, buffer.shape) for buffer in values.values()}
        given |= {buffer: generator.normal(size=(COUNT, *buffer.shape[1:])) for buffer in (x, dy)}
    apart = emulated.run(plan, given, COUNT)
    before = len(plan.launches)
    plan.launches = fused(plan.launches)
    assert len(plan.launches) <= before - (1 + training) * (len(inner) - 1)
    together = emulated.run(plan, given, COUNT)
    for buffer in plan.buffers:
        np.testing.assert_array_equal(together[buffer], apart[buffer])
