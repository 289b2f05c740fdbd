"""Losses: one launch for the loss, the count of right answers, and the gradient."""

from __future__ import annotations

from groundup.backends.cuda.plan import Buffer, Plan
from groundup.backends.cuda.rules.types import LossRule
from groundup.losses import CrossEntropy, Loss, MeanSquaredError


def cross_entropy(plan: Plan, loss: CrossEntropy, y: Buffer) -> Buffer:
    """Record softmax cross-entropy of logits y (batch, classes)."""
    dy, smoothing = plan.activation("loss.dy", y.shape[1:]), float(loss.label_smoothing)
    numbers = (dy, plan.loss, plan.correct, y, plan.labels, plan.order, 1 - smoothing, smoothing / y.each, plan.step)
    plan.launch("cross_entropy", (y.each,), (1,), *numbers)
    return dy


def mean_squared_error(plan: Plan, loss: MeanSquaredError, y: Buffer) -> Buffer:
    """Record the mean squared error of y (batch, classes)."""
    dy = plan.activation("loss.dy", y.shape[1:])
    numbers = (dy, plan.loss, plan.correct, y, plan.labels, plan.order, plan.step)
    plan.launch("mean_squared_error", (y.each,), (1,), *numbers)
    return dy


LOSSES: dict[type[Loss], LossRule] = {CrossEntropy: cross_entropy, MeanSquaredError: mean_squared_error}
