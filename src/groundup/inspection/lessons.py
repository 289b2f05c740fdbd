"""The twelve pitfalls of docs/pitfalls.md as lessons: what happens, what one sees, what helps, and a training."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from groundup.data.datasets import Dataset
from groundup.inspection import pitfall_trainings
from groundup.inspection.pitfall_trainings import Demonstration
from groundup.verify import pitfalls


@dataclass(frozen=True)
class Lesson:
    """A bug that was published because it had cost someone days.

    Parameters
    ----------
    title, story, symptom, cure : str
        What it is called, what happens, what one sees, and what helps.
    lines : tuple of (str, str)
        The wrong line of code, and the right one.
    axes : tuple of (str, str)
        What the curves count to the right, and upwards.
    train : callable
        Takes a data set; returns a `Demonstration`.
    """

    title: str
    story: str
    symptom: str
    cure: str
    lines: tuple[str, str]
    axes: tuple[str, str]
    train: Callable[[Dataset], Demonstration]


def demonstrate(name: str, dataset: Dataset) -> Demonstration:
    """Train with and without the bug of this name, one of `LESSONS`, on pictures of `dataset`: about a second."""
    with np.errstate(all="ignore"):  # some of the bugs are about infinity and NaN
        return LESSONS[name].train(dataset)


def _lines(function: Callable[..., Any]) -> tuple[str, str]:
    """Return the wrong line of a function of `groundup.verify.pitfalls`, and the right one, which is its comment."""
    marked = next(line for line in inspect.getsource(function).splitlines() if "# right:" in line)
    wrong, _, right = marked.strip().partition("  # right: ")
    return wrong, right


LOSS = ("step", "loss")

LESSONS: Mapping[str, Lesson] = {
    "softmax": Lesson(
        "Softmax over the whole batch",
        "The probabilities of all pictures together sum to 1. With a batch of one, as in a first test, it is right.",
        "The loss hardly moves.",
        "Look at one row sum: it must be 1.",
        _lines(pitfalls.SoftmaxOverBatch.forward),
        LOSS,
        pitfall_trainings.softmax_over_batch,
    ),
    "bias": Lesson(
        "One gradient for all biases",
        "A sum without an axis gives one number, and broadcasting hands it to every bias of the layer without a word.",
        "None in the curve: the weights make good for it.",
        "Check gradients: no curve shows this bug.",
        _lines(pitfalls.OneBiasGradient.parameter_gradients),
        LOSS,
        pitfall_trainings.one_bias_gradient,
    ),
    "relu": Lesson(
        "ReLU's derivative is always 1",
        "The gradient passes through units that were silent.",
        "It learns, a little worse.",
        "Above the ReLU every gradient agrees, below it none: so it is the ReLU.",
        _lines(pitfalls.ReLUSlopeOne.backward),
        LOSS,
        pitfall_trainings.relu_slope_one,
    ),
    "sign": Lesson(
        "A gradient's sign",
        "The step goes uphill.",
        "The loss grows from the first step.",
        "In a gradient check both numbers are equal but for the sign.",
        _lines(pitfalls.WrongSign.backward),
        LOSS,
        pitfall_trainings.wrong_sign,
    ),
    "alike": Lesson(
        "One random number for all weights",
        "Whoever calls the generator once, and fills the array with what it gave, has drawn one number.",
        "All units of a layer compute the same, receive the same gradient, and stay one unit for ever.",
        "Draw as many numbers as there are weights.",
        ("weights = np.full((32, 784), draw())", "weights = np.array([draw() for _ in range(32 * 784)])"),
        LOSS,
        pitfall_trainings.begun_alike,
    ),
    "inputs": Lesson(
        "Weights for 728 of 784 inputs",
        "A typing error, and zip ends with the shorter of two lists: the picture's last two rows are lost.",
        "None to speak of: most digits do not reach down there.",
        "Let shapes be checked: zip(..., strict=True), and arrays instead of lists.",
        ("sum(w * x for w, x in zip(weights, picture))", "sum(w * x for w, x in zip(weights, picture, strict=True))"),
        LOSS,
        pitfall_trainings.too_few_inputs,
    ),
    "classes": Lesson(
        "A table of nine classes",
        "The network is right, and the table that counts its answers has a row for each of 0 to 8: the nines vanish.",
        "The accuracy stays a tenth too low.",
        "Whatever is counted must add up to the number of pictures.",
        ("for label in range(9)", "for label in range(10)"),
        ("5 steps", "test accuracy"),
        pitfall_trainings.nine_classes,
    ),
    "paths": Lesson(
        "A backward pass along every path",
        "A node that is used twice is visited twice, and so is everything below it. The gradients are right.",
        "Every doubling doubles the time. Forty would take weeks.",
        "Count the visits: one for each node, after all that used it.",
        ("for each in node.inputs: backward(each)", "for each in reversed(topological_order(node)): ..."),
        ("times that y = y + y", "nodes visited"),
        pitfall_trainings.every_path,
    ),
    "sigmoid": Lesson(
        "Sigmoids and pixels up to 255",
        "Without a normalisation the sums are so large that a sigmoid is flat there, and its derivative 0.",
        "It learns slowly, and stays behind.",
        "Divide pixels by 255, or subtract the mean and divide by the deviation.",
        ("Normalization(mean=0, deviation=1)", "Normalization(mean=0, deviation=255)"),
        LOSS,
        pitfall_trainings.saturated_sigmoids,
    ),
    "initial": Lesson(
        "Initial weights: zero, too narrow, too wide",
        "With zeros no gradient reaches a weight. Narrow ones make each layer shrink what comes in; wide ones, grow.",
        "It does not learn at all, or begins with a loss of hundreds.",
        "Draw weights with a variance of 2 / inputs before a ReLU (He et al., 2015).",
        ("Zeros(), Normal(0.01), Normal(1.0)", "HeUniform()"),
        LOSS,
        pitfall_trainings.initial_weights,
    ),
    "logarithm": Lesson(
        "The logarithm of zero",
        "A probability that was rounded to 0 has the logarithm -∞, and 0 · ∞ is NaN. The gradient never sees it.",
        "The loss has gaps, or is gone, while the network learns on.",
        "Take the logarithm of the softmax in one step, from the logits.",
        _lines(pitfalls.LogOfProbability.forward),
        LOSS,
        pitfall_trainings.logarithm_of_zero,
    ),
    "dying": Lesson(
        "Dying ReLUs",
        "One step too long can push a unit's sum below 0 for every picture: its gradient is then exactly 0, for ever.",
        "Units fall silent one after another, and do not come back.",
        "A smaller learning rate; or a LeakyReLU, which always lets a little pass.",
        ("learning_rate=3.0", "learning_rate=0.1"),
        ("step", "silent units of 32"),
        pitfall_trainings.dying_units,
    ),
}
"""The twelve, by the name that stands in an address."""
