"""How fast: groundup beside its peers, in one run.

    python benchmarks/peers.py [--cases fast99,one] [--peers groundup,pytorch] [--rounds 7] [--json]

Everybody trains the same networks on the same pictures with the same hyperparameters, from the same weights
(scikit-learn from its own), or recognises with the same trained ones. The peers' pictures lie in memory as float32
before the time starts; groundup's are bytes. Each is in a process of its own, and they take turns, so that a machine
whose speed drifts treats all alike; the first turn does not count. What counts is the median, and the ratio of
medians. Whose accuracy is not near that of the others is left out. Nothing else should run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import groundup
from contestants import EPOCH, PICTURE, Case, Contestant, cases, contestants, missing
from groundup.training.loop import fit

THREADS = ("GROUNDUP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables that say how many a library may use; the others see how many processors they have."""
PAUSE = 0.5
"""Seconds before each turn: threads of the one before spin for a while, waiting for more to do."""

BEHIND = 0.02
"""Less accurate than the best by more than this: something else was computed, and its time is worth nothing."""

Answer = dict[str, float]
COLUMNS: dict[str, Callable[[Contestant], bool]] = {
    "groundup mixed": lambda each: str(each) == "groundup native mixed",
    "groundup float32": lambda each: str(each) == "groundup native float32",
    "groundup numpy": lambda each: str(each) == "groundup numpy",
    "PyTorch float32": lambda each: each.peer == "pytorch" and "float32" in each.setting,
    "PyTorch": lambda each: each.peer == "pytorch",
    "JAX": lambda each: each.peer == "jax",
    "tinygrad": lambda each: each.peer == "tinygrad",
    "scikit-learn": lambda each: each.peer == "scikit-learn",
    "ONNX Runtime": lambda each: each.peer == "onnxruntime",
}
"""The table's columns, and of whom each shows the fastest."""


class Worker:
    """A contestant's process."""

    def __init__(self, case: Case, contestant: Contestant, source: str | None, model: Path, threads: int) -> None:
        folder = str(Path(__file__).parent)
        settings = dict.fromkeys(THREADS, str(threads))
        settings |= {"PYTHONPATH": folder, "TORCHINDUCTOR_COMPILE_THREADS": "1"}
        task = (str(cases().index(case)), contestant.peer, contestant.setting, source or "", str(model))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "contestants.work", *task],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | settings,
        )

    def turn(self) -> Answer | None:
        """Let it take a turn and return what it answers, or None if it has failed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        time.sleep(PAUSE)
        try:
            print(file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return None
        line = self.process.stdout.readline()
        return json.loads(line) if line else None


def measure(case: Case, workers: dict[str, Worker], rounds: int, left_out: dict[str, str]) -> dict[str, Answer]:
    """Return each contestant's median seconds, its accuracy, and its memory's peak in MB."""
    answers: dict[str, list[Answer]] = {name: [] for name in workers}
    for number in range(rounds + 1):
        for name in list(answers):
            if answer := workers[name].turn():
                answers[name].append(answer)
                print(f"{case}: {name}, round {number}: {shown(case, answer['seconds'])}", file=sys.stderr)
            else:
                left_out[f"{case}: {name}"] = "failed, see its message above"
                del answers[name]
    for worker in workers.values():
        worker.process.communicate()
    found = {name: summary(given) for name, given in answers.items()}
    best = max((each["accuracy"] for each in found.values()), default=0.0)
    for name, each in list(found.items()):
        if each["accuracy"] < best - BEHIND:
            left_out[f"{case}: {name}"] = f"recognises {each['accuracy']:.2%}, others {best:.2%}"
            del found[name]
    return found


def summary(answers: Sequence[Answer]) -> Answer:
    """Return the median of all but the first, the first one's accuracy, and the last one's memory."""
    seconds = statistics.median(answer["seconds"] for answer in answers[1:])
    return {"seconds": seconds, "accuracy": answers[0]["accuracy"], "megabytes": answers[-1]["megabytes"]}


def shown(case: Case, seconds: float) -> str:
    """Return a time in the unit that suits the case."""
    if case.task == EPOCH:
        return f"{seconds:.3f} s"
    return f"{seconds * 1e6:.1f} µs" if case.task == PICTURE else f"{1 / seconds:,.0f}/s"


def chosen(case: Case, peers: Sequence[str], left_out: dict[str, str]) -> list[Contestant]:
    """Return who takes part, and add to `left_out` who cannot."""
    taking = []
    for each in contestants(case):
        if str(each) in peers or (each.peer in peers and not each.asked_for):
            if reason := missing(each):
                left_out[each.setting if each.peer == "groundup" else each.peer] = reason
            else:
                taking.append(each)
    return taking


def train_model(case: Case, source: str | None, path: Path) -> None:
    """Train the case's network with groundup's fastest backend, for an epoch, and write the model."""
    configuration = replace(case.configuration, validation=0, epochs=1)
    fit(configuration, groundup.load_data(source)).model.save(path)


def row(case: Case, found: dict[str, Answer]) -> str:
    """Return a case's row: of every column the fastest, and how many times as long as groundup it takes."""
    ours = min((each["seconds"] for name, each in found.items() if name.startswith("groundup")), default=None)
    cells = [str(case)]
    for belongs in COLUMNS.values():
        members = [each for each in contestants(case) if belongs(each) and str(each) in found]
        fastest = min(members, key=lambda each: found[str(each)]["seconds"], default=None)
        if fastest is None:
            cells.append("")
            continue
        seconds = found[str(fastest)]["seconds"]
        ratio = f" x{seconds / ours:.2f}" if ours else ""
        setting = f" ({fastest.setting})" if fastest.setting and fastest.peer != "groundup" else ""
        cells.append(f"{shown(case, seconds)}{ratio}{setting}")
    accuracies = [each["accuracy"] for each in found.values()]
    cells.append(f"{min(accuracies):.1%} to {max(accuracies):.1%}" if accuracies else "")
    return "| " + " | ".join(cells) + " |"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default="", help="parts of the names of cases, separated by commas; all by default")
    parser.add_argument(
        "--peers",
        default="groundup,pytorch,jax,tinygrad,scikit-learn,onnxruntime",
        help="peers, or peers with a setting as --json names them, separated by commas",
    )
    parser.add_argument("--rounds", type=int, default=7, help="turns that count, after one that does not")
    parser.add_argument("--threads", type=int, default=2, help="of each process")
    parser.add_argument("--data", help="as `groundup data` takes it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def main() -> None:
    """Measure, and print a table, or JSON."""
    options = arguments()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    results: dict[str, dict[str, Answer]] = {}
    left_out: dict[str, str] = {}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            if not any(part in str(case) for part in options.cases.split(",")):
                continue
            model = Path(folder) / f"{case.network}.safetensors"
            if case.task != EPOCH and not model.exists():
                train_model(case, options.data, model)
            taking = chosen(case, options.peers.split(","), left_out)
            workers = {str(each): Worker(case, each, options.data, model, options.threads) for each in taking}
            results[str(case)] = measure(case, workers, options.rounds, left_out)
            rows.append(row(case, results[str(case)]))
    if options.json:
        print(json.dumps({"threads": options.threads, "cases": results, "left_out": left_out}))
        return
    print("| | " + " | ".join([*COLUMNS, "accuracies"]) + " |\n|---|" + "---|" * (len(COLUMNS) + 1))
    print("\n".join([*rows, ""] + [f"Left out: {who}: {why}." for who, why in left_out.items()]))


if __name__ == "__main__":
    main()
