"""Edits of a model: each does what it says, exactly, and nothing to the model that it was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.errors import ParameterError
from groundup.inspection import edits
from groundup.inspection.edits import Edits
from groundup.layers import BatchNorm, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Residual, Sigmoid, Softmax
from groundup.losses import MeanSquaredError
from groundup.models.model import Model
from groundup.network import Network
from random_networks import convolutional, perceptron


def model(network: Network, seed: int = 0) -> Model:
    """Return a model with random numbers everywhere, in statistics, too."""
    generator = np.random.default_rng(seed)
    state = {
        name: generator.uniform(0.5, 2, shape) if name.endswith("running_var") else generator.normal(0, 1, shape)
        for name, shape in network.state_shapes().items()
    }
    return Model(network, {name: value.astype(np.float32) for name, value in state.items()})


def pictures(network: Network, count: int = 6) -> np.ndarray:
    shape = network.input_shape if len(network.input_shape) == 3 else (1, 1, *network.input_shape)
    return np.random.default_rng(1).integers(0, 256, (count, shape[0] * shape[1], shape[2]), dtype=np.uint8)


def filters_and_units() -> Network:
    layers = [Conv2d(1, 4, 3, bias=False), BatchNorm(4), ReLU(), MaxPool2d(), Flatten(), Linear(4 * 9, 7), Sigmoid()]
    return Network([*layers, Linear(7, 10)], (1, 8, 8))


@pytest.fixture
def small() -> Model:
    return model(filters_and_units())


def outputs(of: Model) -> np.ndarray:
    return of.outputs(pictures(of.network), backend="numpy")


def test_one_number_is_another_and_all_others_stay(small: Model) -> None:
    edited = edits.with_weight(small, "5.weight", 40, 1.5)
    changed = {name: np.flatnonzero(edited.state[name] != small.state[name]).tolist() for name in small.state}
    assert {name: places for name, places in changed.items() if places} == {"5.weight": [40]}
    assert edited.state["5.weight"].flat[40] == 1.5
    assert edited.state["5.weight"].dtype == np.float32


@pytest.mark.parametrize(
    ("name", "index", "value", "said"),
    [
        ("6.weight", 0, 0, "'6.weight' is unknown"),
        ("5.weight", 252, 0, "0 to 251, not 252"),
        ("5.weight", -1, 0, "0 to 251, not -1"),
        ("5.weight", 0, float("nan"), "finite"),
        ("5.weight", 0, 1e39, "finite"),
    ],
)
def test_numbers_that_are_not_there(small: Model, name: str, index: int, value: float, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        edits.with_weight(small, name, index, value)


# --- Units -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["0.weight", "5.weight"])
def test_a_silent_unit_says_nothing_whatever_it_hears(small: Model, name: str) -> None:
    silent = edits.silenced(small, name, [2])
    deaf = replace(silent, state={**silent.state, name: np.array(silent.state[name])})
    deaf.state[name][2] = 99  # what leads in no longer matters
    np.testing.assert_array_equal(outputs(deaf), outputs(silent))
    assert not np.allclose(outputs(silent), outputs(small))


def test_a_silent_unit_is_as_if_it_had_never_been(small: Model) -> None:
    rest = [0, 1, 3]
    state = dict(small.state)
    for own in ("0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var"):
        state[own] = state[own][rest]
    state["5.weight"] = state["5.weight"].reshape(7, 4, 9)[:, rest].reshape(7, 27)
    layers = list(small.network.layers)
    layers[0], layers[1], layers[5] = Conv2d(1, 3, 3, bias=False), BatchNorm(3), Linear(27, 7)
    without = Model(Network(layers, (1, 8, 8)), state)
    np.testing.assert_allclose(outputs(edits.silenced(small, "0.weight", [2])), outputs(without), rtol=1e-5, atol=1e-5)


def check_silence(whole: Model, name: str) -> None:
    """Silence a unit of a layer outside of residual blocks, and look at what it says to the next that mixes units."""
    layers, own = whole.network.layers, int(name.split(".")[0])
    after = next(i for i in range(own + 1, len(layers)) if isinstance(layers[i], Linear | Conv2d | Residual))
    if isinstance(layers[after], Residual) and any(isinstance(layer, Sigmoid) for layer in layers[own:after]):
        with pytest.raises(ParameterError, match="a sigmoid of 0 is 1/2"):
            edits.silenced(whole, name, [0])
        return
    silent = edits.silenced(whole, name, [0])
    if isinstance(layers[after], Residual):
        said = silent.activations(pictures(whole.network, 1)[0])[after][1]
        assert not said[0].any()
    else:
        louder = replace(silent, state={**silent.state, name: np.array(silent.state[name])})
        louder.state[name][0] = 9
        np.testing.assert_array_equal(outputs(louder), outputs(silent))


@given(st.integers(0, 300), st.sampled_from([perceptron, convolutional]))
def test_units_of_any_network_are_silenced_or_refused(seed: int, kind: Callable[[int], Network]) -> None:
    whole = model(kind(seed))
    for name in edits.hidden_weight_names(whole.network):
        if name.count(".") == 1:
            check_silence(whole, name)


def test_a_unit_before_a_residual_block_is_silent_at_its_entrance() -> None:
    inside = Residual([Linear(5, 5), ReLU(), Linear(5, 5)])
    silent = edits.silenced(model(Network([Linear(6, 5), ReLU(), inside, Linear(5, 10)])), "0.weight", [3])
    assert dict(silent.activations(np.full((1, 6), 200, np.uint8)))["1 ReLU()"][3] == 0


def test_a_unit_inside_a_residual_block_adds_nothing() -> None:
    network = Network([Linear(6, 5), Residual([Linear(5, 4), ReLU(), Linear(4, 5)]), Linear(5, 10)])
    silent = edits.silenced(model(network), "1.0.weight", [1])
    assert not silent.state["1.0.weight"][1].any()
    assert not silent.state["1.2.weight"][:, 1].any()
    assert edits.hidden_weight_names(network) == ["0.weight", "1.0.weight", "1.2.weight"]


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([Linear(6, 5), Sigmoid(), Residual([Linear(5, 5)]), Linear(5, 10)], "a sigmoid of 0 is 1/2"),
        ([Linear(6, 5), Softmax(), Linear(5, 10)], "a softmax ties them together"),
    ],
)
def test_units_that_their_weights_cannot_silence(layers: list, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        edits.silenced(model(Network(layers)), "0.weight", [0])


@pytest.mark.parametrize(
    ("name", "units", "said"),
    [("7.weight", [0], "leads to no hidden units"), ("0.weight", [4], "units 0 to 3"), ("0.weight", [-1], "not -1")],
)
def test_units_that_are_not_there(small: Model, name: str, units: list[int], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        edits.silenced(small, name, units)


def test_the_weakest_units_are_those_with_the_smallest_weights(small: Model) -> None:
    sums = np.abs(small.state["5.weight"]).sum(axis=1)
    assert edits.weakest_units(small, "5.weight", 3 / 7) == np.argsort(sums)[:3].tolist()
    assert edits.weakest_units(small, "5.weight", 0) == []
    quiet = edits.without_weakest_units(small, 0.5)
    assert int((~quiet.state["0.weight"].any(axis=(1, 2, 3))).sum()) == 2
    assert int((~quiet.state["5.weight"].any(axis=1)).sum()) == 4


# --- All weights -----------------------------------------------------------------------------------------------------


@given(st.floats(0, 1))
def test_the_share_that_is_pruned_is_exact_and_the_smallest(share: float) -> None:
    whole = model(filters_and_units())
    pruned = edits.pruned(whole, share)
    names = edits.weight_names(whole.network)
    before = np.concatenate([whole.state[name].ravel() for name in names])
    after = np.concatenate([pruned.state[name].ravel() for name in names])
    assert int((after == 0).sum()) == round(share * len(before))
    kept = after != 0
    np.testing.assert_array_equal(after[kept], before[kept])
    assert np.abs(before[~kept]).max(initial=0) <= np.abs(before[kept]).min(initial=np.inf)


@pytest.mark.parametrize("bits", [2, 3, 5, 8, 16])
def test_quantised_weights_have_so_many_values_evenly_spaced(small: Model, bits: int) -> None:
    quantised = edits.quantised(small, bits)
    for name in edits.weight_names(small.network):
        before, after = small.state[name], quantised.state[name]
        step = np.abs(before).max() / (2 ** (bits - 1) - 1)
        assert len(np.unique(after)) <= 2**bits
        np.testing.assert_allclose(after / step, np.rint(after / step), atol=1e-3)
        assert np.abs(after - before).max() <= step * 0.5001
    np.testing.assert_array_equal(quantised.state["5.bias"], small.state["5.bias"])


def test_pruned_weights_stay_zero_when_they_are_quantised(small: Model) -> None:
    pruned = edits.pruned(small, 0.5)
    assert (edits.quantised(pruned, 4).state["5.weight"][pruned.state["5.weight"] == 0] == 0).all()


def test_weights_of_zero_are_quantised_to_zero(small: Model) -> None:
    assert not edits.quantised(edits.pruned(small, 1), 4).state["5.weight"].any()


def test_noise_is_as_large_as_told_and_the_same_for_a_seed() -> None:
    whole = model(Network([Linear(784, 100), ReLU(), Linear(100, 10)]))
    noise = edits.perturbed(whole, 0.5, seed=3).state["0.weight"] - whole.state["0.weight"]
    assert noise.std() == pytest.approx(0.5 * whole.state["0.weight"].std(), rel=0.02)
    again, other = (edits.perturbed(whole, 0.5, seed).state["0.weight"] for seed in (3, 4))
    np.testing.assert_array_equal(again, edits.perturbed(whole, 0.5, 3).state["0.weight"])
    assert not np.allclose(again, other)


@pytest.mark.parametrize("last", [[], [Softmax()]], ids=["logits", "softmax"])
def test_a_temperature_divides_the_logits(last: list) -> None:
    whole = model(Network([Linear(6, 5), ReLU(), Linear(5, 10), *last]))
    pixels = pictures(whole.network)
    cooler = edits.with_temperature(whole, 4)
    if not last:
        np.testing.assert_allclose(cooler.outputs(pixels), whole.outputs(pixels) / 4, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(cooler.predict(pixels).argmax(axis=1), whole.predict(pixels).argmax(axis=1))
    assert (cooler.predict(pixels).max(axis=1) <= whole.predict(pixels).max(axis=1) + 1e-6).all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda whole: edits.pruned(whole, 1.1),
        lambda whole: edits.weakest_units(whole, "0.weight", -0.1),
        lambda whole: edits.quantised(whole, 1),
        lambda whole: edits.quantised(whole, 17),
        lambda whole: edits.perturbed(whole, -1),
        lambda whole: edits.perturbed(whole, float("inf")),
        lambda whole: edits.with_temperature(whole, 0),
        lambda whole: edits.with_temperature(model(Network([Linear(6, 10), Sigmoid()])), 2),
        lambda whole: edits.with_temperature(replace(whole, loss=MeanSquaredError()), 2),
    ],
)
def test_amounts_that_make_no_sense(small: Model, wrong: Callable[[Model], Model]) -> None:
    with pytest.raises(ParameterError):
        wrong(small)


# --- All together ----------------------------------------------------------------------------------------------------

EVERYTHING = Edits(
    numbers=(("5.weight", 40, 1.5), ("5.bias", 0, -0.25)),
    silent=(("0.weight", 1), ("0.weight", 3), ("5.weight", 6)),
    weakest=0.3,
    pruned=0.5,
    bits=4,
    noise=0.1,
    seed=2,
    temperature=2,
)


def test_no_edits_change_nothing(small: Model) -> None:
    assert Edits().applied(small) is small
    assert Edits().text() == ""


def test_what_was_edited_never_changes(small: Model) -> None:
    before = {name: np.array(value) for name, value in small.state.items()}
    EVERYTHING.applied(small)
    for name, value in before.items():
        np.testing.assert_array_equal(small.state[name], value)


def test_what_every_edit_promises_holds_in_the_end(small: Model) -> None:
    done = replace(EVERYTHING, temperature=1.0, weakest=0.0, numbers=EVERYTHING.numbers[:1]).applied(small)
    assert done.state["5.weight"].flat[40] == 1.5
    assert not done.state["0.weight"][[1, 3]].any()
    assert len(np.unique(done.state["5.weight"])) <= 2**4
    assert (done.state["5.weight"] == 0).mean() > 0.4


def test_edits_are_written_down_and_read(small: Model) -> None:
    assert Edits.from_text(EVERYTHING.text()) == EVERYTHING
    assert Edits.from_text("") == Edits()


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "pruned",
        "pruned_2",
        "pruned_nan",
        "bits_-1",
        "bits_1.5",
        "noise_inf",
        "silent_0.weight_x",
        "temperature_0",
        "numbers_1",
    ],
)
def test_texts_that_are_no_edits(text: str) -> None:
    with pytest.raises(ParameterError):
        Edits.from_text(text)


@given(st.text(max_size=40))
def test_any_text_is_edits_or_refused(text: str) -> None:
    try:
        Edits.from_text(text)
    except ParameterError:
        return
