"""The `scalar` backend: the layers' own forward passes on arrays of Values, and gradients from the graph."""

from __future__ import annotations

from groundup.backends.interpreter import Record
from groundup.backends.lists.array import Array
from groundup.backends.lists.program import ListsProgram
from groundup.backends.scalar.array import as_gradients, as_numbers, as_values
from groundup.errors import ParameterError
from groundup.layers.base import Arrays
from groundup.losses import Loss
from groundup.network import Network
from groundup.optimizers import Optimizer


class ScalarBackend:
    """Reverse-mode automatic differentiation, number by number; needs the standard library alone."""

    name = "scalar"
    precisions = ("float64",)

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        precision: str = "float64",
        seed: int = 0,
        state: Arrays | None = None,
    ) -> ScalarProgram:
        """Return a program that begins with `state`, or with the network's initial state of this `seed`."""
        if precision not in self.precisions:
            raise ParameterError(f"backend scalar has the precision float64, Python's own, not {precision}")
        begin = network.initial_state(seed) if state is None else state
        return ScalarProgram(network, loss, optimizer, batch_size, seed, begin)


class ScalarProgram(ListsProgram):
    """The program of `lists`, but for where its gradients come from: no layer's or loss's `backward` is called."""

    def _gradients(
        self, params: Arrays, x: Array, wanted: Array, record: Record
    ) -> tuple[Array, float, Arrays, Arrays]:  # x (N, *input_shape), wanted (N,)
        """Return outputs (N, classes), loss, the gradient by every parameter, and the new buffers."""
        learned = self.network.parameters()
        params = {name: as_values(array, constant=name not in learned) for name, array in params.items()}
        inputs = as_values(x, constant=True)
        y, loss, saved, _ = self._forward(params, inputs, wanted, lambda name, value: record(name, as_numbers(value)))
        (result,) = loss.elements()
        result.backward()
        gradients = {name: as_gradients(params[name]) for name in sorted(learned, key=_last_layer_first)}
        buffers = self.network.updated_buffers(params, saved)
        return as_numbers(y), result.data, gradients, {name: as_numbers(each) for name, each in buffers.items()}


def _last_layer_first(name: str) -> list[int]:
    """Return what sorts the names of parameters as backpropagation reaches them, for `trace`."""
    return [-int(place) for place in name.split(".")[:-1]]
