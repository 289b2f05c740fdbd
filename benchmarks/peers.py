"""Seconds an epoch: groundup beside its peers, in one run.

    python benchmarks/peers.py [--rounds 7] [--peers groundup,pytorch] [--json]

Every peer trains the same network on the same MNIST pictures with the same batches and SGD with momentum, in a
process of its own. The peers take turns, an epoch each, so that a machine whose speed drifts treats all alike. Each
trains on from epoch to epoch, because the second is not like the first: the momentum of pixels that are rarely lit
decays into subnormal numbers. What counts is the median, and the ratio of medians. Nothing else should run.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from groundup import SGD, CrossEntropy, Linear, Network, ReLU, backends, load_data
from groundup.backends.program import Progress
from groundup.data.datasets import Dataset
from groundup.training.loop import shuffled

LEARNING_RATE, MOMENTUM = 0.05, 0.9
PAUSE = 0.5
"""Seconds before each turn: threads of the one before spin for a while, waiting for more to do."""


@dataclass(frozen=True)
class Case:
    """A fully connected network and its batch size."""

    sizes: tuple[int, ...]
    batch_size: int

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))}, batch {self.batch_size}"


CASES = (Case((784, 800, 10), 100), Case((784, 800, 10), 500), Case((784, 32, 32, 10), 100))


def train_groundup(case: Case, train: Dataset) -> Iterator[None]:
    """Train with the numpy backend."""
    layers = [layer for inputs, outputs in pairwise(case.sizes) for layer in (ReLU(), Linear(inputs, outputs))]
    network, optimizer = Network(layers[1:]), SGD(momentum=MOMENTUM)
    program = backends.get("numpy").compile(network, CrossEntropy(), optimizer, case.batch_size)
    rates = [LEARNING_RATE] * -(-len(train) // case.batch_size)

    def observe(progress: Progress) -> bool:
        return False

    for epoch in range(sys.maxsize):
        program.epoch(train.images, train.labels, shuffled(len(train), 0, epoch), rates, observe)
        yield


def train_pytorch(case: Case, train: Dataset, fused: bool = False) -> Iterator[None]:
    """Train with PyTorch in float32, the pictures in memory as float32."""
    import torch

    torch.manual_seed(0)
    pixels = torch.from_numpy(train.images.reshape(len(train), -1)).float() / 255
    labels = torch.from_numpy(train.labels.astype(np.int64))
    layers = [layer for i, o in pairwise(case.sizes) for layer in (torch.nn.ReLU(), torch.nn.Linear(i, o))]
    network = torch.nn.Sequential(*layers[1:])
    loss = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), LEARNING_RATE, MOMENTUM, fused=fused)
    while True:
        for batch in torch.randperm(len(train)).split(case.batch_size):
            optimizer.zero_grad()
            loss(network(pixels[batch]), labels[batch]).backward()
            optimizer.step()
        yield


def train_pytorch_fused(case: Case, train: Dataset) -> Iterator[None]:
    """Train with PyTorch's fused optimizer."""
    return train_pytorch(case, train, fused=True)


def train_scikit_learn(case: Case, train: Dataset) -> Iterator[None]:
    """Train with scikit-learn's MLPClassifier on float32."""
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(
        case.sizes[1:-1],
        solver="sgd",
        alpha=0,
        batch_size=case.batch_size,
        learning_rate_init=LEARNING_RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        random_state=0,
    )
    pixels: NDArray[np.float32] = train.images.reshape(len(train), -1).astype(np.float32) / 255
    while True:
        network.partial_fit(pixels, train.labels, classes=np.arange(10))
        yield


PEERS: dict[str, Callable[[Case, Dataset], Iterator[None]]] = {
    "groundup": train_groundup,
    "pytorch": train_pytorch,
    "pytorch-fused": train_pytorch_fused,
    "scikit-learn": train_scikit_learn,
}


def work(peer: str, case: Case) -> None:
    """Train an epoch for every line on stdin; answer each with its seconds and the memory's peak in MB."""
    epochs = PEERS[peer](case, load_data().train)
    for _ in sys.stdin:
        began = time.perf_counter()
        next(epochs)
        seconds = time.perf_counter() - began
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


def measure(case: Case, peers: list[str], rounds: int) -> dict[str, dict[str, float]]:
    """Return each peer's median seconds an epoch after a warm-up epoch, and its memory's peak in MB."""
    command = [sys.executable, __file__, "--work", str(CASES.index(case))]
    workers = {
        peer: subprocess.Popen([*command, peer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for peer in peers
    }
    answers: dict[str, list[list[float]]] = {peer: [] for peer in peers}
    for number in range(rounds + 1):
        for peer, worker in workers.items():
            assert worker.stdin is not None
            assert worker.stdout is not None
            time.sleep(PAUSE)
            print(file=worker.stdin, flush=True)
            answer = [float(word) for word in worker.stdout.readline().split()]
            if number:
                answers[peer].append(answer)
            print(f"{case}: {peer} epoch {number}: {answer[0]:.3f} s", file=sys.stderr)
    for worker in workers.values():
        worker.communicate()
    return {
        peer: {"seconds": statistics.median(each[0] for each in found), "megabytes": found[-1][1]}
        for peer, found in answers.items()
    }


def main() -> None:
    """Measure all cases and print a table, or JSON."""
    parser = argparse.ArgumentParser(description="Seconds an epoch: groundup beside its peers, in one run.")
    parser.add_argument("--rounds", type=int, default=7, help="epochs that count, after one that does not")
    parser.add_argument("--peers", default=",".join(PEERS), help="which, separated by commas")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--work", nargs=2, metavar=("CASE", "PEER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work[1], CASES[int(arguments.work[0])])
        return
    peers = arguments.peers.split(",")
    table = {str(case): measure(case, peers, arguments.rounds) for case in CASES}
    if arguments.json:
        print(json.dumps(table))
        return
    print("| seconds an epoch | " + " | ".join(peers) + " |\n|---|" + "---|" * len(peers))
    for case, row in table.items():
        ours = row["groundup"]["seconds"]
        cells = [
            f"{cell['seconds']:.3f} (x{ours / cell['seconds']:.2f}) {cell['megabytes']:.0f} MB" for cell in row.values()
        ]
        print(f"| {case} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
