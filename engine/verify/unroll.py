"""A program as the straight line of what it does at one point: every loop written out, every choice made.

What can only look at operations one after the other, sympy and the diagnosis of mistakes, looks at this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import LimitExceeded
from engine.execute.compile import bind
from engine.execute.interpret import interpreted
from engine.execute.tape import Rows
from engine.graph.build import Builder
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget, Limits

MOST_NODES = 3000
"""Longer programs are not written out."""


@dataclass(frozen=True, slots=True)
class _Traced:
    """A number or array, and the value that stands for it in the straight line."""

    array: Any
    value: Value

    def __bool__(self) -> bool:
        return bool(self.array)

    def __int__(self) -> int:
        return int(self.array)


def has_control(graph: Graph) -> bool:
    """Whether there is anything to write out."""
    return any(node.graphs for node in graph.nodes)


def unrolled(
    graph: Graph, arguments: Sequence[Any], limits: Limits | None = None, budget: Budget | None = None
) -> Graph:
    """The graph of the operations that run at this point, in their order, without control flow.

    Raises `LimitExceeded` for more than `MOST_NODES`, and what running the graph raises.
    """
    with Builder(limits, budget) as builder, np.errstate(all="ignore"):
        inputs = [builder.input(v.type, v.span) for v in graph.inputs]
        given = [_Traced(a, v) for a, v in zip(arguments, inputs, strict=True)]
        outputs = _run(graph, given, builder, budget)
        return builder.finish([t.value for t in outputs])


def _run(graph: Graph, given: Sequence[Any], builder: Builder, budget: Budget | None) -> list[Any]:
    known: dict[Value, Any] = dict(zip(graph.inputs, given, strict=True))

    def read(value: Value) -> Any:
        return _Traced(value.constant, value) if value.constant is not None else known[value]

    def inner(inside: Graph, arguments: Sequence[Any], step: int | None) -> Sequence[Any]:
        found = [a if isinstance(a, _Traced | Rows) else _Traced(a, builder.constant(a, "int")) for a in arguments]
        return _run(inside, found, builder, budget)

    for node in graph.nodes:
        if budget is not None:
            budget.check()
        if node.graphs:
            results = interpreted(node, [read(v) for v in node.inputs], inner)
            known.update(zip(node.outputs, [_lifted(r, builder) for r in results], strict=True))
        elif not node.effect:
            known.update(zip(node.outputs, _step(node, [read(v) for v in node.inputs], builder), strict=True))
        if len(builder.nodes) > MOST_NODES:
            raise LimitExceeded(f"written out, the program has more than {MOST_NODES:,} operations")
    return [read(v) for v in graph.outputs]


def _lifted(result: Any, builder: Builder) -> Any:
    return result if isinstance(result, _Traced | Rows) else _Traced(result, builder.constant(result, "int"))


def _step(node: Node, given: Sequence[_Traced], builder: Builder) -> list[_Traced]:
    result = bind(node)(*[t.array for t in given])
    results = result if len(node.outputs) > 1 else (result,)
    builder.follow(node)
    values = builder.emit(node.primitive, [t.value for t in given], node.params)
    return [_Traced(array, value) for array, value in zip(results, values, strict=True)]
