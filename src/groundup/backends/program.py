"""The door of every backend: what `compile` takes, and what a compiled `Program` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from groundup.augmentation import Augmentation
from groundup.errors import ParameterError
from groundup.layers.base import Array, Arrays
from groundup.losses import Loss
from groundup.network import Network
from groundup.optimizers import Optimizer


class Progress(NamedTuple):
    """What some training steps added up to."""

    steps: int
    examples: int
    loss: float
    """The sum over the examples; divide by `examples` for the mean."""
    correct: int

    def plus(self, other: Progress) -> Progress:
        """Return both together."""
        return Progress(
            self.steps + other.steps,
            self.examples + other.examples,
            self.loss + other.loss,
            self.correct + other.correct,
        )


NOTHING = Progress(0, 0, 0.0, 0)

Observer = Callable[[Progress], bool]
"""Is told of every few steps as they are done; answers whether to stop here."""


class Program(Protocol):
    """A network, a loss and an optimizer, ready to run. Pixels and labels are bytes, as data sets store them."""

    def step(self, pixels: Any, labels: Any, learning_rate: float) -> Progress:
        """Train on one batch: pixels (N, height, width) uint8, labels (N,) uint8."""

    def epoch(self, pixels: Any, labels: Any, order: Any, learning_rates: Sequence[float], observe: Observer) -> None:
        """Train on the pictures at `order`, a batch for each learning rate, until done or told to stop."""

    def predict(self, pixels: Any) -> Array:
        """Return the network's outputs (N, classes) for pixels (N, height, width) uint8, without training."""

    def trace(self, pixels: Any, labels: Any, learning_rate: float) -> dict[str, Array]:
        """Train on one batch, and return every named value on the way, in order of execution.

        ``inputs``, ``output/3`` of layer 3, ``loss``, ``gradient/3.weight``, then the state after the step.
        """

    def state(self) -> dict[str, Array]:
        """Return parameters and buffers (``3.weight``), moments (``velocity/3.weight``) and ``steps``, as copies."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`; moments begin anew where it has none.

        Raises
        ------
        StateError
            If a name is missing or unknown, or a shape differs.
        """


class Backend(Protocol):
    """A way to run networks on this machine."""

    name: str

    @property
    def precisions(self) -> tuple[str, ...]:
        """What it computes in; the first is what ``auto`` means."""

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        precision: str = "float32",
        seed: int = 0,
        state: Arrays | None = None,
        augmentation: Augmentation | None = None,
    ) -> Program:
        """Return a program that begins with `state`, or with the network's initial state of this `seed`.

        The seed gives every random mask, too, and what `augmentation` does to the pictures of each step of training.

        Raises
        ------
        GroundupError
            If the backend does not know a layer or the precision; it is never refused half-way.
        """


def check_precision(backend: Backend, precision: str) -> None:
    """Raise `ParameterError` unless the backend has this precision."""
    if precision not in backend.precisions:
        known = " and ".join(backend.precisions)
        raise ParameterError(f"backend {backend.name} has the precisions {known}, not {precision}")
