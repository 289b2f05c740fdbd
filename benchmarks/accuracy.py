"""How accurate each named network becomes: `groundup train --network NAME --seed SEED`, for several seeds.

    python benchmarks/accuracy.py [--networks mlp,cnn] [--seeds 0,1,2,3,4] [--data SOURCE] [--json]

The epoch is chosen by validation pictures, which are held out of the training pictures; the test pictures are looked
at once, by the model that was chosen.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys

import groundup


def main() -> None:
    """Train and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="mlp,cnn,784-800-10", help="names or sizes, separated by commas")
    parser.add_argument("--seeds", default="0,1,2,3,4", help="one run each")
    parser.add_argument("--data", help="as `groundup data` takes it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    data = groundup.load_data(arguments.data)
    figures: dict[str, list[float]] = {}
    for network in arguments.networks.split(","):
        for seed in map(int, arguments.seeds.split(",")):
            result = groundup.train(network, data, seed=seed)
            assert result.test is not None
            figures.setdefault(network, []).append(result.test.accuracy)
            print(f"{network}, seed {seed}: {result.test.accuracy:.2%}, {result.seconds:.0f} s", file=sys.stderr)
    if arguments.json:
        print(json.dumps({"data": data.name, "origin": data.origin, "accuracies": figures}))
        return
    print("| network | test accuracy | from | to |\n|---|---|---|---|")
    for network, found in figures.items():
        print(f"| {network} | {statistics.fmean(found):.2%} | {min(found):.2%} | {max(found):.2%} |")


if __name__ == "__main__":
    main()
