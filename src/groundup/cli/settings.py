"""The options of a training: one for every hyperparameter, made from the classes that declare them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from typing import Any

import click

from groundup.augmentation import HANDWRITING, Augmentation
from groundup.errors import ConfigurationError
from groundup.models.configuration import FAMILIES, Configuration

PREFIXED = ("schedule", "initializer")
"""Families whose hyperparameters are called after them, ``--schedule-decay``, unless all members share them."""


class BatchSize(click.ParamType[int]):
    """A number of pictures, or ``full`` for all at once, which is 0."""

    name = "integer or full"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        if value == "full":
            return 0
        try:
            number = int(value)
        except ValueError:
            number = 0
        if number < 1:
            self.fail(f"{value!r} is neither a number of pictures nor 'full'", param, ctx)
        return number


def setting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one option for every field of `Configuration`; those not given arrive as None."""
    options = [
        click.option("--epochs", type=int, help="Passes over the training pictures."),
        click.option("--batch-size", type=BatchSize(), help="Pictures a step, or 'full' for all at once."),
        click.option("--learning-rate", type=float, help="The step size, where the schedule's factor is 1."),
        click.option("--seed", type=int, help="Gives every random number. The same seed, the same model."),
        click.option("--validation", type=float, help="Pictures to hold out: a share below 1, or a number."),
        click.option("--patience", type=int, help="Stop after so many epochs without improvement; 0 never."),
        click.option("--settling", type=float, help="Share of the epochs, the last, on less deformed pictures."),
        click.option("--select", type=click.Choice(["best", "last"]), help="Whose model is kept, of all epochs."),
        click.option("--average", type=float, help="Keep the weights' moving average; its decay a step: 0.999."),
        click.option("--snapshots", type=int, help="Keep so many models on the way, for a committee."),
        click.option("--backend", help="What runs the network; 'auto' is the fastest."),
        click.option("--precision", help="The arithmetic: float32, float64, ...; 'auto' is the backend's own."),
        click.option("--init-from", metavar="MODEL", help="Start from this model's weights."),
    ]
    for family, kinds in FAMILIES.items():
        options.append(click.option(f"--{family}", type=click.Choice(list(kinds)), help=f"Which {family}."))
        options += [_option(family, name, default) for name, default in _hyperparameters(kinds).items()]
    options.append(
        click.option(
            "--augmentation",
            type=float,
            help="Deform the pictures in training: so many times as strongly as the network's recipe does, or as is "
            "usual if it does not; 0 not at all.",
        )
    )
    options += [
        click.option(f"--augmentation-{each.name}", type=float, help=_documented(Augmentation, each.name))
        for each in fields(Augmentation)
    ]
    for option in reversed(options):
        function = option(function)
    return function


def apply_settings(configuration: Configuration, given: Mapping[str, Any]) -> Configuration:
    """Return the configuration with the options that were given, by parameter name; None was not given.

    Raises
    ------
    ConfigurationError
        If a hyperparameter does not belong to the loss, optimizer, schedule or initializer in use.
    GroundupError
        If a value is out of range.
    """
    changes = {name: value for name, value in given.items() if value is not None}
    changes["augmentation"] = _augmentation(configuration.augmentation, changes)
    for family, kinds in FAMILIES.items():
        own = {name: changes.pop(_parameter(family, name, kinds), None) for name in _hyperparameters(kinds)}
        own = {name: value for name, value in own.items() if value is not None}
        current, wanted = getattr(configuration, family), changes.get(family)
        if wanted is not None and type(current) is not kinds[wanted]:
            current = kinds[wanted]()
        if current is None and own:
            raise ConfigurationError(f"say which --{family}, with {_flag(family, next(iter(own)), kinds)}")
        changes[family] = _changed(current, own, family, kinds)
    return replace(configuration, **changes)


def _augmentation(current: Augmentation, changes: dict[str, Any]) -> Augmentation:
    """Take the options of augmentation from `changes`, and return what they make of the `current` one."""
    factor = changes.pop("augmentation", None)
    own = {each.name: changes.pop(f"augmentation_{each.name}", None) for each in fields(Augmentation)}
    if factor is not None:
        current = (current or HANDWRITING).scaled(factor)
    return replace(current, **{name: value for name, value in own.items() if value is not None})


def _changed(current: Any, own: Mapping[str, Any], family: str, kinds: Mapping[str, type]) -> Any:
    known = [each.name for each in fields(current)] if current is not None else []
    for name in own:
        if name not in known:
            kind = next(label for label, kind in kinds.items() if kind is type(current))
            there = ", ".join(_flag(family, each, kinds) for each in known) or "no hyperparameters"
            raise ConfigurationError(f"{_flag(family, name, kinds)}: the {family} {kind} has {there}")
    return replace(current, **own) if own else current


def _hyperparameters(kinds: Mapping[str, type]) -> dict[str, Any]:
    """Return the name of every field of a family's members, with a default that tells its type."""
    return {each.name: each.default for kind in kinds.values() for each in fields(kind) if each.default is not MISSING}


def _parameter(family: str, name: str, kinds: Mapping[str, type]) -> str:
    shared = all(name in {each.name for each in fields(kind)} for kind in kinds.values())
    return f"{family}_{name}" if family in PREFIXED and not shared else name


def _flag(family: str, name: str, kinds: Mapping[str, type]) -> str:
    return "--" + _parameter(family, name, kinds).replace("_", "-")


def _option(family: str, name: str, default: Any) -> Callable[..., Any]:
    kinds = FAMILIES[family]
    owners = [label for label, kind in kinds.items() if name in {each.name for each in fields(kind)}]
    scope = "" if len(owners) == len(kinds) else f"  [{', '.join(owners)}]"
    flag, text = _flag(family, name, kinds), _documented(kinds[owners[0]], name) + scope
    if isinstance(default, bool):
        return click.option(f"{flag}/--no-{flag[2:]}", default=None, help=text)
    return click.option(flag, type=type(default), help=text)


def _documented(kind: type, name: str) -> str:
    """Return what a class's docstring, or its base's, says of a parameter."""
    for each in kind.__mro__:
        found = re.search(
            rf"^(?:\w+, )*{name}(?:, \w+)* : .*\n((?:    .*\n?)+)", inspect.getdoc(each) or "", re.MULTILINE
        )
        if found:
            return " ".join(found[1].split())
    return ""
