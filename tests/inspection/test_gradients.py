from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from inspection_models import NETWORKS, model, picture

from groundup.errors import ParameterError
from groundup.inspection.activations import program, steps
from groundup.inspection.gradients import Logits, loss_gradients, saliency
from groundup.layers import structure
from groundup.losses import one_hot
from groundup.models.model import Model

LABEL = 4


def _loss(looked: Model, x: np.ndarray, first: int = 0) -> float:
    """Return the loss when the layer `first` is given x (*shape), in float64."""
    params = program(looked, "float64").params
    y = x[np.newaxis]
    for index in range(first, len(looked.network.layers)):
        y = looked.network.layers[index].forward(structure.select(index, params), y)[0]
    return float(looked.loss.forward(y, one_hot(np.array([LABEL]), 10, like=y))[0])


def _slope(function: Callable[[np.ndarray], float], x: np.ndarray, at: tuple[int, ...]) -> float:
    step = 1e-6
    ends = []
    for sign in (1, -1):
        moved = x.copy()
        moved[at] += sign * step
        ends.append(function(moved))
    return (ends[0] - ends[1]) / (2 * step)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradient_by_every_layers_outputs_is_the_slope_of_the_loss(name: str) -> None:
    looked = model(name)
    found = loss_gradients(looked, picture(), LABEL, "float64")
    assert found.outputs.keys() == {step.place for step in steps(looked, picture())}
    assert found.loss == pytest.approx(_loss(looked, program(looked, "float64").inputs(picture()[np.newaxis])[0]))
    for step in steps(looked, picture(), "float64"):
        if "." in step.place:
            continue  # PyTorch checks these
        gradient = found.outputs[step.place]
        assert gradient.shape == step.outputs.shape
        for at in list(np.ndindex(gradient.shape))[:: max(1, gradient.size // 12)]:
            slope = _slope(lambda x, first=int(step.place) + 1: _loss(looked, x, first), step.outputs.copy(), at)
            assert gradient[at] == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradient_by_parameters_and_pixels_is_the_slope_of_the_loss(name: str) -> None:
    looked = model(name)
    found = loss_gradients(looked, picture(), LABEL, "float64")
    x = program(looked, "float64").inputs(picture()[np.newaxis])[0]
    assert found.parameters.keys() == looked.network.parameters().keys()
    for parameter, gradient in found.parameters.items():
        at = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)

        def loss_with(values: np.ndarray, parameter: str = parameter) -> float:
            return _loss(replace(looked, state={**looked.state, parameter: values}), x)

        slope = _slope(loss_with, np.asarray(looked.state[parameter], np.float64), at)
        assert gradient[at] == pytest.approx(slope, rel=1e-5, abs=1e-8)
    at = np.unravel_index(int(np.abs(found.pixels).argmax()), (9, 9))
    flat = (int(np.ravel_multi_index(at, (9, 9))),) if x.ndim == 1 else (0, *at)
    by_pixel = _slope(lambda values: _loss(looked, values), x, flat) * 255 / looked.network.normalization.deviation
    assert found.pixels[at] == pytest.approx(by_pixel, rel=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_saliency_is_the_slope_of_the_logit(name: str) -> None:
    looked = model(name)
    found = saliency(looked, picture(), LABEL, "float64")
    logits = Logits(looked, "float64")
    for at in [(0, 0), (4, 5), (8, 8), (7, 1), (3, 3)]:
        slope = _slope(lambda x: float(logits.values(x)[LABEL]), picture().astype(np.float64), at) * 255
        assert found[at] == pytest.approx(slope, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", NETWORKS)
def test_pytorch_finds_the_same_gradients(name: str, torch: object) -> None:
    import pytorch

    looked = model(name)
    twin = pytorch.sequential(looked.network).eval()
    pytorch.load(twin, looked.state)
    x = pytorch.tensor(program(looked, "float64").inputs(picture()[np.newaxis]), gradient=True)
    y = twin(x)
    kept = {}
    for place, member in twin.named_modules():
        if place and place in loss_gradients(looked, picture(), LABEL).outputs:
            member.register_forward_hook(lambda _, __, output, place=place: _keep(kept, place, output))
    y = twin(x)
    wanted = one_hot(np.array([LABEL]), 10, like=np.zeros((1, 10)))
    pytorch.loss_function(looked.loss)(y, pytorch.tensor(wanted)).backward()
    found = loss_gradients(looked, picture(), LABEL, "float64")
    for parameter, gradient in pytorch.gradients(twin).items():
        np.testing.assert_allclose(found.parameters[parameter], gradient, rtol=1e-9, atol=1e-12)
    assert kept.keys() == found.outputs.keys()
    for place, output in kept.items():
        np.testing.assert_allclose(found.outputs[place], output.grad.numpy()[0], rtol=1e-9, atol=1e-12)
    by_pixel = x.grad.numpy().reshape(9, 9) * 255 / looked.network.normalization.deviation
    np.testing.assert_allclose(found.pixels, by_pixel, rtol=1e-9, atol=1e-12)


def _keep(kept: dict[str, Any], place: str, output: Any) -> None:
    output.retain_grad()
    kept[place] = output


@pytest.mark.parametrize("label", [-1, 10])
def test_a_class_that_is_not_there_is_refused(label: int) -> None:
    with pytest.raises(ParameterError, match="there is no class"):
        loss_gradients(model("linear"), picture(), label)
    with pytest.raises(ParameterError, match="there is no class"):
        saliency(model("linear"), picture(), label)
