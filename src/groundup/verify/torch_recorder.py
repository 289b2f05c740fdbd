"""A recorder for PyTorch: the named values of anybody's own module, to be compared with the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.errors import RecordingError
from groundup.verify.memstate import Recording, Values
from groundup.verify.tolerances import UNIT_ROUNDOFF

MOMENTS = {
    "momentum_buffer": "velocity",
    "exp_avg": "mean",
    "exp_avg_sq": "square",
    "max_exp_avg_sq": "largest_square",
}
"""PyTorch's names of an optimizer's moments, and ours."""


class TorchRecorder:
    """Records the training of a PyTorch module under the names that groundup's networks have.

    Parameters
    ----------
    layers : torch.nn.Sequential or mapping of int to torch.nn.Module
        Which module computes which of the network's layers: of a Sequential, each its own place. A mapping may leave
        layers out; say what they compute with `note`. A module that is called several times stands at several places.
    optimizer : torch.optim.Optimizer
        Whose moments are recorded: SGD, Adam and AdamW.

    Examples
    --------
    >>> with TorchRecorder(module, optimizer) as recorder:  # doctest: +SKIP
    ...     recorder.load_state(reference.state(0))
    ...     for step in range(1, reference.steps + 1):
    ...         pixels, labels = map(torch.tensor, reference.batch(step))
    ...         optimizer.zero_grad()
    ...         loss = loss_function(module(pixels.double().flatten(1) / 255), labels)
    ...         loss.backward()
    ...         optimizer.step()
    ...         recorder.end_step(loss)
    >>> recorder.recording().write("port.safetensors")  # doctest: +SKIP
    """

    def __init__(self, layers: Any, optimizer: Any) -> None:
        self._layers: dict[int, Any] = dict(layers if isinstance(layers, Mapping) else enumerate(layers))
        self._optimizer = optimizer
        self._loaded: list[int] = []  # the steps before which a state was loaded
        self._called: dict[int, int] = {}  # times in this step, by the module's identity
        self._values: Values = {}
        self._step = 0
        self.precision = self._precision()
        modules = {id(module): module for module in self._layers.values()}
        self._hooks = [module.register_forward_hook(self._observe) for module in modules.values()]

    def __enter__(self) -> TorchRecorder:
        return self

    def __exit__(self, *details: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Give the modules and the optimizer a state of the reference: ``reference.state(0)`` before the first step.

        Before each later step, ``reference.state(step - 1)`` makes a recording in lockstep.

        Raises
        ------
        RecordingError
            If the modules have other parameters, or of other shapes; the message names the first.
        """
        import torch

        steps = int(state["steps"])
        with torch.no_grad():
            for name, own in self._tensors():
                given = state.get(name)
                if given is None or tuple(own.shape) != given.shape:
                    shape = "none" if given is None else str(given.shape)
                    raise RecordingError(
                        f"{name} has shape {tuple(own.shape)} in PyTorch, and in the reference {shape}"
                    )
                own.copy_(torch.tensor(given))
                moments = {theirs: f"{ours}/{name}" for theirs, ours in MOMENTS.items() if f"{ours}/{name}" in state}
                self._optimizer.state.pop(own, None)
                if steps and moments:
                    values = {theirs: torch.tensor(state[ours]).to(own) for theirs, ours in moments.items()}
                    self._optimizer.state[own] = values | {"step": torch.tensor(float(steps))}
        self._loaded.append(self._step)
        if self._step == 0:
            self._values = {f"step/0/{name}": value for name, value in self._state()}

    def note(self, name: str, value: Any) -> None:
        """Record a tensor that no module of `layers` returns: ``note("output/1", hidden)``."""
        number = self._step + 1
        self._values[f"step/{number}/{name}"] = np.array(value.detach().cpu().numpy())

    def end_step(self, loss: Any) -> None:
        """Record loss, gradients and the new state, after the optimizer's step."""
        self.note("loss", loss)
        for name, tensor in self._tensors():
            if tensor.grad is not None:
                self.note(f"gradient/{name}", tensor.grad)
        self._step += 1
        self._called.clear()
        self._values |= {f"step/{self._step}/{name}": value for name, value in self._state()}

    def recording(self) -> Recording:
        """Return what was recorded so far; all but the setup, which the reference has."""
        lockstep = self._step > 1 and self._loaded == list(range(self._step))
        return Recording(dict(self._values), self.precision, "pytorch", lockstep=lockstep)

    def write(self, path: str | Path) -> None:
        """Write what was recorded so far; see `Recording.write`."""
        self.recording().write(path)

    def _precision(self) -> str:
        names = {str(tensor.dtype).removeprefix("torch.") for _, tensor in self._tensors()}
        if len(names) != 1 or not names <= UNIT_ROUNDOFF.keys():
            raise RecordingError(
                f"parameters must be of one precision, {' or '.join(UNIT_ROUNDOFF)}, not {', '.join(sorted(names))}"
            )
        return names.pop()

    def _observe(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Record what a module returned, and what the first layer was given."""
        if not module.training:
            return
        places = [index for index, layer in self._layers.items() if layer is module]
        index = places[self._called.get(id(module), 0) % len(places)]
        self._called[id(module)] = self._called.get(id(module), 0) + 1
        if index == 0:
            self.note("inputs", inputs[0])
        self.note(f"output/{index}", output)

    def _tensors(self) -> Iterator[tuple[str, Any]]:
        """Yield parameters and buffers with our names, but for the count of batches, which we do not keep."""
        for index, layer in self._layers.items():
            for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]:
                if not name.endswith("num_batches_tracked"):
                    yield f"{index}.{name}", tensor

    def _state(self) -> Iterator[tuple[str, NDArray[Any]]]:
        for name, tensor in self._tensors():
            yield name, np.array(tensor.detach().cpu().numpy())
        for name, tensor in self._tensors():
            for theirs, value in self._optimizer.state.get(tensor, {}).items():
                if theirs in MOMENTS and value is not None:
                    yield f"{MOMENTS[theirs]}/{name}", np.array(value.detach().cpu().numpy())
        yield "steps", np.array(self._step, dtype=np.int64)
