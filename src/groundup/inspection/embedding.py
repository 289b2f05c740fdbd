"""Maps of digits: what a layer says about each digit, hundreds of numbers, drawn as a point in the plane.

Digits that a layer takes to be alike lie side by side. The input mixes the classes; layer by layer they part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from groundup.errors import ParameterError
from groundup.inspection.activations import program
from groundup.layers import structure
from groundup.models.model import Model
from groundup.network import Network

Vectors = NDArray[np.float32]

SEEN_BY_TSNE = 30
"""Principal components that t-SNE starts from: distances along the others are mostly noise (van der Maaten, 2008)."""


def layer_names(network: Network) -> list[str]:
    """Return a name for the input and for each layer: what `layer_vectors` counts from 0."""
    return ["input", *(f"{index} {layer}" for index, layer in enumerate(network.layers))]


def layer_vectors(model: Model, pixels: NDArray[np.uint8], layer: int) -> Vectors:
    """Return what one layer makes of pictures, a row of features for each.

    Parameters
    ----------
    model : Model
        The network.
    pixels : ndarray of uint8, shape (N, height, width)
        Pictures.
    layer : int
        0 is the input, 1 the first layer's output: the index into `layer_names`.

    Raises
    ------
    ParameterError
        If there is no such layer.
    """
    layers = model.network.layers
    if not 0 <= layer <= len(layers):
        raise ParameterError(f"layer {layer} is none of 0, the input, to {len(layers)}, the last layer")
    running = program(model)
    x, _ = structure.run_forward(layers[:layer], running.params, running.inputs(pixels))
    return np.asarray(x.reshape(len(x), -1))


def principal_components(vectors: Vectors, count: int = 2) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each row's coordinates along the directions of the largest variance, and those directions' shares of it.

    Exact, by a singular value decomposition of the centred rows. A direction's sign is arbitrary: here the coordinate
    that is furthest from 0 is positive, so the same rows always give the same map.

    Parameters
    ----------
    vectors : ndarray, shape (N, features)
        One row a digit.
    count : int
        Directions that are wanted. Where there are fewer, the coordinates beyond are 0.

    Returns
    -------
    coordinates : ndarray, shape (N, count)
        In the units of `vectors`, the mean at 0.
    shares : ndarray, shape (count,)
        Of the whole variance, 0 to 1, the largest first.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    # Of the three factors only the first two are wanted: the triangle of a QR decomposition has the same ones.
    triangle = np.asarray(np.linalg.qr(centred.T, mode="r"))
    left, singular, _ = np.linalg.svd(triangle.T, full_matrices=False)
    found = min(count, len(singular))
    coordinates, shares = np.zeros((len(vectors), count)), np.zeros(count)
    coordinates[:, :found] = left[:, :found] * singular[:found]
    furthest = np.abs(coordinates).argmax(axis=0)
    coordinates *= np.where(coordinates[furthest, np.arange(count)] < 0, -1, 1)
    shares[:found] = singular[:found] ** 2 / max((singular**2).sum(), np.finfo(np.float64).tiny)
    return coordinates, shares


def neighbour_map(vectors: Vectors, seed: int = 0) -> NDArray[np.float64]:
    """Return a map (N, 2) that keeps neighbours together: t-SNE (van der Maaten and Hinton, 2008), by scikit-learn.

    It starts from the first principal components, so the same rows give the same map. Distances between far clusters
    mean nothing.

    Parameters
    ----------
    vectors : ndarray, shape (N, features)
        One row a digit; N is at least 4.
    seed : int
        Gives what is random in it.

    Raises
    ------
    ParameterError
        If there are fewer rows, or scikit-learn is not installed.
    """
    if len(vectors) < 4:
        raise ParameterError(f"a map of neighbours needs at least 4 digits, not {len(vectors)}")
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits  # comes with scikit-learn
    except ImportError:
        raise ParameterError("t-SNE needs scikit-learn: pip install 'groundup[play]'") from None
    reduced, _ = principal_components(vectors, SEEN_BY_TSNE)
    spread = float(reduced[:, 0].std()) or 1.0
    beginning = (reduced[:, :2] / spread * 1e-4).astype(np.float32)
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    method = TSNE(perplexity=perplexity, init=beginning, learning_rate="auto", random_state=seed, n_jobs=1)
    with threadpool_limits(1):  # several threads add up in another order every time, and the map is another one
        return np.asarray(method.fit_transform(reduced.astype(np.float32)), np.float64)
