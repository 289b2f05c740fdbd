"""``groundup explain``: the computation of one neuron, one loss or one gradient, number by number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from groundup.backends.lists import Array, ListsBackend
from groundup.backends.lists.creation import asarray
from groundup.backends.lists.program import ListsProgram
from groundup.backends.scalar import explanations
from groundup.backends.scalar.drawing import dot, svg, text
from groundup.backends.scalar.graph import NODES, WIDTH, Node, nodes_of, readable
from groundup.backends.scalar.value import Value
from groundup.cli.options import data_option, json_option, load_model
from groundup.data import load
from groundup.errors import DataError
from groundup.files import replacing
from groundup.json_text import to_json
from groundup.layers import Conv2d, Linear, ReLU
from groundup.losses import CrossEntropy
from groundup.network import Network, Normalization
from groundup.optimizers import SGD

DRAWINGS = {".svg": svg, ".dot": dot}
TINY = Network([Linear(2, 2), ReLU(), Linear(2, 2)], normalization=Normalization(0.0, 1.0))
TINY_STATE = {
    "0.weight": [[1.0, -0.5], [-1.5, 1.0]],
    "0.bias": [0.25, 0.0],
    "2.weight": [[1.0, -1.0], [-0.5, 2.0]],
    "2.bias": [0.0, 0.5],
}
TINY_PIXELS, TINY_LABEL = bytes([2, 1]), 0


@dataclass(frozen=True)
class Case:
    """A network, and one picture to explain it on."""

    name: str
    program: ListsProgram
    x: Array
    label: int
    is_tiny: bool = False


@click.command(name="explain")
@click.argument("what", type=click.Choice(["neuron", "loss", "gradient"]), default="neuron")
@click.option(
    "--model",
    "model_path",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="A model file or a run folder. Without it, a tiny network.",
)
@data_option
@click.option("--index", type=int, default=0, show_default=True, help="A picture of the data set's test part.")
@click.option("--layer", type=int, help="The layer's place. Without it, the first that has weights.")
@click.option("--unit", type=int, default=0, show_default=True, help="Which of the layer's outputs.")
@click.option("--input", "place", type=int, help="Of a gradient: which of the unit's weights.")
@click.option("--nodes", type=click.IntRange(1), default=NODES, show_default=True, help="Draw about so many numbers.")
@click.option(
    "--terms", type=click.IntRange(1), default=WIDTH, show_default=True, help="Of a sum, the largest so many."
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write a picture (.svg), or .dot for Graphviz."
)
@json_option
def command(
    what: str, model_path: Path | None, source: str | None, index: int, layer: int | None, unit: int, place: int | None,
    nodes: int, terms: int, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Show how one number comes about, with a number at every step.

    A neuron: its inputs, weights and activation. A loss: from the network's outputs on (of the tiny network, from the
    weights on; --layer says from where). A gradient: the chain rule from one weight to the loss.
    """
    if out is not None and out.suffix not in DRAWINGS:
        raise click.BadParameter(f"{out}: the name must end in {', '.join(DRAWINGS)}", param_hint="--out")
    if model_path is None and (source is not None or index):
        raise click.UsageError("--data and --index need --model: the tiny network has a picture of its own.")
    with Console(stderr=True).status(f"Computing the {what}, number by number"):
        case = _tiny() if model_path is None else _from_model(model_path, source, index)
        result = _explained(what, case, layer, unit, place)
    graph = readable(result, nodes, terms)
    if out is not None:
        with replacing(out) as temporary:
            temporary.write_text(DRAWINGS[out.suffix](graph), encoding="utf-8")
    if as_json:
        click.echo(to_json({"what": what, "of": case.name, "value": result.data, "nodes": _described(graph)}))
    elif out is None:
        click.echo(f"{what} of {case.name}\n{text(graph)}")


def _tiny() -> Case:
    program = ListsBackend().compile(
        TINY, CrossEntropy(), SGD(), 1, state={name: asarray(values) for name, values in TINY_STATE.items()}
    )
    pixels = memoryview(TINY_PIXELS).cast("B", (1, 1, 2))
    return Case("a tiny network of layers 2-2-2", program, program.inputs(pixels), TINY_LABEL, is_tiny=True)


def _from_model(path: Path, source: str | None, index: int) -> Case:
    model, part = load_model(path), load(source).test
    if part.class_names != model.class_names:
        raise DataError(f"the model knows the classes {', '.join(model.class_names)}, but {part.name} has others")
    if not 0 <= index < len(part):
        raise DataError(f"{part.name} has the pictures 0 to {len(part) - 1}, but no {index}")
    program = ListsBackend().compile(model.network, model.loss, SGD(), 1, state=model.state)
    name = f"{path} on {part.name}[{index}], a {part.class_names[part.labels[index]]}"
    return Case(name, program, program.inputs(part.images[index : index + 1]), int(part.labels[index]))


def _explained(what: str, case: Case, layer: int | None, unit: int, place: int | None) -> Value:
    """Return the graph that was asked for, with its gradients."""
    network, params, x, loss = case.program.network, case.program.params, case.x, case.program.loss
    if what == "loss":
        first = layer if layer is not None else 0 if case.is_tiny else len(network.layers)
        result = explanations.loss(network, params, x, case.label, loss, first)
        result.backward()
        return result
    if layer is None:
        layer = next((place for place, each in enumerate(network.layers) if isinstance(each, Linear | Conv2d)), 0)
    if what == "gradient":
        place = place if place is not None else explanations.largest_input(network, params, x, layer)
        return explanations.gradient(network, params, x, case.label, loss, layer, unit, place)
    result = explanations.neuron(network, params, x, layer, unit)
    result.backward()
    return result


def _described(root: Node) -> list[dict[str, Any]]:
    """Return the nodes as JSON can hold them; the inputs of one by their places in this list."""
    nodes = nodes_of(root)
    places = {id(node): place for place, node in enumerate(nodes)}
    return [
        {
            "label": node.label,
            "operation": node.operation or None,
            "value": node.value,
            "gradient": node.gradient,
            "inputs": [places[id(each)] for each in node.inputs],
            "more": node.more,
            "rest": node.rest,
        }
        for node in nodes
    ]
