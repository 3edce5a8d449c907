"""A program as the straight line of what it does at one point: every loop written out, every choice made.

What can only look at operations one after the other, sympy and the diagnosis of mistakes, looks at this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import LimitExceeded
from engine.execute.compile import bind, compile_graph
from engine.execute.interpret import interpreted
from engine.execute.tape import Rows
from engine.graph.build import Builder, inferred
from engine.graph.primitive import Primitive
from engine.graph.values import Graph, Node, Operand, Value
from engine.limits import Budget, Limits
from engine.primitives.marks import mark

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


class Literal(Builder):
    """A builder that emits every operation on what is not constant, be it superfluous or there already.

    So each step of a loop has the same operations, be it the one in which something is multiplied by 0 or by 1.
    """

    def emit(
        self, primitive: Primitive, inputs: Sequence[Operand], params: Mapping[str, Any], graphs: tuple[Graph, ...] = ()
    ) -> tuple[Value, ...]:
        """The outputs of a new node."""
        values = tuple([v if isinstance(v, Value) else self.constant(v) for v in inputs])
        if all(v.constant is not None for v in values):
            return super().emit(primitive, values, params, graphs)
        types = inferred(primitive, [v.type for v in values], params, graphs)
        self._check(types)
        return self._append(primitive, values, params, graphs, types)


def has_control(graph: Graph) -> bool:
    """Whether there is anything to write out."""
    return any(node.graphs for node in graph.nodes)


def unrolled(
    graph: Graph,
    arguments: Sequence[Any],
    limits: Limits | None = None,
    budget: Budget | None = None,
    literal: bool = False,
) -> Graph:
    """The graph of the operations that run at this point, in their order, without control flow.

    With `literal`, as a `Literal` builder has them.  What states a derivative of its own stays one operation.
    Raises `LimitExceeded` for more than `MOST_NODES`, and what running the graph raises.
    """
    made = Literal(limits, budget) if literal else Builder(limits, budget)
    with made as builder, np.errstate(all="ignore"):
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
        if node.params.get("overrides"):
            known.update(zip(node.outputs, _ruled(node, [read(v) for v in node.inputs], builder, budget), strict=True))
        elif node.graphs:
            results = interpreted(node, [read(v) for v in node.inputs], inner)
            known.update(zip(node.outputs, [_lifted(r, builder) for r in results], strict=True))
        elif node.primitive is mark and read(node.inputs[0]).value.constant is not None:
            # In this step it is known without the inputs.
            known[node.outputs[0]] = read(node.inputs[0])
        elif not node.effect or node.primitive is mark:
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


def _ruled(node: Node, given: Sequence[_Traced], builder: Builder, budget: Budget | None) -> list[_Traced]:
    """A function with a derivative of its own, as it is."""
    results = compile_graph(node.graphs[0], builder.limits)([t.array for t in given], budget)[0]
    builder.follow(node)
    values = builder.emit(node.primitive, [t.value for t in given], node.params, node.graphs)
    return [_Traced(array, value) for array, value in zip(results, values, strict=True)]
