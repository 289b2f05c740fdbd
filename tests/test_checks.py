from __future__ import annotations

import contextlib
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.checks import Checked, boolean, integer, real, shown
from groundup.errors import GroundupError, ParameterError


@dataclass(frozen=True)
class Thing(Checked):
    count: int = integer(at_least=1)
    share: float = real(at_least=0, below=1, default=0.5)
    size: float = real(above=0, at_most=10, default=1.0)
    free: float = real(default=0.0)
    flag: bool = boolean(default=False)
    anything: Any = None


def thing(**values: Any) -> Thing:
    return Thing(**{"count": 1} | values)


@pytest.mark.parametrize(
    "values",
    [
        {"count": 1},
        {"count": 10**30},
        {"share": 0},
        {"share": 0.999999},
        {"size": 10},
        {"size": 5e-324},
        {"free": -1e308},
        {"flag": True},
        {"anything": object()},
    ],
)
def test_values_in_range(values: dict[str, Any]) -> None:
    made = thing(**values)
    assert all(getattr(made, name) == value for name, value in values.items())


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("count", 0, "Thing: count must be an integer at least 1, not 0"),
        ("count", -(10**30), "Thing: count must be an integer at least 1, not -1000000000000000000000000000000"),
        ("count", 1.0, "Thing: count must be an integer at least 1, not 1.0"),
        ("count", True, "Thing: count must be an integer at least 1, not True"),
        ("count", "3", "Thing: count must be an integer at least 1, not '3'"),
        ("count", None, "Thing: count must be an integer at least 1, not None"),
        ("count", [1], "Thing: count must be an integer at least 1, not [1]"),
        ("share", 1, "Thing: share must be a number at least 0 and below 1, not 1"),
        ("share", -0.1, "Thing: share must be a number at least 0 and below 1, not -0.1"),
        ("share", False, "Thing: share must be a number at least 0 and below 1, not False"),
        ("share", float("nan"), "Thing: share must be a number at least 0 and below 1, not nan"),
        ("size", 0.0, "Thing: size must be a number above 0 and at most 10, not 0.0"),
        ("size", 10.001, "Thing: size must be a number above 0 and at most 10, not 10.001"),
        ("free", float("inf"), "Thing: free must be a number, not inf"),
        ("free", float("-inf"), "Thing: free must be a number, not -inf"),
        ("free", 1j, "Thing: free must be a number, not 1j"),
        ("flag", 1, "Thing: flag must be true or false, not 1"),
        ("flag", "true", "Thing: flag must be true or false, not 'true'"),
    ],
)
def test_values_out_of_range(field: str, value: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        thing(**{field: value})
    assert str(caught.value) == message
    assert isinstance(caught.value, GroundupError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [10**400, -(10**400), 10**5000], ids=["1e400", "-1e400", "1e5000"])
def test_integers_that_no_float_can_hold_are_refused(value: int) -> None:
    for field in ("count", "share", "size", "free"):
        with pytest.raises(ParameterError, match=f"^Thing: {field} must be"):
            thing(**{field: value})


def test_a_checked_class_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Thing(1).count = 2  # type: ignore[misc]  # what is tested


@given(st.integers() | st.floats() | st.text() | st.none() | st.booleans() | st.lists(st.integers()))
def test_whatever_is_given_is_taken_or_refused(value: Any) -> None:
    for field in ("count", "share", "size", "free", "flag"):
        with contextlib.suppress(ParameterError):
            thing(**{field: value})


def test_shown_is_short() -> None:
    assert shown("abc") == "'abc'"
    assert len(shown("a" * 10_000)) < 40
    assert len(shown(list(range(10_000)))) < 40
    assert shown(10**5000) == "a huge integer"
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(shown(deep)) < 40
