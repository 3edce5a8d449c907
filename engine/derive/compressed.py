"""Derivatives by few passes: coloured elements move together, and each entry is read where it stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.derive.batch import batched
from engine.derive.colouring import Plan
from engine.derive.forward import jvp
from engine.derive.reverse import vjp
from engine.errors import Limit, LimitExceeded
from engine.graph.build import Builder
from engine.graph.inline import inline
from engine.graph.types import Array, Shape
from engine.graph.values import Graph, Value, with_outputs
from engine.limits import Budget, Limits
from engine.primitives.indexing import gather, scatter_add
from engine.primitives.shape import concatenate, reshape, zeros_of


@dataclass(frozen=True, slots=True)
class Block:
    """The derivative of one output in one input: the flat indices of its entries, and which of a plan's they are."""

    shape: tuple[int, int]
    rows: Array
    columns: Array
    entries: Array


def blocks(plan: Plan, outputs: Sequence[int], inputs: Sequence[int]) -> list[list[Block]]:
    """The blocks of a plan by output and input, whose sizes are given."""
    found, row = [], 0
    for height in outputs:
        line, column = [], 0
        inside = (plan.rows >= row) & (plan.rows < row + height)
        for width in inputs:
            here = np.flatnonzero(inside & (plan.columns >= column) & (plan.columns < column + width))
            line.append(Block((height, width), plan.rows[here] - row, plan.columns[here] - column, here))
            column += width
        found.append(line)
        row += height
    return found


def compressed(
    graph: Graph,
    wrt: Sequence[int],
    plan: Plan,
    *,
    dense: bool,
    limits: Limits | None = None,
    budget: Budget | None = None,
) -> Graph:
    """The graph inputs → (outputs, then for each output and each input of `wrt` the entries of their block).

    All outputs are real.  With `dense` a block has the shape of the output and then that of the input; otherwise it is
    the row of its entries in the order of `blocks`.
    """
    limits = limits or Limits()
    sources = [graph.inputs[i] for i in wrt]
    ways = [(plan.forward, plan.colours[0]), (plan.reverse, plan.colours[1])]
    products: list[Value] = []
    with Builder(limits, budget, start=graph) as builder:
        for (colours, count), derive, moved in zip(ways, (jvp, vjp), (sources, graph.outputs), strict=True):
            if not count:
                continue
            derived = derive(graph, wrt, limits, budget)
            wanted = with_outputs(derived, derived.outputs[len(graph.outputs) :])
            seeds = _seeds(colours, count, [v.shape for v in moved], limits)
            flags = [False] * len(graph.inputs) + [True] * len(moved)
            many, _ = batched(wanted, flags, count, limits, budget)
            given = [*graph.inputs, *map(builder.constant, seeds)]
            found = inline(many, dict(zip(many.inputs, given, strict=True)))
            rows = [reshape(v, shape=(count, v.type.size // count)) for v in found]
            together = rows[0] if len(rows) == 1 else concatenate(*rows, axis=1)
            products.append(reshape(together, shape=(together.type.size,)))
        flat = products[0] if len(products) == 1 else concatenate(*products, axis=0) if products else None
        places = _places(plan)
        parts: list[Value] = []
        by_output = blocks(plan, [v.type.size for v in graph.outputs], [v.type.size for v in sources])
        for output, line in zip(graph.outputs, by_output, strict=True):
            for source, block in zip(sources, line, strict=True):
                shape = output.shape + source.shape
                if flat is None or not len(block.entries):
                    parts.append(zeros_of(shape if dense else (0,)))
                    continue
                values = gather(flat, builder.constant(places[block.entries], "int"))
                parts.append(_spread(values, block, shape, builder) if dense else values)
        return builder.finish([*graph.outputs, *parts])


def _spread(values: Value, block: Block, shape: Shape, builder: Builder) -> Value:
    height, width = block.shape
    size, most = 8 * height * width, builder.limits.array_bytes
    if size > most:
        raise LimitExceeded(
            f"The derivative has {height:,} by {width:,} numbers, {size:,} bytes.",
            limit=Limit("array_bytes", most, size),
            hint='Most are 0: ask for the others with "format": "coo", or for products with /jvp, /vjp or /hvp.',
        )
    where = builder.constant(block.rows * width + block.columns, "int")
    return reshape(scatter_add(values, where, shape=(height * width,)), shape=shape)


def _places(plan: Plan) -> Array:
    """Where each entry is among the elements of the forward products, pass by pass, and then of the reverse ones."""
    height, width = plan.shape
    forward = plan.forward[plan.read_columns] * height + plan.read_rows
    reverse = plan.colours[0] * height + plan.reverse[plan.read_rows] * width + plan.read_columns
    return np.where(plan.backward, reverse, forward)


def _seeds(colours: Array, count: int, shapes: Sequence[Shape], limits: Limits) -> list[Array]:
    """For several arrays, one array of (count, *shape) each: in pass c, 1 at the elements of colour c."""
    if count * len(colours) * 8 > limits.array_bytes:
        raise LimitExceeded(
            f"The derivative would need {count:,} passes over {len(colours):,} numbers at once.",
            limit=Limit("array_bytes", limits.array_bytes, count * len(colours) * 8),
            hint="Ask for products with it instead: /jvp, /vjp or /hvp.",
        )
    seeds, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        own = colours[start : start + size]
        seed = np.zeros((count, size))
        seed[own[own >= 0], np.flatnonzero(own >= 0)] = 1.0
        seeds.append(seed.reshape(count, *shape))
        start += size
    return seeds
