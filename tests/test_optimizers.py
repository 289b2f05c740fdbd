from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from comparing import assert_all_near, assert_near
from groundup.errors import ParameterError
from groundup.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, clip_norm, gradient_norm


def every_optimizer() -> Iterator[Optimizer]:
    """Yield every combination of hyperparameters that changes the rule."""
    for momentum, dampening, nesterov, decay in itertools.product((0, 0.5, 0.9), (0, 0.3), (False, True), (0, 0.01)):
        if not nesterov or (momentum and not dampening):
            yield SGD(momentum, dampening, nesterov, decay)
    for kind, amsgrad, decay in itertools.product((Adam, AdamW), (False, True), (0, 0.01, 0.5)):
        yield kind(weight_decay=decay, amsgrad=amsgrad)
        yield kind(0.5, 0.9, 1e-3, decay, amsgrad)
        yield kind(0.0, 0.0, 1e-2, decay, amsgrad)
    yield SGD(momentum=1.5, dampening=-0.5)
    yield AdamW()


def learning_rate(step: int, changing: bool) -> float:
    return 0.02 * (1 + math.sin(step)) if changing else 0.02


@pytest.mark.parametrize("changing", [False, True], ids=["constant rate", "changing rate"])
@pytest.mark.parametrize("optimizer", list(every_optimizer()), ids=repr)
def test_twenty_steps_against_pytorch(optimizer: Optimizer, changing: bool) -> None:
    """On gradients that vary by six orders of magnitude, and are sometimes zero."""
    from pytorch import optimizer_of, tensor

    generator = np.random.default_rng(0)
    shapes = {"0.weight": (17, 15), "0.bias": (17,), "1.weight": (2, 3, 3, 3)}
    params = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    moments = {name: {each: np.zeros(shape) for each in optimizer.moments} for name, shape in shapes.items()}
    tensors = {name: tensor(array, gradient=True) for name, array in params.items()}
    twin = optimizer_of(optimizer, tensors.values(), 0.02)
    for step in range(1, 21):
        for group in twin.param_groups:
            group["lr"] = learning_rate(step, changing)
        for name, shape in shapes.items():
            size = 10.0 ** generator.integers(-5, 1, size=shape)
            gradient = size * generator.normal(size=shape) * generator.integers(0, 2, size=shape)
            tensors[name].grad = tensor(gradient)
            before = gradient.copy()
            params[name], moments[name] = optimizer.update(
                params[name], gradient, moments[name], learning_rate(step, changing), step
            )
            np.testing.assert_array_equal(gradient, before, "the gradient was changed")
            assert set(moments[name]) == set(optimizer.moments)
        twin.step()
    assert_all_near(params, {name: each.detach() for name, each in tensors.items()})


def test_an_update_works_in_place_and_keeps_float32() -> None:
    for optimizer in every_optimizer():
        parameter, gradient = np.ones(5, dtype=np.float32), np.full(5, 0.5, dtype=np.float32)
        moments = {name: np.zeros(5, dtype=np.float32) for name in optimizer.moments}
        updated, kept = optimizer.update(parameter, gradient, moments, 0.1, 1)
        assert updated is parameter
        assert {array.dtype for array in kept.values()} <= {np.dtype(np.float32)}
        assert np.all(updated < 1)


@pytest.mark.parametrize("maximum", [1e-3, 1.0, 5.0, 1e6])
@pytest.mark.parametrize("size", [0.0, 1e-8, 1.0, 1e5])
def test_clip_norm_against_pytorch(torch: Any, maximum: float, size: float) -> None:
    generator = np.random.default_rng(0)
    grads = {name: size * generator.normal(size=shape) for name, shape in (("a", (5, 3)), ("b", (7,)))}
    tensors = {name: torch.zeros(array.shape, dtype=torch.float64) for name, array in grads.items()}
    for name, each in tensors.items():
        each.requires_grad_()
        each.grad = torch.tensor(grads[name])
    norm = torch.nn.utils.clip_grad_norm_(tensors.values(), maximum)
    assert_near(gradient_norm(grads), norm)
    assert_all_near(clip_norm(grads, maximum), {name: each.grad for name, each in tensors.items()}, zero=1e-12)


def test_clip_norm_leaves_small_gradients_alone() -> None:
    grads = {"a": np.array([3.0, 4.0])}
    assert gradient_norm(grads) == 5
    assert clip_norm(grads, 5.1)["a"] is grads["a"]
    assert clip_norm(grads, 1.0)["a"] is not grads["a"]
    np.testing.assert_array_equal(grads["a"], [3.0, 4.0])
    assert gradient_norm({}) == 0


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (SGD, {"momentum": -0.1}, "SGD: momentum must be a number at least 0, not -0.1"),
        (SGD, {"momentum": True}, "SGD: momentum must be a number"),
        (SGD, {"weight_decay": -1}, "SGD: weight_decay must be a number at least 0, not -1"),
        (SGD, {"dampening": float("inf")}, "SGD: dampening must be a number, not inf"),
        (SGD, {"nesterov": 1, "momentum": 0.9}, "SGD: nesterov must be true or false, not 1"),
        (SGD, {"nesterov": True}, "SGD: nesterov needs a momentum above 0"),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "SGD: nesterov needs a momentum above 0"),
        (SGD, {"clip_norm": -1}, "SGD: clip_norm must be a number at least 0, not -1"),
        (Adam, {"beta1": 1}, "Adam: beta1 must be a number at least 0 and below 1, not 1"),
        (Adam, {"beta2": 1.0}, "Adam: beta2 must be a number at least 0 and below 1, not 1.0"),
        (Adam, {"epsilon": -1e-8}, "Adam: epsilon must be a number at least 0"),
        (AdamW, {"weight_decay": "0.1"}, "AdamW: weight_decay must be a number at least 0, not '0.1'"),
        (AdamW, {"amsgrad": None}, "AdamW: amsgrad must be true or false, not None"),
    ],
)
def test_hyperparameters_out_of_range(kind: type[Optimizer], values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=f"^{message}"):
        kind(**values)


def test_defaults_are_pytorchs(torch: Any) -> None:
    parameter = [torch.zeros(1, requires_grad=True)]
    sgd, adam, adamw = (kind(parameter).defaults for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW))
    assert SGD() == SGD(sgd["momentum"], sgd["dampening"], sgd["nesterov"], sgd["weight_decay"])
    for ours, defaults in ((Adam(), adam), (AdamW(), adamw)):
        assert (ours.beta1, ours.beta2) == defaults["betas"]
        assert (ours.epsilon, ours.weight_decay, ours.amsgrad) == tuple(
            defaults[name] for name in ("eps", "weight_decay", "amsgrad")
        )
    assert set(OPTIMIZERS.values()) == {SGD, Adam, AdamW}
