"""scikit-learn's MLPClassifier, on float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from contestants import normalized
from groundup import SGD, Configuration, Dataset, Linear


class Trainer:
    """A classifier that shuffles and initialises by itself."""

    def __init__(self, configuration: Configuration, train: Dataset, setting: str) -> None:
        self.configuration, self.labels = configuration, train.labels
        self.pixels = normalized(configuration.network, train.images)

    def begin(self) -> None:
        """Begin with new weights."""
        optimizer = self.configuration.optimizer
        assert isinstance(optimizer, SGD)
        linear = [layer for layer in self.configuration.network.layers if isinstance(layer, Linear)]
        self.classifier = MLPClassifier(
            [layer.outputs for layer in linear[:-1]],
            solver="sgd",
            alpha=0,
            batch_size=self.configuration.batch_size,
            learning_rate_init=self.configuration.learning_rate,
            momentum=optimizer.momentum,
            nesterovs_momentum=False,
            random_state=0,
        )

    def epoch(self, order: NDArray[np.int64], rates: Sequence[float]) -> None:
        """Train for an epoch, in an order and at a rate of its own."""
        self.classifier.partial_fit(self.pixels, self.labels, classes=np.arange(10))

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the probabilities."""
        return np.asarray(self.classifier.predict_proba(normalized(self.configuration.network, pixels)))
