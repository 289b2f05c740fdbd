"""Losses and optimizers of the backend cuda, against their own functions on NumPy in float64."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import emulated
from groundup.backends.cuda.plan import Plan
from groundup.backends.cuda.rules import optimizers
from groundup.backends.cuda.rules.losses import LOSSES
from groundup.backends.cuda.rules.optimizers import OPTIMIZERS
from groundup.backends.cuda.rules.types import Learned
from groundup.losses import CrossEntropy, Loss, MeanSquaredError, one_hot
from groundup.optimizers import SGD, Adam, AdamW, clip_norm

pytestmark = pytest.mark.skipif(not emulated.COMPILER, reason="compiles kernels for the CPU: needs g++")

BATCH, COUNT = 310, 300  # more examples than a block has threads
EVERY_LOSS = [CrossEntropy(), CrossEntropy(label_smoothing=0.1), MeanSquaredError()]
EVERY_OPTIMIZER = [
    SGD(),
    SGD(weight_decay=0.1, clip_norm=1000),
    SGD(momentum=0.9, dampening=0.2, weight_decay=0.01, clip_norm=0.5),
    SGD(momentum=0.9, nesterov=True),
    Adam(),
    Adam(beta1=0, beta2=0.9999, epsilon=1e-3, weight_decay=0.1, clip_norm=0.5),
    Adam(amsgrad=True),
    AdamW(weight_decay=0.3),
    AdamW(amsgrad=True, clip_norm=2),
]


# -- losses ----------------------------------------------------------------------------------------------------------


def outputs(classes: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Outputs with ties, some far from each other; more labels than a step has examples, and the order of these."""
    generator = np.random.default_rng(classes)
    y = generator.integers(-4, 5, (COUNT, classes)) * 0.75
    y[:9] *= 2000
    return y, generator.integers(0, classes, 2 * COUNT).astype(np.uint8), generator.permutation(2 * COUNT)


@cache
def of_losses(classes: int) -> list[tuple[NDArray[Any], float, int]]:
    """Return the gradient of each loss, and what it adds to loss and right answers."""
    made = []
    for loss in EVERY_LOSS:
        plan = Plan(BATCH, False, True)
        x = plan.activation("x", (classes,))
        dy = LOSSES[type(loss)](plan, loss, x)
        y, labels, order = outputs(classes)
        given = {x: y, plan.labels: labels, plan.order: order, plan.loss: np.array([1000.0]), plan.correct: [7]}
        found = emulated.run(plan, given, COUNT)
        made.append((found[dy], float(found[plan.loss][0]) - 1000, int(found[plan.correct][0]) - 7))
    return made


@pytest.mark.parametrize("classes", [2, 33])
@pytest.mark.parametrize("number", range(len(EVERY_LOSS)), ids=map(str, EVERY_LOSS))
def test_loss(number: int, classes: int) -> None:
    y, labels, order = outputs(classes)
    wanted = labels[order[:COUNT]].astype(np.int64)
    loss = EVERY_LOSS[number]
    value, residuals = loss.forward(y, one_hot(wanted, classes, y))
    dy, added, correct = of_losses(classes)[number]
    np.testing.assert_allclose(dy[:COUNT], loss.backward(residuals), rtol=2e-5, atol=1e-8)
    assert np.isnan(dy[COUNT:]).all()
    assert added == pytest.approx(value * COUNT, rel=2e-6)
    assert correct == (y.argmax(axis=1) == wanted).sum()


@pytest.mark.parametrize("loss", EVERY_LOSS, ids=str)
def test_numbers_that_are_none(loss: Loss) -> None:
    """NaN counts as the largest, as NumPy has it, and makes the loss NaN."""
    plan = Plan(BATCH, False, True)
    x = plan.activation("x", (3,))
    dy = LOSSES[type(loss)](plan, loss, x)
    y = np.array([[1, np.nan, 3], [np.nan, 5, np.nan], [1, np.inf, 2], [-np.inf, 1, 0]])
    labels = np.array([1, 0, 1, 1], np.int64)
    found = emulated.run(plan, {x: y, plan.labels: labels, plan.order: np.arange(4)}, 4)
    with np.errstate(invalid="ignore"):
        _, residuals = loss.forward(y, one_hot(labels, 3, y))
        np.testing.assert_allclose(found[dy][:4], loss.backward(residuals), rtol=1e-5)
    assert np.isnan(found[plan.loss][0])
    assert found[plan.correct][0] == 4


# -- optimizers ------------------------------------------------------------------------------------------------------


SIZE, STEPS, LEARNING_RATE = 1000, (1, 2, 3, 1000), 0.05


@cache
def gradients() -> list[NDArray[Any]]:
    """The first parameter, then a gradient for each step."""
    return list(np.random.default_rng(0).normal(size=(1 + len(STEPS), SIZE)))


@cache
def of_optimizers() -> list[list[dict[str, NDArray[Any]]]]:
    """Return for each step what each optimizer leaves; they are in one plan, which is compiled once."""
    plan = Plan(1, False, True)
    every = []
    for optimizer in EVERY_OPTIMIZER:
        moments = {name: plan.buffer(name, (SIZE,)) for name in optimizer.moments}
        learned = Learned(plan.buffer("values", (SIZE,)), plan.buffer("gradients", (SIZE,)), moments)
        OPTIMIZERS[type(optimizer)](plan, optimizer, learned)
        every.append({"parameter": learned.values, "gradient": learned.gradients, **moments})
    start, *others = gradients()
    found = {buffer: np.zeros(SIZE) for own in every for buffer in own.values()}
    found |= {own["parameter"]: start for own in every}
    made = []
    for number, gradient in zip(STEPS, others, strict=True):
        state = {buffer: found[buffer] for own in every for buffer in own.values()}
        given = state | {own["gradient"]: gradient for own in every}
        found = emulated.run(plan, given, 1, number, LEARNING_RATE)
        made.append([{name: found[buffer] for name, buffer in own.items()} for own in every])
    return made


@pytest.mark.parametrize("number", range(len(EVERY_OPTIMIZER)), ids=map(str, EVERY_OPTIMIZER))
def test_optimizer(number: int) -> None:
    optimizer = EVERY_OPTIMIZER[number]
    start, *others = gradients()
    parameter, moments = start.copy(), {name: np.zeros(SIZE) for name in optimizer.moments}
    for step, gradient, found in zip(STEPS, others, of_optimizers(), strict=True):
        if optimizer.clip_norm:
            gradient = clip_norm({"": gradient}, optimizer.clip_norm)[""]
        parameter, moments = optimizer.update(parameter, gradient, moments, LEARNING_RATE, step)
        for name, value in {"parameter": parameter, "gradient": gradient, **moments}.items():
            np.testing.assert_allclose(found[number][name], value, rtol=5e-6, atol=1e-6)


def test_parts_of_several_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizers, "PARTS", 3)
    plan = Plan(1, False, True)
    learned = Learned(plan.buffer("values", (SIZE,)), plan.buffer("gradients", (SIZE,)), {})
    OPTIMIZERS[SGD](plan, SGD(clip_norm=0.5), learned)
    gradient = gradients()[0]
    found = emulated.run(plan, {learned.gradients: gradient}, 1)
    np.testing.assert_allclose(found[learned.gradients], gradient / np.linalg.norm(gradient) / 2, rtol=1e-5)


def test_the_average_s_correction_keeps_its_digits() -> None:
    """1 - 0.999999 would have three digits in float32."""
    plan = Plan(1, False, True)
    optimizer = Adam(beta2=0.999999, epsilon=0)
    moments = {name: plan.buffer(name, (1,)) for name in optimizer.moments}
    learned = Learned(plan.buffer("values", (1,)), plan.buffer("gradients", (1,)), moments)
    OPTIMIZERS[Adam](plan, optimizer, learned)
    found = emulated.run(plan, {learned.gradients: [0.3]}, 1, 1, 1.0)
    np.testing.assert_allclose(found[learned.values], -1, rtol=1e-6)
