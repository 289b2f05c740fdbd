"""The `scalar` backend: every number is a node of a graph, and all gradients come from the graph.

Read `value` first. The rest makes of it a backend (`array`, `namespace`, `program`), and graphs that people can read
(`graph`, `drawing`, `explanations`).
"""

from groundup.backends.scalar.program import ScalarBackend
from groundup.backends.scalar.value import Value

__all__ = ["ScalarBackend", "Value"]
