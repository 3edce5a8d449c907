"""Control flow for interpreters that go node by node: which graph comes next, and what becomes of its outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.execute.tape import Rows
from engine.graph.loops import Parts
from engine.graph.values import Graph, Node

Inner = Callable[[Graph, Sequence[Any], int | None], Sequence[Any]]
"""`inner(graph, arguments, step)`: the outputs of a graph inside; `step` is that of the loop that it is the body of."""


def interpreted(node: Node, given: Sequence[Any], inner: Inner) -> list[Any]:
    """The outputs of a choice, a loop or a function with a rule of its own."""
    name = node.primitive.name
    if name == "choice":
        return list(inner(node.graphs[0 if bool(given[0]) else 1], given[1:], None))
    if name == "custom":
        return list(inner(node.graphs[0], given, None))
    parts = Parts.of(node)
    count = int(given[0]) if parts.bounded else None
    going = bool(given[parts.bounded]) if parts.conditional else True
    carried, reads, invariants = parts.divided(given)
    rows: list[Sequence[Any]] = []
    steps = 0
    while going and (count is None or steps < count):
        index = steps if not parts.backward or count is None else count - 1 - steps
        elements = [stack.at(index) for stack in reads]
        found = inner(parts.body, [np.int64(index), *carried, *elements, *invariants], steps)
        if parts.conditional:
            going = bool(found[0])
        carried = found[parts.conditional : parts.conditional + parts.carried]
        rows.append(found[parts.conditional + parts.carried :])
        steps += 1
    if parts.backward:
        rows.reverse()
    return [np.int64(steps), *carried, *[Rows([row[k] for row in rows]) for k in range(parts.writes)]]
