"""The `native` backend: the whole network compiled into one C++ program, with kernels of its own (see src/native)."""

from __future__ import annotations

from groundup.backends.native.program import NativeBackend, NativeProgram

__all__ = ["NativeBackend", "NativeProgram"]
