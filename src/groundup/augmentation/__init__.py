"""Augmentation: every picture is deformed a little, and differently, each time that a network trains on it.

`settings` says how much of what; `pixels` does it on NumPy arrays, `src/native/kernels/augmentation.hpp` in C++ and
`backends/cuda/kernels/augmentation.cuh` on GPUs, to the same bytes.
"""

from groundup.augmentation.settings import HANDWRITING, Augmentation

__all__ = ["HANDWRITING", "Augmentation"]
