"""Where a program states a derivative of its own, which differs from that of its values on purpose."""

from __future__ import annotations

from engine.graph.values import Graph


def overrides(graph: Graph) -> bool:
    """Whether there is such a place, also in the graphs inside."""
    return any(
        node.primitive.fields.get("overrides") or node.params.get("overrides") or any(map(overrides, node.graphs))
        for node in graph.nodes
    )
