"""A readable graph as text, as a picture (SVG), and for Graphviz (DOT)."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from groundup.backends.scalar.graph import Node, nodes_of

COLUMN = 11  # characters of a number in the text
ROW, BOX, GAP, MARGIN = 58, 44, 60, 12  # pixels, in the picture
LETTER = 7.2  # pixels that one letter is wide at most


def text(root: Node) -> str:
    """Draw a graph as a tree of lines: value, gradient, and below each number what it was made of.

    A number used in several places is drawn below the first; elsewhere it says "as above".
    """
    gradient = "" if root.gradient is None else "gradient"
    lines = [f"{'value':>{COLUMN}} {gradient:>{COLUMN}}", *_lines(root)]
    return "\n".join(line.rstrip() for line in lines)


def _lines(root: Node) -> Iterator[str]:
    drawn: set[int] = set()
    waiting: list[tuple[Node | str, str, str]] = [(root, "", "")]  # a node or a remark; the indents of it, below it
    while waiting:
        node, indent, below = waiting.pop()
        if isinstance(node, str):
            yield f"{'':{2 * COLUMN + 1}}  {indent}{node}"
            continue
        above = id(node) in drawn and bool(node.inputs)
        drawn.add(id(node))
        yield f"{_number(node.value)} {_number(node.gradient)}  {indent}{_title(node)}{' (as above)' if above else ''}"
        members: list[Node | str] = [] if above else [*node.inputs, *_remarks(node)]
        for place, each in reversed(list(enumerate(members, 1))):
            last = place == len(members)
            waiting.append((each, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")))


def dot(root: Node) -> str:
    """Write a graph in Graphviz's language DOT."""
    numbered = {id(node): f"n{place}" for place, node in enumerate(nodes_of(root))}
    lines = ["digraph {", "  rankdir=LR", '  node [shape=box, style=rounded, fontname="sans-serif"]']
    for node in nodes_of(root):
        words = "\\n".join(_quoted(line) for line in _box_lines(node))
        lines.append(f'  {numbered[id(node)]} [label="{words}"]')
    for node in nodes_of(root):
        lines += [f"  {numbered[id(each)]} -> {numbered[id(node)]}" for each in node.inputs]
    return "\n".join([*lines, "}", ""])


def svg(root: Node) -> str:
    """Draw a graph as a picture that any browser shows: inputs on the left, the result on the right."""
    nodes = nodes_of(root)
    places = _layout(nodes)
    width = max(len(line) for node in nodes for line in _box_lines(node)) * LETTER + 16
    columns = max(column for column, _ in places.values())
    at = {
        key: (MARGIN + (columns - column) * (width + GAP), MARGIN + row * ROW) for key, (column, row) in places.items()
    }
    right, bottom = max(x for x, _ in at.values()) + width, max(y for _, y in at.values()) + BOX
    edges = [_edge(at[id(each)], at[id(node)], width) for node in nodes for each in node.inputs]
    boxes = [_box(node, *at[id(node)], width) for node in nodes]
    size = f'width="{right + MARGIN:.0f}" height="{bottom + MARGIN:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *edges, *boxes, "</svg>", ""])


def _layout(nodes: list[Node]) -> dict[int, tuple[int, float]]:
    """Return column and row of each node, by its id.

    The column is the longest way to the result. Each node without inputs takes a row of its own, and each other node
    stands at the middle of those inputs that hang on it alone: then no two boxes overlap.
    """
    root = nodes[0]
    columns = {id(root): 0}
    for node in nodes:
        for each in node.inputs:
            columns[id(each)] = max(columns.get(id(each), 0), columns[id(node)] + 1)
    rows: dict[int, float] = {}
    own: dict[int, list[Node]] = {}
    taken = {id(root)}
    for node in nodes:
        own[id(node)] = []
        for each in node.inputs:
            if id(each) not in taken:
                taken.add(id(each))
                own[id(node)].append(each)
    free = 0
    waiting = [(root, False)]
    while waiting:
        node, are_inputs_done = waiting.pop()
        if are_inputs_done:
            hanging = [rows[id(each)] for each in own[id(node)]]
            rows[id(node)] = sum(hanging) / len(hanging)
        elif own[id(node)]:
            waiting += [(node, True), *((each, False) for each in reversed(own[id(node)]))]
        else:
            rows[id(node)] = free
            free += 1
    return {key: (column, rows[key]) for key, column in columns.items()}


def _box(node: Node, x: float, y: float, width: float) -> str:
    colour = "#fff3d6" if node.operation else "#eeeeee" if node.label == "constant" else "#dcebff"
    frame = f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BOX}" rx="6" fill="{colour}" stroke="#666"/>'
    lines = _box_lines(node)
    first = y + BOX / 2 + 4 - 6.5 * (len(lines) - 1)
    words = [
        f'<text x="{x + width / 2:.1f}" y="{first + 13 * place:.1f}" text-anchor="middle">{escape(line)}</text>'
        for place, line in enumerate(lines)
    ]
    return frame + "".join(words)


def _edge(start: tuple[float, float], end: tuple[float, float], width: float) -> str:
    x, y = start[0] + width, start[1] + BOX / 2
    to_x, to_y = end[0], end[1] + BOX / 2
    middle = (x + to_x) / 2
    curve = f"M{x:.1f},{y:.1f} C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}"
    return f'<path d="{curve}" fill="none" stroke="#999"/>'


def _box_lines(node: Node) -> list[str]:
    """Return what stands in a node's box."""
    gradient = "" if node.gradient is None else f", gradient {node.gradient:.3g}"
    return [_title(node), f"{node.value:.5g}{gradient}", *_remarks(node)]


def _title(node: Node) -> str:
    """Return a node's name and what made it."""
    if not node.operation or node.label == node.operation:
        return node.label
    return f"{node.label} = {node.operation}"


def _remarks(node: Node) -> list[str]:
    """Return what to say of the inputs that are not shown."""
    if not node.more:
        return []
    if not node.inputs:
        return [f"made of {node.more}"]
    return [f"and {node.more} more, together {node.rest:.4g}"]


def _number(number: float | None) -> str:
    return f"{'' if number is None else f'{number:.5g}':>{COLUMN}}"


def _quoted(line: str) -> str:
    return line.replace("\\", "\\\\").replace('"', '\\"')
