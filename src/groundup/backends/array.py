"""The `array:` backends: the layers' own functions on the arrays of any library that follows the array API standard.

The layers ask an array for its library: ``x.__array_namespace__()``. PyTorch's tensors have no such method, and an
array on a GPU does not turn into NumPy's by itself. So each array comes in a thin wrapper, `StandardArray`, that has
both. What its library does differently from the standard is made good by array-api-compat.
"""

from __future__ import annotations

import importlib
import importlib.util
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.augmentation import Augmentation
from groundup.backends.numpy import ALMOST_SUBNORMAL, NumpyProgram
from groundup.backends.program import check_precision
from groundup.errors import ParameterError
from groundup.layers.base import Arrays, Shape
from groundup.losses import Loss
from groundup.network import Network
from groundup.optimizers import Optimizer

LIBRARIES = ("torch", "cupy", "array_api_strict")
"""The libraries that may be asked for: a name in a configuration must not import whatever it likes."""


def installed() -> list[str]:
    """Return those of `LIBRARIES` that are installed here, without importing them; none without array-api-compat."""
    if importlib.util.find_spec("array_api_compat") is None:
        return []
    return [library for library in LIBRARIES if importlib.util.find_spec(library) is not None]


class ArrayBackend:
    """The interpreter on another array library, on that library's default device.

    Parameters
    ----------
    library : str
        One of `LIBRARIES`.

    Raises
    ------
    ParameterError
        If the library is unknown, not installed, or finds no device to run on.
    """

    precisions: tuple[str, ...] = ("float32", "float64")

    def __init__(self, library: str) -> None:
        self.name = f"array:{library}"
        self.namespace = _namespace(library)

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
    ) -> ArrayProgram:
        """Return a program that begins with `state`, or with the network's initial state of this `seed`."""
        check_precision(self, precision)
        begin = network.initial_state(seed) if state is None else state
        return ArrayProgram(self.namespace, network, loss, optimizer, batch_size, seed, begin, precision, augmentation)


class ArrayProgram(NumpyProgram):
    """The program of `numpy`, but that each array is handed to another library before anything is computed with it."""

    def __init__(self, namespace: StandardNamespace, *arguments: Any) -> None:
        self.namespace = namespace
        super().__init__(*arguments)

    def array(self, values: Any, shape: Shape) -> Any:
        """Return a new array of this program's precision."""
        return self.namespace.asarray(super().array(values, shape))

    def inputs(self, pixels: NDArray[np.uint8]) -> Any:
        """Return the network's normalised inputs (N, *input_shape)."""
        return self.namespace.asarray(super().inputs(pixels))

    def integers(self, values: Any) -> Any:
        """Return labels (N,) as int64."""
        return self.namespace.asarray(super().integers(values))

    def mask(self, shape: Shape, rate: float, key: int) -> Any:
        """Return a mask of `shape`: 0 with probability `rate`, otherwise 1 / (1 - rate)."""
        return self.namespace.asarray(super().mask(shape, rate, key))

    def _flush(self) -> None:
        xp = self.namespace
        for own in self.moments.values():
            for moment in own.values():
                tiny = float(xp.finfo(moment.dtype).smallest_normal) * ALMOST_SUBNORMAL
                moment *= xp.astype(xp.abs(moment) >= tiny, moment.dtype)


class StandardNamespace:
    """The functions of a library, taking and giving `StandardArray`."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._library, name)
        if not callable(found) or isinstance(found, type):  # a number, or a type of elements
            return found
        return lambda *operands, **options: self._wrapped(found(*map(_bare, operands), **options))

    def _wrapped(self, result: Any) -> Any:
        return StandardArray(result, self) if hasattr(result, "__dlpack__") else result


def _both_sides(operation: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the methods of an operator, with the array on the left and on the right."""

    def left(self: StandardArray, other: Any) -> StandardArray:
        return StandardArray(operation(self.bare, _bare(other)), self.namespace)

    def right(self: StandardArray, other: Any) -> StandardArray:
        return StandardArray(operation(_bare(other), self.bare), self.namespace)

    return left, right


def _in_place(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return the method of an operator that changes its array."""

    def changed(self: StandardArray, other: Any) -> StandardArray:
        self.bare = operation(self.bare, _bare(other))
        return self

    return changed


class StandardArray:
    """An array of another library, with the methods of the standard that the layers use.

    Parameters
    ----------
    bare : array
        The library's own.
    namespace : StandardNamespace
        The library.
    """

    __slots__ = ("bare", "namespace")
    __hash__ = None  # type: ignore[assignment]  # == compares the elements

    def __init__(self, bare: Any, namespace: StandardNamespace) -> None:
        self.bare = bare
        self.namespace = namespace

    def __array_namespace__(self, *, api_version: str | None = None) -> StandardNamespace:
        """Return the functions that work on this array."""
        return self.namespace

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return a copy as NumPy's array, from wherever this one lies."""
        copied = np.from_dlpack(self.bare, device="cpu", copy=True)
        return copied if dtype is None else copied.astype(dtype, copy=False)

    def tolist(self) -> Any:
        """Return nested lists of numbers."""
        return self.__array__().tolist()

    @property
    def shape(self) -> Shape:
        """The length of each axis."""
        return tuple(self.bare.shape)

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return int(self.bare.ndim)

    @property
    def dtype(self) -> Any:
        """The library's name of the elements' type."""
        return self.bare.dtype

    @property
    def T(self) -> StandardArray:  # noqa: N802 - the standard's name
        """The transpose of a matrix."""
        return StandardArray(self.bare.T, self.namespace)

    def __len__(self) -> int:
        return self.shape[0]

    def __float__(self) -> float:
        return float(self.bare)

    def __int__(self) -> int:
        return int(self.bare)

    def __neg__(self) -> StandardArray:
        return StandardArray(-self.bare, self.namespace)

    def __invert__(self) -> StandardArray:
        return StandardArray(~self.bare, self.namespace)

    def __getitem__(self, key: Any) -> StandardArray:
        return StandardArray(self.bare[key], self.namespace)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.bare[key] = _bare(value)

    __add__, __radd__ = _both_sides(operator.add)
    __sub__, __rsub__ = _both_sides(operator.sub)
    __mul__, __rmul__ = _both_sides(operator.mul)
    __truediv__, __rtruediv__ = _both_sides(operator.truediv)
    __pow__, __rpow__ = _both_sides(operator.pow)
    __matmul__, __rmatmul__ = _both_sides(operator.matmul)
    __and__, __rand__ = _both_sides(operator.and_)
    __or__, __ror__ = _both_sides(operator.or_)
    __xor__, __rxor__ = _both_sides(operator.xor)
    __eq__, _ = _both_sides(operator.eq)
    __ne__, _ = _both_sides(operator.ne)
    __lt__, __gt__ = _both_sides(operator.lt)
    __le__, __ge__ = _both_sides(operator.le)
    __iadd__ = _in_place(operator.iadd)
    __isub__ = _in_place(operator.isub)
    __imul__ = _in_place(operator.imul)
    __itruediv__ = _in_place(operator.itruediv)


def _bare(value: Any) -> Any:
    """Return the library's own array, also of each member of a list; anything else as it is."""
    if isinstance(value, list | tuple):
        return type(value)(map(_bare, value))
    return value.bare if isinstance(value, StandardArray) else value


def _namespace(library: str) -> StandardNamespace:
    if library not in LIBRARIES:
        raise ParameterError(f"array library {library!r} is unknown; there are {', '.join(LIBRARIES)}")
    try:
        compat = importlib.import_module("array_api_compat")
        arrays = importlib.import_module(library)
        return StandardNamespace(compat.array_namespace(arrays.asarray(0.0)))
    except ImportError as error:
        raise ParameterError(
            f"backend array:{library} needs array-api-compat and {library}: {error}. "
            f"Install groundup[arrays] and {library}"
        ) from None
    except RuntimeError as error:  # CuPy's, where there is no GPU
        raise ParameterError(f"backend array:{library} cannot run here: {error}") from None
