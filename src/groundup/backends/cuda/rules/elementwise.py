"""Functions of one number, in one kernel each: most activations; and softmax, which takes an example's numbers."""

from __future__ import annotations

from groundup.backends.cuda.plan import WARPS, Argument, Buffer, Plan, blocks
from groundup.backends.cuda.rules.types import Backward, LayerRule, Own
from groundup.layers import Layer, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh


def elementwise(plan: Plan, function: str, x: Buffer, *arguments: Argument) -> None:
    """Record that `function`, a struct of kernels/elementwise.cuh made of `arguments`, is done to all of x."""
    plan.launch_each("elementwise", (x.each, function), x.size, x, plan.step, *arguments)


def activation(function: str, *settings: str) -> LayerRule:
    """Return the rule of an activation with the structs ``<function>Forward`` and ``<function>Backward``.

    `settings` are the layer's fields that both are given.
    """

    def rule(plan: Plan, layer: Layer, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
        values = [float(getattr(layer, name)) for name in settings]
        y = plan.activation(f"{own.prefix}y", x.shape[1:])
        elementwise(plan, f"{function}Forward", x, y, *values)

        def backward(dy: Buffer, wanted: bool) -> Buffer | None:
            if not wanted:
                return None
            dx = plan.activation(f"{own.prefix}dx", x.shape[1:])
            elementwise(plan, f"{function}Backward", dy, dx, y, *values)
            return dx

        return y, backward

    return rule


def softmax(plan: Plan, layer: Softmax, own: Own, x: Buffer) -> tuple[Buffer, Backward]:
    """Record softmax; a warp does an example."""
    sizes, grid = (x.each,), (blocks(plan.batch_size, WARPS),)
    y = plan.activation(f"{own.prefix}y", x.shape[1:])
    plan.launch("softmax_forward", sizes, grid, y, x, plan.step)

    def backward(dy: Buffer, wanted: bool) -> Buffer | None:
        if not wanted:
            return None
        dx = plan.activation(f"{own.prefix}dx", x.shape[1:])
        plan.launch("softmax_backward", sizes, grid, dx, dy, y, plan.step)
        return dx

    return y, backward


LAYERS: dict[type[Layer], LayerRule] = {
    ReLU: activation("ReLU"),
    LeakyReLU: activation("LeakyReLU", "slope"),
    Sigmoid: activation("Sigmoid"),
    Tanh: activation("Tanh"),
    Softmax: softmax,
}
