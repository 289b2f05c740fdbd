"""How models, evaluations and histories display themselves in a notebook, as HTML.

Matplotlib is imported only when something is displayed.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundup.models.committee import Committee
    from groundup.models.evaluation import Evaluation
    from groundup.models.model import Model
    from groundup.training.history import History


def history_html(history: History) -> str:
    """Return the learning curves, and what they mean in words."""
    if not history:
        return _lines([history.diagnosis()])
    from groundup import plots

    return plots.as_html(plots.curves(history), "Learning curves") + _lines([history.diagnosis()])


def evaluation_html(evaluation: Evaluation) -> str:
    """Return the accuracy and the confusion matrix."""
    from groundup import plots

    low, high = evaluation.interval
    matrix = plots.confusion(evaluation.confusion, evaluation.class_names)
    words = (
        f"{evaluation.correct:,} of {evaluation.count:,} right: {evaluation.accuracy:.2%} "
        f"(95% interval {low:.2%} to {high:.2%}), loss {evaluation.loss:.4f}, "
        f"calibration error {evaluation.calibration_error:.2%}"
    )
    return _lines([words]) + plots.as_html(matrix, "Confusion matrix")


def model_html(model: Model) -> str:
    """Return the network, how good it is, and the curves of its training."""
    from groundup.training.history import History

    records = model.training.get("history")
    curves = history_html(History.from_json(records)) if isinstance(records, list) and records else ""
    return _lines([_facts(model)]) + model.network._repr_html_() + curves


def committee_html(committee: Committee) -> str:
    """Return what the committee and each of its members is."""
    whole = f"A committee of {len(committee.members)}{_accuracy(committee)}"
    members = "".join(f"<li>{html.escape(_facts(member))}</li>" for member in committee.members)
    return f"{_lines([whole])}<ol>{members}</ol>"


def _facts(model: Model) -> str:
    numbers = sum(map(math.prod, model.network.parameters().values()))
    return f"A network of {len(model.network.layers)} layers, {numbers:,} learned numbers{_accuracy(model)}"


def _accuracy(recogniser: Model | Committee) -> str:
    accuracy = recogniser.training.get("test_accuracy")
    return f", {accuracy:.2%} right on the test pictures" if isinstance(accuracy, float) else ""


def _lines(sentences: Iterable[str]) -> str:
    return "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
