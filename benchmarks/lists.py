"""Seconds a training step: the `lists` backend beside plain lists of lists with triple loops, in one run.

    python benchmarks/lists.py [--rounds 5] [--digits 6000] [--json]

Both train 784-32-32-10 in pure Python on the same 500 MNIST pictures, by SGD with momentum on softmax cross-entropy,
in float64, from the same parameters. They take turns, a step each, so that a machine whose speed drifts treats both
alike. Time is the processor's, of this process. What counts is the median, and the ratio of medians.

Then `lists` and `numpy` in float64 train an epoch on the first digits, and answer the 10,000 test digits: alike?
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from groundup import SGD, CrossEntropy, Linear, Network, ReLU, backends, load_data
from groundup.training.loop import shuffled

SIZES, BATCH_SIZE, LEARNING_RATE, MOMENTUM = (784, 32, 32, 10), 500, 0.1, 0.9
Matrix = list[list[float]]


def matmul(a: Matrix, b: Matrix) -> Matrix:
    """Return the product of a (n, k) and b (k, m), as every textbook has it."""
    product = [[0.0] * len(b[0]) for _ in a]
    for i in range(len(a)):
        for j in range(len(b[0])):
            for k in range(len(b)):
                product[i][j] += a[i][k] * b[k][j]
    return product


def transposed(a: Matrix) -> Matrix:
    return [[a[i][j] for i in range(len(a))] for j in range(len(a[0]))]


class PlainNetwork:
    """A fully connected network with ReLU between its layers, on lists of lists."""

    def __init__(self, weights: list[Matrix], biases: list[list[float]]) -> None:
        self.weights = weights  # each (outputs, inputs)
        self.biases = biases
        self.weight_velocities = [[[0.0] * len(row) for row in weight] for weight in weights]
        self.bias_velocities = [[0.0] * len(bias) for bias in biases]

    def step(self, pictures: list[list[int]], labels: list[int]) -> float:
        """Train on one batch; return the mean loss."""
        x = [[pixel / 255 for pixel in picture] for picture in pictures]
        inputs = []
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            inputs.append(x)
            x = matmul(x, transposed(weight))
            for i in range(len(x)):
                for j in range(len(x[0])):
                    x[i][j] += bias[j]
                    if layer < len(self.weights) - 1:
                        x[i][j] = max(x[i][j], 0.0)
        loss, dy = self.cross_entropy(x, labels)
        for layer in reversed(range(len(self.weights))):
            dweight = matmul(transposed(dy), inputs[layer])
            dbias = [sum(row[j] for row in dy) for j in range(len(dy[0]))]
            if layer > 0:
                dy = matmul(dy, self.weights[layer])
                for i in range(len(dy)):
                    for j in range(len(dy[0])):
                        if inputs[layer][i][j] <= 0.0:
                            dy[i][j] = 0.0
            self.update(layer, dweight, dbias)
        return loss

    def cross_entropy(self, logits: Matrix, labels: list[int]) -> tuple[float, Matrix]:
        """Return the mean loss, and its gradient by the logits."""
        loss, gradient = 0.0, []
        for row, label in zip(logits, labels, strict=True):
            largest = max(row)
            powers = [math.exp(logit - largest) for logit in row]
            total = sum(powers)
            loss -= math.log(powers[label] / total) / len(logits)
            gradient.append([(power / total - (j == label)) / len(logits) for j, power in enumerate(powers)])
        return loss, gradient

    def update(self, layer: int, dweight: Matrix, dbias: list[float]) -> None:
        """Take a step of SGD with momentum."""
        weight, velocity = self.weights[layer], self.weight_velocities[layer]
        for i in range(len(weight)):
            for j in range(len(weight[0])):
                velocity[i][j] = MOMENTUM * velocity[i][j] + dweight[i][j]
                weight[i][j] -= LEARNING_RATE * velocity[i][j]
        bias, bias_velocity = self.biases[layer], self.bias_velocities[layer]
        for i in range(len(bias)):
            bias_velocity[i] = MOMENTUM * bias_velocity[i] + dbias[i]
            bias[i] -= LEARNING_RATE * bias_velocity[i]


def network() -> Network:
    return Network([each for i, o in pairwise(SIZES) for each in (ReLU(), Linear(i, o))][1:])


def seconds_of(step: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Return the processor's seconds for ``step(*arguments)``, and what it returned."""
    began = time.process_time()
    returned = step(*arguments)
    return time.process_time() - began, returned


def measure(rounds: int) -> dict[str, float]:
    """Return the median seconds of each, and how many times as long the plain one takes."""
    train = load_data().train
    program = backends.get("lists").compile(network(), CrossEntropy(), SGD(momentum=MOMENTUM), BATCH_SIZE)
    state = program.state()
    names = [name.removesuffix(".weight") for name in state if name.endswith(".weight") and "/" not in name]
    plain = PlainNetwork(
        [state[f"{name}.weight"].tolist() for name in names], [state[f"{name}.bias"].tolist() for name in names]
    )
    times: dict[str, list[float]] = {"lists": [], "plain": []}
    for number in range(rounds):
        batch = slice(number * BATCH_SIZE, (number + 1) * BATCH_SIZE)
        pixels, labels = train.images[batch], train.labels[batch]
        pictures = pixels.reshape(len(pixels), -1).tolist()
        ours, progress = seconds_of(program.step, pixels, labels, LEARNING_RATE)
        theirs, loss = seconds_of(plain.step, pictures, labels.tolist())
        if not math.isclose(progress.loss / BATCH_SIZE, loss, rel_tol=1e-9):
            raise SystemExit(f"the two do not compute the same: losses {progress.loss / BATCH_SIZE} and {loss}")
        times["lists"].append(ours)
        times["plain"].append(theirs)
        print(f"step {number + 1}: lists {ours:.3f} s, plain {theirs:.3f} s, loss {loss:.4f}", file=sys.stderr)
    medians = {name: statistics.median(each) for name, each in times.items()}
    return medians | {"ratio": medians["plain"] / medians["lists"]}


def compare_answers(digits: int) -> dict[str, float]:
    """Return how many test digits the two backends answer alike, after an epoch on so many digits."""
    data = load_data()
    outputs = []
    for name in ("lists", "numpy"):
        program = backends.get(name).compile(network(), CrossEntropy(), SGD(momentum=MOMENTUM), 50, "float64")
        rates = [LEARNING_RATE / 2] * -(-digits // 50)
        order = shuffled(digits, 0, 0)
        program.epoch(data.train.images, data.train.labels, order, rates, lambda progress: False)
        images = data.test.images
        batches = [program.predict(images[start : start + 1000]) for start in range(0, len(images), 1000)]
        outputs.append(np.concatenate([np.asarray(batch) for batch in batches]))
        print(f"{name} trained on {digits} digits and answered {len(images)}", file=sys.stderr)
    answers = [each.argmax(axis=1) for each in outputs]
    return {
        "answers": len(answers[0]),
        "alike": int((answers[0] == answers[1]).sum()),
        "right": int((answers[0] == data.test.labels).sum()),
        "largest_difference": float(np.abs(outputs[0] - outputs[1]).max()),
    }


def main() -> None:
    """Measure, and print two lines, or JSON."""
    parser = argparse.ArgumentParser(description="Seconds a training step: `lists` beside plain triple loops.")
    parser.add_argument("--rounds", type=int, default=5, help="steps of each")
    parser.add_argument("--digits", type=int, default=6000, help="to train on, to compare the answers")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    result = measure(arguments.rounds) | compare_answers(arguments.digits)
    if arguments.json:
        print(json.dumps(result))
    else:
        print(f"lists {result['lists']:.3f} s, plain {result['plain']:.3f} s a step: {result['ratio']:.1f} times")
        print(
            f"{result['alike']} of {result['answers']} answers as numpy's ({result['right']} of them right), "
            f"outputs within {result['largest_difference']:.1e}"
        )


if __name__ == "__main__":
    main()
