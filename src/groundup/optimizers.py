"""Optimizers: what a parameter becomes, given its gradient. Every hyperparameter means what it means in PyTorch.

An update is a rule for one parameter and works in place where the array library can: arrays that it is given are
changed, and the caller keeps what it returns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from groundup.checks import Checked, boolean, real
from groundup.errors import ParameterError
from groundup.layers.base import Array


@dataclass(frozen=True)
class Optimizer(Checked):
    """A rule for one parameter, with moments: arrays of the parameter's shape that begin at zero.

    Parameters
    ----------
    clip_norm : float
        Before the update, gradients whose norm together exceeds this are scaled down to it; 0 leaves them.
    """

    _: KW_ONLY
    clip_norm: float = real(at_least=0, default=0.0)

    @property
    def moments(self) -> tuple[str, ...]:
        """The names of the arrays that the rule keeps for each parameter."""
        return ()

    def update(
        self, parameter: Array, gradient: Array, moments: dict[str, Array], learning_rate: float, step: int
    ) -> tuple[Array, dict[str, Array]]:
        """Return the parameter and its moments after step number `step`, counted from 1."""
        raise NotImplementedError


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Sutskever et al., 2013).

    Parameters
    ----------
    momentum : float
        The share of the velocity that a step keeps.
    dampening : float
        The share of the gradient that is withheld from the velocity, after the first step.
    nesterov : bool
        Look ahead by one velocity; needs momentum and no dampening.
    weight_decay : float
        L2 penalty: this share of the parameter is added to its gradient.
    """

    momentum: float = real(at_least=0, default=0.0)
    dampening: float = real(default=0.0)
    nesterov: bool = boolean(default=False)
    weight_decay: float = real(at_least=0, default=0.0)

    def __post_init__(self) -> None:
        """Refuse a Nesterov momentum that has nothing to look ahead by."""
        super().__post_init__()
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ParameterError("SGD: nesterov needs a momentum above 0 and a dampening of 0")

    @property
    def moments(self) -> tuple[str, ...]:
        """``velocity``, with momentum."""
        return ("velocity",) if self.momentum else ()

    def update(
        self, parameter: Array, gradient: Array, moments: dict[str, Array], learning_rate: float, step: int
    ) -> tuple[Array, dict[str, Array]]:
        """Return parameter - learning_rate · velocity."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameter
        if self.momentum:
            velocity = moments["velocity"]
            velocity *= self.momentum
            velocity += gradient if step == 1 or not self.dampening else (1 - self.dampening) * gradient
            moments = {"velocity": velocity}
            gradient = gradient + self.momentum * velocity if self.nesterov else velocity
        parameter -= learning_rate * gradient
        return parameter, moments


@dataclass(frozen=True)
class Adam(Optimizer):
    """Steps scaled by running averages of the gradient and its square (Kingma and Ba, 2015, algorithm 1).

    Parameters
    ----------
    beta1, beta2 : float
        The shares that the averages of the gradient and of its square keep.
    epsilon : float
        Added to the root of the average square.
    weight_decay : float
        L2 penalty: this share of the parameter is added to its gradient.
    amsgrad : bool
        Divide by the largest average square so far (Reddi et al., 2018).
    """

    beta1: float = real(at_least=0, below=1, default=0.9)
    beta2: float = real(at_least=0, below=1, default=0.999)
    epsilon: float = real(at_least=0, default=1e-8)
    weight_decay: float = real(at_least=0, default=0.0)
    amsgrad: bool = boolean(default=False)

    @property
    def moments(self) -> tuple[str, ...]:
        """``mean`` and ``square``, and with amsgrad ``largest_square``."""
        return ("mean", "square", "largest_square") if self.amsgrad else ("mean", "square")

    def update(
        self, parameter: Array, gradient: Array, moments: dict[str, Array], learning_rate: float, step: int
    ) -> tuple[Array, dict[str, Array]]:
        """Return parameter - learning_rate · corrected mean / (√corrected square + epsilon)."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameter
        return self._adapted(parameter, gradient, moments, learning_rate, step)

    def _adapted(
        self, parameter: Array, gradient: Array, moments: dict[str, Array], learning_rate: float, step: int
    ) -> tuple[Array, dict[str, Array]]:
        xp = gradient.__array_namespace__()
        mean, square = moments["mean"], moments["square"]
        mean *= self.beta1
        mean += (1 - self.beta1) * gradient
        square *= self.beta2
        square += (1 - self.beta2) * (gradient * gradient)
        kept = {"mean": mean, "square": square}
        if self.amsgrad:
            square = kept["largest_square"] = xp.maximum(moments["largest_square"], square)
        root = xp.sqrt(square)
        root /= math.sqrt(1 - self.beta2**step)
        root += self.epsilon
        parameter -= (learning_rate / (1 - self.beta1**step)) * mean / root
        return parameter, kept


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter itself (Loshchilov and Hutter, 2019)."""

    weight_decay: float = real(at_least=0, default=0.01)

    def update(
        self, parameter: Array, gradient: Array, moments: dict[str, Array], learning_rate: float, step: int
    ) -> tuple[Array, dict[str, Array]]:
        """Return Adam's step from (1 - learning_rate · weight_decay) · parameter."""
        parameter *= 1 - learning_rate * self.weight_decay
        return self._adapted(parameter, gradient, moments, learning_rate, step)


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def gradient_norm(gradients: Mapping[str, Array]) -> float:
    """Return the Euclidean norm of all gradients together."""
    return math.sqrt(sum(float(_sum_of_squares(gradient)) for gradient in gradients.values()))


def clip_norm(gradients: Mapping[str, Array], maximum: float) -> dict[str, Array]:
    """Return the gradients, all scaled down alike if their norm together exceeds `maximum` (as PyTorch's clip)."""
    scale = maximum / (gradient_norm(gradients) + 1e-6)
    return dict(gradients) if scale >= 1 else {name: gradient * scale for name, gradient in gradients.items()}


def _sum_of_squares(values: Array) -> Any:
    xp = values.__array_namespace__()
    return xp.sum(values * values)
