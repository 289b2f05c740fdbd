"""The files that hold models: a description and named arrays, as safetensors or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.errors import ConfigurationError, ModelError
from groundup.files import replacing
from groundup.json_text import to_json

STORED_TYPES = ("float32", "float16")


def write(
    path: str | os.PathLike[str],
    description: Mapping[str, Any],
    state: Mapping[str, NDArray[Any]],
    store: str = "float32",
) -> None:
    """Write a model file: plain JSON if the name ends in ``.json``, otherwise safetensors.

    Parameters
    ----------
    path : path
        The file; an older one is replaced whole or not at all.
    description : dict
        Plain values for JSON.
    state : dict of ndarray
        The arrays.
    store : str
        How a safetensors file holds weights: ``"float32"``, bit for bit, or ``"float16"``, half as large. What has but
        one axis (biases, statistics) is small and stays float32.

    Raises
    ------
    ConfigurationError
        If the weights do not go into float16, or `store` is neither.
    OSError
        If the file cannot be written.
    """
    with replacing(path) as temporary:
        if Path(path).suffix == ".json":
            temporary.write_text(_as_json(description, state), encoding="utf-8")
        else:
            from safetensors.numpy import save

            arrays = {name: _stored(name, value, store) for name, value in state.items()}
            temporary.write_bytes(save(arrays, metadata={"groundup": to_json(description)}))


def read(path: Path) -> tuple[Any, dict[str, NDArray[np.float32]]]:
    """Return a model file's description and its arrays, as float32. Nothing in a file is ever executed.

    Raises
    ------
    ModelError
        If it is broken; the message says what is wrong.
    OSError
        If it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise ModelError("is not a file")
    return _read_json(path) if path.suffix == ".json" else _read_safetensors(path)


def read_description(path: Path) -> Any:
    """Return a safetensors file's description alone; errors as for `read`."""
    return _parse(_read_arrays(path, arrays=False)[0])


def rounded(state: Mapping[str, NDArray[Any]], store: str) -> dict[str, NDArray[np.float32]]:
    """Return the arrays as they come back from a file that stores them so; errors as for `write`."""
    return {name: _stored(name, value, store).astype(np.float32) for name, value in state.items()}


def _stored(name: str, values: NDArray[Any], store: str) -> NDArray[Any]:
    if store not in STORED_TYPES:
        raise ConfigurationError(f"weights are stored as {' or '.join(STORED_TYPES)}, not as {store}")
    if store == "float32" or values.ndim < 2:
        return np.ascontiguousarray(values)
    if np.abs(values).max(initial=0) > np.finfo(np.float16).max:
        raise ConfigurationError(f"{name} holds numbers that are too large for float16: store it as float32")
    return np.ascontiguousarray(values, np.float16)


def _as_json(description: Mapping[str, Any], state: Mapping[str, NDArray[Any]]) -> str:
    readable = {name: _readable(np.asarray(value)) for name, value in state.items()}
    return to_json({**description, "state": readable})


def _readable(values: NDArray[Any]) -> Any:
    """Return nested lists of the shortest decimals that read back to the same float32."""
    shortest = [float(f"{value:.9g}") for value in values.ravel().tolist()]
    return np.array(shortest).reshape(values.shape).tolist()


def _read_safetensors(path: Path) -> tuple[Any, dict[str, NDArray[np.float32]]]:
    text, state = _read_arrays(path)
    return _parse(text), {name: _floats(name, value) for name, value in state.items()}


def _read_arrays(path: Path, arrays: bool = True) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return a safetensors file's description, as text, and its arrays; or the description alone."""
    from safetensors import SafetensorError, safe_open

    path.open("rb").close()  # safetensors reports a missing file in its own words
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in (file.keys() if arrays else ())}
    except (SafetensorError, AttributeError, TypeError, ValueError) as error:  # the latter: what NumPy cannot hold
        raise ModelError(f"is not a whole safetensors file: {error}") from None
    if "groundup" not in metadata:
        raise ModelError('is a safetensors file, but its metadata has no "groundup": it is not a model of this package')
    return metadata["groundup"], state


def _read_json(path: Path) -> tuple[Any, dict[str, NDArray[np.float32]]]:
    try:
        description = _parse(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ModelError("is not a text file in UTF-8") from None
    state = description.pop("state", None) if isinstance(description, dict) else None
    if not isinstance(state, dict):
        raise ModelError('has no table "state" of named arrays')
    return description, {name: _floats(name, value) for name, value in state.items()}


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:  # JSONDecodeError, or a number of thousands of digits
        raise ModelError(f"is not JSON: {error}") from None
    except RecursionError:
        raise ModelError("is JSON nested too deeply to be a model") from None


def _floats(name: str, values: Any) -> NDArray[np.float32]:
    """Return `values` as float32, or raise `ModelError`."""
    # NumPy makes every element of an array as wide as the longest text in it: a small file could ask for terabytes.
    if isinstance(values, list) and not _all_numbers(values):
        raise ModelError(f"{name} must hold numbers alone")
    try:
        found = np.asarray(values)
    except ValueError:
        raise ModelError(f"{name}: is no regular array of numbers") from None
    if found.dtype.kind not in "fiu":
        raise ModelError(f"{name} must hold numbers, not {found.dtype}")
    with np.errstate(over="ignore"):
        floats = found.astype(np.float32)
    if not np.isfinite(floats).all():
        raise ModelError(f"{name} holds NaN or infinity: the training that made it diverged")
    return floats


def _all_numbers(values: Any, axes: int = 64) -> bool:
    """Return whether lists, nested no deeper than NumPy's arrays, hold numbers and nothing else."""
    if isinstance(values, list):
        return axes > 0 and all(_all_numbers(each, axes - 1) for each in values)
    return isinstance(values, int | float) and not isinstance(values, bool)
