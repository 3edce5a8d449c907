"""Where a program states a derivative of its own, which differs from that of its values on purpose."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from engine.graph.values import Graph, Node, Value, depends_on
from engine.source.text import locate


def overrides(graph: Graph, sources: Collection[Value] | None = None) -> bool:
    """Whether there is such a place, also in the graphs inside; of these inputs, if they are given."""
    return any(True for _ in _places(graph, sources))


def stated(graph: Graph, sources: Collection[Value], text: str) -> str | None:
    """What is to be said of the first such place that the derivative in these inputs goes through."""
    spans = [node.span for node in _places(graph, sources)]
    if not spans:
        return None
    known = sorted((span for span in spans if span is not None), key=lambda span: span.start)
    where = f" at line {locate(text, known[0]).line}" if known else ""
    return f"a derivative of its own is stated{where}, which is not that of the values"


def _places(graph: Graph, sources: Collection[Value] | None) -> Iterator[Node]:
    active = None if sources is None else depends_on(graph.nodes, set(sources))
    for node in graph.nodes:
        if active is not None and not any(v in active for v in node.inputs):
            continue
        if node.primitive.fields.get("overrides") or node.params.get("overrides"):
            yield node
        else:
            for inner in node.graphs:
                yield from _places(inner, None)
