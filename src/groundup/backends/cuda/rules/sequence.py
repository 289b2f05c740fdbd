"""Layers one after another, and the one that has layers inside."""

from __future__ import annotations

from collections.abc import Sequence

from groundup.backends.cuda.plan import Buffer, Plan
from groundup.backends.cuda.rules import elementwise, normalization, pooling, products, structure
from groundup.backends.cuda.rules.types import Backward, LayerRule, Own
from groundup.errors import NetworkError
from groundup.layers import Layer, Residual


def sequence(plan: Plan, layers: Sequence[Layer], own: Own, x: Buffer) -> tuple[list[Buffer], Backward]:
    """Record the forward pass of `layers` in order; return each one's output, and the backward pass of all.

    Where the gradient by x is not wanted, the backward pass ends at the first layer that has parameters.
    """
    outputs: list[Buffer] = []
    backwards: list[Backward] = []
    for index, layer in enumerate(layers):
        inside = own.inner(index)
        x, backward_of_layer = _rule(layer, inside)(plan, layer, inside, x)
        outputs.append(x)
        backwards.append(backward_of_layer)
    learned = next((index for index, layer in enumerate(layers) if layer.parameters()), len(layers))

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        last = 0 if wanted else learned
        gradient: Buffer | None = dy
        for index in reversed(range(last, len(layers))):
            assert gradient is not None
            gradient = backwards[index](gradient, wanted or index > last)
        return gradient if wanted else None

    return outputs, backward


def residual(plan: Plan, layer: Residual, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
    """Y = x + f(x): forward adds the outputs, backward the gradients."""
    outputs, backward_inside = sequence(plan, layer.layers, own, x)
    y = _sum(plan, f"{own.prefix}y", x, outputs[-1] if outputs else x)

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        inside = backward_inside(dy, wanted)
        return _sum(plan, f"{own.prefix}dx", dy, inside) if inside else None

    return y, backward


def _sum(plan: Plan, name: str, a: Buffer, b: Buffer) -> Buffer:
    added = plan.activation(name, a.shape[1:])
    elementwise.elementwise(plan, "Add", b, added, a)
    return added


def _rule(layer: Layer, own: Own) -> LayerRule:
    if type(layer) not in LAYERS:
        raise NetworkError(
            f"backend cuda does not know layer {own.prefix[:-1]}, {layer}; the backend numpy runs any layer"
        )
    return LAYERS[type(layer)]


LAYERS: dict[type[Layer], LayerRule] = {
    **products.LAYERS,
    **elementwise.LAYERS,
    **pooling.LAYERS,
    **normalization.LAYERS,
    **structure.LAYERS,
    Residual: residual,
}
"""The rule of every layer."""
