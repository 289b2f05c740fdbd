"""JSON as every reader understands it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.json_text import to_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@given(JSON)
def test_what_json_knows_is_kept(value: object) -> None:
    assert json.loads(to_json(value), parse_constant=no_constant) == value


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_does_not_know_is_null(number: float) -> None:
    written = to_json({"a": number, "b": [1.5, number], "c": ({"d": number},), "e": 0})
    assert json.loads(written, parse_constant=no_constant) == {"a": None, "b": [1.5, None], "c": [{"d": None}], "e": 0}


def test_indented() -> None:
    assert to_json({"a": [1]}, indent=1) == '{\n "a": [\n  1\n ]\n}'
