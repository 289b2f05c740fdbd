"""What a rule is given and what it returns. A rule says which launches a layer, a loss or an optimizer comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from groundup.backends.cuda.plan import Buffer, Plan


@dataclass(frozen=True)
class Own:
    """What belongs to one layer; the names are the layer's own: ``weight``, not ``3.weight``.

    Parameters
    ----------
    prefix : str
        What stands before the names of this layer's buffers: ``3.``.
    values : mapping of str to Buffer
        Its parameters and its buffers (``running_mean``).
    gradients : mapping of str to Buffer
        The loss's gradient by each parameter. `Backward` writes all of it, every step: nothing is left to add to.
    keys : mapping of str to int
        The place in ``plan.keys`` of the key of each of its random masks.
    """

    prefix: str
    values: Mapping[str, Buffer]
    gradients: Mapping[str, Buffer]
    keys: Mapping[str, int]

    def inner(self, index: int) -> Own:
        """Return what belongs to the layer at `index` inside of this one."""
        start = f"{index}."
        values, gradients = _below(start, self.values), _below(start, self.gradients)
        return Own(self.prefix + start, values, gradients, _below(start, self.keys))


@dataclass(frozen=True)
class Learned:
    """All parameters together: each of these buffers holds one number for each number that is learned, in one order.

    Between two parameters there may be a gap, which belongs to none: its gradient is 0, and it may be updated too.

    Parameters
    ----------
    values : Buffer
        The parameters.
    gradients : Buffer
        The loss's gradient by each. What a step leaves there is what the optimizer used: with ``clip_norm``, clipped.
    moments : mapping of str to Buffer
        What the optimizer keeps: ``velocity``; at first 0.
    """

    values: Buffer
    gradients: Buffer
    moments: Mapping[str, Buffer]


Backward = Callable[[Buffer, bool], Buffer | None]
"""``backward(dy, wanted)`` records the launches that write the parameters' gradients, from dy, the gradient by the
outputs; it returns the gradient by the inputs if that is `wanted`. A rule writes neither to x nor to dy: others read
them.
"""

LayerRule = Callable[[Plan, Any, Own, Buffer], tuple[Buffer, Backward]]
"""``rule(plan, layer, own, x)`` records the layer's forward pass on x (batch, *shape); it returns y and `Backward`."""

LossRule = Callable[[Plan, Any, Buffer], Buffer]
"""``rule(plan, loss, y)`` adds to ``plan.loss`` and ``plan.correct``, and returns the gradient by y (batch, classes).

An example's label is ``labels[order[step->first + n]]``.
"""

OptimizerRule = Callable[[Plan, Any, Learned], None]
"""``rule(plan, optimizer, learned)`` records the update of all parameters, clipping of their gradients included."""


def _below(start: str, named: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(start): value for name, value in named.items() if name.startswith(start)}
