"""The `scalar` backend: the layers' own forward passes on arrays of Values, and gradients from the graph."""

from __future__ import annotations

from groundup.backends.interpreter import Record
from groundup.backends.lists.array import Array
from groundup.backends.lists.program import ListsBackend, ListsProgram
from groundup.backends.scalar.array import as_gradients, as_numbers, as_values
from groundup.layers.base import Arrays


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


class ScalarBackend(ListsBackend):
    """Reverse-mode automatic differentiation, number by number; needs the standard library alone."""

    name = "scalar"
    program = ScalarProgram
