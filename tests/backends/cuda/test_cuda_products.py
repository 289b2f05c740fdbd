"""Products on the CPU's GPU: the kernels of Linear and Conv2d against the layers' own functions in float64."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import emulated
from groundup.backends.cuda.plan import Buffer, Plan
from groundup.backends.cuda.rules import products
from groundup.backends.cuda.rules.products import TILES, Cut, Size
from groundup.backends.cuda.rules.types import Own
from groundup.layers import Conv2d, Layer, Linear, Shape

pytestmark = pytest.mark.skipif(not emulated.COMPILER, reason="compiles kernels for the CPU: needs g++")

BATCH, EXAMPLES = 9, 7
LAYERS: list[tuple[Layer, Shape]] = [
    (Linear(15, 17), (15,)),
    (Linear(33, 1, bias=False), (33,)),
    (Linear(1, 70), (1,)),
    (Conv2d(1, 2, 3), (1, 7, 5)),
    (Conv2d(3, 17, 2, padding=1, bias=False), (3, 4, 5)),
    (Conv2d(2, 3, 3, stride=2, padding=1), (2, 7, 6)),
    (Conv2d(2, 2, 1, stride=3), (2, 5, 8)),
    (Conv2d(1, 2, 2, stride=3, padding=2), (1, 3, 4)),
]


class Made(NamedTuple):
    """What a layer came to, or should have: outputs, gradient by the inputs, gradients by the parameters."""

    y: NDArray[Any]
    dx: NDArray[Any] | None
    gradients: dict[str, NDArray[Any]]


def arrays(layer: Layer, shape: Shape) -> tuple[NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]:
    """Return x, dy and parameters: small whole numbers, which bfloat16 holds and whose sums float32 holds, exactly."""
    generator = np.random.default_rng(math.prod(shape))

    def numbers(*shape: int) -> NDArray[Any]:
        return generator.integers(-8, 9, shape).astype(np.float64)

    parameters = {name: numbers(*each) for name, each in layer.parameters().items()}
    return numbers(EXAMPLES, *shape), numbers(EXAMPLES, *layer.output_shape(shape)), parameters


def wanted(layer: Layer, shape: Shape) -> Made:
    x, dy, parameters = arrays(layer, shape)
    y, residuals = layer.forward(parameters, x, True)
    dx, gradients = layer.backward(parameters, residuals, dy)
    return Made(y, dx, gradients)


def made(layers: Iterable[tuple[Layer, Shape]], mixed: bool, input_gradient: bool = True) -> list[Made]:
    """Run the rules of all layers, each on its own, as one program: g++ takes longer than the products."""
    plan = Plan(BATCH, mixed, training=True)
    given: dict[Buffer, Any] = {}
    recorded = []
    for number, (layer, shape) in enumerate(layers):
        x, dy = plan.activation("x", shape), plan.activation("dy", layer.output_shape(shape))
        values = {name: plan.buffer(name, each) for name, each in layer.parameters().items()}
        # Not zeroed, so that what a rule leaves out is NaN.
        gradients = {name: Buffer(f"d{name}", value.shape, zeroed=False) for name, value in values.items()}
        plan.buffers.extend(gradients.values())
        y, backward = products.LAYERS[type(layer)](plan, layer, Own(f"{number}.", values, gradients, {}), x)
        recorded.append((y, backward(dy, input_gradient), gradients))
        given[x], given[dy], parameters = arrays(layer, shape)
        given |= {values[name]: value for name, value in parameters.items()}
    found = emulated.run(plan, given, EXAMPLES)
    return [
        Made(
            examples(found[y]),
            examples(found[dx]) if dx else None,
            {name: found[gradient] for name, gradient in gradients.items()},
        )
        for y, dx, gradients in recorded
    ]


def examples(activation: NDArray[Any]) -> NDArray[Any]:
    assert np.isnan(activation[EXAMPLES:]).all()  # nothing is written beyond
    return activation[:EXAMPLES]


@cache
def all_made(mixed: bool) -> list[Made]:
    return made(LAYERS, mixed)


def assert_equal(found: Made, expected: Made) -> None:
    np.testing.assert_array_equal(found.y, expected.y)
    if found.dx is not None:
        np.testing.assert_array_equal(found.dx, expected.dx)
    assert found.gradients.keys() == expected.gradients.keys()
    for name, gradient in found.gradients.items():
        np.testing.assert_array_equal(gradient, expected.gradients[name])


@pytest.mark.parametrize("mixed", [False, True], ids=["float32", "mixed"])
@pytest.mark.parametrize("number", range(len(LAYERS)), ids=[str(layer) for layer, _ in LAYERS])
def test_layer(number: int, mixed: bool) -> None:
    assert_equal(all_made(mixed)[number], wanted(*LAYERS[number]))


@pytest.mark.parametrize("mixed", [False, True], ids=["float32", "mixed"])
@pytest.mark.parametrize("tile", TILES, ids=str)
def test_every_tile(tile: tuple[int, int], mixed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "cut", lambda size, most=1: Cut(*tile, min(3, most)))
    layers: list[tuple[Layer, Shape]] = [(Conv2d(5, 35, 3, padding=1), (5, 6, 4)), (Linear(150, 35), (150,))]
    for found, layer in zip(made(layers, mixed), layers, strict=True):
        assert_equal(found, wanted(*layer))


def test_no_gradient_by_the_inputs_unless_wanted() -> None:
    (found,) = made([(Linear(15, 17), (15,))], False, input_gradient=False)
    assert found.dx is None
    assert found.gradients["weight"].any()


def test_operands_are_rounded_to_bfloat16_and_nothing_else_is() -> None:
    plan = Plan(3, True, training=True)
    x, weight = plan.activation("x", (2,)), plan.buffer("weight", (1, 2))
    bias = plan.buffer("bias", (1,))
    y, _ = products.LAYERS[Linear](plan, Linear(2, 1), Own("", {"weight": weight, "bias": bias}, {}, {}), x)
    unit = 2.0**-8  # half of bfloat16's step at 1
    given = {x: [[1 + unit, 0], [1 + 3 * unit, 0], [1, 1 - unit / 8]], weight: [[1, 1 + unit * 1.01]], bias: [unit]}
    # A tie goes to the even neighbour, anything beyond it up; sums and bias stay float32.
    np.testing.assert_array_equal(emulated.run(plan, given, 3)[y][:, 0], [1 + unit, 1 + 5 * unit, 2 + 3 * unit])


def test_naive_product() -> None:
    plan = Plan(BATCH, False, training=False)
    x, weight, y = plan.activation("x", (15,)), plan.buffer("weight", (17, 15)), plan.activation("y", (17,))
    plan.launch("naive_linear_forward", (15, 17), (1, BATCH), y, x, weight, plan.step)
    layer = Linear(15, 17, bias=False)
    x_given, _, parameters = arrays(layer, (15,))
    found = emulated.run(plan, {x: x_given, weight: parameters["weight"]}, EXAMPLES)[y]
    np.testing.assert_array_equal(examples(found), wanted(layer, (15,)).y)


@pytest.mark.parametrize("most_parts", [1, 128])
@pytest.mark.parametrize("size", [Size(100, 10, 784), Size(32, 100 * 784, 25), Size(1, 1, 1), Size(8192, 8192, 8192)])
def test_a_cut_covers_the_result(size: Size, most_parts: int) -> None:
    cut = products.cut(size, most_parts)
    columns, rows, parts = cut.grid(size)
    assert (cut.rows, cut.columns) in TILES
    assert columns * cut.columns >= size.columns
    assert rows * cut.rows >= size.rows
    assert 1 <= parts <= most_parts


def test_all_multiprocessors_have_work() -> None:
    assert products.cut(Size(4096, 4096, 4096), 128) == (128, 128, 1)  # enough large tiles
    small, deep = products.cut(Size(100, 32, 784)), products.cut(Size(24, 25, 147456), 128)
    assert small == (16, 16, 1)
    assert 100 < math.prod(deep.grid(Size(24, 25, 147456))) <= products.MULTIPROCESSORS
