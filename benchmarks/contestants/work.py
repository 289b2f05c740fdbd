"""One contestant at work, in a process of its own: for each line on stdin a turn, and an answer on stdout.

    python -m contestants.work CASE PEER SETTING DATA MODEL

An answer is a JSON object: ``seconds``, of an epoch or a picture; ``megabytes``, the most memory so far; and in the
first one ``accuracy``.
"""

from __future__ import annotations

import importlib
import itertools
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contestants import EPOCH, PICTURE, Case, Predictor, Trainer, cases, learning_rates
from groundup import load_data
from groundup.data.datasets import Data, Dataset
from groundup.models.model import Model
from groundup.training.loop import shuffled

TURN = 1.0
"""Seconds of recognition in a turn: the median of all calls counts."""
BATCH_SIZE = 1000
"""Of the 10,000 pictures: PyTorch and ONNX Runtime take longer for all at once."""


def training(case: Case, trainer: Trainer, pictures: int) -> Iterator[float]:
    """Train for an epoch in each turn, and yield its seconds."""
    for number in itertools.count():
        if case.anew or number == 0:
            trainer.begin()
        epoch = 0 if case.anew else number
        order, rates = shuffled(pictures, 0, epoch), learning_rates(case.configuration, pictures, epoch)
        began = time.perf_counter()
        trainer.epoch(order, rates)
        yield time.perf_counter() - began


def recognition(predict: Predictor, portions: Sequence[NDArray[np.uint8]]) -> Iterator[float]:
    """Recognise one portion a call, as often as a turn allows, and yield the median of the seconds for a picture."""
    endless = itertools.cycle(portions)
    while True:
        seconds: list[float] = []
        end = time.perf_counter() + TURN
        while not seconds or time.perf_counter() < end:
            portion = next(endless)
            began = time.perf_counter()
            predict(portion)
            seconds.append((time.perf_counter() - began) / len(portion))
        yield statistics.median(seconds)


def prepared(case: Case, peer: Any, setting: str, data: Data, model: str) -> tuple[Iterator[float], Predictor]:
    """Return a contestant's turns, and what gives its scores, to check them."""
    if case.task == EPOCH:
        trainer = peer.Trainer(case.configuration, data.train, setting)
        return training(case, trainer, len(data.train)), trainer.scores
    trained, images = Model.load(model), data.test.images
    alone = case.task == PICTURE
    predict = peer.predictor(trained.network, trained.state, setting, 1 if alone else BATCH_SIZE)
    portions = [images[index : index + 1] for index in range(min(1000, len(images)))] if alone else [images]
    return recognition(predict, portions), predict


def accuracy(scores: Callable[[NDArray[np.uint8]], NDArray[Any]], test: Dataset) -> float:
    """Return the share of the test pictures that are recognised."""
    return float(np.mean(scores(test.images).argmax(axis=1) == test.labels))


def main(number: str, name: str, setting: str, source: str, model: str) -> None:
    answers = sys.stdout
    with redirect_stdout(sys.stderr):  # whatever else a library says
        case, data = cases()[int(number)], load_data(source or None)
        peer = importlib.import_module(f"contestants.{name.replace('-', '_')}")
        turns, scores = prepared(case, peer, setting, data, model)
        for turn, _ in enumerate(sys.stdin):
            answer = {"seconds": next(turns)}
            if turn == 0:
                answer["accuracy"] = accuracy(scores, data.test)
            answer["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
