"""Maps of digits: principal components against NumPy's own, t-SNE by what it promises."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.data import strokes
from groundup.errors import ParameterError
from groundup.inspection import embedding
from groundup.models.model import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load("fast99")


def test_the_vectors_are_what_the_layers_say(model: Model) -> None:
    images, _ = strokes.make(5, seed=1)
    names = embedding.layer_names(model.network)
    told = [model.activations(picture) for picture in images]
    for layer, name in enumerate(names):
        vectors = embedding.layer_vectors(model, images, layer)
        assert [one[layer][0] for one in told] == [name] * 5
        np.testing.assert_allclose(vectors, np.stack([one[layer][1].ravel() for one in told]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", [-1, 11])
def test_there_is_no_such_layer(model: Model, layer: int) -> None:
    with pytest.raises(ParameterError, match="none of 0, the input, to 10"):
        embedding.layer_vectors(model, np.zeros((1, 28, 28), np.uint8), layer)


@given(st.integers(2, 20), st.integers(1, 30), st.integers(0, 99))
def test_principal_components_are_the_eigenvectors_of_the_covariance(count: int, features: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(count, features)).astype(np.float32)
    places, shares = embedding.principal_components(rows)
    centred = rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)
    variances = np.sort(np.linalg.eigvalsh(centred.T @ centred))[::-1][:2]
    np.testing.assert_allclose((places**2).sum(axis=0)[: len(variances)], variances, atol=1e-6)
    np.testing.assert_allclose(shares[: len(variances)], variances / (centred**2).sum(), atol=1e-6)
    furthest = np.abs(places).argmax(axis=0)
    assert (places[furthest, [0, 1]] >= 0).all()
    assert places.shape == (count, 2)


def test_rows_that_are_all_alike_lie_in_one_place() -> None:
    places, shares = embedding.principal_components(np.ones((4, 3), np.float32))
    np.testing.assert_allclose(places, 0, atol=1e-12)
    np.testing.assert_allclose(shares, 0, atol=1e-12)


def clusters() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.arange(90) % 3
    return (generator.normal(size=(3, 40))[labels] * 9 + generator.normal(size=(90, 40))).astype(np.float32), labels


def test_neighbours_stay_neighbours_and_the_map_is_always_the_same() -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn: install groundup[play]")
    rows, labels = clusters()
    places = embedding.neighbour_map(rows)
    np.testing.assert_array_equal(places, embedding.neighbour_map(rows))
    distances = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).all()


def test_few_rows_make_a_map_and_fewer_do_not() -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn: install groundup[play]")
    assert embedding.neighbour_map(clusters()[0][:4]).shape == (4, 2)
    with pytest.raises(ParameterError, match="at least 4 digits, not 3"):
        embedding.neighbour_map(clusters()[0][:3])


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ParameterError, match=r"pip install 'groundup\[play\]'"):
        embedding.neighbour_map(clusters()[0])
