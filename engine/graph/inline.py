"""One graph inside another that is being built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.graph.build import current
from engine.graph.values import Graph, Value


def inline(graph: Graph, inputs: Mapping[Value, Value]) -> list[Value]:
    """Emit a graph's nodes into the current builder with its inputs replaced; the images of its outputs.

    What the builder already has is shared and not computed twice.
    """
    builder = current()
    image: dict[Value, Value] = dict(inputs)

    def mapped(values: Sequence[Value]) -> list[Value]:
        # What is neither a constant nor known here comes from around the graph, and is there too.
        return [image.get(v, v) for v in values]

    before = builder.span, builder.derived
    for node in graph.nodes:
        builder.follow(node)
        outputs = builder.emit(node.primitive, mapped(node.inputs), node.params, node.graphs)
        image.update(zip(node.outputs, outputs, strict=True))
    builder.span, builder.derived = before
    return mapped(graph.outputs)
