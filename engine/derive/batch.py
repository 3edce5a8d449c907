"""Batching: from the graph of a function of one point to the graph of the same function of many points at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.errors import Unsupported
from engine.graph.build import Builder
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.limits import Budget, Limits
from engine.primitives.record import with_batch


def batched(
    graph: Graph, flags: Sequence[bool], size: int, limits: Limits | None = None, budget: Budget | None = None
) -> tuple[Graph, Mapping[Value, Value]]:
    """The graph in which the flagged inputs, and all outputs, have a leading axis of `size` points.

    Also tells which value of the new graph stands for which of the old one.
    """
    with Builder(limits, budget) as builder:
        image: dict[Value, tuple[Value, bool]] = {}
        for value, flag in zip(graph.inputs, flags, strict=True):
            type = Type(value.type.dtype, (size, *value.shape)) if flag else value.type
            image[value] = (builder.input(type, value.span), flag)

        def mapped(value: Value) -> tuple[Value, bool]:
            if value.constant is not None:
                return value, False
            return image[value]

        for node in graph.nodes:
            pairs = [mapped(v) for v in node.inputs]
            inputs, marks = [p[0] for p in pairs], [p[1] for p in pairs]
            builder.span = node.span
            if not any(marks):
                outputs: Sequence[Value] = builder.emit(node.primitive, inputs, node.params, node.graphs)
            elif node.primitive.batch is None:
                raise Unsupported(f"{node.primitive.name} cannot be evaluated in batches.", span=node.span)
            else:
                outputs = node.primitive.batch(node, inputs, marks, size)
            for old, new in zip(node.outputs, outputs, strict=True):
                image[old] = (new, any(marks))
        results = []
        for value in graph.outputs:
            new, flag = mapped(value)
            results.append(with_batch(new, flag, size))
        return builder.finish(results), {old: new for old, (new, _) in image.items()}
