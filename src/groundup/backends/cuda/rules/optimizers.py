"""Optimizers: one launch for all parameters together, and two more before it where gradients are clipped."""

from __future__ import annotations

import math

from groundup.backends.cuda.plan import Plan, blocks
from groundup.backends.cuda.rules.types import Learned, OptimizerRule
from groundup.optimizers import SGD, Adam, AdamW, Optimizer

PARTS = 256
"""Into how many parts the sum of the squared gradients is cut, at most."""


def sgd(plan: Plan, optimizer: SGD, learned: Learned) -> None:
    """Record gradient descent, with momentum if the optimizer has it."""
    clip(plan, optimizer, learned)
    numbers = (learned.values, learned.moments.get("velocity"), learned.gradients)
    settings = (float(optimizer.momentum), 1.0 - optimizer.dampening, int(optimizer.nesterov))
    count = learned.values.size
    plan.launch_each("sgd", (count,), count, *numbers, *settings, float(optimizer.weight_decay), plan.step)


def adam(plan: Plan, optimizer: Adam, learned: Learned) -> None:
    """Record Adam, AdamW or AMSGrad."""
    clip(plan, optimizer, learned)
    moments = (learned.moments.get(name) for name in ("mean", "square", "largest_square"))
    decay = float(optimizer.weight_decay)
    decays = (0.0, decay) if isinstance(optimizer, AdamW) else (decay, 0.0)
    settings = (*average(optimizer.beta1), *average(optimizer.beta2), float(optimizer.epsilon), *decays)
    count = learned.values.size
    plan.launch_each("adam", (count,), count, learned.values, *moments, learned.gradients, *settings, plan.step)


def average(beta: float) -> tuple[float, float, float]:
    """Return beta, 1 - beta and the logarithm of beta: found here, in float64, so that each is rounded only once."""
    return float(beta), 1.0 - beta, math.log(beta) if beta else -math.inf


def clip(plan: Plan, optimizer: Optimizer, learned: Learned) -> None:
    """Record the limit on the gradients' norm, if the optimizer has one."""
    if not optimizer.clip_norm:
        return
    gradients, count = learned.gradients, learned.gradients.size
    parts = min(PARTS, blocks(count))
    squares = plan.buffer("clip_norm.squares", (parts,))
    plan.launch("square_parts", (count, parts), (parts,), squares, gradients)
    plan.launch_each("clip_norm", (count, parts), count, gradients, squares, float(optimizer.clip_norm))


OPTIMIZERS: dict[type[Optimizer], OptimizerRule] = {SGD: sgd, Adam: adam, AdamW: adam}
