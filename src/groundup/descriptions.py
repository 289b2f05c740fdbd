"""Frozen dataclasses as plain tables of names and values, for JSON, TOML and the command line, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from groundup.checks import shown
from groundup.errors import GroundupError, ParameterError


def describe(value: Any, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Return `value`, an instance of one of `kinds`, as {"type": its name there, field: value, ...}."""
    name = next(name for name, kind in kinds.items() if kind is type(value))
    return {"type": name, **{each.name: getattr(value, each.name) for each in fields(value)}}


def build(description: object, kinds: Mapping[str, type], where: str, error: type[GroundupError]) -> Any:
    """Return what `description`, a table made by `describe`, says.

    Raises
    ------
    GroundupError
        An `error` if the type or a field is unknown, missing, or out of range; the message begins with `where`.
    """
    values = dict(table(description, where, error))
    name = values.pop("type", None)
    if not isinstance(name, str) or name not in kinds:
        raise error(f"{where}: type {shown(name)} is unknown; there are {', '.join(kinds)}")
    return build_one(kinds[name], values, f"{where} ({name})", error)


def build_one(kind: type, values: object, where: str, error: type[GroundupError]) -> Any:
    """Return a `kind` made of `values`, a table of its fields; errors as for `build`."""
    values = table(values, where, error)
    refuse_unknown(values, [each.name for each in fields(kind)], where, error)
    missing = [each.name for each in fields(kind) if each.default is MISSING and each.name not in values]
    if missing:
        raise error(f"{where}: {' and '.join(missing)} missing")
    try:
        return kind(**values)
    except ParameterError as problem:
        raise error(f"{where}: {problem}") from None


def refuse_unknown(values: Mapping[str, Any], known: list[str], where: str, error: type[GroundupError]) -> None:
    """Raise `error` if a name among `values` is not `known`."""
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise error(f"{where}: {shown(unknown[0])} is unknown; there are {', '.join(known) or 'none'}")


def table(value: object, where: str, error: type[GroundupError]) -> Mapping[str, Any]:
    """Return `value` if it is a table of names and values, or raise `error`."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise error(f"{where} must be a table of names and values, not {shown(value)}")
    return value
