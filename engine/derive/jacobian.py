"""Jacobians: a basis of tangents, or of cotangents, pushed or pulled through the graph in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from engine.derive.batch import batched
from engine.derive.forward import jvp
from engine.derive.reverse import vjp
from engine.errors import Limit, LimitExceeded
from engine.graph.build import Builder
from engine.graph.inline import inline
from engine.graph.types import Array, Shape
from engine.graph.values import Graph, Value, with_outputs
from engine.limits import Budget, Limits
from engine.primitives.shape import reshape, strided, transpose

Mode = Literal["forward", "reverse"]


def cheaper_mode(graph: Graph, wrt: Sequence[int]) -> Mode:
    """Forward costs a pass per number that goes in, reverse one per number that comes out; reverse passes cost more."""
    into = sum(graph.inputs[i].type.size for i in wrt)
    out = sum(v.type.size for v in graph.outputs)
    return "forward" if into <= 2 * out else "reverse"


def jacobian(
    graph: Graph,
    wrt: Sequence[int],
    mode: Mode | None = None,
    limits: Limits | None = None,
    budget: Budget | None = None,
) -> Graph:
    """The graph inputs → (outputs, then for each output its derivative in each input of `wrt`).

    All outputs are real.  A derivative has the shape of the output followed by that of the input.
    """
    mode = mode or cheaper_mode(graph, wrt)
    derive = _forward if mode == "forward" else _reverse
    return derive(graph, wrt, limits or Limits(), budget)


def _forward(graph: Graph, wrt: Sequence[int], limits: Limits, budget: Budget | None) -> Graph:
    sources = [graph.inputs[i] for i in wrt]
    pushed = jvp(graph, wrt, limits, budget)
    tangents = with_outputs(pushed, pushed.outputs[len(graph.outputs) :])
    bases = _bases([v.shape for v in sources], limits)
    flags = [False] * len(graph.inputs) + [True] * len(wrt)
    many, _ = batched(tangents, flags, bases[0].shape[0], limits, budget)
    with Builder(limits, budget, start=graph, derived=True) as builder:
        columns = inline(many, dict(zip(many.inputs, [*graph.inputs, *map(builder.constant, bases)], strict=True)))
        parts: list[Value] = []
        for output, column in zip(graph.outputs, columns, strict=True):
            start = 0
            for source in sources:
                block = _rows(column, start, source.type.size)
                axes = (*range(1, block.rank), 0)
                parts.append(reshape(transpose(block, axes=axes), shape=output.shape + source.shape))
                start += source.type.size
        return builder.finish([*graph.outputs, *parts])


def _reverse(graph: Graph, wrt: Sequence[int], limits: Limits, budget: Budget | None) -> Graph:
    sources = [graph.inputs[i] for i in wrt]
    pulled = vjp(graph, wrt, limits, budget)
    cotangents = with_outputs(pulled, pulled.outputs[len(graph.outputs) :])
    bases = _bases([v.shape for v in graph.outputs], limits)
    flags = [False] * len(graph.inputs) + [True] * len(graph.outputs)
    many, _ = batched(cotangents, flags, bases[0].shape[0], limits, budget)
    with Builder(limits, budget, start=graph, derived=True) as builder:
        rows = inline(many, dict(zip(many.inputs, [*graph.inputs, *map(builder.constant, bases)], strict=True)))
        parts: list[Value] = []
        start = 0
        for output in graph.outputs:
            for source, row in zip(sources, rows, strict=True):
                parts.append(reshape(_rows(row, start, output.type.size), shape=output.shape + source.shape))
            start += output.type.size
        return builder.finish([*graph.outputs, *parts])


def _rows(value: Value, start: int, count: int) -> Value:
    return strided(value, slices=((start, count, 1), *((0, n, 1) for n in value.shape[1:])))


def _bases(shapes: Sequence[Shape], limits: Limits) -> list[Array]:
    """For several arrays, the unit vectors of all their components together: one array of (total, *shape) for each."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    total = sum(sizes)
    if total * max(sizes, default=0) * 8 > limits.array_bytes:
        raise LimitExceeded(
            f"The derivative would need {total:,} passes over {max(sizes):,} numbers at once.",
            limit=Limit("array_bytes", limits.array_bytes, total * max(sizes) * 8),
            hint="Ask for products with it instead: /jvp, /vjp or /hvp.",
        )
    bases, start = [], 0
    for shape, size in zip(shapes, sizes, strict=True):
        basis = np.zeros((total, size))
        basis[start : start + size] = np.eye(size)
        bases.append(basis.reshape(total, *shape))
        start += size
    return bases
