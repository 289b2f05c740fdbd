"""How well pictures of people's own digits are read: photographs and drawings, single digits and rows of them.

    python benchmarks/pictures.py [FOLDER] [--model MODEL] [--json]

FOLDER, or else the environment variable GROUNDUP_PICTURES, holds the pictures and labels.csv with the columns file,
label and kind; a label's rows are separated by "|". For every kind: how many pictures are read right as a whole, in how
many as many digits were found in each row as there are, and how many digits are right. A digit is compared only where
as many were found: what is wrong there is the recogniser's error; all other errors are those of finding digits.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import groundup
from groundup.models import shipped
from groundup.pictures.digits import read_digits


@dataclass(frozen=True)
class Outcome:
    """What was read in one picture."""

    file: str
    kind: str
    label: list[str]
    read: list[str]
    error: str | None

    @property
    def right(self) -> bool:
        """Whether all rows are right."""
        return self.read == self.label

    @property
    def found(self) -> bool:
        """Whether as many digits were found in each row as there are."""
        return list(map(len, self.read)) == list(map(len, self.label))

    @property
    def right_digits(self) -> int:
        """How many digits are right, if as many were found."""
        if not self.found:
            return 0
        return sum(a == b for a, b in zip("".join(self.read), "".join(self.label), strict=True))


def measure(folder: Path, model: groundup.Model) -> list[Outcome]:
    """Read all pictures of a folder."""
    outcomes = []
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            read, error = [], None
            try:
                rows = read_digits(folder / line["file"], model)
                read = ["".join(str(one.digit) for one in row) for row in rows]
            except groundup.GroundupError as problem:
                error = str(problem)
            outcomes.append(Outcome(line["file"], line["kind"], line["label"].split("|"), read, error))
    return outcomes


def table(outcomes: list[Outcome]) -> list[dict[str, object]]:
    """Return the figures of each kind, and of all."""
    by_kind = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.kind].append(outcome)
        by_kind["all"].append(outcome)
    return [
        {
            "kind": kind,
            "pictures": len(those),
            "right": sum(outcome.right for outcome in those),
            "found": sum(outcome.found for outcome in those),
            "digits": sum(len("".join(outcome.label)) for outcome in those),
            "right_digits": sum(outcome.right_digits for outcome in those),
        }
        for kind, those in sorted(by_kind.items(), key=lambda pair: (pair[0] == "all", pair[0]))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=os.environ.get("GROUNDUP_PICTURES"))
    parser.add_argument("--model", type=Path, help="a model file, run folder or shipped name")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    if options.folder is None:
        parser.error("name the folder of the pictures, or set GROUNDUP_PICTURES")
    outcomes = measure(Path(options.folder), groundup.Recogniser.load(options.model or shipped.default()))
    wrong = [outcome for outcome in outcomes if not outcome.right]
    if options.json:
        print(json.dumps({"kinds": table(outcomes), "wrong": [asdict(outcome) for outcome in wrong]}))
        return
    print("| kind | pictures | read right | right number found | digits | digits right |")
    print("|---|---|---|---|---|---|")
    for row in table(outcomes):
        shares = f"{row['right']} | {row['found']} | {row['digits']} | {row['right_digits']}"
        print(f"| {row['kind']} | {row['pictures']} | {shares} |")
    for outcome in wrong:
        whose = "recogniser" if outcome.found else "finding"
        print(f"{outcome.file}: {'|'.join(outcome.label)} read as {outcome.error or '|'.join(outcome.read)} ({whose})")


if __name__ == "__main__":
    main()
