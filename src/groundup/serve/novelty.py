"""Whether a picture is a digit at all: how unlike all digits the network's last hidden layer finds it.

Of each class the layer's mean over training digits is kept, and one covariance for all; what is far from every mean,
in units of that covariance, is none of the classes. Source: K. Lee and others, "A simple unified framework for
detecting out-of-distribution samples and adversarial attacks", 2018.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup import backends
from groundup.backends.program import Program
from groundup.data import Data
from groundup.layers import Linear
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.network import Network
from groundup.optimizers import SGD

LEARNED, MEASURED = 3000, 1000  # training digits for means and covariance, test digits for the limit
KNOWN = 0.99  # the share of test digits that are within the limit
MOST_FEATURES = 1024  # for more, so few digits give no covariance
RIDGE = 0.01  # added to the covariance, as a share of the mean variance: some units never differ

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Novelty:
    """What is known of the digits that a network learned from, as its last hidden layer shows them.

    Parameters
    ----------
    program : Program
        The network without its last layer.
    means : ndarray, shape (classes, features)
        Of each class.
    whitening : ndarray, shape (features, features)
        Turns differences into units of the covariance.
    limit : float
        The squared distance from the nearest mean that `KNOWN` of the test digits do not exceed.
    """

    program: Program
    means: Floats
    whitening: Floats
    limit: float = 0.0
    _alone: Any = field(default_factory=Lock, repr=False)  # visitors share it, and a program runs one thing at a time

    def distances(self, pixels: NDArray[np.uint8]) -> Floats:
        """Return squared distances from the nearest class, shape (N,), of pixels (N, height, width) uint8."""
        with self._alone:
            features = _features(self.program, pixels) @ self.whitening
        means = self.means @ self.whitening
        return np.asarray(((features[:, None] - means) ** 2).sum(axis=2).min(axis=1))

    def strange(self, pixels: NDArray[np.uint8]) -> list[bool]:
        """Return for each of the pictures (N, height, width) uint8 whether it is unlike all digits."""
        return [bool(distance > self.limit) for distance in self.distances(pixels)]


def learn(recogniser: Recogniser, data: Data) -> Novelty | None:
    """Return what `recogniser` knows of the digits in `data`, or None if it has no hidden layer to ask."""
    program = _without_last(recogniser) if recogniser.class_names == data.train.class_names else None
    if program is None:
        return None
    features, labels = _features(program, data.train.images[:LEARNED]), data.train.labels[:LEARNED]
    present = np.unique(labels)
    means = np.stack([features[labels == label].mean(axis=0) for label in present])
    covariance = np.cov((features - means[np.searchsorted(present, labels)]).T)
    covariance += RIDGE * max(float(np.trace(covariance)), 1e-12) / len(covariance) * np.eye(len(covariance))
    if not np.isfinite(covariance).all():
        return None
    whitening: Floats = np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)).T, np.float64)
    known = Novelty(program, means, whitening)
    return Novelty(program, means, whitening, float(np.quantile(known.distances(data.test.images[:MEASURED]), KNOWN)))


def _without_last(recogniser: Recogniser) -> Program | None:
    """Return the network up to the input of its last linear layer."""
    if not isinstance(recogniser, Model):
        return None
    layers = recogniser.network.layers
    places = [place for place, layer in enumerate(layers) if isinstance(layer, Linear)]
    if not places or not places[-1]:
        return None
    network = Network(layers[: places[-1]], recogniser.network.input_shape, recogniser.network.normalization)
    if network.output_shape[0] > MOST_FEATURES:
        return None
    state = {name: recogniser.state[name] for name in network.state_shapes()}
    return backends.get(threads=1).compile(network, recogniser.loss, SGD(), batch_size=1, state=state)


def _features(program: Program, pixels: NDArray[np.uint8]) -> Floats:
    outputs: Any = program.predict(pixels)
    return np.asarray(outputs, np.float64)
