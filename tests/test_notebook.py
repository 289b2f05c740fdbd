"""What networks, models, evaluations and histories show of themselves in a notebook."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import numpy as np

from groundup.layers import Linear, ReLU, Softmax
from groundup.models.committee import Committee
from groundup.models.evaluation import Evaluation
from groundup.models.model import Model
from groundup.network import Network
from groundup.training.history import History

RECORDS = [
    {"epoch": 1, "train_loss": 0.4, "train_accuracy": 0.9, "validation_loss": 0.3, "validation_accuracy": 0.92},
    {"epoch": 2, "train_loss": 0.3, "train_accuracy": 0.93, "validation_loss": 0.3, "validation_accuracy": 0.92},
]
NETWORK = Network([Linear(784, 32), ReLU(), Linear(32, 10), Softmax()])


def model(**training: object) -> Model:
    return Model(NETWORK, {name: np.zeros(shape) for name, shape in NETWORK.state_shapes().items()}, training=training)


def test_a_network_shows_its_layers() -> None:
    shown = ElementTree.fromstring(f"<div>{NETWORK._repr_html_()}</div>")
    drawing, table = shown
    names = [each.text for each in drawing if each.tag.endswith("text")]
    assert names == ["input", "784", "Linear", "32", "Linear", "10"]
    rows = [[cell.text or "" for cell in row] for row in table]
    assert rows[0] == ["", "layer", "output", "parameters", "multiply-adds"]
    assert rows[2] == ["0", "Linear(784, 32)", "32", "25,120", "25,088"]
    assert rows[-1] == ["", "total", "", "25,450", "25,408"]


def test_a_network_shows_itself_without_any_library() -> None:
    code = """
import sys
from groundup import Linear, Network
Network([Linear(4, 2)])._repr_html_()
print("numpy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_model_shows_layers_accuracy_and_curves() -> None:
    shown = model(test_accuracy=0.9834, history=RECORDS)._repr_html_()
    assert "A network of 4 layers, 25,450 learned numbers, 98.34% right on the test pictures" in shown
    assert NETWORK._repr_html_() in shown
    assert 'alt="Learning curves"' in shown
    assert "<img" not in model()._repr_html_()


def test_a_model_whose_training_diverged_shows_itself() -> None:
    diverged = {"epoch": 1, "train_loss": None, "train_accuracy": 0.1}  # as its file has NaN
    assert "diverged" in model(history=[diverged])._repr_html_()


def test_a_history_shows_curves_and_says_what_they_mean() -> None:
    history = History(tuple(RECORDS))
    shown = history._repr_html_()
    assert 'alt="Learning curves"' in shown
    assert history.diagnosis() in shown.replace("&#x27;", "'")
    assert History()._repr_html_() == "<p>Nothing was trained.</p>"


def test_an_evaluation_shows_accuracy_and_confusion() -> None:
    probabilities = np.eye(10)[[3, 3, 5, 1]]
    labels = np.array([3, 3, 5, 7], np.uint8)
    shown = Evaluation.of(probabilities, labels, 0.25, tuple("0123456789"))._repr_html_()
    assert shown.startswith("<p>3 of 4 right: 75.00%")
    assert 'alt="Confusion matrix"' in shown


def test_a_committee_shows_its_members() -> None:
    shown = Committee((model(test_accuracy=0.97), model()), {"test_accuracy": 0.98})._repr_html_()
    assert shown.startswith("<p>A committee of 2, 98.00% right on the test pictures</p><ol><li>A network of 4 layers")
    assert shown.count("<li>") == 2
