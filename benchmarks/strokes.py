"""How far drawn digits teach real ones: train on strokes alone, test on MNIST's 10,000 test pictures.

    python benchmarks/strokes.py [--networks mlp,784-800-10,cnn] [--pictures 60000] [--seeds 0,1,2] [--json]

For every network: its accuracy on the real test pictures, and on strokes that it has not seen. The real pictures are
only tested on: nothing is chosen by them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass

import groundup
from groundup.data import Data, Dataset, load, strokes

UNSEEN = 10_000  # strokes to test on
UNSEEN_SEED = 1_000_000  # of those


@dataclass(frozen=True)
class Figure:
    """What one network learned from strokes of one seed."""

    network: str
    pictures: int
    seed: int
    real_accuracy: float
    strokes_accuracy: float
    seconds: float


def measure(network: str, pictures: int, seed: int, real: Dataset) -> Figure:
    """Train on strokes, test on real digits and on unseen strokes."""
    train = Dataset(*strokes.make(pictures, seed), "strokes/train")
    unseen = Dataset(*strokes.make(UNSEEN, UNSEEN_SEED), "strokes/test")
    result = groundup.train(network, Data("strokes", "drawn by groundup itself", train, unseen), seed=seed)
    on_real, on_strokes = result.model.evaluate(real), result.model.evaluate(unseen)
    return Figure(network, pictures, seed, on_real.accuracy, on_strokes.accuracy, result.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="mlp,784-800-10,cnn", help="recipes or sizes, separated by commas")
    parser.add_argument("--pictures", type=int, default=60_000, help="how many strokes to train on")
    parser.add_argument("--seeds", default="0,1,2", help="one run each: of the strokes and of the training")
    parser.add_argument("--data", default="mnist", help="the real digits, as `groundup data` takes them")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    started = time.perf_counter()
    strokes.make(UNSEEN, 0)
    drawing = UNSEEN / (time.perf_counter() - started)
    real = load(options.data)
    figures = [
        measure(network, options.pictures, int(seed), real.test)
        for network in options.networks.split(",")
        for seed in options.seeds.split(",")
    ]
    if options.json:
        print(json.dumps({"pictures_per_second": drawing, "figures": [asdict(figure) for figure in figures]}))
        return
    print(f"{drawing:,.0f} strokes a second; tested on {real.test.name}: {real.origin}")
    for network in options.networks.split(","):
        mine = [figure for figure in figures if figure.network == network]
        on_real = [100 * figure.real_accuracy for figure in mine]
        on_strokes = [100 * figure.strokes_accuracy for figure in mine]
        print(
            f"{network:>12}: {statistics.mean(on_real):.2f}% of the real digits "
            f"({min(on_real):.2f} to {max(on_real):.2f}), {statistics.mean(on_strokes):.2f}% of unseen strokes, "
            f"{statistics.mean(figure.seconds for figure in mine):.0f} s a run"
        )


if __name__ == "__main__":
    main()
