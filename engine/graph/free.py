"""Values that a graph takes from around it: found, and made into inputs."""

from __future__ import annotations

from engine.graph.rewire import rewired
from engine.graph.values import Graph, Value


def free_values(graph: Graph) -> tuple[Value, ...]:
    """The values that are neither inputs, constants nor made by the graph's nodes, in the order of their first use."""
    known = {*graph.inputs, *(v for node in graph.nodes for v in node.outputs)}
    used = [v for node in graph.nodes for v in node.inputs] + list(graph.outputs)
    return tuple(dict.fromkeys(v for v in used if v.constant is None and v not in known))


def close(graph: Graph) -> tuple[Graph, tuple[Value, ...]]:
    """The graph with a further input for each value from around it, and these values."""
    captured = free_values(graph)
    if not captured:
        return graph, ()
    image = {v: Value(v.type, v.span) for v in captured}
    inputs = (*graph.inputs, *image.values())
    nodes = rewired(graph.nodes, image)
    return Graph(inputs, nodes, tuple(image.get(v, v) for v in graph.outputs)), captured
