"""What is measured on test digits: one task after another, behind the strokes of those who draw, and the last are kept.

A measurement belongs to a model as an object, and models never change: so all who look at a shipped model share its
measurements, and nobody else ever asks for those of a model that a visitor has edited. They go when the model goes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, Literal, TypeVar, cast
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from groundup.data.datasets import Dataset
from groundup.inspection import embedding, lessons, robustness
from groundup.inspection.pitfall_trainings import Demonstration
from groundup.models.evaluation import Evaluation
from groundup.models.model import Model
from groundup.models.recogniser import Recogniser
from groundup.serve.batches import compiled
from groundup.serve.worker import LostError, stay_behind

KEPT = 48
"""Measurements that are remembered; a confusion matrix with its 10,000 answers is the largest, half a megabyte."""

MAPPED, SPOILT, TAUGHT = 500, 500, 2000
"""Digits on a map, digits that are spoilt for a curve, and digits that a lesson trains on."""

CHUNK = 2000
"""Digits read without a pause."""

Method = Literal["pca", "tsne"]
Map = tuple[NDArray[np.float64], str]
Result = TypeVar("Result")


class Examiner:
    """Measures models on test digits, in a thread and in a process of its own; for one event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "examiner")
        self._process: ProcessPoolExecutor | None = None
        self._kept: OrderedDict[Hashable, tuple[tuple[ref[object], ...], Future[Any]]] = OrderedDict()

    async def evaluation(self, recogniser: Recogniser, dataset: Dataset) -> Evaluation:
        """Return what the recogniser gets right on all of a data set."""
        return await self._once((recogniser, dataset), "evaluation", self._thread, evaluated, recogniser, dataset)

    async def probabilities(self, model: Recogniser, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the probabilities (N, classes) for pictures of a model that no other visitor has; nothing is kept."""
        return await asyncio.wrap_future(self._thread.submit(model.predict, pixels))

    async def curve(self, recogniser: Recogniser, dataset: Dataset, kind: str) -> list[robustness.Point]:
        """Return the accuracy on some digits, spoilt more and more."""
        some, work = spread(dataset, SPOILT), robustness.accuracy_curve
        return await self._once((recogniser, dataset), ("curve", kind), self._thread, work, recogniser, some, kind)

    async def map(self, model: Model, dataset: Dataset, layer: int, method: Method) -> Map:
        """Return a map (N, 2) of some digits, as a layer of the model sees them, and what it shows, in words."""
        some, question = spread(dataset, MAPPED), ("map", layer, method)
        inputs = (model, some.images, layer, method)
        return await self._once((model, dataset), question, self._workers(), drawn_map, *inputs)

    async def lesson(self, name: str, train: Dataset) -> Demonstration:
        """Return what comes of a training with a bug, and of one without."""
        some = train.subset(np.arange(min(TAUGHT, len(train))), train.name)
        return await self._once((train,), ("lesson", name), self._workers(), lessons.demonstrate, name, some)

    async def _once(
        self,
        subjects: tuple[object, ...],
        question: Hashable,
        executor: Executor,
        work: Callable[..., Result],
        *inputs: Any,
    ) -> Result:
        """Return what `work` finds out about the subjects; it is forgotten when one of them is gone.

        Raises
        ------
        LostError
            If the process ends before its work is done.
        """
        key = (*map(id, subjects), question)
        try:
            if key not in self._kept:
                references = tuple(ref(each, lambda gone: self._kept.pop(key, None)) for each in subjects)
                self._kept[key] = (references, executor.submit(work, *inputs))
            self._kept.move_to_end(key)
            future = cast("Future[Result]", self._kept[key][1])
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return await asyncio.shield(asyncio.wrap_future(future))  # who leaves takes nothing from those who stay
        except asyncio.CancelledError:
            raise
        except BrokenExecutor:
            self._kept.pop(key, None)
            if executor is self._process:
                self._process = None
            raise LostError("The process that measures ended unexpectedly, perhaps for want of memory.") from None
        except BaseException:
            self._kept.pop(key, None)
            raise

    def _workers(self) -> Executor:
        """Return the process, which is started when it is first needed."""
        if self._process is None:
            context = multiprocessing.get_context("spawn")  # a fork would have all of the server's threads
            self._process = ProcessPoolExecutor(1, context, initializer=_stay_behind)
        return self._process


def evaluated(recogniser: Recogniser, dataset: Dataset) -> Evaluation:
    """Return what the recogniser gets right on all of a data set, read in one thread.

    Raises
    ------
    ModelError
        If the data set has other classes.
    """
    recogniser.check_classes(dataset)
    predict = compiled(recogniser)
    parts = [predict(dataset.images[start : start + CHUNK]) for start in range(0, len(dataset), CHUNK)]
    return compared(np.concatenate(parts), dataset)


def compared(probabilities: NDArray[Any], dataset: Dataset) -> Evaluation:
    """Return what answers, (N, classes), get right of a data set's N digits; the loss is that of the answers."""
    right = probabilities[np.arange(len(dataset)), dataset.labels].astype(np.float64)
    loss = float(-np.log(np.maximum(right, 1e-45)).mean())
    return Evaluation.of(probabilities, dataset.labels, loss, dataset.class_names)


def spread(dataset: Dataset, count: int) -> Dataset:
    """Return `count` digits from all over a data set; those at its beginning may be neater than the others."""
    return dataset.subset(places(len(dataset), count), dataset.name)


def places(size: int, count: int) -> NDArray[np.int64]:
    """Return which digits of a data set of this size `spread` takes."""
    return np.linspace(0, size - 1, min(count, size)).round().astype(np.int64)


def drawn_map(model: Model, pixels: NDArray[np.uint8], layer: int, method: Method) -> Map:
    """Return a map (N, 2) of pictures as a layer sees them, and what it shows."""
    vectors = embedding.layer_vectors(model, pixels, layer)
    if method == "tsne":
        return embedding.neighbour_map(vectors), "Digits that the layer takes to be alike lie side by side."
    found, shares = embedding.principal_components(vectors)
    return found, f"The two directions hold {shares.sum():.0%} of the variance in {vectors.shape[1]:,} numbers."


def _stay_behind() -> None:
    """Stand behind the server, and take one processor only."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    stay_behind()
