"""The graph behind a number, cut down to what a person can read; and the graph behind a gradient."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from groundup.backends.scalar.value import Value, computed, number, total

NODES = 60
WIDTH = 6


@dataclass
class Node:
    """One number of a readable graph.

    Parameters
    ----------
    label : str
        Its name; for a computed number without one, its operation.
    value : float
        The number.
    gradient : float or None
        The derivative of the whole graph's result by it; None where there is none to show.
    operation : str
        What made it, a key of `groundup.backends.scalar.value.OPERATIONS`; empty for what was not computed.
    inputs : list of Node
        What it was made of: of a sum the largest terms, in order of size.
    more : int
        How many inputs are left out.
    rest : float
        The sum of the terms left out; 0 unless the operation is a sum.
    """

    label: str
    value: float
    gradient: float | None
    operation: str = ""
    inputs: list[Node] = field(default_factory=list)
    more: int = 0
    rest: float = 0.0


def readable(result: Value, nodes: int = NODES, width: int = WIDTH) -> Node:
    """Return the graph of `result` down to where it has about `nodes` nodes.

    Nodes near the result come first. Of a sum of many, the `width` largest terms are kept. A number used in several
    places is one `Node`. Gradients are shown where `result.backward()` was called before.
    """
    has_gradients = bool(result.gradient)
    root = _node(result, has_gradients)
    known = {id(result): root}
    count, waiting = 1, deque([(result, root)])
    while waiting:
        value, node = waiting.popleft()
        kept = _kept(value, width)
        if count + len(kept) > nodes:
            kept = []
        node.more = len(value.inputs) - len(kept)
        if value.operation == "sum":
            node.rest = value.data - sum(number(each) for each in kept)
        for each in kept:
            if not isinstance(each, Value) or id(each) not in known:
                count += 1
                made = _node(each, has_gradients)
                if isinstance(each, Value):
                    known[id(each)] = made
                    waiting.append((each, made))
                node.inputs.append(made)
            else:
                node.inputs.append(known[id(each)])
    return root


def gradient_graph(leaf: Value, result: Value) -> Value:
    """Return the computation of the derivative of `result` by `leaf`, as a graph of its own.

    The chain rule, written out: the gradient of a number is the sum, over all places where it was used, of the
    gradient there times the derivative of the operation there. So it is what `backward` does, seen from `leaf`. A
    derivative of 1 passes the gradient on as it is, and is written out only for leaves.
    """
    start = Value(1.0, f"gradient of {_called(result)}")
    terms: dict[int, list[Value]] = {}
    for node in reversed(computed(result)):
        own = start if node is result else _gradient(node, terms[id(node)])
        for each, derivative in zip(node.inputs, node.derivatives(), strict=True):
            if isinstance(each, Value):
                passes = derivative == 1 and each.inputs
                local = Value(derivative, f"derivative of {_called(node)} by {_called(each)}")
                terms.setdefault(id(each), []).append(own if passes else own * local)
    return start if leaf is result else _gradient(leaf, terms.get(id(leaf), []))


def nodes_of(root: Node) -> list[Node]:
    """Return `root` and all nodes below it, each once and before its inputs, otherwise in the order of reading."""
    found: list[Node] = []
    seen: set[int] = set()
    waiting = [(root, False)]
    while waiting:
        node, are_inputs_done = waiting.pop()
        if are_inputs_done:
            found.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting += [(node, True), *((each, False) for each in node.inputs)]
    return found[::-1]


def _node(value: Value | float, has_gradient: bool) -> Node:
    if not isinstance(value, Value):
        return Node("constant", float(value), None)
    gradient = value.gradient if has_gradient else None
    return Node(value.name or value.operation or "leaf", value.data, gradient, value.operation)


def _kept(value: Value, width: int) -> list[Value | float]:
    """Return the inputs to show: all, but of a sum the largest terms."""
    if value.operation != "sum":
        return list(value.inputs)
    return sorted(value.inputs, key=lambda term: -abs(number(term)))[:width]


def _called(value: Value) -> str:
    return value.name or value.operation or "leaf"


def _gradient(value: Value, terms: list[Value]) -> Value:
    """Return the sum of `terms`, called the gradient of `value`."""
    made = terms[0] if len(terms) == 1 else total(terms)
    made.name = made.name or f"gradient of {_called(value)}"
    return made
