"""Short trainings with a bug, each beside one without it; `groundup.inspection.lessons` tells their stories.

What is measured of both, step by step, shows the symptom. What the tools say of the bug is found out, not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from groundup import backends
from groundup.backends.program import Program
from groundup.backends.scalar import Value
from groundup.data.datasets import Dataset
from groundup.errors import DataError
from groundup.initializers import Constant, Initializer, Normal, Zeros
from groundup.layers import LeakyReLU, Linear, ReLU, Sigmoid, Softmax
from groundup.losses import MeanSquaredError
from groundup.network import Network, Normalization
from groundup.verify import pitfalls
from groundup.verify.comparison import diff
from groundup.verify.gradcheck import gradcheck
from groundup.verify.memstate import Batch, Setup, record

STEPS, BATCH, HIDDEN = 100, 20, 32
TEST = 200
"""Pictures that a table of answers is counted on."""

EVERY = 5
"""Steps between two such counts."""

MEMORY_STATE, GRADIENT_CHECK, A_LOOK = "Memory state", "Gradient check", "A look at one number"

Curves = dict[str, list[float]]
"""What was measured after each step; the first curve is the right one's. NaN where there is no number."""

Findings = list[tuple[str, str]]
"""Tools, and what each says of the bug."""

RIGHT, WRONG = "right", "with the bug"


@dataclass(frozen=True)
class Demonstration:
    """What came of the trainings.

    Parameters
    ----------
    curves : dict of list of float
        By name; the first is the right one.
    findings : list of (str, str)
        Tools, and what each says.
    """

    curves: Curves
    findings: Findings


# --- Trainings -------------------------------------------------------------------------------------------------------


def _batches(dataset: Dataset, steps: int = STEPS) -> list[Batch]:
    places = np.arange(steps * BATCH).reshape(steps, BATCH) % len(dataset)
    return [Batch(dataset.images[batch], dataset.labels[batch]) for batch in places]


def _pixels(dataset: Dataset) -> int:
    return int(np.prod(dataset.images.shape[1:]))


def _small(dataset: Dataset, *hidden: Any, raw: bool = False) -> Network:
    """Return a network with one hidden layer; `hidden` are its linear layer and activation if they are others."""
    linear, activation = hidden or (Linear(_pixels(dataset), HIDDEN), ReLU())
    normalization = Normalization(mean=0, deviation=1) if raw else None
    layers = [linear, activation, Linear(linear.outputs, len(dataset.class_names))]
    return Network(layers, normalization=normalization)


def _program(setup: Setup, state: Mapping[str, Any] | None = None, precision: str = "float64") -> Program:
    numpy = backends.get("numpy")
    return numpy.compile(setup.network, setup.loss, setup.optimizer, BATCH, precision, setup.seed, state)


def _losses(
    setup: Setup, batches: Sequence[Batch], state: Mapping[str, Any] | None = None, precision: str = "float64"
) -> list[float]:
    program = _program(setup, state, precision)
    return [program.step(*batch, setup.learning_rate).loss / BATCH for batch in batches]


# --- What the tools say ----------------------------------------------------------------------------------------------


def _memory_state(right: Setup, wrong: Setup, dataset: Dataset, precision: str = "float64") -> tuple[str, str]:
    batches = _batches(dataset, 2)
    first = diff(*(record(setup, batches, precision=precision) for setup in (right, wrong))).first
    return MEMORY_STATE, f"the first wrong value is {first.name}" if first else "no value is wrong"


def _gradient_check(setup: Setup) -> tuple[str, str]:
    failed = [check.parameter for check in gradcheck(setup.network, setup.loss) if not check.holds]
    return GRADIENT_CHECK, f"fails for {', '.join(failed)}" if failed else "holds: the gradients are right"


def _refusal(setup: Setup, dataset: Dataset) -> tuple[str, str]:
    try:
        record(setup, _batches(dataset, 1))
    except DataError as error:
        return "The network itself", f"refuses: {error}"
    return "The network itself", "takes the pictures"


def _beside(right: Setup, wrong: Setup, dataset: Dataset) -> Demonstration:
    """Return both losses, and what both tools say."""
    curves = {name: _losses(setup, _batches(dataset)) for name, setup in ((RIGHT, right), (WRONG, wrong))}
    return Demonstration(curves, [_memory_state(right, wrong, dataset), _gradient_check(wrong)])


# --- A wrong line in a layer or a loss -------------------------------------------------------------------------------


def softmax_over_batch(dataset: Dataset) -> Demonstration:
    """Train with a softmax over all of a batch, in the last layer."""
    linear = Linear(_pixels(dataset), len(dataset.class_names))
    right = Setup(Network([linear, Softmax()]), MeanSquaredError(), learning_rate=1.0)
    wrong = replace(right, network=Network([linear, pitfalls.SoftmaxOverBatch()]))
    found = _beside(right, wrong, dataset)
    outputs = record(wrong, _batches(dataset, 1)).values["step/1/output/1"]
    sums = f"the probabilities of a picture sum to {outputs.sum(axis=1).mean():.2f}, not to 1"
    return replace(found, findings=[*found.findings, (A_LOOK, sums)])


def one_bias_gradient(dataset: Dataset) -> Demonstration:
    """Train with one gradient for all biases of the first layer."""
    wrong = _small(dataset, pitfalls.OneBiasGradient(_pixels(dataset), HIDDEN), ReLU())
    return _beside(Setup(_small(dataset)), Setup(wrong), dataset)


def relu_slope_one(dataset: Dataset) -> Demonstration:
    """Train with a ReLU that lets every gradient pass."""
    wrong = _small(dataset, Linear(_pixels(dataset), HIDDEN), pitfalls.ReLUSlopeOne())
    return _beside(Setup(_small(dataset)), Setup(wrong), dataset)


def wrong_sign(dataset: Dataset) -> Demonstration:
    """Train uphill."""
    network = _small(dataset)
    right = Setup(network, learning_rate=0.01)  # with longer steps the curve would leave every picture at once
    found = _beside(right, replace(right, loss=pitfalls.WrongSign()), dataset)
    worst = next(iter(gradcheck(network, pitfalls.WrongSign(), parameters=("2.bias",)))).worst
    assert worst is not None  # all of them differ
    ratio = f"a gradient is {worst.analytic / worst.numeric:.3f} times the slope that was measured"
    return replace(found, findings=[*found.findings, (A_LOOK, ratio)])


def logarithm_of_zero(dataset: Dataset) -> Demonstration:
    """Train with a loss that takes logarithms of probabilities, on pixels up to 255, in float32."""
    right = Setup(_small(dataset, raw=True), learning_rate=0.0001)
    wrong = replace(right, loss=pitfalls.LogOfProbability())
    curves = {
        name: _losses(setup, _batches(dataset), precision="float32") for name, setup in ((RIGHT, right), (WRONG, wrong))
    }
    lost = sum(not np.isfinite(loss) for loss in curves[WRONG])
    finding = (A_LOOK, f"in {lost} of {STEPS} steps the loss is NaN or infinite, and the network learns all the same")
    moderate = replace(wrong, network=_small(dataset))
    return Demonstration(curves, [_memory_state(right, wrong, dataset, "float32"), _gradient_check(moderate), finding])


# --- Wrong numbers to begin with -------------------------------------------------------------------------------------


def begun_alike(dataset: Dataset) -> Demonstration:
    """Train from weights that are all one number."""
    setup, batches = Setup(_small(dataset)), _batches(dataset)
    alike = setup.network.initial_state(0, Constant(0.01))
    program = _program(setup, alike)
    wrong = [program.step(*batch, setup.learning_rate).loss / BATCH for batch in batches]
    rows = len(np.unique(np.asarray(program.state()["0.weight"]).round(9), axis=0))
    finding = (
        A_LOOK,
        f"after {STEPS} steps the {HIDDEN} hidden units have {rows} different set{'s' * (rows > 1)} of weights",
    )
    state = (MEMORY_STATE, "the first wrong value is step/0/0.weight: it is there before the first step")
    return Demonstration({RIGHT: _losses(setup, batches), WRONG: wrong}, [state, finding])


def initial_weights(dataset: Dataset) -> Demonstration:
    """Train four layers from zeros, from narrow weights and from wide ones."""
    hidden = [layer for _ in range(2) for layer in (Linear(HIDDEN, HIDDEN), ReLU())]
    layers = [Linear(_pixels(dataset), HIDDEN), ReLU(), *hidden, Linear(HIDDEN, len(dataset.class_names))]
    setup, batches = Setup(Network(layers)), _batches(dataset)
    chosen: dict[str, Initializer | None] = {
        "He: right": None,
        "all zero": Zeros(),
        "too narrow, 0.01": Normal(0.01),
        "too wide, 1": Normal(1.0),
    }
    curves, findings = {}, []
    for name, initializer in chosen.items():
        state = setup.network.initial_state(0, initializer)
        curves[name] = _losses(setup, batches, state)
        gradient = np.abs(_program(setup, state).trace(*batches[0], 0.1)["gradient/0.weight"]).max()
        findings.append((name, f"the first layer's largest gradient is {gradient:.1g}"))
    return Demonstration(curves, findings)


def saturated_sigmoids(dataset: Dataset) -> Demonstration:
    """Train sigmoids on pixels up to 255."""
    linear = Linear(_pixels(dataset), HIDDEN)
    right, wrong = (Setup(_small(dataset, linear, Sigmoid(), raw=raw), learning_rate=0.5) for raw in (False, True))
    found = _beside(right, wrong, dataset)
    y = record(wrong, _batches(dataset, 1)).values["step/1/output/1"]
    flat = f"{np.mean(y * (1 - y) < 0.01):.0%} of the sigmoids are flat: their derivative is below 0.01"
    return replace(found, findings=[found.findings[0], (A_LOOK, flat)])


def dying_units(dataset: Dataset) -> Demonstration:
    """Train with steps that are too long, and count the hidden units whose gradient is exactly 0."""
    leaky = _small(dataset, Linear(_pixels(dataset), HIDDEN), LeakyReLU())
    setups = {
        "learning rate 0.1: right": Setup(_small(dataset)),
        "learning rate 3": Setup(_small(dataset), learning_rate=3.0),
        "learning rate 3, LeakyReLU": Setup(leaky, learning_rate=3.0),
    }
    curves = {name: _silent_units(setup, _batches(dataset, 40)) for name, setup in setups.items()}
    silent = int(curves["learning rate 3"][-1])
    finding = f"{silent} of {HIDDEN} rows of gradient/0.weight are exactly 0: they name the dead units"
    return Demonstration(curves, [(MEMORY_STATE, finding), _gradient_check(setups["learning rate 3"])])


def _silent_units(setup: Setup, batches: Sequence[Batch]) -> list[float]:
    program = _program(setup)
    gradients = (program.trace(*batch, setup.learning_rate)["gradient/0.weight"] for batch in batches)
    return [float((gradient == 0).all(axis=1).sum()) for gradient in gradients]


# --- Wrong sizes and wrong counts ------------------------------------------------------------------------------------


def too_few_inputs(dataset: Dataset) -> Demonstration:
    """Train without the last two rows of every picture."""
    height, width = dataset.images.shape[1:]
    setup, inputs = Setup(_small(dataset)), (height - 2) * width
    short = Setup(_small(dataset, Linear(inputs, HIDDEN), ReLU()))
    cut = replace(dataset, images=np.ascontiguousarray(dataset.images[:, :-2]))
    curves = {RIGHT: _losses(setup, _batches(dataset)), WRONG: _losses(short, _batches(cut))}
    lost = int(dataset.images[:, -2:].any(axis=(1, 2)).sum())
    finding = (A_LOOK, f"the last two rows hold ink in {lost:,} of {len(dataset):,} pictures, so hardly any suffer")
    return Demonstration(curves, [_refusal(short, dataset), finding])


def nine_classes(dataset: Dataset) -> Demonstration:
    """Train, and count the answers with a table that lacks the last class."""
    setup, classes = Setup(_small(dataset)), len(dataset.class_names)
    tested = dataset.subset(np.arange(len(dataset))[-TEST:], dataset.name)
    program, curves = _program(setup), Curves({RIGHT: [], WRONG: []})
    for step, batch in enumerate(_batches(dataset), 1):
        program.step(*batch, setup.learning_rate)
        if step % EVERY:
            continue
        right = np.asarray(program.predict(tested.images)).argmax(axis=1) == tested.labels
        curves[RIGHT].append(float(right.mean()))
        curves[WRONG].append(float((right & (tested.labels < classes - 1)).mean()))
    counted = int((tested.labels < classes - 1).sum())
    finding = (A_LOOK, f"the table counts {counted} answers, but there were {len(tested)} pictures")
    nine = Setup(Network([Linear(_pixels(dataset), classes - 1)]))
    return Demonstration(curves, [finding, _refusal(nine, tested)])


def every_path(dataset: Dataset) -> Demonstration:
    """Walk backward through graphs in which paths double, and count the visits."""
    curves: Curves = {RIGHT: [], WRONG: []}
    for times in range(1, 13):
        x = y = Value(1.0)
        for _ in range(times):
            y = y + y
        curves[RIGHT].append(times + 1.0)
        curves[WRONG].append(float(pitfalls.backward_along_every_path(y)))
    finding = f"{curves[WRONG][-1]:,.0f} visits to {curves[RIGHT][-1]:.0f} nodes; the gradient is right: {x.gradient:g}"
    return Demonstration(curves, [(A_LOOK, finding), (GRADIENT_CHECK, "holds: the gradients are right")])
