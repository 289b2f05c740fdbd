"""Networks as plain tables and back; tables that nobody should have written."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groundup.errors import NetworkError, ParameterError
from groundup.layers import Linear
from groundup.network import MAXIMUM_NESTING, Network
from random_networks import convolutional, perceptron

NETWORKS = st.builds(perceptron, st.integers(0, 10_000)) | st.builds(convolutional, st.integers(0, 10_000))


@given(NETWORKS)
def test_a_description_makes_the_same_network(network: Network) -> None:
    description = network.description()
    assert Network.from_description(description) == network
    assert Network.from_description(json.loads(json.dumps(description))) == network


@given(NETWORKS)
def test_equal_networks_have_equal_state(network: Network) -> None:
    made = Network.from_description(network.description())
    assert made.state_shapes() == network.state_shapes()
    assert made.masks() == network.masks()
    assert made.summary() == network.summary()


def test_a_description_may_leave_out_what_has_a_default() -> None:
    assert Network.from_description({"layers": [{"type": "Linear", "inputs": 4, "outputs": 3}]}) == Network(
        [Linear(4, 3)]
    )


def described(**values: Any) -> dict[str, Any]:
    return {"layers": [values]}


def nested_list(depth: int) -> list[Any]:
    deep: list[Any] = []
    for _ in range(depth):
        deep = [deep]
    return deep


def nested_residuals(depth: int) -> dict[str, Any]:
    layer: dict[str, Any] = {"type": "ReLU"}
    for _ in range(depth):
        layer = {"type": "Residual", "layers": [layer]}
    return {"input_shape": [3], "layers": [layer]}


HOSTILE: list[tuple[Any, str]] = [
    (None, "network must be a table of names and values, not None"),
    (5, "network must be a table"),
    ([], "network must be a table"),
    ("Linear", "network must be a table"),
    ({}, "layers must be a list, not None"),
    ({1: 2}, "network must be a table"),
    ({"layers": []}, "a network needs at least one layer"),
    ({"layers": {}}, "layers must be a list, not {}"),
    ({"layers": "ReLU"}, "layers must be a list, not 'ReLU'"),
    ({"layers": [None]}, "layers[0] must be a table of names and values, not None"),
    ({"layers": [[]]}, "layers[0] must be a table"),
    ({"layers": [], "evil": 1}, "network: 'evil' is unknown; there are input_shape, normalization, layers"),
    ({"layers": [], 1: 1, "a": 1}, "network must be a table"),
    (described(), "layers[0]: type None is unknown; there are Linear, Conv2d, "),
    (described(type="os.system"), "layers[0]: type 'os.system' is unknown"),
    (described(type="Layer"), "layers[0]: type 'Layer' is unknown"),
    (described(type=["ReLU"]), "layers[0]: type ['ReLU'] is unknown"),
    (described(type={}), "layers[0]: type {} is unknown"),
    (described(type=1), "layers[0]: type 1 is unknown"),
    (described(type="ReLU", __class__="x"), "layers[0] (ReLU): '__class__' is unknown; there are none"),
    (
        described(type="Linear", inputs=3, outputs=3, units=3),
        "layers[0] (Linear): 'units' is unknown; there are inputs",
    ),
    (described(type="Linear", inputs=3), "layers[0] (Linear): outputs missing"),
    (described(type="Conv2d"), "layers[0] (Conv2d): inputs and outputs and size missing"),
    (
        described(type="Linear", inputs="3", outputs=3),
        "layers[0] (Linear): Linear: inputs must be an integer at least 1",
    ),
    (described(type="Linear", inputs=True, outputs=3), "layers[0] (Linear): Linear: inputs must be an integer"),
    (described(type="Linear", inputs=3.0, outputs=3), "layers[0] (Linear): Linear: inputs must be an integer"),
    (described(type="Linear", inputs=-3, outputs=3), "layers[0] (Linear): Linear: inputs must be an integer"),
    (described(type="Linear", inputs=[3], outputs=3), "layers[0] (Linear): Linear: inputs must be an integer"),
    (described(type="Linear", inputs=None, outputs=3), "layers[0] (Linear): Linear: inputs must be an integer"),
    (described(type="Linear", inputs=10**400, outputs=3), "layers[0] (Linear): Linear: inputs must be an integer"),
    (described(type="Linear", inputs=-(10**5000), outputs=3), "layers[0] (Linear): Linear: inputs must be an integer"),
    (
        described(type="Linear", inputs=3, outputs=3, bias="no"),
        "layers[0] (Linear): Linear: bias must be true or false",
    ),
    (described(type="Dropout", rate=math.nan), "layers[0] (Dropout): Dropout: rate must be a number"),
    (described(type="Dropout", rate=math.inf), "layers[0] (Dropout): Dropout: rate must be a number"),
    (described(type="Dropout", rate=10**400), "layers[0] (Dropout): Dropout: rate must be a number"),
    (described(type="Dropout", rate=False), "layers[0] (Dropout): Dropout: rate must be a number"),
    (described(type="LeakyReLU", slope=10**400), "layers[0] (LeakyReLU): LeakyReLU: slope must be a number"),
    (described(type="Residual"), "layers[0].layers must be a list, not None"),
    (described(type="Residual", layers=5), "layers[0].layers must be a list, not 5"),
    (described(type="Residual", layers=[5]), "layers[0].layers[0] must be a table"),
    (described(type="Residual", layers=[], x=1), "layers[0] (Residual): 'x' is unknown; there are layers"),
    (described(type="ReLU") | {"input_shape": 784}, "input_shape must be a list, not 784"),
    (described(type="ReLU") | {"input_shape": "784"}, "input_shape must be a list, not '784'"),
    (described(type="ReLU") | {"input_shape": []}, "input_shape must be positive integers"),
    (described(type="ReLU") | {"input_shape": [True]}, "input_shape must be positive integers"),
    (described(type="ReLU") | {"input_shape": [1.0]}, "input_shape must be positive integers"),
    (described(type="ReLU") | {"input_shape": [math.nan]}, "input_shape must be positive integers"),
    (described(type="ReLU") | {"input_shape": [[1]]}, "input_shape must be positive integers"),
    (described(type="ReLU"), "layer 0, ReLU(), does not say what it is given"),
    (described(type="ReLU") | {"normalization": 5}, "normalization must be a table of names and values, not 5"),
    (described(type="ReLU") | {"normalization": None}, "normalization must be a table"),
    (
        described(type="ReLU") | {"normalization": {"std": 1}},
        "normalization: 'std' is unknown; there are mean, deviation",
    ),
    (described(type="ReLU") | {"normalization": {"mean": "0"}}, "normalization: Normalization: mean must be a number"),
    (described(type="ReLU") | {"normalization": {"deviation": 0}}, "normalization: Normalization: deviation must be"),
    ({"layers": nested_list(100_000)}, "layers[0] must be a table"),
    ({"layers": [{"type": nested_list(100_000)}]}, "layers[0]: type [[[[["),
    (nested_residuals(MAXIMUM_NESTING + 1), "layers[0].layers[0]"),
    (nested_residuals(900), "layers[0].layers[0]"),
    (described(type="a" * 100_000), "layers[0]: type 'aaaaaaaa"),
]


@pytest.mark.parametrize(("description", "message"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_descriptions(description: Any, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Network.from_description(description)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 500


def test_nesting_up_to_the_limit() -> None:
    network = Network.from_description(nested_residuals(MAXIMUM_NESTING))
    assert Network.from_description(network.description()) == network


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = ["layers", "input_shape", "normalization", "type", "inputs", "outputs", "size", "bias", "rate", "mean"]


@given(JSON)
@example(float("nan"))
def test_any_json_is_a_network_or_refused(value: Any) -> None:
    with pytest.raises(NetworkError):
        Network.from_description(value)


@given(NETWORKS, st.data())
def test_a_description_with_anything_anywhere_is_a_network_or_refused(network: Network, data: st.DataObject) -> None:
    """One value at a random place is replaced, removed or added."""
    description: Any = copy.deepcopy(network.description())
    place = description
    while True:
        keys = list(range(len(place))) if isinstance(place, list) else sorted(place)
        chosen = data.draw(st.sampled_from([*keys, *PATHS] if isinstance(place, dict) else keys))
        inner = place.get(chosen) if isinstance(place, dict) else place[chosen]
        if not isinstance(inner, list | dict) or not inner or data.draw(st.booleans()):
            break
        place = inner
    if data.draw(st.booleans()):
        place[chosen] = data.draw(JSON)
    else:
        place.pop(chosen, None) if isinstance(place, dict) else place.pop(chosen)
    try:
        made = Network.from_description(description)
    except (NetworkError, ParameterError):
        return
    assert Network.from_description(made.description()) == made
