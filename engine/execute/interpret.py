"""Control flow for interpreters that go node by node: which graph comes next, and what becomes of its outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.execute.tape import Column, Row, Rows, Run, Tape
from engine.graph.loops import Parts
from engine.graph.values import Graph, Node

Inner = Callable[[Graph, Sequence[Any], int | None], Sequence[Any]]
"""`inner(graph, arguments, step)`: the outputs of a graph inside; `step` is that of the loop that it is the body of."""


def interpreted(node: Node, given: Sequence[Any], inner: Inner, run: Run | None = None) -> list[Any]:
    """The outputs of a choice, a loop or a function with a rule of its own.

    With a `run`, what a loop leaves is kept on a tape of it, and so within its bound of memory.
    """
    name = node.primitive.name
    if name == "choice":
        return list(inner(node.graphs[0 if bool(given[0]) else 1], given[1:], None))
    if name == "custom":
        return list(inner(node.graphs[0], given, None))
    parts = Parts.of(node)
    count = int(given[0]) if parts.bounded else None
    going = bool(given[parts.bounded]) if parts.conditional else True
    carried, reads, invariants = parts.divided(given)

    def step(number: int, carried: Sequence[Any]) -> Sequence[Any]:
        index = number if not parts.backward or count is None else count - 1 - number
        elements = [stack.at(index) for stack in reads]
        return inner(parts.body, [np.int64(index), *carried, *elements, *invariants], number)

    def again(first: int, number: int, carried: Sequence[Any], keep: bool) -> tuple[list[Row], Sequence[Any]]:
        rows: list[Row] = []
        for i in range(first, first + number):
            found = step(i, carried)
            carried = found[parts.conditional : parts.conditional + parts.carried]
            if keep:
                rows.append(tuple(found[parts.conditional + parts.carried :]))
        return rows, carried

    rows: list[Row] = []
    tape = Tape(run, again, *row_and_start_bytes(parts), parts.backward) if run is not None and parts.writes else None
    steps = 0
    while going and (count is None or steps < count):
        if tape is not None and tape.full:
            tape.open(carried)
        found = step(steps, carried)
        if parts.conditional:
            going = bool(found[0])
        carried = found[parts.conditional : parts.conditional + parts.carried]
        (rows.append if tape is None else tape.add)(tuple(found[parts.conditional + parts.carried :]))
        steps += 1
    if tape is not None:
        return [np.int64(steps), *carried, *[Column(tape, k) for k in range(parts.writes)]]
    if parts.backward:
        rows.reverse()
    return [np.int64(steps), *carried, *[Rows([row[k] for row in rows]) for k in range(parts.writes)]]


def row_and_start_bytes(parts: Parts) -> tuple[int, int]:
    """What a row of a loop's tape takes, and what the start of a segment does."""
    _, written = parts.left()
    own, _, _ = parts.in_body(parts.body.inputs)
    return sum(v.type.bytes + 48 for v in written if not v.type.stacked), sum(v.type.bytes + 48 for v in own)
