"""How fast on a GPU: groundup's backend cuda beside PyTorch, on the same GPU, in one run.

    python benchmarks/gpu.py [--cases fast99,800] [--contestants groundup,pytorch] [--rounds 7] [--json FILE]

Everybody trains the same networks on the same pictures with the same hyperparameters, from the same weights; the
pictures lie on the GPU before the time starts. PyTorch takes part in every setting that may be its best. All take
turns; the first turn, in which everything is compiled, does not count. What counts is the median, and the ratio of
medians. `fast99` begins anew each time: one epoch is its way to 99%. Nothing else should run.

What is measured is written as soon as a case is done; a contestant that fails is left out, with its message.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from contestants import EPOCH, Case, Contestant, learning_rates, momentum
from groundup import AdamW, BatchNorm, Configuration, Conv2d, Flatten, Linear, MaxPool2d, Network, ReLU, load_data
from groundup.backends.cuda.device import information
from groundup.data.datasets import Data
from groundup.models.recipes import STANDARD, recipe
from groundup.training.loop import shuffled

Answer = dict[str, float]
COLUMNS = {
    "groundup float32": lambda who: who == "groundup cuda float32",
    "groundup mixed": lambda who: who == "groundup cuda mixed",
    "PyTorch float32": lambda who: who.startswith("pytorch float32"),
    "PyTorch": lambda who: who.startswith("pytorch"),
}
"""The table's columns, and of whom each shows the fastest."""


def million() -> Configuration:
    """Return a convolutional network with BatchNorm of 1.2 million parameters: 0.2 GFLOP a picture, forward."""
    channels = [1, 32, 64, 128, 128, 256, 256]
    layers: list[Any] = []
    for number, (inputs, outputs) in enumerate(pairwise(channels), 1):
        layers += [Conv2d(inputs, outputs, 3, padding=1, bias=False), BatchNorm(outputs), ReLU()]
        layers += [MaxPool2d(2)] * (number % 2 == 0)
    network = Network([*layers, Flatten(), Linear(256 * 3 * 3, 10)], (1, 28, 28), STANDARD)
    return Configuration(network, "million", optimizer=AdamW(), learning_rate=0.001, batch_size=256, epochs=10)


def cases() -> list[Case]:
    """Return every case."""
    return [
        Case("784-800-10 batch 100", EPOCH, momentum("784-800-10", 100)),
        Case("784-800-10 batch 500", EPOCH, momentum("784-800-10", 500)),
        Case("784-32-32-10 batch 100", EPOCH, momentum("784-32-32-10", 100)),
        Case("fast99", EPOCH, recipe("fast99"), anew=True),
        Case("million batch 256", EPOCH, million()),
    ]


def contestants(case: Case) -> Iterator[Contestant]:
    """Yield everybody who takes part in a case."""
    yield Contestant("groundup", "cuda float32")
    yield Contestant("groundup", "cuda mixed")
    convolutions = any(isinstance(layer, Conv2d) for layer in case.configuration.network.layers)
    best_layout = " channels_last" * convolutions
    for precision in ("float32", "tf32", "bfloat16"):
        for way in ("", " graph"):
            yield Contestant("pytorch", f"{precision}{way}")
            if convolutions:
                yield Contestant("pytorch", f"{precision}{way} channels_last")
    for precision in ("float32", "bfloat16"):  # each takes a minute to compile
        for way in (" compile", " compile graph"):
            yield Contestant("pytorch", f"{precision}{way}{best_layout}")


class Turns:
    """A contestant, and the seconds of its turns so far."""

    def __init__(self, case: Case, contestant: Contestant, data: Data) -> None:
        module = {"groundup": "contestants.groundup", "pytorch": "contestants.pytorch_cuda"}[contestant.peer]
        trainer = importlib.import_module(module).Trainer
        self.case, self.data = case, data
        self.trainer = trainer(case.configuration, data.train, contestant.setting)
        self.seconds: list[float] = []
        self.accuracy = 0.0

    def turn(self) -> None:
        """Train for an epoch."""
        number, pictures = len(self.seconds), len(self.data.train)
        if self.case.anew or number == 0:
            self.trainer.begin()
        epoch = 0 if self.case.anew else number
        order = shuffled(pictures, 0, epoch)
        rates = learning_rates(self.case.configuration, pictures, epoch)
        began = time.perf_counter()
        self.trainer.epoch(order, rates)
        self.seconds.append(time.perf_counter() - began)
        if number == 0:
            test = self.data.test
            self.accuracy = float(np.mean(self.trainer.scores(test.images).argmax(axis=1) == test.labels))

    def answer(self) -> Answer:
        """Return the median of all turns but the first."""
        counted = self.seconds[1:]
        return {
            "seconds": statistics.median(counted),
            "fastest": min(counted),
            "first": self.seconds[0],
            "accuracy": self.accuracy,
        }


def measure(case: Case, chosen: Sequence[str], data: Data, rounds: int, left_out: dict[str, str]) -> dict[str, Answer]:
    """Let all take turns; return what each comes to."""
    taking: dict[str, Turns] = {}
    waiting = [each for each in contestants(case) if str(each) in chosen or each.peer in chosen]
    for number in range(rounds + 1):
        for each in waiting if number == 0 else list(taking):
            name = str(each)
            try:
                if number == 0:
                    taking[name] = Turns(case, each, data)
                taking[name].turn()
                print(f"{case}: {name}, round {number}: {taking[name].seconds[-1]:.4f} s", file=sys.stderr, flush=True)
            except Exception as error:  # of any library: the others go on
                traceback.print_exc()
                left_out[f"{case}: {name}"] = f"{type(error).__name__}: {error}".splitlines()[0]
                taking.pop(name, None)
    return {name: turns.answer() for name, turns in taking.items()}


def row(case: Case, found: dict[str, Answer]) -> str:
    """Return a case's row: of every column the fastest, and how many times as long as groundup's fastest it takes."""
    ours = min((each["seconds"] for name, each in found.items() if name.startswith("groundup")), default=None)
    cells = [str(case)]
    for belongs in COLUMNS.values():
        fastest = min(filter(belongs, found), key=lambda name: found[name]["seconds"], default=None)
        if fastest is None:
            cells.append("")
            continue
        answer = found[fastest]
        ratio = f" x{answer['seconds'] / ours:.2f}" if ours else ""
        setting = f" ({fastest.partition(' ')[2]})" if fastest.startswith("pytorch") else ""
        cells.append(f"{answer['seconds'] * 1000:.1f} ms{ratio}, {answer['accuracy']:.2%}{setting}")
    return "| " + " | ".join(cells) + " |"


def read_only(data: Data) -> Data:
    """Return the data with arrays that nobody can change, so that they are copied to the GPU once."""
    for part in (data.train, data.test):
        for array in (part.images, part.labels):
            array.setflags(write=False)
    return data


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default="", help="parts of the names of cases, separated by commas; all by default")
    parser.add_argument("--contestants", default="groundup,pytorch", help="peers, or peers with a setting")
    parser.add_argument("--rounds", type=int, default=7, help="turns that count, after one that does not")
    parser.add_argument("--data", help="as `groundup data` takes it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    return parser.parse_args()


def main() -> None:
    """Measure, and print a table."""
    options = arguments()
    data = read_only(load_data(options.data))
    results: dict[str, dict[str, Answer]] = {}
    left_out: dict[str, str] = {}
    print("| | " + " | ".join(COLUMNS) + " |\n|---|" + "---|" * len(COLUMNS), flush=True)
    for case in cases():
        if any(part in str(case) for part in options.cases.split(",")):
            results[str(case)] = measure(case, options.contestants.split(","), data, options.rounds, left_out)
            print(row(case, results[str(case)]), flush=True)
            if options.json:
                told = {"machine": information(), "cases": results, "left_out": left_out}
                options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print("\n".join(["", *(f"Left out: {who}: {why}." for who, why in left_out.items())]))


if __name__ == "__main__":
    main()
