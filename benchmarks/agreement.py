"""Does groundup learn as well as PyTorch? Two networks, two epochs, several seeds each, and Welch's t-test.

    python benchmarks/agreement.py [--networks fast99,three-convolutions] [--seeds 10] [--backend auto] [--json]

Both train with the same hyperparameters on the same pictures, but from weights and in orders of their own, drawn from
the same distributions. Exits 1 if the mean test accuracies differ more than chance explains: p below 0.01.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from statistics import mean, stdev
from typing import Any

import numpy as np
from scipy.stats import ttest_ind

from contestants import Trainer, groundup, learning_rates, pytorch
from groundup import (
    SGD,
    BatchNorm,
    Configuration,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Network,
    ReLU,
    backends,
    load_data,
)
from groundup.data.datasets import Data
from groundup.models.recipes import PICTURE, STANDARD, recipe
from groundup.schedules import OneCycle
from groundup.training.loop import shuffled

EPOCHS = 2
SIGNIFICANT = 0.01
PYTORCH_SEEDS = 1000
"""What is added to PyTorch's seeds, so that nothing but the distributions is common."""


def three_convolutions() -> Configuration:
    """Return a network of three convolutions with BatchNorm, and SGD with momentum."""
    layers = [
        *(Conv2d(1, 16, 3, bias=False), BatchNorm(16), ReLU(), MaxPool2d(2)),
        *(Conv2d(16, 32, 3, bias=False), BatchNorm(32), ReLU(), MaxPool2d(2)),
        *(Conv2d(32, 64, 3, bias=False), BatchNorm(64), ReLU()),
        *(Flatten(), Linear(576, 10)),
    ]
    return Configuration(
        Network(layers, PICTURE, STANDARD),
        "three-convolutions",
        optimizer=SGD(momentum=0.9),
        schedule=OneCycle(),
        learning_rate=0.1,
        batch_size=128,
    )


NETWORKS = {"fast99": lambda: recipe("fast99"), "three-convolutions": three_convolutions}


def accuracy(trainer: Trainer, configuration: Configuration, data: Data) -> float:
    """Train, and return the accuracy on the test pictures."""
    pictures = len(data.train)
    trainer.begin()
    for epoch in range(EPOCHS):
        trainer.epoch(shuffled(pictures, configuration.seed, epoch), learning_rates(configuration, pictures, epoch))
    return float(np.mean(trainer.scores(data.test.images).argmax(axis=1) == data.test.labels))


def compare(configuration: Configuration, data: Data, seeds: int, setting: str) -> dict[str, list[float]]:
    """Return the accuracies that either reaches."""
    found: dict[str, list[float]] = {"groundup": [], "PyTorch": []}
    for seed in range(seeds):
        ours = replace(configuration, seed=seed, epochs=EPOCHS)
        theirs = replace(ours, seed=seed + PYTORCH_SEEDS)
        found["groundup"].append(accuracy(groundup.Trainer(ours, data.train, setting), ours, data))
        found["PyTorch"].append(accuracy(pytorch.Trainer(theirs, data.train, "float32 fused"), theirs, data))
        figures = ", ".join(f"{name} {accuracies[-1]:.2%}" for name, accuracies in found.items())
        print(f"{configuration.name}, seed {seed}: {figures}", file=sys.stderr)
    return found


def main() -> int:
    """Compare, print a table, or JSON, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(NETWORKS), help="which, separated by commas")
    parser.add_argument("--seeds", type=int, default=10, help="how many runs each")
    parser.add_argument("--backend", default="auto", help="groundup's")
    parser.add_argument("--precision", default="float32", help="groundup's")
    parser.add_argument("--data", help="as `groundup data` takes it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    data, setting = load_data(options.data), f"{backends.get(options.backend).name} {options.precision}"
    rows: dict[str, dict[str, Any]] = {}
    for name in options.networks.split(","):
        found = compare(NETWORKS[name](), data, options.seeds, setting)
        test = ttest_ind(found["groundup"], found["PyTorch"], equal_var=False)
        rows[name] = {**found, "p": float(test.pvalue)}
    if options.json:
        print(json.dumps({"data": data.name, "groundup": setting, "networks": rows}))
    else:
        print(f"| two epochs, {options.seeds} seeds | groundup {setting} | PyTorch | p |\n|---|---|---|---|")
        for name, row in rows.items():
            cells = [f"{mean(row[who]):.3%} ± {stdev(row[who]):.3%}" for who in ("groundup", "PyTorch")]
            print(f"| {name} | {' | '.join(cells)} | {row['p']:.3f} |")
    return int(any(row["p"] < SIGNIFICANT for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
