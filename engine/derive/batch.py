"""Batching: from the graph of a function of one point to the graph of the same function of many points at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.errors import Unsupported
from engine.graph.build import Builder, current
from engine.graph.free import close
from engine.graph.inline import inline
from engine.graph.loops import INDEX, Parts
from engine.graph.registry import PRIMITIVES
from engine.graph.values import Graph, Value
from engine.limits import Budget, Limits
from engine.primitives.arithmetic import cast
from engine.primitives.indexing import gather
from engine.primitives.record import with_batch
from engine.primitives.regions import put
from engine.primitives.shape import broadcast_to

Flagged = tuple[Value, bool]
"""What stands for a value at all points, and whether it has an axis over them."""


class NotTogether(Exception):
    """The points cannot be done at once, because control flow differs between them."""


def batched(
    graph: Graph, flags: Sequence[bool], size: int, limits: Limits | None = None, budget: Budget | None = None
) -> tuple[Graph, Mapping[Value, Value]]:
    """The graph in which the flagged inputs, and all outputs, have a leading axis of `size` points.

    Also tells which value of the new graph stands for which of the old one.  Where the points cannot be done at once,
    the new graph is a loop over them.
    """
    try:
        return _together(graph, flags, size, limits, budget)
    except NotTogether:
        return _in_turn(graph, flags, size, limits, budget), {}


def _together(
    graph: Graph, flags: Sequence[bool], size: int, limits: Limits | None, budget: Budget | None
) -> tuple[Graph, Mapping[Value, Value]]:
    with Builder(limits, budget) as builder:
        builder.in_place = any(n.graphs for n in graph.nodes)
        image: dict[Value, Flagged] = {}
        for value, flag in zip(graph.inputs, flags, strict=True):
            type = value.type._replace(shape=(size, *value.shape)) if flag else value.type
            image[value] = (builder.input(type, value.span), flag)
        found = batched_nodes(graph, image, size)
        finished = builder.finish([with_batch(value, flag, size) for value, flag in found])
        return finished, {old: new for old, (new, _) in image.items()}


def batched_nodes(graph: Graph, image: dict[Value, Flagged], size: int) -> list[Flagged]:
    """The outputs of a graph at all points, emitted into the current builder.

    `image` has the inputs, and is extended by every value.  Raises `NotTogether`.
    """
    builder = current()

    def mapped(value: Value) -> Flagged:
        return image.get(value, (value, False))

    for node in graph.nodes:
        pairs = [mapped(v) for v in node.inputs]
        inputs, marks = [p[0] for p in pairs], [p[1] for p in pairs]
        builder.follow(node)
        if not any(marks):
            plain = builder.emit(node.primitive, inputs, node.params, node.graphs)
            image.update((old, (new, False)) for old, new in zip(node.outputs, plain, strict=True))
        elif node.primitive.batch is None:
            raise Unsupported(f"{node.primitive.name} cannot be evaluated in batches.", span=node.span)
        else:
            outputs = node.primitive.batch(node, inputs, marks, size)
            for old, new in zip(node.outputs, outputs, strict=True):
                image[old] = new if isinstance(new, tuple) else (new, True)
    return [mapped(v) for v in graph.outputs]


def _in_turn(graph: Graph, flags: Sequence[bool], size: int, limits: Limits | None, budget: Budget | None) -> Graph:
    """A loop over the points that fills the outputs one by one."""
    with Builder(limits, budget) as builder:
        own = [
            builder.input(v.type._replace(shape=(size, *v.shape)) if flag else v.type, v.span)
            for v, flag in zip(graph.inputs, flags, strict=True)
        ]
        start = [
            broadcast_to(cast(builder.constant(0, "int"), dtype=v.type.dtype), shape=(size, *v.shape))
            for v in graph.outputs
        ]
        with builder.child() as inner:
            index = inner.input(INDEX)
            filled = [inner.input(v.type) for v in start]
            point = [gather(v, index) if flag else v for v, flag in zip(own, flags, strict=True)]
            found = inline(graph, dict(zip(graph.inputs, point, strict=True)))
            left = []
            for whole, one in zip(filled, found, strict=True):
                region = (None, *((0, n, 1) for n in one.shape))
                left.append(put(whole, one, index, region=region))
            body = inner.finish(left)
        closed, captured = close(body)
        parts = Parts(closed, True, False, False, len(start), 0)
        inputs = [builder.constant(size, "int"), *start, *captured]
        outputs = builder.emit(PRIMITIVES["loop"], inputs, parts.params, (closed,))
        return builder.finish(outputs[1:])
