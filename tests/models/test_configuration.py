"""A configuration is written as TOML and read back, to the last bit; what is wrong in one is named."""

from __future__ import annotations

import contextlib
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.augmentation import Augmentation
from groundup.checks import Range
from groundup.errors import ConfigurationError, ParameterError
from groundup.layers import Linear
from groundup.losses import MeanSquaredError
from groundup.models.configuration import FAMILIES, Configuration
from groundup.models.recipes import RECIPES, recipe
from groundup.network import Network
from groundup.optimizers import SGD
from random_networks import convolutional, perceptron

SMALL = Configuration(Network([Linear(4, 10)]), "small")


def values_of(declared: Range, default: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for everything that a field takes."""
    if isinstance(default, bool):
        return st.booleans()
    if declared.kind == "an integer":
        return st.integers(int(declared.at_least), 10**12)
    low, high = max(declared.at_least, declared.above, -1e9), min(declared.at_most, declared.below, 1e9)
    return st.floats(low, high).filter(lambda value: value in declared)


def members_of(kinds: dict[str, type]) -> st.SearchStrategy[Any]:
    """Return a strategy for every member of a family with every hyperparameter."""

    def possible(kind: type, values: dict[str, Any]) -> Any:
        try:
            return kind(**values)
        except ParameterError:  # two hyperparameters that exclude each other
            return kind()

    return st.one_of(
        st.fixed_dictionaries(
            {each.name: values_of(each.metadata["range"], each.default) for each in fields(kind)}
        ).map(lambda values, kind=kind: possible(kind, values))
        for kind in kinds.values()
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NETWORKS = st.sampled_from([perceptron(seed) for seed in range(5)] + [convolutional(seed) for seed in range(5)])
CONFIGURATIONS = st.builds(
    Configuration,
    network=NETWORKS,
    name=TEXT,
    data=st.none() | TEXT,
    data_sha256=TEXT,
    init_from=st.none() | TEXT,
    **{family: members_of(dict(kinds)) for family, kinds in FAMILIES.items()},
    augmentation=members_of({"": Augmentation}),
    learning_rate=st.floats(1e-300, 1e300),
    epochs=st.integers(1, 10**9),
    batch_size=st.integers(0, 10**9),
    validation=st.floats(0, 1) | st.integers(0, 10**6),
    patience=st.integers(0, 100),
    select=st.sampled_from(["best", "last"]),
    backend=TEXT,
    precision=TEXT,
    seed=st.integers(0, 2**80),
)


@settings(max_examples=50, deadline=None)
@given(CONFIGURATIONS)
def test_any_configuration_comes_back_from_toml(configuration: Configuration) -> None:
    again = Configuration.from_table(tomllib.loads(configuration.as_toml()))
    assert again == configuration
    assert again.as_toml() == configuration.as_toml()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(recipe(name).as_toml(), encoding="utf-8")
    assert Configuration.read(path) == recipe(name)


def test_what_is_left_out_has_its_default() -> None:
    table = SMALL.as_table()
    assert Configuration.from_table({"network": table["network"]}) == replace(SMALL, name="own")
    assert "initializer" not in table
    assert "data" not in table


WRONG: dict[str, tuple[Any, str]] = {
    "epoch": (3, "configuration: 'epoch' is unknown; there are network, name, data"),
    "epochs": (0, "epochs must be an integer at least 1, not 0"),
    "batch_size": (-1, "batch_size must be an integer at least 0, not -1"),
    "patience": (1.0, "patience must be an integer at least 0, not 1.0"),
    "select": ("worst", "select must be 'best' or 'last', not 'worst'"),
    "seed": ("1", "seed must be an integer at least 0, not '1'"),
    "learning_rate": (0, "learning_rate must be a number above 0, not 0"),
    "validation": (float("inf"), "validation must be a number at least 0, not inf"),
    "name": (3, "name must be text, not 3"),
    "data": (["a"], r"data must be text, not \['a'\]"),
    "data_sha256": (0, "data_sha256 must be text, not 0"),
    "init_from": (True, "init_from must be text, not True"),
    "backend": (1, "backend must be text, not 1"),
    "precision": ({}, r"precision must be text, not \{\}"),
    "network": (3, "network must be a table of names and values, not 3"),
    "augmentation": ({"shift": -1}, "augmentation: Augmentation: shift must be a number at least 0"),
    "loss": ("mse", "loss must be a table of names and values, not 'mse'"),
    "optimizer": ({"type": "sgd", "momentum": -1}, r"optimizer \(sgd\): SGD: momentum must be a number at least 0"),
    "schedule": ({"type": "step", "every": 0}, r"schedule \(step\): StepDecay: every must be an integer at least 1"),
    "initializer": ({"type": "he"}, "initializer: type 'he' is unknown; there are zeros, constant"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_named(name: str, tmp_path: Path) -> None:
    value, because = WRONG[name]
    table = SMALL.as_table() | {name: value}
    with pytest.raises(ConfigurationError, match=because):
        Configuration.from_table(table)
    path = tmp_path / "config.toml"
    path.write_text(tomli_w.dumps(table))
    with pytest.raises(ConfigurationError, match=f"config.toml: .*{because}"):
        Configuration.read(path)


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate", "validation", "patience", "seed"])
@pytest.mark.parametrize("value", [True, "3", None, [1], float("nan")])
def test_a_wrong_type_is_named(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be"):
        Configuration.from_table(SMALL.as_table() | {name: value})


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_value_for_any_key_is_understood_or_refused(data: st.DataObject) -> None:
    table = recipe("cnn").as_table()
    place: Any = table
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
            max_leaves=4,
        )
    )
    with contextlib.suppress(ConfigurationError):
        assert isinstance(Configuration.from_table(table), Configuration)


def test_made_in_python_it_is_checked_as_well() -> None:
    with pytest.raises(ParameterError, match="Configuration: epochs must be an integer at least 1, not 0"):
        replace(SMALL, epochs=0)
    changed = replace(SMALL, loss=MeanSquaredError(), optimizer=SGD(0.9, nesterov=True))
    assert Configuration.from_table(changed.as_table()) == changed


def test_a_part_that_is_no_instance_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="optimizer must be one of SGD, Adam, AdamW, as an instance"):
        replace(recipe("mlp"), optimizer="sgd")
    with pytest.raises(ConfigurationError, match=r"augmentation must be an Augmentation, not 1\.0"):
        replace(recipe("mlp"), augmentation=1.0)


def test_a_number_of_validation_pictures_is_whole() -> None:
    with pytest.raises(ConfigurationError, match=r"whole number, not 1\.5"):
        replace(recipe("mlp"), validation=1.5)
