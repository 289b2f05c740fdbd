"""A model or committee as one HTML page: a drawing pad, the weights, and the forward pass in plain JavaScript.

The page is made of the files in ``page/``, put into each other. It asks for nothing else: it runs from a folder, from
a mail or from any web server, without a connection.
"""

from __future__ import annotations

import base64
import html
import math
import os
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.errors import ConfigurationError, ModelError
from groundup.export.onnx import picture_shape
from groundup.files import replacing
from groundup.json_text import to_json
from groundup.models import storage
from groundup.models.committee import Committee, members_of
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser

STORED_TYPES = ("float16", "int8")
SIDE = 28  # of the pictures that the page's pad makes, as digit.js has it
STEPS = 127
"""Steps on either side of zero that eight bits can tell apart."""

SAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
"""No text inside a script may end it."""


def page(recogniser: Recogniser, name: str = "model", store: str = "float16") -> str:
    """Return the whole page.

    Parameters
    ----------
    recogniser : Recogniser
        A `Model` or a `Committee` for pictures of 28x28 pixels.
    name : str
        What to call it in the title.
    store : str
        How weights are held: ``"float16"``, as shipped models are, or ``"int8"``: half as large, each unit's weights
        rounded to 255 steps of its own. What has but one axis (biases, statistics) stays float32.

    Raises
    ------
    ModelError
        If it takes pictures of another size.
    ConfigurationError
        If the weights do not go into float16, or `store` is neither.
    """
    members = members_of(recogniser)
    for member in members:
        if picture_shape(member) != (SIDE, SIDE):
            raise ModelError(
                f"the page's pad makes pictures of {SIDE}x{SIDE} pixels, "
                f"but the network takes inputs of shape {member.network.input_shape}"
            )
    arrays, weights = _packed(stored(_state(members), store), store)
    described = {
        "members": [_member(member, isinstance(recogniser, Committee)) for member in members],
        "temperature": _temperature(recogniser),
        "class_names": list(recogniser.class_names),
        "arrays": arrays,
    }
    parts = {
        "title": html.escape(f"Draw a digit: {name}"),
        "facts": html.escape(_facts(recogniser, members, name)),
        "model": "".join(SAFE.get(character, character) for character in to_json(described)),
        "weights": base64.b64encode(weights).decode("ascii"),
    }
    files = resources.files("groundup.export") / "page"
    names = re.findall(r"\{\{([a-z]+\.(?:css|js))\}\}", template := (files / "index.html").read_text(encoding="utf-8"))
    parts |= {each: (files / each).read_text(encoding="utf-8").rstrip() for each in names}
    return re.sub(r"\{\{([a-z.]+)\}\}", lambda found: parts[found[1]], template)


def write(recogniser: Recogniser, path: str | os.PathLike[str], name: str = "model", store: str = "float16") -> int:
    """Write `page` to a file; an older one is replaced whole or not at all. Return its size in bytes.

    Raises
    ------
    GroundupError
        As for `page`.
    OSError
        If the file cannot be written.
    """
    written = page(recogniser, name, store).encode("utf-8")
    with replacing(path) as temporary:
        temporary.write_bytes(written)
    return len(written)


def stored(state: Mapping[str, NDArray[Any]], store: str) -> dict[str, NDArray[np.float32]]:
    """Return the arrays as the page will have them; errors as for `page`."""
    if store not in STORED_TYPES:
        raise ConfigurationError(f"weights in a page are {' or '.join(STORED_TYPES)}, not {store}")
    if store == "float16":
        return storage.rounded(state, store)
    return {
        name: np.asarray(values, np.float32) if values.ndim < 2 else np.multiply(*_in_bytes(values), dtype=np.float32)
        for name, values in state.items()
    }


def _in_bytes(values: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return whole numbers from -127 to 127, and the step of each row, shaped so that their product is `values`."""
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
    step = np.where(largest > 0, largest / STEPS, 1).astype(np.float32)
    return np.round(values / step).astype(np.int8), step


def _packed(state: Mapping[str, NDArray[np.float32]], store: str) -> tuple[list[dict[str, Any]], bytes]:
    """Return a table of the arrays, and all of them in a row of bytes, each at a multiple of four."""
    table, packed = [], bytearray()
    for name, values in state.items():
        kind = store if values.ndim > 1 else "float32"
        table.append({"name": name, "shape": list(values.shape), "type": kind, "offset": len(packed)})
        if kind == "int8":
            whole, step = _in_bytes(values)
            packed += step.astype("<f4").tobytes() + whole.tobytes()
        else:
            packed += values.astype({"float16": "<f2", "float32": "<f4"}[kind]).tobytes()
        packed += bytes(-len(packed) % 4)
    return table, bytes(packed)


def _state(members: tuple[Model, ...]) -> dict[str, NDArray[Any]]:
    """Return all members' arrays: member 0's are named ``0/0.weight``."""
    return {
        f"{number}/{name}": np.asarray(value, np.float32)
        for number, member in enumerate(members)
        for name, value in member.state.items()
    }


def _member(member: Model, in_committee: bool) -> dict[str, Any]:
    description = member.description()
    return {
        "network": description["network"],
        "names": [str(layer) for layer in member.network.layers],
        "loss": description["loss"]["type"],
        "temperature": _temperature(member) if in_committee else 1,  # alone, it is the whole, which has its own
    }


def _temperature(recogniser: Recogniser) -> float:
    return 1 if recogniser.calibration is None else recogniser.calibration.temperature


def _facts(recogniser: Recogniser, members: tuple[Model, ...], name: str) -> str:
    """Return in a sentence or two what the model is."""
    numbers = sum(math.prod(shape) for member in members for shape in member.network.parameters().values())
    kind = "a network" if len(members) == 1 else f"a committee of {len(members)} networks"
    accuracy = recogniser.training.get("test_accuracy")
    right = f"; it reads {accuracy:.2%} of its test digits right" if isinstance(accuracy, float) else ""
    return f"The model is {name}: {kind} with {numbers:,} learned numbers{right}."
