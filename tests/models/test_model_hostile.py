"""Broken and hostile model files: always a `ModelError` that names the file, nothing executed, nothing huge."""

from __future__ import annotations

import copy
import errno
import functools
import json
import os
import pickle
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from groundup.errors import ModelError
from groundup.layers import LAYERS, BatchNorm, Conv2d, Dropout, Flatten, Linear, ReLU, Residual
from groundup.models.model import FORMAT, Model
from groundup.network import Network

NETWORK = Network(
    [Conv2d(1, 2, 2), BatchNorm(2), ReLU(), Flatten(), Dropout(0.2), Residual([Linear(8, 8), ReLU()]), Linear(8, 10)],
    (1, 3, 3),
)
HUGE = 10**9


@functools.cache
def whole(suffix: str) -> bytes:
    """Return a good model file's bytes."""
    import tempfile

    state = {name: np.ones(shape, np.float32) for name, shape in NETWORK.state_shapes().items()}
    with tempfile.TemporaryDirectory() as folder:
        Model(NETWORK, state).save(Path(folder) / f"model{suffix}")
        return (Path(folder) / f"model{suffix}").read_bytes()


def refused(path: Path, contents: bytes, because: str | None = None) -> str:
    """Write `contents`; assert that loading is refused, fast, in few bytes and in words that name the file."""
    path.write_bytes(contents)
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(ModelError, match=because) as caught:
        Model.load(path)
    seconds, (_, most) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(caught.value).startswith(f"{path}: ")
    assert seconds < 5
    assert most < 20_000_000 + 20 * len(contents)
    return str(caught.value)


def loads_or_refuses(path: Path, contents: bytes) -> None:
    """Assert that bytes are either a model or refused: no other exception."""
    path.write_bytes(contents)
    try:
        model = Model.load(path)
    except ModelError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017 - it may also load
    else:
        assert all(np.isfinite(value).all() for value in model.state.values())


def parts() -> tuple[dict[str, Any], bytes]:
    """Return the header and the numbers of a good safetensors file."""
    contents = whole(".safetensors")
    (length,) = struct.unpack("<Q", contents[:8])
    return json.loads(contents[8 : 8 + length]), contents[8 + length :]


def safetensors(header: object, numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def with_description(**changes: Any) -> bytes:
    header, numbers = parts()
    description = json.loads(header["__metadata__"]["groundup"]) | changes
    header["__metadata__"]["groundup"] = json.dumps(description)
    return safetensors(header, numbers)


def as_json(**changes: Any) -> bytes:
    return json.dumps(json.loads(whole(".json")) | changes).encode()


def state_with(name: str, values: Any) -> bytes:
    return as_json(state=json.loads(whole(".json"))["state"] | {name: values})


def test_the_good_files_are_good(tmp_path: Path) -> None:
    for suffix in (".safetensors", ".json"):
        (tmp_path / f"model{suffix}").write_bytes(whole(suffix))
        assert Model.load(tmp_path / f"model{suffix}").network == NETWORK
    (tmp_path / "model.safetensors").write_bytes(safetensors(*parts()))
    assert Model.load(tmp_path).network == NETWORK


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_truncated_anywhere(suffix: str, tmp_path: Path) -> None:
    contents = whole(suffix)
    ends = {0, 1, 7, 8, 9, len(contents) // 2, len(contents) - 4, len(contents) - 1, *range(0, len(contents), 29)}
    for end in sorted(ends):
        refused(tmp_path / f"model{suffix}", contents[:end])


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_something_after_the_end(suffix: str, tmp_path: Path) -> None:
    refused(tmp_path / f"model{suffix}", whole(suffix) + b"\x00more")


@pytest.mark.parametrize("suffix", [".safetensors", ".json", ".onnx", ""])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(contents=st.binary(max_size=300) | st.binary(max_size=60).map(lambda more: struct.pack("<Q", len(more)) + more))
@example(contents=b"\xff" * 8)
@example(contents=struct.pack("<Q", 2**63) + b"{}")
@example(contents=struct.pack("<Q", 2) + b"{}")
@example(contents=b"PK\x03\x04")
def test_random_bytes(tmp_path: Path, suffix: str, contents: bytes) -> None:
    refused(tmp_path / f"model{suffix}", contents)


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_flipped_bytes(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    contents = bytearray(whole(suffix))
    for _ in range(data.draw(st.integers(1, 3))):
        contents[data.draw(st.integers(0, len(contents) - 1))] = data.draw(st.integers(0, 255))
    loads_or_refuses(tmp_path / f"model{suffix}", bytes(contents))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 99) | st.floats() | st.sampled_from(["sgd", "Linear", "x", *LAYERS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "layers", "a"]), inner),
    max_leaves=6,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_description_with_any_part_replaced(tmp_path: Path, data: st.DataObject) -> None:
    told = json.loads(whole(".json"))
    place: Any = told
    while True:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.integers(0, 2)):
            place = place[key]
        else:
            break
    place[key] = data.draw(JSON)
    loads_or_refuses(tmp_path / "model.json", json.dumps(told).encode())


HEADERS = {
    "claims 2**63 bytes": (struct.pack("<Q", 2**63 - 1) + b"{", "not a whole safetensors file"),
    "claims 99 MB": (struct.pack("<Q", 99_000_000) + b"{}", "not a whole safetensors file"),
    "is no table": (safetensors([1], b""), "not a whole safetensors file"),
    "is empty": (safetensors({}, b""), 'metadata has no "groundup"'),
    "is of others": (safetensors({"__metadata__": {"format": "pt"}}, b""), "not a model of this package"),
    "has a number as metadata": (safetensors({"__metadata__": {"groundup": 1}}, b""), "not a whole safetensors file"),
    "holds no JSON": (safetensors({"__metadata__": {"groundup": "{"}}, b""), "is not JSON"),
    "holds deep JSON": (safetensors({"__metadata__": {"groundup": "[" * 100_000}}, b""), "nested too deeply"),
    "holds a long number": (safetensors({"__metadata__": {"groundup": "9" * 5000}}, b""), "is not JSON"),
    "holds a list": (safetensors({"__metadata__": {"groundup": "[]"}}, b""), FORMAT),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that(name: str, tmp_path: Path) -> None:
    refused(tmp_path / "model.safetensors", *HEADERS[name])


TYPES = ["BOOL", "F8_E4M3", "F8_E5M2", "BF16", "C64", "F4", "STRING"]


@pytest.mark.parametrize("kind", TYPES)
def test_numbers_of_another_type(kind: str, tmp_path: Path) -> None:
    header, numbers = parts()
    size = {"BF16": 2, "C64": 8}.get(kind, 1) * 8  # for eight numbers; two of "F4" are in one byte
    shape = [16] if kind == "F4" else [8]
    header["5.0.bias"] = {"dtype": kind, "shape": shape, "data_offsets": [len(numbers), len(numbers) + size]}
    changed = {name: value for name, value in header.items() if name != "5.0.bias"}
    begin, end = parts()[0]["5.0.bias"]["data_offsets"]
    shifted = copy.deepcopy(changed)
    for name, value in shifted.items():
        if name != "__metadata__" and value["data_offsets"][0] >= end:
            value["data_offsets"] = [place - (end - begin) for place in value["data_offsets"]]
    rest = numbers[:begin] + numbers[end:]
    shifted["5.0.bias"] = {"dtype": kind, "shape": shape, "data_offsets": [len(rest), len(rest) + size]}
    refused(tmp_path / "model.safetensors", safetensors(shifted, rest + bytes(size)), "not a whole|must hold numbers")


@pytest.mark.parametrize(
    ("shape", "length"), [([1] * 100, 4), ([0, 2**62], 0), ([0, 2**62, 2**62], 0), ([2**62, 2**62], 4), ([-1], 4)]
)
def test_shapes_that_no_array_has(shape: list[int], length: int, tmp_path: Path) -> None:
    header, numbers = parts()
    place = [len(numbers), len(numbers) + length]
    contents = safetensors(header | {"more": {"dtype": "F32", "shape": shape, "data_offsets": place}}, numbers)
    refused(tmp_path / "model.safetensors", contents + bytes(length), "not a whole safetensors file")


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_model_that_diverged(number: float, tmp_path: Path) -> None:
    header, numbers = parts()
    begin = header["6.bias"]["data_offsets"][0]
    broken = numbers[:begin] + struct.pack("<f", number) + numbers[begin + 4 :]
    refused(tmp_path / "model.safetensors", safetensors(header, broken), "6.bias holds NaN or infinity")
    refused(tmp_path / "model.json", state_with("6.bias", [number] * 10), "6.bias holds NaN or infinity")
    refused(tmp_path / "model.json", state_with("6.bias", [1e300] * 10), "6.bias holds NaN or infinity")


STATES: dict[str, tuple[Any, str]] = {
    "ragged": ([[1.0] * 8] * 9 + [[1.0]], "6.weight: is no regular array"),
    "text": ([["1.0"] * 8] * 10, "6.weight must hold numbers"),
    "booleans": ([[True] * 8] * 10, "6.weight must hold numbers"),
    "one boolean": ([[True] + [1.0] * 7] * 10, "6.weight must hold numbers"),
    "null": (None, "6.weight must hold numbers"),
    "nulls": ([[None] * 8] * 10, "6.weight must hold numbers"),
    "tables": ([[{}] * 8] * 10, "6.weight must hold numbers"),
    "huge integers": ([[10**400] * 8] * 10, "6.weight must hold numbers"),
    "huge integers among floats": ([[10**400, 1.0] * 4] * 10, "6.weight must hold numbers"),
    "a text that is long": (["x" * 1_000_000] + [1.0] * 100_000, "6.weight must hold numbers"),
    "transposed": ([[1.0] * 10] * 8, r"6.weight has shape \(8, 10\) instead of \(10, 8\)"),
    "nothing": ([], r"6.weight has shape \(0,\) instead of \(10, 8\)"),
    "one number": (1.0, r"6.weight has shape \(\) instead of \(10, 8\)"),
    "64 axes": (functools.reduce(lambda inner, _: [inner], range(64), 1.0), r"6.weight has shape \(1, 1, .* instead"),
    "too many axes": (functools.reduce(lambda inner, _: [inner], range(100), 1.0), "6.weight must hold numbers"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_of(name: str, tmp_path: Path) -> None:
    values, because = STATES[name]
    refused(tmp_path / "model.json", state_with("6.weight", values), because)


def test_names_that_are_missing_or_unknown(tmp_path: Path) -> None:
    state = json.loads(whole(".json"))["state"]
    less = {name: value for name, value in state.items() if name != "1.running_var"}
    refused(tmp_path / "model.json", as_json(state=less), "1.running_var is missing")
    refused(tmp_path / "model.json", as_json(state=state | {"__class__": [1.0]}), "__class__ is unknown")
    refused(tmp_path / "model.json", as_json(state=[1]), 'no table "state"')
    refused(tmp_path / "model.json", b"[]", 'no table "state"')


DESCRIPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "a format of the future": ({"format": "groundup model 2"}, FORMAT),
    "no layers": ({"network": {"layers": []}}, "at least one layer"),
    "no network": ({"network": None}, "network must be a table"),
    "a layer that is none": ({"network": {"layers": [{"type": "eval"}]}}, r"layers\[0\]: type 'eval' is unknown"),
    "a layer with more": (
        {"network": {"layers": [{"type": "Linear", "inputs": 1, "outputs": 1, "code": "x"}]}},
        r"layers\[0\] \(Linear\): 'code' is unknown",
    ),
    "layers that do not fit": (
        {"network": {"layers": [{"type": "Linear", "inputs": 4, "outputs": 3}] * 2}},
        r"layer 1, Linear\(4, 3\), takes inputs of shape \(4,\), but is given \(3,\)",
    ),
    "a loss that is none": ({"loss": {"type": "mine"}}, "loss: type 'mine' is unknown"),
    "no loss": ({"loss": None}, "loss must be a table"),
    "class names that are numbers": ({"class_names": list(range(10))}, "class_names must be a list of strings"),
    "one class too few": ({"class_names": ["a"] * 9}, "there are 9 classes"),
    "training that is none": ({"training": []}, "training must be a table"),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_description_of(name: str, tmp_path: Path) -> None:
    changes, because = DESCRIPTIONS[name]
    refused(tmp_path / "model.json", as_json(**changes), because)
    refused(tmp_path / "model.safetensors", with_description(**changes), because)


def sized(input_shape: list[Any], *layers: dict[str, Any]) -> dict[str, Any]:
    return {"input_shape": input_shape, "layers": list(layers)}


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "ReLU"}
    for _ in range(depth):
        inner = {"type": "Residual", "layers": [inner]}
    return inner


GREEDY = {
    "a huge layer": sized([HUGE], {"type": "Linear", "inputs": HUGE, "outputs": HUGE}),
    "a huge convolution": sized([HUGE, 9, 9], {"type": "Conv2d", "inputs": HUGE, "outputs": HUGE, "size": 9}),
    "a huge padding": sized(
        [1, 9, 9], {"type": "Conv2d", "inputs": 1, "outputs": 9, "size": 1, "padding": 10**300}, {"type": "Flatten"}
    ),
    "a huge batch normalisation": sized([HUGE], {"type": "BatchNorm", "features": HUGE}),
    "a huge input": sized([10**4000, 10**4000], {"type": "Flatten"}, {"type": "Linear", "inputs": 4, "outputs": 9}),
    "inputs of many sides": sized([2] * 5000, {"type": "Flatten"}, {"type": "Linear", "inputs": 4, "outputs": 9}),
    "integers of 300 digits": sized([10**12], {"type": "Linear", "inputs": 10**300, "outputs": 10**300}),
    "deep residuals": sized([8], nested(400)),
    "many layers": sized([8], *[{"type": "ReLU"}] * 1000),
    "a side of 0": sized([0], {"type": "ReLU"}),
    "a side that is text": sized(["8"], {"type": "ReLU"}),
}


@pytest.mark.parametrize("name", GREEDY)
def test_greed_is_refused_at_once(name: str, tmp_path: Path) -> None:
    refused(tmp_path / "model.json", as_json(network=GREEDY[name]))
    refused(tmp_path / "model.safetensors", with_description(network=GREEDY[name]))


def test_deep_and_long_json(tmp_path: Path) -> None:
    refused(tmp_path / "model.json", b"[" * 200_000, "nested too deeply")
    refused(tmp_path / "model.json", b'{"a":' * 200_000, "nested too deeply")
    refused(tmp_path / "model.json", b'{"state": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}", "a must hold numbers")
    refused(tmp_path / "model.json", b"9" * 5000, "is not JSON")
    refused(tmp_path / "model.json", "é".encode("latin-1"), "not a text file in UTF-8")


class Executes:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("executed",)


def test_pickles_are_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "array.npy", np.array([Executes()], dtype=object), allow_pickle=True)
    for suffix in (".safetensors", ".json", ".pkl", ".pt", ".npy"):
        refused(tmp_path / f"model{suffix}", pickle.dumps(Executes()))
        refused(tmp_path / f"model{suffix}", (tmp_path / "array.npy").read_bytes())
    assert not (tmp_path / "executed").exists()


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path, because in (
        (tmp_path / "missing.safetensors", "there is no such model file"),
        (tmp_path / "missing.json", "there is no such model file"),
        (tmp_path / "missing" / "model.json", "there is no such model file"),
        (tmp_path / "folder", "there is no such model file"),
    ):
        with pytest.raises(ModelError, match=because):
            Model.load(path)
    (tmp_path / "folder" / "model.safetensors").mkdir()
    with pytest.raises(ModelError, match="is not a file"):
        Model.load(tmp_path / "folder")
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(ModelError, match="is not a file"):
        Model.load(tmp_path / "pipe.json")
    with pytest.raises(ModelError, match=r"cannot be read: Not a directory|there is no such model file"):
        Model.load(Path(__file__) / "model.safetensors")


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_file_that_may_not_be_read(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(whole(suffix))

    def forbidden(*_: object, **__: object) -> None:  # file modes do not bind every user
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    monkeypatch.setattr(Path, "read_text", forbidden)
    with pytest.raises(ModelError, match=f"{path}: cannot be read: Permission denied"):
        Model.load(path)
