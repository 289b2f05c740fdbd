"""What src/native/module.cpp offers to Python."""

from collections.abc import Callable, Sequence
from typing import Any

from numpy import float32, int64, uint8, uint64
from numpy.typing import NDArray

Progress = tuple[int, int, float, int]

def instruction_sets() -> list[tuple[str, bool, str]]: ...
def chosen() -> str: ...
def bfloat16_in_hardware() -> bool: ...
def new_program(
    layers: list[tuple[Any, ...]],
    shape: tuple[int, ...],
    flat: bool,
    scale: float,
    shift: float,
    classes: int,
    loss: tuple[int, float],
    optimizer: dict[str, Any],
    augmentation: tuple[int, ...] | None,
    augmentation_key: int,
    batch_size: int,
    mixed: bool,
    threads: int,
) -> Program: ...
def augment(
    augmented: NDArray[uint8], pixels: NDArray[uint8], settings: tuple[int, ...], key: int, instruction_set: str
) -> None: ...

class Program:
    def kernels(self) -> str: ...
    def get(self, name: str, part: int) -> NDArray[float32]: ...
    def set(self, name: str, part: int, values: NDArray[float32]) -> None: ...
    def refresh(self) -> None: ...
    def step(
        self, pixels: NDArray[uint8], labels: NDArray[uint8], learning_rate: float, step: int, keys: NDArray[uint64]
    ) -> Progress: ...
    def trace(
        self, pixels: NDArray[uint8], labels: NDArray[uint8], learning_rate: float, step: int, keys: NDArray[uint64]
    ) -> tuple[Progress, NDArray[float32], list[NDArray[float32]]]: ...
    def epoch(
        self,
        pixels: NDArray[uint8],
        labels: NDArray[uint8],
        order: NDArray[int64],
        learning_rates: Sequence[float],
        first_step: int,
        keys: NDArray[uint64],
        keys_a_step: int,
        report_every: float,
        observe: Callable[[Progress], bool],
    ) -> None: ...
    def predict(self, outputs: NDArray[float32], pixels: NDArray[uint8]) -> None: ...
