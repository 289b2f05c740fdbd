"""Frozen dataclasses as tables, and back; tables that are wrong."""

from __future__ import annotations

import contextlib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.descriptions import build, build_one, describe, refuse_unknown, table
from groundup.errors import ConfigurationError, ModelError, NetworkError
from groundup.layers import Linear
from groundup.losses import LOSSES
from groundup.models.configuration import FAMILIES
from groundup.network import Normalization
from groundup.optimizers import OPTIMIZERS, SGD, AdamW

EVERY = [(kinds, name) for kinds in FAMILIES.values() for name in kinds]


@pytest.mark.parametrize(("kinds", "name"), EVERY, ids=[name for _, name in EVERY])
def test_every_kind_comes_back(kinds: dict[str, type], name: str) -> None:
    value = kinds[name]()
    description = describe(value, kinds)
    assert description["type"] == name
    assert set(description) == {"type", *(each.name for each in fields(value))}
    assert build(description, kinds, "here", ModelError) == value
    assert build({"type": name}, kinds, "here", ModelError) == value


def test_values_are_kept() -> None:
    optimizer = AdamW(beta1=0.8, amsgrad=True, clip_norm=2.0)
    assert build(describe(optimizer, OPTIMIZERS), OPTIMIZERS, "here", ModelError) == optimizer


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"type": "sgdd"}, r"here: type 'sgdd' is unknown; there are sgd, adam, adamw"),
        ({}, r"here: type None is unknown"),
        ({"type": ["sgd"]}, r"here: type \['sgd'\] is unknown"),
        ({"type": "sgd", "momentun": 1}, r"here \(sgd\): 'momentun' is unknown; there are .*momentum"),
        ({"type": "sgd", "momentum": -1}, r"here \(sgd\): SGD: momentum must be a number at least 0, not -1"),
        ({"type": "sgd", "momentum": "0.9"}, r"momentum must be a number at least 0, not '0.9'"),
        ({"type": "sgd", "momentum": True}, r"momentum must be a number"),
        ({"type": "sgd", "momentum": float("nan")}, r"momentum must be a number"),
        ({"type": "sgd", "momentum": 10**5000}, r"momentum must be a number at least 0, not a huge integer"),
        ({"type": "sgd", "nesterov": 1, "momentum": 0.9}, r"nesterov must be true or false"),
        ({"type": "sgd", "nesterov": True}, r"nesterov needs a momentum"),
        ("sgd", r"here must be a table of names and values, not 'sgd'"),
        ([["type", "sgd"]], r"here must be a table"),
        ({1: 2}, r"here must be a table"),
        (None, r"here must be a table of names and values, not None"),
    ],
)
@pytest.mark.parametrize("error", [ConfigurationError, NetworkError])
def test_what_is_wrong_is_said(description: object, message: str, error: type[ConfigurationError]) -> None:
    with pytest.raises(error, match=message):
        build(description, OPTIMIZERS, "here", error)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ModelError, match="here: inputs and outputs missing"):
        build_one(Linear, {}, "here", ModelError)


def test_a_single_kind() -> None:
    assert build_one(Normalization, {"mean": 1.0}, "here", ModelError) == Normalization(1.0)
    with pytest.raises(ModelError, match="deviation must be a number above 0, not 0"):
        build_one(Normalization, {"deviation": 0}, "here", ModelError)


def test_unknown_and_table() -> None:
    refuse_unknown({"a": 1}, ["a", "b"], "here", ModelError)
    with pytest.raises(ModelError, match="here: 'z' is unknown; there are none"):
        refuse_unknown({"z": 1}, [], "here", ModelError)
    assert table({"a": 1}, "here", ModelError) == {"a": 1}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9) | st.integers(), inner),
        max_leaves=9,
    )
)
def test_anything_else_is_refused_in_words(description: object) -> None:
    with contextlib.suppress(ModelError):
        assert type(build(description, LOSSES, "here", ModelError)) in LOSSES.values()


def test_describing_a_stranger_is_a_programmers_error() -> None:
    with pytest.raises(StopIteration):
        describe(SGD(), LOSSES)
