"""Readable graphs: what is kept, and how they are drawn as text, as SVG and for Graphviz."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.backends.scalar import Value
from groundup.backends.scalar.drawing import dot, svg, text
from groundup.backends.scalar.graph import Node, gradient_graph, nodes_of, readable
from groundup.backends.scalar.value import apply, total

SVG = "{http://www.w3.org/2000/svg}"


def small() -> tuple[Value, list[Value]]:
    """Return tanh(ab + c) · ab + 0.1 after `backward`, and its leaves."""
    a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(6.5, "c")
    product = a * b
    result = (product + c).tanh() * product + 0.1
    result.name = "loss"
    result.backward()
    return result, [a, b, c]


def test_the_text_of_a_small_graph() -> None:
    assert text(readable(small()[0])) == "\n".join(
        [
            "      value    gradient",
            "    -2.6727           1  loss = +",
            "    -2.7727           1  ├─ *",
            "    0.46212          -6  │  ├─ tanh",
            "        0.5     -4.7187  │  │  └─ +",
            "         -6     -4.2566  │  │     ├─ *",
            "          2       12.77  │  │     │  ├─ a",
            "         -3     -8.5131  │  │     │  └─ b",
            "        6.5     -4.7187  │  │     └─ c",
            "         -6     -4.2566  │  └─ * (as above)",
            "        0.1              └─ constant",
        ]
    )


def test_of_a_sum_the_largest_terms_are_kept() -> None:
    terms = [Value(float(number), f"x[{number}]") for number in range(-3, 764)]
    result = total(terms)
    node = readable(result, width=3)
    assert [each.label for each in node.inputs] == ["x[763]", "x[762]", "x[761]"]
    assert node.more == 764
    assert node.rest == result.data - 763 - 762 - 761
    assert node.gradient is None
    assert text(node).splitlines()[-1].endswith("└─ and 764 more, together 2.892e+05")
    assert "gradient" not in text(node)


def test_the_order_of_a_quotient_is_kept() -> None:
    node = readable(Value(1.0, "a") / Value(100.0, "b"))
    assert [each.label for each in node.inputs] == ["a", "b"]


def test_a_large_graph_is_cut_far_from_the_result() -> None:
    result = Value(0.1)
    for _ in range(2000):
        result = (result + 0.1).tanh()
    node = readable(result, nodes=20)
    assert 19 <= len(nodes_of(node)) <= 20
    assert text(node).count("made of") == 1
    whole = readable(result, nodes=10_000)
    assert len(nodes_of(whole)) == 6001
    for draw in (text, dot, svg):
        assert draw(whole)


def test_a_shared_number_is_one_node() -> None:
    x = Value(3.0, "x")
    square = x * x
    node = readable(square + square)
    assert node.inputs[0] is node.inputs[1]
    assert node.inputs[0].inputs[0] is node.inputs[0].inputs[1]
    assert [each.label for each in nodes_of(node)] == ["+", "*", "x"]


def test_a_leaf_alone() -> None:
    assert text(readable(Value(3.0))).split() == ["value", "3", "leaf"]
    assert "3" in svg(readable(Value(3.0, "x")))


# --- The graph of a gradient ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_graph_of_a_gradient(place: int) -> None:
    result, leaves = small()
    found = gradient_graph(leaves[place], result)
    assert found.data == pytest.approx(leaves[place].gradient, rel=1e-15)
    assert found.name == f"gradient of {leaves[place].name}"


def test_the_gradient_of_the_result_and_of_a_stranger() -> None:
    result, _ = small()
    assert gradient_graph(result, result).data == 1.0
    assert gradient_graph(Value(1.0), result).data == 0.0


def test_the_chain_rule_written_out() -> None:
    x = Value(3.0, "x")
    y = x * 5.0
    y.name = "y"
    (y.tanh()).backward()
    lines = text(readable(gradient_graph(y, y * 2.0))).splitlines()
    assert [line[25:] for line in lines[1:]] == [
        "gradient of y = *",
        "├─ gradient of *",
        "└─ derivative of * by y",
    ]


@given(st.data())
def test_gradient_graphs_of_random_graphs(data: st.DataObject) -> None:
    nodes = [Value(0.5), Value(-0.3)]
    for _ in range(data.draw(st.integers(1, 20))):
        name = data.draw(st.sampled_from(["+", "-", "*", "tanh", "max"]))
        count = 1 if name == "tanh" else 2
        nodes.append(apply(name, *(nodes[data.draw(st.integers(0, len(nodes) - 1))] for _ in range(count))))
    nodes[-1].backward()
    for leaf in nodes[:2]:
        assert gradient_graph(leaf, nodes[-1]).data == pytest.approx(leaf.gradient, rel=1e-12, abs=1e-12)
    drawn = readable(nodes[-1], nodes=25)
    places = {id(each): place for place, each in enumerate(nodes_of(drawn))}
    for each in nodes_of(drawn):
        assert all(places[id(each)] < places[id(inner)] for inner in each.inputs)
    assert_no_overlap(drawn)


# --- Pictures ------------------------------------------------------------------------------------------------------


def assert_no_overlap(node: Node) -> None:
    boxes = [
        [float(box.attrib[name]) for name in ("x", "y", "width", "height")]
        for box in ElementTree.fromstring(svg(node)).iter(f"{SVG}rect")
        if "x" in box.attrib
    ]
    for i, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[i + 1 :]:
            apart = x + width <= other_x or other_x + other_width <= x
            assert apart or y + height <= other_y or other_y + other_height <= y


def test_svg_has_a_box_for_every_node_and_a_line_for_every_input() -> None:
    node = readable(small()[0])
    root = ElementTree.fromstring(svg(node))
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert {"loss = +", "-2.6727, gradient 1", "a", "0.1", "constant"} <= set(words)
    assert len(list(root.iter(f"{SVG}rect"))) == 1 + len(nodes_of(node))
    assert len(list(root.iter(f"{SVG}path"))) == sum(len(each.inputs) for each in nodes_of(node))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for box in root.iter(f"{SVG}rect"):
        if "x" in box.attrib:
            assert 0 <= float(box.attrib["x"]) <= width - float(box.attrib["width"])
            assert 0 <= float(box.attrib["y"]) <= height - float(box.attrib["height"])
    assert_no_overlap(node)


def test_names_are_escaped() -> None:
    node = readable(Value(1.0, 'a<b & "c" \\') + 1)
    words = [element.text for element in ElementTree.fromstring(svg(node)).iter(f"{SVG}text")]
    assert 'a<b & "c" \\' in words
    assert r'label="a<b & \"c\" \\\n1"' in dot(node)


def test_dot_names_every_node_and_edge() -> None:
    written = dot(readable(small()[0]))
    assert len(re.findall(r"^  n\d+ \[label=", written, re.MULTILINE)) == 9
    assert len(re.findall(r"^  n\d+ -> n\d+$", written, re.MULTILINE)) == 9
    assert r'[label="loss = +\n-2.6727, gradient 1"]' in written


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pydot itself
def test_another_reader_of_dot_reads_it() -> None:
    pydot: Any = pytest.importorskip("pydot", reason="reads DOT: install groundup[oracles]")
    for node in (readable(small()[0]), readable(Value(1.0, 'a<b & "c" \\') + 1)):
        (graph,) = pydot.graph_from_dot_data(dot(node))
        named = {each.get_name() for each in graph.get_nodes()} - {"node", "edge", "graph"}
        assert len(named) == len(nodes_of(node))
