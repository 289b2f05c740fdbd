"""Whole random networks against PyTorch in float64: one pass, and 20 steps of training."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from comparing import assert_all_near, assert_near, random_masks, random_state
from groundup.layers import LAYERS, BatchNorm, Linear, Residual
from groundup.losses import CrossEntropy, Loss, MeanSquaredError
from groundup.network import Network
from groundup.optimizers import SGD, Adam, AdamW, Optimizer, clip_norm
from pytorch import give_masks, gradients, load, loss_function, optimizer_of, sequential, state, tensor, torch
from random_networks import CLASSES, convolutional, perceptron

BATCH = 6
STEPS = 20
EPSILON = 1e-3  # Adam's own 1e-8 makes steps of the rounding errors that are the gradient of a bias before a BatchNorm
NETWORKS = [perceptron(seed) for seed in range(32)] + [convolutional(seed) for seed in range(32)]
IDS = [f"{kind}{seed}" for kind in ("perceptron", "convolutional") for seed in range(32)]


def draw_training(seed: int) -> tuple[Loss, Optimizer, float]:
    """Return a loss, an optimizer and a norm for clipping."""
    draw = random.Random(seed)
    loss: Loss = draw.choice([CrossEntropy(), CrossEntropy(0.1), MeanSquaredError()])
    optimizers: list[Optimizer] = [
        SGD(),
        SGD(0.9),
        SGD(0.9, nesterov=True),
        Adam(epsilon=EPSILON),
        AdamW(epsilon=EPSILON),
    ]
    optimizer = draw.choice(optimizers)
    return loss, optimizer, draw.choice([1e-2, 1.0, 1e9])


@pytest.mark.parametrize(("seed", "network"), list(enumerate(NETWORKS)), ids=IDS)
def test_random_network(seed: int, network: Network) -> None:
    generator = np.random.default_rng(seed)
    loss, optimizer, norm = draw_training(seed)
    params = random_state(network, generator)
    twin = sequential(network)
    load(twin, params)
    rate = 0.05 if isinstance(optimizer, SGD) else 0.005
    theirs = optimizer_of(optimizer, twin.parameters(), rate)
    moments = {
        name: {each: np.zeros(shape) for each in optimizer.moments} for name, shape in network.parameters().items()
    }
    targets = np.eye(CLASSES)[generator.integers(0, CLASSES, BATCH)]
    for step in range(1, STEPS + 1):
        x = generator.normal(size=(BATCH, *network.input_shape))
        masks = random_masks(network, BATCH, generator)
        y, saved = network.forward(params | masks, x, training=True)
        value, residuals = loss.forward(y, targets)
        dx, grads = network.backward(params | masks, saved, loss.backward(residuals))
        give_masks(twin, masks)
        their_x = tensor(x, gradient=True)
        their_y = twin.train()(their_x)
        their_value = loss_function(loss)(their_y, tensor(targets))
        theirs.zero_grad()
        their_value.backward()
        if step == 1:
            assert_near(y, their_y.detach(), what="outputs")
            assert_near(value, their_value.detach(), what="loss")
            assert_near(dx, their_x.grad, what="dx")
            assert_all_near(grads, gradients(twin), zero=1e-3)
        buffers = network.updated_buffers(params | masks, saved)
        for name, gradient in clip_norm(grads, norm).items():
            params[name], moments[name] = optimizer.update(params[name], gradient, moments[name], rate, step)
        params |= buffers
        torch.nn.utils.clip_grad_norm_(twin.parameters(), norm)
        theirs.step()
    assert_all_near(params, state(twin))
    assert_near(network.forward(params, x)[0], twin.eval()(tensor(x)).detach(), what="inference")


def test_the_random_networks_have_all_layers() -> None:
    def kinds(layers: Any) -> set[str]:
        inner = [kinds(layer.layers) for layer in layers if isinstance(layer, Residual)]
        return {type(layer).__name__ for layer in layers}.union(*inner)

    assert set.union(*(kinds(network.layers) for network in NETWORKS)) == set(LAYERS)


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_parameter_counts(network: Network) -> None:
    twin = sequential(network)
    assert network.parameters() == {name: tuple(each.shape) for name, each in twin.named_parameters()}
    total = sum(each.numel() for each in twin.parameters())
    assert network.summary().splitlines()[-1].split()[1] == f"{total:,}"
    assert network.state_shapes() == {name: array.shape for name, array in state(twin).items()}


def test_multiply_adds() -> None:
    """PyTorch counts two operations for a multiplication with an addition."""
    from torch.utils.flop_counter import FlopCounterMode

    for network in NETWORKS:
        twin = sequential(network).eval()
        with FlopCounterMode(display=False) as counter:
            twin(tensor(np.zeros((1, *network.input_shape))))
        total = int(network.summary().splitlines()[-1].split()[2].replace(",", ""))
        assert 2 * total == counter.get_total_flops()


def test_initial_state_loads_into_the_same_sequential() -> None:
    network = Network([Linear(5, 3), BatchNorm(3), Residual([Linear(3, 3, bias=False)])])
    arrays = {
        name: np.asarray(values).reshape(network.state_shapes()[name])
        for name, values in network.initial_state(7).items()
    }
    twin = sequential(network)
    load(twin, arrays)
    assert_all_near(state(twin), arrays, bound=0)
