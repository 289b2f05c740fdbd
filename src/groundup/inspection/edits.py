"""Operations on a trained network: edit a weight, silence units, prune, quantise, perturb, and set the temperature.

Each takes a model and returns another; the one that was given never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.checks import Checked, integer, real, shown
from groundup.errors import ParameterError
from groundup.layers import BatchNorm, Conv2d, Linear, Residual, Sigmoid, Softmax
from groundup.layers.base import Layer
from groundup.losses import CrossEntropy
from groundup.models.model import Model
from groundup.network import Network

State = dict[str, NDArray[Any]]

MOST_BITS = 16


def weight_names(network: Network) -> list[str]:
    """Return the names of all weights that connect units: of linear and convolutional layers, ``0.weight``."""
    return [name for name, shape in network.parameters().items() if len(shape) > 1]


def hidden_weight_names(network: Network) -> list[str]:
    """Return the names of the weights that lead to hidden units: all but those of the last layer."""
    return weight_names(network)[:-1]


def with_weight(model: Model, name: str, index: int, value: float) -> Model:
    """Return the model with another value for one number of one parameter.

    Parameters
    ----------
    model : Model
        The network.
    name : str
        The parameter: ``0.weight`` or ``0.bias``.
    index : int
        Which of its numbers, counted in C order.
    value : float
        The number to put there.

    Raises
    ------
    ParameterError
        If there is no such number, or the value is not finite in float32.
    """
    shapes = model.network.parameters()
    if name not in shapes:
        raise ParameterError(f"parameter {name!r} is unknown; there are {', '.join(shapes)}")
    if not 0 <= index < model.state[name].size:
        raise ParameterError(f"{name} has the numbers 0 to {model.state[name].size - 1}, not {index}")
    if not abs(value) <= float(np.finfo(np.float32).max):
        raise ParameterError(f"a weight must be a finite number, not {value}")
    changed = np.array(model.state[name])
    changed.flat[index] = value
    return replace(model, state={**model.state, name: changed})


# --- Units -----------------------------------------------------------------------------------------------------------


def silenced(model: Model, name: str, units: Iterable[int]) -> Model:
    """Return the model with some hidden units, or filters, silent: what they say no longer matters to the rest.

    All that leads into a unit becomes 0, with its bias and its batch normalisation; and all that leads out of it, as
    a sigmoid says 1/2 where its input is 0.

    Parameters
    ----------
    model : Model
        The network.
    name : str
        The weights that lead to the units: one of `hidden_weight_names`.
    units : iterable of int
        Which of them, from 0.

    Raises
    ------
    ParameterError
        If there is no such unit, or it can only be silenced together with others.
    """
    count = _unit_count(model.network, name)
    chosen = sorted(set(units))
    if chosen and not 0 <= chosen[0] <= chosen[-1] < count:
        raise ParameterError(f"{name} leads to the units 0 to {count - 1}, not {chosen[0]} or {chosen[-1]}")
    state: State = {each: np.array(value) for each, value in model.state.items()}
    layers, index, prefix = _place(model.network, name)
    _zero_rows(state, f"{prefix}{index}.", chosen)
    speaks = False  # whether the unit says something even where its input is 0
    for later in range(index + 1, len(layers)):
        layer = layers[later]
        if isinstance(layer, Linear | Conv2d):
            columns = state[f"{prefix}{later}.weight"]
            columns.reshape(len(columns), count, -1)[:, chosen] = 0
            speaks = False
        if isinstance(layer, Linear | Conv2d | Residual):
            break
        if isinstance(layer, BatchNorm):
            _zero_rows(state, f"{prefix}{later}.", chosen)
            speaks = False
        speaks = speaks or isinstance(layer, Sigmoid)
        if isinstance(layer, Softmax):
            raise ParameterError(f"the units of {name} cannot be silenced one by one: a softmax ties them together")
    if speaks:
        raise ParameterError(f"the units of {name} cannot be silenced by their weights: a sigmoid of 0 is 1/2")
    return replace(model, state=state)


def weakest_units(model: Model, name: str, share: float) -> list[int]:
    """Return the units whose weights have the smallest sums of magnitudes (H. Li et al., 2017), the weakest first.

    Parameters
    ----------
    model : Model
        The network.
    name : str
        The weights that lead to the units: one of `hidden_weight_names`.
    share : float
        Of the layer's units, 0 to 1; rounded to whole units.
    """
    count = _unit_count(model.network, name)
    sums = np.abs(model.state[name]).reshape(count, -1).sum(axis=1)
    return [int(unit) for unit in np.argsort(sums, kind="stable")[: round(_share(share) * count)]]


def without_weakest_units(model: Model, share: float) -> Model:
    """Return the model with this share, 0 to 1, of every hidden layer's units silent, the weakest first."""
    chosen = {name: weakest_units(model, name, share) for name in hidden_weight_names(model.network)}
    for name, units in chosen.items():
        model = silenced(model, name, units)
    return model


def _unit_count(network: Network, name: str) -> int:
    names = hidden_weight_names(network)
    if name not in names:
        there = ", ".join(names) or "none in this network"
        raise ParameterError(f"{name!r} leads to no hidden units; the weights that do: {there}")
    return network.parameters()[name][0]


def _place(network: Network, name: str) -> tuple[tuple[Layer, ...], int, str]:
    """Return the layers among which a parameter's layer stands, its index there, and the prefix of their names."""
    *outer, own, _ = name.split(".")
    layers: Any = network.layers
    for index in outer:
        layers = layers[int(index)].layers
    return layers, int(own), "".join(f"{index}." for index in outer)


def _zero_rows(state: State, prefix: str, rows: list[int]) -> None:
    for name in (f"{prefix}weight", f"{prefix}bias"):
        if name in state:
            state[name][rows] = 0


# --- All weights -----------------------------------------------------------------------------------------------------


def pruned(model: Model, share: float) -> Model:
    """Return the model with this share, 0 to 1, of all its weights set to 0: the smallest (Han et al., 2015).

    Biases and batch normalisations stay. The number of zeros is exact: the share rounded to whole weights.
    """
    names = weight_names(model.network)
    magnitudes = np.concatenate([np.abs(model.state[name]).ravel() for name in names])
    smallest = np.argsort(magnitudes, kind="stable")[: round(_share(share) * len(magnitudes))]
    kept = np.ones(len(magnitudes), bool)
    kept[smallest] = False
    parts = np.split(kept, np.cumsum([model.state[name].size for name in names])[:-1])
    masks = {name: part.reshape(model.state[name].shape) for name, part in zip(names, parts, strict=True)}
    return _with_weights(model, lambda name, weights: np.where(masks[name], weights, 0))


def quantised(model: Model, bits: int) -> Model:
    """Return the model with each layer's weights rounded to one of 2**bits - 1 numbers, evenly spaced around 0.

    The largest magnitude of a layer keeps its place, and 0 stays 0. Biases and batch normalisations stay as they are.

    Parameters
    ----------
    model : Model
        The network.
    bits : int
        2, which leaves -1, 0 and 1 times one number, to 16.

    Raises
    ------
    ParameterError
        If there are fewer or more bits.
    """
    if type(bits) is not int or not 2 <= bits <= MOST_BITS:
        raise ParameterError(f"weights are rounded to 2 to {MOST_BITS} bits, not {bits}")
    steps = 2 ** (bits - 1) - 1

    def rounded(name: str, weights: NDArray[Any]) -> NDArray[Any]:
        step = float(np.abs(weights).max(initial=0)) / steps
        return np.asarray(np.rint(weights / step) * step) if step else weights

    return _with_weights(model, rounded)


def perturbed(model: Model, amount: float, seed: int = 0) -> Model:
    """Return the model with normal noise added to every weight.

    Parameters
    ----------
    model : Model
        The network.
    amount : float
        The noise's standard deviation, as a share of that of the layer's weights; at least 0.
    seed : int
        The same seed gives the same noise, stronger or weaker.

    Raises
    ------
    ParameterError
        If the amount is negative or not finite.
    """
    if not 0 <= amount < np.inf:
        raise ParameterError(f"the amount of noise must be a number of at least 0, not {amount}")

    def noisy(name: str, weights: NDArray[Any]) -> NDArray[Any]:
        noise = np.random.default_rng([seed, *name.encode()]).standard_normal(weights.shape)
        return np.asarray(weights + amount * float(weights.std()) * noise)

    return _with_weights(model, noisy)


def with_temperature(model: Model, temperature: float) -> Model:
    """Return the model with its logits divided by `temperature`: above 1 it is less sure, below 1 more.

    The weights of the last layer are divided, so that the model remains a plain model; no answer changes.

    Raises
    ------
    ParameterError
        If the temperature is not above 0, or the network does not end with a linear layer whose outputs are logits.
    """
    if not 0 < temperature < np.inf:
        raise ParameterError(f"the temperature must be a number above 0, not {temperature}")
    layers = model.network.layers
    last = len(layers) - 1 - isinstance(layers[-1], Softmax)
    if not isinstance(layers[last], Linear):
        raise ParameterError(f"the last layer has no weights to divide by a temperature: it is {layers[last]}")
    if layers[last] is layers[-1] and not isinstance(model.loss, CrossEntropy):
        raise ParameterError("the network gives scores, not logits: a temperature would change nothing")
    own = {name: model.state[name] / np.float32(temperature) for name in model.state if name.startswith(f"{last}.")}
    return replace(model, state={**model.state, **own})


def _with_weights(model: Model, change: Callable[[str, NDArray[Any]], NDArray[Any]]) -> Model:
    """Return the model with every weight that connects units changed, in the type that it had."""
    weights: Mapping[str, NDArray[Any]] = {name: model.state[name] for name in weight_names(model.network)}
    changed = {name: change(name, value).astype(value.dtype) for name, value in weights.items()}
    return replace(model, state={**model.state, **changed})


def _share(share: float) -> float:
    if not 0 <= share <= 1:
        raise ParameterError(f"a share is a number from 0 to 1, not {share}")
    return share


# --- All edits together ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edits(Checked):
    """Everything that was done to a model, as one small value that can be undone, repeated and written down.

    Parameters
    ----------
    numbers : tuple of (str, int, float)
        Parameter, index and value, as `with_weight` takes them.
    silent : tuple of (str, int)
        Weights and the unit that they lead to, as `silenced` takes them.
    weakest : float
        The share of every hidden layer's units that is silent besides, 0 to 1.
    pruned : float
        The share of all weights that is 0, the smallest, 0 to 1.
    bits : int
        What weights are rounded to; 0 for not at all.
    noise : float
        Of the deviation of each layer's weights, as `perturbed` takes it.
    seed : int
        The noise's.
    temperature : float
        Divides the logits.
    """

    numbers: tuple[tuple[str, int, float], ...] = ()
    silent: tuple[tuple[str, int], ...] = ()
    weakest: float = real(at_least=0, at_most=1, default=0.0)
    pruned: float = real(at_least=0, at_most=1, default=0.0)
    bits: int = integer(at_least=0, default=0)
    noise: float = real(at_least=0, default=0.0)
    seed: int = integer(at_least=0, default=0)
    temperature: float = real(above=0, default=1.0)

    def applied(self, model: Model) -> Model:
        """Return the edited model: noise first, then rounding and pruning, so that these hold in the result.

        Raises
        ------
        ParameterError
            If something does not fit the model; the message says what.
        """
        model = perturbed(model, self.noise, self.seed) if self.noise else model
        model = quantised(model, self.bits) if self.bits else model
        model = pruned(model, self.pruned) if self.pruned else model
        for name, index, value in self.numbers:
            model = with_weight(model, name, index, value)
        model = without_weakest_units(model, self.weakest) if self.weakest else model
        for name in dict.fromkeys(name for name, _ in self.silent):
            model = silenced(model, name, [unit for other, unit in self.silent if other == name])
        return with_temperature(model, self.temperature) if self.temperature != 1 else model

    def text(self) -> str:
        """Return the edits as words for an address, ``pruned_0.5 silent_0.weight_3``; empty if there are none."""
        plain = [each for each in fields(self) if each.name not in ("numbers", "silent")]
        words = [
            f"{each.name}_{getattr(self, each.name):g}" for each in plain if getattr(self, each.name) != each.default
        ]
        words += [f"silent_{name}_{unit}" for name, unit in self.silent]
        return " ".join(words + [f"number_{name}_{index}_{value:g}" for name, index, value in self.numbers])

    @classmethod
    def from_text(cls, text: str) -> Edits:
        """Return the edits that `text` describes.

        Raises
        ------
        ParameterError
            If it cannot be understood, or a value is out of range.
        """
        values: dict[str, Any] = {"numbers": (), "silent": ()}
        for word in text.split():
            try:
                match word.split("_"):
                    case ["number", name, index, value]:
                        values["numbers"] += ((name, int(index), float(value)),)
                    case ["silent", name, unit]:
                        values["silent"] += ((name, int(unit)),)
                    case [("bits" | "seed") as name, value]:
                        values[name] = int(value)
                    case [("weakest" | "pruned" | "noise" | "temperature") as name, value]:
                        values[name] = float(value)
                    case _:
                        raise ValueError
            except ValueError:
                raise ParameterError(f"the edit {shown(word)} cannot be understood") from None
        return cls(**values)
