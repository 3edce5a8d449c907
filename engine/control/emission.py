"""Nodes of control flow, emitted into the current builder from graphs that may use values from around them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.graph.build import Builder, current
from engine.graph.free import close
from engine.graph.loops import Parts
from engine.graph.registry import PRIMITIVES
from engine.graph.rewire import rewired
from engine.graph.values import Graph, Node, Value, depends_on, live_nodes


def emit_choice(predicate: Value, then: Graph, otherwise: Graph) -> tuple[Value, ...]:
    """The outputs of one of two graphs without inputs, both of which may use values from around them."""
    captured = tuple(dict.fromkeys((*close(then)[1], *close(otherwise)[1])))
    both = [_closed_over(graph, captured) for graph in (then, otherwise)]
    builder = current()
    builder.in_place = True
    return builder.emit(PRIMITIVES["choice"], [predicate, *captured], {}, tuple(both))


def _closed_over(graph: Graph, captured: Sequence[Value]) -> Graph:
    """The graph with inputs for all of these values, whether it uses them or not."""
    closed, own = close(graph)
    made = dict(zip(own, closed.inputs[len(graph.inputs) :], strict=True))
    inputs = [made.get(v) or Value(v.type, v.span) for v in captured]
    return Graph((*graph.inputs, *inputs), closed.nodes, closed.outputs)


def emit_loop(parts: Parts, head: Sequence[Value], carried: Sequence[Value], reads: Sequence[Value]) -> Node:
    """The node of a loop whose body may use values from around it.  What does not change in it is moved out."""
    body = _hoisted(parts.body)
    body, captured = close(body)
    builder = current()
    builder.in_place = True
    params = parts.params
    outputs = builder.emit(PRIMITIVES["loop"], [*head, *carried, *reads, *captured], params, (body,))
    node = outputs[0].node
    assert node is not None
    return node


def _hoisted(body: Graph) -> Graph:
    """The body without the nodes that depend on values from around it alone, which are emitted there.

    Only what can neither fail nor cost much for nothing is moved: a loop may take no step at all.
    """
    moving = depends_on(body.nodes, set(body.inputs))
    still = [n for n in body.nodes if not n.graphs and not n.effect and not any(v in moving for v in n.inputs)]
    still = [n for n in still if n.primitive.kind in ("elementwise", "linear") and not _may_fail(n)]
    if not still:
        return body
    # In order: a node is moved only if what it uses is.
    builder = current()
    image: dict[Value, Value] = {}
    made = {v for n in body.nodes for v in n.outputs}
    for node in still:
        if any(v in made and v not in image for v in node.inputs):
            continue
        builder.follow(node)
        outputs = builder.emit(node.primitive, [image.get(v, v) for v in node.inputs], node.params)
        image.update(zip(node.outputs, outputs, strict=True))
    kept = [n for n in body.nodes if n.outputs[0] not in image]
    nodes = rewired(kept, image)
    outputs = tuple(image.get(v, v) for v in body.outputs)
    return Graph(body.inputs, live_nodes(nodes, outputs), outputs)


def _may_fail(node: Node) -> bool:
    """Whether it checks its arguments: indices, and integers that may grow too large."""
    return node.outputs[0].type.dtype == "int" or any(v.type.dtype == "int" for v in node.inputs)


def builder_for(graph: Graph, derived: bool = False) -> Builder:
    """A builder inside the current one that goes on with a graph."""
    outer = current()
    inner = Builder(outer.limits, outer.budget, start=graph, derived=derived or outer.derived)
    inner.in_place = True
    inner.span = outer.span
    return inner
