from __future__ import annotations

import itertools
import math
import random
from array import array
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup import randomness
from groundup.errors import ParameterError
from groundup.initializers import (
    INITIALIZERS,
    Constant,
    HeNormal,
    HeUniform,
    Initializer,
    LeCunNormal,
    Normal,
    ScaledUniform,
    Uniform,
    XavierNormal,
    XavierUniform,
    Zeros,
    _normal_quantile,
    fans,
)
from groundup.layers import (
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
)
from groundup.network import Network

FAN_IN, FAN_OUT = 300, 100


def draw(initializer: Initializer, count: int = 20_000, seed: int = 0) -> array[float]:
    return initializer.values(count, FAN_IN, FAN_OUT, randomness.stream(seed))


UNIFORM: list[tuple[Initializer, float, float]] = [
    (Uniform(-0.3, 0.1), -0.3, 0.1),
    (ScaledUniform(), -1 / math.sqrt(FAN_IN), 1 / math.sqrt(FAN_IN)),
    (XavierUniform(), -math.sqrt(6 / 400), math.sqrt(6 / 400)),
    (XavierUniform(gain=2), -2 * math.sqrt(6 / 400), 2 * math.sqrt(6 / 400)),
    (HeUniform(), -math.sqrt(6 / 300), math.sqrt(6 / 300)),
    (HeUniform(slope=2), -math.sqrt(6 / 1500), math.sqrt(6 / 1500)),
]
NORMAL: list[tuple[Initializer, float]] = [
    (Normal(0.3), 0.3),
    (XavierNormal(), math.sqrt(2 / 400)),
    (XavierNormal(gain=2), 2 * math.sqrt(2 / 400)),
    (HeNormal(), math.sqrt(2 / 300)),
    (HeNormal(slope=2), math.sqrt(2 / 1500)),
    (LeCunNormal(), math.sqrt(1 / 300)),
]


@pytest.mark.parametrize(("initializer", "low", "high"), UNIFORM, ids=str)
def test_uniform_distributions(initializer: Initializer, low: float, high: float) -> None:
    values = np.array(draw(initializer))
    assert low <= values.min() < low + 0.001 * (high - low)
    assert high - 0.001 * (high - low) < values.max() <= high
    assert abs(values.mean() - (low + high) / 2) < 0.01 * (high - low)
    assert values.std() == pytest.approx((high - low) / math.sqrt(12), rel=0.01)


@pytest.mark.parametrize(("initializer", "deviation"), NORMAL, ids=str)
def test_normal_distributions(initializer: Initializer, deviation: float) -> None:
    values = np.sort(np.array(draw(initializer))) / deviation
    assert abs(values.mean()) < 0.03
    assert values.std() == pytest.approx(1, rel=0.02)
    assert abs(np.mean(values**3)) < 0.1
    assert np.mean(values**4) == pytest.approx(3, rel=0.1)
    expected = np.array([NormalDist().cdf(value) for value in values])
    assert np.abs(expected - np.arange(len(values)) / len(values)).max() < 1.6 / math.sqrt(len(values))


@pytest.mark.parametrize(
    ("initializer", "name", "options"),
    [
        (XavierUniform(1.5), "xavier_uniform_", {"gain": 1.5}),
        (XavierNormal(), "xavier_normal_", {}),
        (HeUniform(), "kaiming_uniform_", {"nonlinearity": "relu"}),
        (HeUniform(0.2), "kaiming_uniform_", {"nonlinearity": "leaky_relu", "a": 0.2}),
        (HeNormal(0.2), "kaiming_normal_", {"nonlinearity": "leaky_relu", "a": 0.2}),
        (LeCunNormal(), "kaiming_normal_", {"nonlinearity": "linear"}),
        (ScaledUniform(), "kaiming_uniform_", {"nonlinearity": "leaky_relu", "a": math.sqrt(5)}),
    ],
    ids=str,
)
def test_the_deviation_is_pytorchs(torch: Any, initializer: Initializer, name: str, options: dict[str, Any]) -> None:
    shape = (50, 6, 5, 5)
    torch.manual_seed(0)
    theirs = getattr(torch.nn.init, name)(torch.empty(shape), **options).std()
    ours = np.std(initializer.values(math.prod(shape), *fans(shape), randomness.stream(0)))
    assert ours == pytest.approx(float(theirs), rel=0.03)


def test_constants() -> None:
    assert draw(Zeros(), 3) == draw(Constant(), 3) == array("d", [0, 0, 0])
    assert draw(Constant(0.1), 3) == array("d", [0.1, 0.1, 0.1])
    assert draw(HeNormal(), 0) == array("d")


GOLDEN: dict[str, list[str]] = {
    "zeros": ["0x0.0p+0", "0x0.0p+0", "0x0.0p+0"],
    "constant": ["0x0.0p+0", "0x0.0p+0", "0x0.0p+0"],
    "uniform": ["0x1.036a88c678368p-5", "-0x1.0325c40e33d32p-5", "0x1.4940dbe8cb88ep-5"],
    "normal": ["0x1.71c3f63418a6cp-5", "-0x1.71427da9a4924p-5", "0x1.08b80c7455f0dp-4"],
    "scaled-uniform": ["0x1.7298311b87294p-6", "-0x1.7235f38200e46p-6", "0x1.d65ca7ded99f0p-6"],
    "xavier-uniform": ["0x1.c30435cff7788p-5", "-0x1.c28ca68ccba4fp-5", "0x1.1e37942701784p-4"],
    "xavier-normal": ["0x1.7328f2257d0fdp-5", "-0x1.72a6fc9c2b5a3p-5", "0x1.09b79e07e82c2p-4"],
    "he-uniform": ["0x1.c5e23af9fb8d0p-5", "-0x1.c569e9221be81p-5", "0x1.2009642b5cc7cp-4"],
    "he-normal": ["0x1.7585004f60fd6p-5", "-0x1.750237448f5bdp-5", "0x1.0b681118b57efp-4"],
    "lecun-normal": ["0x1.081e4225362dfp-5", "-0x1.07c1c7792c687p-5", "0x1.7a2b7f819f580p-5"],
    "quantile": [
        "-0x1.095b059a2ffc4p+3",
        "-0x1.06b48525582dap+3",
        "-0x1.7fdc11f49a6b6p+2",
        "-0x1.8b8cbb6ee2822p+1",
        "-0x1.f913f9ae19f39p+0",
        "-0x1.0c7e395d14936p-1",
        "0x0.0p+0",
        "0x1.8b8cbb6ee2822p+1",
        "0x1.06b48525582dap+3",
    ],
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_same_seed_gives_the_same_bits(name: str) -> None:
    values = INITIALIZERS[name]().values(3, 784, 10, randomness.stream(1, "initial", "0.weight"))
    assert isinstance(values, array)
    assert values.typecode == "d"
    assert [value.hex() for value in values] == GOLDEN[name]


def test_the_tail_of_the_normal_distribution_has_the_same_bits() -> None:
    probabilities = (0.0, 2.0**-53, 1e-9, 0.001, 0.02425, 0.3, 0.5, 0.999, 1 - 2.0**-53)
    assert [_normal_quantile(each).hex() for each in probabilities] == GOLDEN["quantile"]


@given(st.floats(2.0**-53, 1 - 2.0**-53))
def test_normal_quantile(probability: float) -> None:
    """Acklam states a relative error of 1.15e-9."""
    assert _normal_quantile(probability) == pytest.approx(NormalDist().inv_cdf(probability), rel=1.2e-9, abs=1e-15)


def test_normal_quantile_of_every_thousandth_and_the_tails() -> None:
    probabilities = [i / 1000 for i in range(1, 1000)] + [2.0**-i for i in range(1, 54)]
    for probability in probabilities:
        assert _normal_quantile(probability) == pytest.approx(NormalDist().inv_cdf(probability), rel=1.2e-9, abs=1e-15)
    assert -8.4 < _normal_quantile(0.0) < _normal_quantile(2.0**-53) < -8


@given(st.floats(0.001, 0.5))
def test_normal_quantile_is_odd(probability: float) -> None:
    assert _normal_quantile(1 - probability) == pytest.approx(-_normal_quantile(probability), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((10, 784), (784, 10)), ((1, 1), (1, 1)), ((6, 1, 5, 5), (25, 150)), ((16, 6, 3, 3), (54, 144))],
)
def test_fans(torch: Any, shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert fans(shape) == expected == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Constant, {"value": float("nan")}, "Constant: value must be a number, not nan"),
        (Uniform, {"low": "a"}, "Uniform: low must be a number, not 'a'"),
        (Normal, {"standard_deviation": -1}, "Normal: standard_deviation must be a number at least 0, not -1"),
        (XavierUniform, {"gain": 0}, "XavierUniform: gain must be a number above 0, not 0"),
        (HeNormal, {"slope": -0.1}, "HeNormal: slope must be a number at least 0, not -0.1"),
    ],
)
def test_parameters_out_of_range(kind: type[Initializer], values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=f"^{message}"):
        kind(**values)


def expected_weight(network: Network, name: str, initializer: Initializer) -> array[float]:
    shape = network.parameters()[name]
    return initializer.values(math.prod(shape), *fans(shape), randomness.stream(5, "initial", name))


def test_the_default_initializer_suits_the_following_activation() -> None:
    network = Network(
        [
            Conv2d(1, 2, 3, padding=1),
            BatchNorm(2),
            ReLU(),
            Residual([Conv2d(2, 2, 1), LeakyReLU(0.2), Conv2d(2, 2, 1)]),
            MaxPool2d(),
            Flatten(),
            Linear(18, 7),
            Dropout(),
            LeakyReLU(),
            Linear(7, 7),
            Tanh(),
            ReLU(),
            Linear(7, 7),
            Sigmoid(),
            Linear(7, 3),
            Softmax(),
        ],
        (1, 6, 7),
    )
    state = network.initial_state(5)
    for name, initializer in {
        "0.weight": HeUniform(),
        "3.0.weight": HeUniform(0.2),
        "3.2.weight": XavierUniform(),
        "6.weight": HeUniform(0.01),
        "12.weight": XavierUniform(),
        "14.weight": XavierUniform(),
    }.items():
        assert state[name] == expected_weight(network, name, initializer), name


@pytest.mark.parametrize("initializer", [None, Normal(), Constant(0.5)], ids=str)
def test_initial_state(initializer: Initializer | None) -> None:
    network = Network([Linear(4, 3), BatchNorm(3), ReLU(), Residual([Linear(3, 3), BatchNorm(3)]), Linear(3, 2)])
    state = network.initial_state(5, initializer)
    assert {name: len(values) for name, values in state.items()} == {
        name: math.prod(shape) for name, shape in network.state_shapes().items()
    }
    assert list(state) == list(network.state_shapes())
    for name, value in (("0.bias", 0), ("1.weight", 1), ("1.bias", 0), ("3.1.running_mean", 0), ("3.1.running_var", 1)):
        assert list(state[name]) == [value] * 3
    assert state == network.initial_state(5, initializer)
    assert state["0.weight"] == expected_weight(network, "0.weight", initializer or HeUniform())
    if initializer != Constant(0.5):
        assert state["0.weight"] != network.initial_state(6, initializer)["0.weight"]
        assert state["3.0.weight"][:6] != state["4.weight"]


def test_every_parameter_has_a_stream_of_its_own() -> None:
    """Another layer at the end does not change the ones before it."""
    short = Network([Linear(4, 3), Tanh(), Linear(3, 3)]).initial_state(1)
    long = Network([Linear(4, 3), Tanh(), Linear(3, 3), Tanh(), Linear(3, 5)]).initial_state(1)
    assert all(long[name] == values for name, values in short.items())
    assert len(set(itertools.chain(long["0.weight"], long["2.weight"], long["4.weight"]))) == 12 + 9 + 15


def test_the_generator_is_advanced_by_one_number_a_weight() -> None:
    for kind in INITIALIZERS.values():
        generator, expected = random.Random(1), random.Random(1)
        kind().values(5, 3, 3, generator)
        if kind not in (Zeros, Constant):
            [expected.random() for _ in range(5)]
        assert generator.random() == expected.random()


def test_bounds_that_hold_nothing_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"low 1\.0 is above high 0\.0"):
        Uniform(1.0, 0.0)
