"""The `cuda` backend: the whole network as kernels of its own on a GPU. EXPERIMENTAL: it has never run on one yet."""

from __future__ import annotations

from groundup.augmentation.settings import Augmentation
from groundup.backends.cuda import device
from groundup.backends.cuda.program import CudaProgram
from groundup.backends.program import check_precision
from groundup.layers.base import Arrays
from groundup.losses import Loss
from groundup.network import Network
from groundup.optimizers import Optimizer

__all__ = ["CudaBackend", "CudaProgram"]


class CudaBackend:
    """Own CUDA kernels, compiled for the network and for the GPU that is there.

    Raises
    ------
    ParameterError
        If there is no CuPy, no driver, or no GPU that serves.
    """

    name = "cuda"
    precisions = ("mixed", "float32")
    """Every GPU that serves multiplies bfloat16 in hardware."""

    def __init__(self) -> None:
        self.device: device.Device = device.CupyDevice()

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
    ) -> CudaProgram:
        """Return a program that begins with `state`, or with the network's initial state of this `seed`."""
        check_precision(self, precision)
        begin = network.initial_state(seed) if state is None else state
        return CudaProgram(
            self.device, network, loss, optimizer, batch_size, seed, begin, precision == "mixed", augmentation
        )
