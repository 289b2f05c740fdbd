"""The named networks are the published ones, and everything that names a network is understood."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import tomli_w

import groundup
from groundup.errors import ConfigurationError, GroundupError
from groundup.initializers import ScaledUniform
from groundup.layers import BatchNorm, Conv2d, Dropout, Linear, MaxPool2d, ReLU, Sigmoid, Softmax
from groundup.losses import CrossEntropy, MeanSquaredError
from groundup.models.recipes import RECIPES, recipe
from groundup.network import Network, Normalization
from groundup.optimizers import SGD
from groundup.schedules import ConstantRate

PLAIN = (SGD(), ConstantRate())


def test_matrix_800_is_as_published() -> None:
    made = recipe("matrix-800")
    assert made.network == Network([Linear(784, 800), ReLU(), Linear(800, 10)])
    assert (made.loss, made.batch_size, (made.optimizer, made.schedule)) == (CrossEntropy(), 100, PLAIN)


def test_deriv8_is_as_published() -> None:
    made = recipe("deriv8")
    assert made.network == Network([Linear(784, 32), ReLU(), Linear(32, 32), ReLU(), Linear(32, 10)])
    assert (made.loss, made.batch_size, (made.optimizer, made.schedule)) == (CrossEntropy(), 500, PLAIN)


def test_neurons_16_is_as_published() -> None:
    made = recipe("neurons-16")
    layers = [Linear(784, 16), Sigmoid(), Linear(16, 16), Sigmoid(), Linear(16, 10), Sigmoid()]
    assert made.network == Network(layers, normalization=Normalization(127.5, 127.5))
    assert (made.loss, made.batch_size, (made.optimizer, made.schedule)) == (MeanSquaredError(), 10, PLAIN)
    normal = made.network.normalization
    assert [(pixel - normal.mean) / normal.deviation for pixel in (0, 255)] == [-1, 1]


def test_tensorvalue_is_as_published() -> None:
    made = recipe("tensorvalue")
    assert made.network == Network([Linear(784, 10), ReLU(), Linear(10, 10), ReLU(), Softmax()])
    assert (made.loss, made.batch_size, (made.optimizer, made.schedule)) == (MeanSquaredError(), 1, PLAIN)


def test_notebook_10_is_as_published() -> None:
    made = recipe("notebook-10")
    assert made.network == Network([Linear(784, 10), ReLU(), Linear(10, 10)])
    assert made.batch_size == 0  # all pictures in every step
    assert (made.loss, made.initializer, (made.optimizer, made.schedule)) == (CrossEntropy(), ScaledUniform(), PLAIN)


PARAMETERS = {
    "matrix-800": 784 * 800 + 800 + 800 * 10 + 10,
    "deriv8": 784 * 32 + 32 + 32 * 32 + 32 + 32 * 10 + 10,
    "neurons-16": 784 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10,
    "tensorvalue": 784 * 10 + 10 + 10 * 10 + 10,
    "notebook-10": 784 * 10 + 10 + 10 * 10 + 10,
    "lenet5": 156 + 2416 + 48120 + 10164 + 850,  # LeCun et al. (1998), but with a full second convolution
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    assert sum(map(math.prod, recipe(name).network.parameters().values())) == PARAMETERS[name]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_recognises_digits_and_says_what_it_is(name: str) -> None:
    made = recipe(name)
    assert made.name == name
    assert math.prod(made.network.input_shape) == 784
    assert made.network.output_shape == (10,)
    assert RECIPES[name].__doc__


def test_what_tells_digits_from_the_rest_brings_its_data() -> None:
    made = recipe("digits-or-not")
    assert (made.name, made.data) == ("digits-or-not", "digits-or-not")
    assert made.network.output_shape == (2,)
    assert "digits-or-not" not in RECIPES  # those are the playground's choices, and recognise digits


def test_what_reads_pictures_is_cnn_with_more_to_learn_from() -> None:
    made = recipe("pictures")
    assert made.data == "mnist+drawn-and-printed"
    assert made.network == recipe("cnn").network


def test_ours_have_what_they_are_made_of() -> None:
    kinds = {name: {type(layer) for layer in recipe(name).network.layers} for name in RECIPES}
    assert Dropout in kinds["mlp"]
    assert {Conv2d, BatchNorm, MaxPool2d} <= kinds["cnn"]
    assert sum(isinstance(layer, Conv2d) for layer in recipe("lenet5").network.layers) == 2


def test_mlp_800_is_one_network_with_and_without_deformed_digits() -> None:
    for name in ("mlp-800", "mlp-800-elastic"):
        linear = [layer for layer in recipe(name).network.layers if isinstance(layer, Linear)]
        assert linear == [Linear(784, 800), Linear(800, 10)]
    assert not recipe("mlp-800").augmentation
    assert recipe("mlp-800-elastic").augmentation.elastic


def test_small_is_small() -> None:
    assert sum(map(math.prod, recipe("small").network.parameters().values())) < 20_000


def test_sizes() -> None:
    made = recipe("784-800-10")
    assert made.network == recipe("matrix-800").network
    assert (made.name, made.loss) == ("784-800-10", CrossEntropy())
    assert recipe("9-10").network == Network([Linear(9, 10)])


def test_a_network() -> None:
    network = Network([Linear(9, 10)])
    assert recipe(network).network is network
    assert recipe(network).name == "own"


def test_a_toml_network(tmp_path: Path) -> None:
    network = recipe("cnn").network
    path = tmp_path / "my-network.toml"
    path.write_text(tomli_w.dumps(network.description()))
    assert recipe(str(path)).network == network
    assert recipe(str(path)).name == "my-network"


def test_a_network_as_one_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text('layers = [{type = "Linear", inputs = 784, outputs = 10}, {type = "Softmax"}]')
    assert recipe(str(path)).network == Network([Linear(784, 10), Softmax()])


@pytest.mark.parametrize("name", RECIPES)
def test_a_toml_configuration(name: str, tmp_path: Path) -> None:
    made = groundup.Configuration(**(vars(recipe(name)) | {"seed": 4, "data": "strokes"}))
    path = tmp_path / "config.toml"
    path.write_text(made.as_toml())
    assert recipe(str(path)) == made


@pytest.mark.parametrize(
    "name",
    ["mlpp", "", "784", "784-", "-784-10", "784-a-10", "784x10", "MLP", "mlp ", "./mlp", "784--10", "mlp.json"],
)
def test_an_unknown_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"network '.*' is unknown; there are mlp, mlp-800, .*784-800-10"):
        recipe(name)


def test_sizes_that_no_layer_has() -> None:
    with pytest.raises(GroundupError, match="inputs must be an integer at least 1, not 0"):
        recipe("0-10")


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("layers = 3", "layers must be a list, not 3"),
        ("layers = []", "at least one layer"),
        ('layers = [{type = "Linaer"}]', r"layers\[0\]: type 'Linaer' is unknown; there are Linear"),
        ('layers = [{type = "Linear", inputs = 3}]', r"layers\[0\] \(Linear\): outputs missing"),
        ('layers = [{type = "ReLU"}]', r"does not say what it is given: add input_shape=\(1, 28, 28\)"),
        ('layers = [{type = "ReLU"}]\ninput_shape = [0]', "input_shape must be positive integers"),
        ('layers = [{type = "ReLU"}]\nshape = [1]', "'shape' is unknown; there are input_shape"),
        ('layers = [{type = "ReLU"}]\ninput_shape = [3]\nnormalization = {mean = "a"}', "mean must be a number"),
        ("[network]", "layers must be a list, not None"),
        ("epochs = 3", "network must be a table of names and values, not None"),
        ("layers = [", "is not TOML"),
        ("seed = " + "9" * 5000, "is not TOML"),
        ("a = " + "[" * 5000, "nested too deeply"),
    ],
)
def test_toml_that_is_wrong_names_the_file(text: str, because: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=because) as caught:
        recipe(str(path))
    assert str(caught.value).startswith(f"{path}: ")


def test_toml_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing.toml: cannot be read: No such file"):
        recipe(str(tmp_path / "missing.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"folder.toml: cannot be read: Is a directory"):
        recipe(str(tmp_path / "folder.toml"))
    (tmp_path / "latin.toml").write_bytes("é".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"latin.toml: is not TOML"):
        recipe(str(tmp_path / "latin.toml"))
