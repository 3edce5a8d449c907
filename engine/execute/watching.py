"""Which nodes of a function are watched for kinks and ties: those at which a derivative may turn on them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.execute.compile import COMPARISONS, may_kink
from engine.graph.loops import Parts
from engine.graph.values import Graph, Node, depends_on


def watched(graph: Graph, wrt: Sequence[int]) -> frozenset[Node]:
    """Nodes of the function, in whatever graph, with kinks or comparisons of values that are being differentiated.

    A kink of a value that goes nowhere but into comparisons is none of the function's.
    """
    if not wrt:
        return frozenset()
    active = depends_on(graph.nodes, {graph.inputs[i] for i in wrt})
    carrying = _carrying(graph)
    found: set[Node] = set()
    for node in graph.nodes:
        moving = [v in active for v in node.inputs]
        if node.primitive.name == "custom" or not any(moving):
            continue  # what a function with a rule of its own does inside is not differentiated
        if node.graphs:
            found |= _inside(node, moving)
        elif not node.derived and may_kink(node) and (node.primitive.kink is None or node in carrying):
            found.add(node)
    return frozenset(found)


def _carrying(graph: Graph) -> set[Node]:
    """The nodes whose numbers lead to an output, and not into comparisons alone."""
    useful = set(graph.outputs)
    found: set[Node] = set()
    for node in reversed(graph.nodes):
        if any(v in useful for v in node.outputs):
            found.add(node)
            if node.primitive.name not in COMPARISONS:
                useful.update(node.inputs)
    return found


def _inside(node: Node, moving: Sequence[bool]) -> frozenset[Node]:
    if node.primitive.name == "choice":
        numbers = [i - 1 for i, flag in enumerate(moving) if flag and i]
        return frozenset[Node]().union(*[watched(graph, numbers) for graph in node.graphs])
    # Whatever is carried may depend, after some steps, on what is differentiated.
    parts = Parts.of(node)
    inside = [1 + i - parts.head for i, flag in enumerate(moving) if flag and i >= parts.head]
    carried = [1 + k for k, v in enumerate(parts.body.inputs[1 : 1 + parts.carried]) if v.type.dtype == "real"]
    return watched(parts.body, sorted({*inside, *carried}))


def kinks(graph: Graph) -> frozenset[Node]:
    """The nodes that are watched when everything real is differentiated."""
    return watched(graph, [i for i, v in enumerate(graph.inputs) if v.type.dtype == "real"])
