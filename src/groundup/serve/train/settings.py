"""What is trained, and how: the choices that a training begins with, and the sliders that move while it runs."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from groundup import backends
from groundup.augmentation import HANDWRITING
from groundup.errors import ConfigurationError, GroundupError
from groundup.models.configuration import Configuration
from groundup.models.recipes import RECIPES, recipe
from groundup.training.changes import Change, dropout, momentum

NETWORKS = ("784-10", "784-16-10", "784-32-10", "784-128-64-10", *RECIPES)
"""What is offered."""

OTHER, SIZES = "other sizes", "784-50-20-10"
"""What is chosen instead to write one's own, and what stands there at first."""

OWN = "its own"
"""The recipe that a network comes with."""

PICTURES = {500: "500", 1000: "1,000", 5000: "5,000", 10_000: "10,000", 1_000_000: "all"}

PACES = {2: "2 steps a second", 20: "20 steps a second", 100: "100 steps a second", 0: "as fast as it can"}
PACE = 100
"""Fast enough not to bore, slow enough to be seen."""

MOST_PARAMETERS = 3_000_000
"""Weights of a network that a visitor may train here."""

MOST_LAYERS = 20


def ladder(first: int, last: int) -> list[float]:
    """Return 1, 2 and 5 times every power of ten from 10**first on, up to 10**last."""
    return [float(f"{digit}e{power}") for power in range(first, last) for digit in (1, 2, 5)] + [10.0**last]


@dataclass(frozen=True)
class Slider:
    """A setting that can be moved while a training runs.

    Attributes
    ----------
    title, explained : str
        What it is called and what it does.
    values : sequence of float
        Where it can stand.
    shown : callable
        Returns a value as text.
    """

    title: str
    explained: str
    values: Sequence[float]
    shown: Callable[[float], str]

    def nearest(self, value: float) -> int:
        """Return the index of the value that is nearest to this one, by their ratio where they are far apart."""
        right = min(bisect.bisect_left(self.values, value), len(self.values) - 1)
        left = max(right - 1, 0)
        below, above = self.values[left], self.values[right]
        middle = math.sqrt(below * above) if below > 0 else (below + above) / 2
        return left if value < middle else right


def _percent(value: float) -> str:
    return f"{value:.0%}"


SLIDERS = {
    "learning_rate": Slider(
        "Learning rate", "How far a step goes down the gradient.", ladder(-4, 3), lambda value: f"{value:g}"
    ),
    "momentum": Slider(
        "Momentum",
        "How much of its speed a step keeps from the one before.",
        [*(number / 20 for number in range(20)), 0.98, 0.99],
        lambda value: f"{value:g}",
    ),
    "batch_size": Slider("Batch size", "Pictures that a step averages over.", ladder(0, 3), lambda value: f"{value:g}"),
    "dropout": Slider(
        "Dropout", "Share of the hidden units silenced at random.", [number / 20 for number in range(19)], _percent
    ),
    "augmentation": Slider(
        "Augmentation",
        "Pictures are turned, moved and bent, as other hands write.",
        [number / 10 for number in range(16)],
        _percent,
    ),
}
"""By the field of `Change` that they set."""


@dataclass(frozen=True)
class Choice:
    """What a training begins with.

    Attributes
    ----------
    network : str
        A recipe's name or sizes.
    recipe : str
        Whose loss, optimizer, schedule and settings are taken; `OWN` for the network's.
    backend : str
        What runs it.
    pictures : int
        How many of the training pictures it learns from.
    seed : int
        Of all randomness.
    """

    network: str = "784-32-10"
    recipe: str = OWN
    backend: str = "auto"
    pictures: int = 10_000
    seed: int = 0

    def configuration(self) -> Configuration:
        """Return the configuration.

        Raises
        ------
        GroundupError
            If the network is none, or too large for this page.
        """
        chosen = named(self.network)
        if self.recipe != OWN:
            chosen = replace(named(self.recipe), network=chosen.network, name=chosen.name)
        return replace(chosen, backend=self.backend, seed=self.seed)

    @classmethod
    def of(cls, url: Mapping[str, str]) -> Choice:
        """Return what an address asks for, and the default of whatever it asks wrongly for."""
        begin = cls(backend=backends.available()[-1])
        values: dict[str, Any] = {}
        for name, there in (("recipe", (OWN, *RECIPES)), ("backend", backends.available())):
            if url.get(name) in there:
                values[name] = url[name]
        for name, most in (("pictures", max(PICTURES)), ("seed", 2**31)):
            if re.fullmatch(r"[0-9]{1,10}", url.get(name, "")):
                values[name] = min(int(url[name]), most)
        if values.get("pictures", begin.pictures) not in PICTURES:
            del values["pictures"]
        with suppress(GroundupError):
            named(url.get("network", ""))
            values["network"] = url["network"]
        return replace(begin, **values)


def named(network: str) -> Configuration:
    """Return the configuration of a recipe or of sizes; files are not for a visitor to read.

    Raises
    ------
    GroundupError
        If it is neither, does not read 28x28 pixels, does not end in ten classes, or is too large for this page.
    """
    if network in RECIPES:
        return recipe(network)
    if not re.fullmatch(r"[0-9]{1,6}(-[0-9]{1,6})+", network):
        raise ConfigurationError(f"{network!r} is no network: write sizes such as 784-32-10, or choose one")
    sizes = [int(size) for size in network.split("-")]
    if sizes[0] != 784 or sizes[-1] != 10:
        raise ConfigurationError(
            f"{network}: the first size is 784, one for each pixel, and the last is 10, the digits"
        )
    if len(sizes) > MOST_LAYERS:
        raise ConfigurationError(f"{network}: at most {MOST_LAYERS} sizes can be trained here")
    parameters = sum((before + 1) * after for before, after in pairwise(sizes))
    if parameters > MOST_PARAMETERS:
        raise ConfigurationError(
            f"{network} has {parameters:,} weights; at most {MOST_PARAMETERS:,} can be trained on this page"
        )
    return recipe(network)


def settings_of(configuration: Configuration) -> dict[str, float]:
    """Return where every slider stands for a configuration."""
    return {
        "learning_rate": configuration.learning_rate,
        "momentum": momentum(configuration.optimizer),
        "batch_size": float(configuration.batch_size or 1000),
        "dropout": dropout(configuration.network),
        "augmentation": configuration.augmentation.rotation / HANDWRITING.rotation,
    }


def change(name: str, value: float) -> Change:
    """Return the change that a slider makes."""
    whole: dict[str, Any] = {name: round(value) if name == "batch_size" else value}
    return Change(**whole)
