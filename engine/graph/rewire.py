"""Nodes with other inputs: what becomes of a graph when some of its values are replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.graph.order import in_order
from engine.graph.values import Graph, Node, Value


def rewired(nodes: Iterable[Node], image: dict[Value, Value]) -> tuple[Node, ...]:
    """The nodes with every value in `image` replaced; what has become of their outputs is entered there."""
    found = []
    for node in nodes:
        inputs = tuple([image.get(v, v) for v in node.inputs])
        if inputs == node.inputs:
            found.append(node)
            continue
        types = tuple(v.type for v in node.outputs)
        made = Node(node.primitive, inputs, node.params, node.graphs, types, node.span, node.derived)
        image.update(zip(node.outputs, made.outputs, strict=True))
        found.append(made)
    return tuple(found)


def superseded(
    inputs: Sequence[Value],
    nodes: Sequence[Node],
    outputs: Sequence[Value],
    by: Mapping[Node, tuple[Value, ...]],
) -> tuple[Graph, Mapping[Value, Value]]:
    """The graph of the outputs in which values stand for those of superseded nodes, and what became of each value."""
    own = set(nodes)

    def current(value: Value) -> Value:
        while value.node is not None and value.node in by:
            value = by[value.node][value.index]
        return value

    def makers(node: Node) -> list[Node]:
        return [maker for v in node.inputs if (maker := current(v).node) is not None and maker in own]

    wanted = {current(v).node for v in outputs}
    ordered = in_order([n for n in nodes if n not in by and (n.effect or n in wanted)], makers)
    image: dict[Value, Value] = {}
    replaced = [v for node in by for v in node.outputs]
    kept: list[Node] = []
    for node in ordered:
        # What stands for a superseded value may itself have been made anew.
        image.update((v, image.get(current(v), current(v))) for v in node.inputs if v.node in by)
        kept += rewired([node], image)
    image.update((v, image.get(current(v), current(v))) for v in replaced)
    return Graph(tuple(inputs), tuple(kept), tuple(image.get(v, v) for v in outputs)), image
