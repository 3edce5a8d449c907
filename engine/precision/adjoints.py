"""The adjoints of what a program assigns: how the result changes with each number that a name is given.

Of the straight line of what the program does at one point, one reverse pass gives all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.derive.reverse import pull_back
from engine.errors import BudgetExceeded, EngineError
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.types import Array
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget, Limits
from engine.precision.digits import error_estimate, estimated_errors
from engine.primitives.marks import mark
from engine.primitives.shape import zeros_of
from engine.source.text import Span
from engine.verify.unroll import unrolled
from engine.verify.ziv import Settled, settle

SECONDS_PER_ELEMENT = 10e-6
"""What mpmath takes for an operation on two numbers with a few dozen digits, about."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """One assignment, in the order in which they happen: of which name, where, and where the value is used."""

    name: str
    span: Span | None
    uses: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Adjoints:
    """`graph`: the arguments → an adjoint for each of `assigned`."""

    graph: Graph
    assigned: tuple[Assigned, ...]
    limits: Limits


def adjoints_of(graph: Graph, arguments: Sequence[Any], limits: Limits, budget: Budget) -> Adjoints:
    """The adjoints of what is marked in a graph with one output, a number, at this point.

    Raises `LimitExceeded` where so much is done that it is not written out, and what differentiating raises.
    """
    straight = unrolled(graph, arguments, limits, budget, literal=True)
    marks = [node for node in straight.nodes if node.primitive is mark]
    values = [node.outputs[0] for node in marks]
    real = [v for v in straight.inputs if v.type.dtype == "real"]
    with Builder(limits, budget, start=straight) as builder:
        pulled = pull_back(straight, [builder.constant(1.0)], [*real, *values])
        found = builder.finish([pulled.get(v) or zeros_of(v.shape) for v in values])
    uses = _uses(straight)
    assigned = tuple(Assigned(n.params["name"], n.span, uses.get(n.outputs[0], ())) for n in marks)
    return Adjoints(found, assigned, limits)


def marked(graph: Graph) -> Iterator[str]:
    """The names that are assigned anywhere in a graph, be it at this point or not."""
    for node in graph.nodes:
        if node.primitive is mark:
            yield node.params["name"]
        for inside in node.graphs:
            yield from marked(inside)


def _uses(graph: Graph) -> dict[Value, tuple[Span, ...]]:
    """Where each value is used, also by being given another name."""
    found: dict[Value, dict[Span, None]] = {}
    for node in graph.nodes:
        for value in node.inputs:
            if node.span is not None and not _is_own(node, value):
                found.setdefault(value, {})[node.span] = None
    return {value: tuple(spans) for value, spans in found.items()}


def _is_own(node: Node, value: Value) -> bool:
    return node.primitive is mark and value.node is not None and value.node.primitive is not mark


def in_float64(adjoints: Adjoints, arguments: Sequence[Any], budget: Budget) -> tuple[list[Array], list[Array]]:
    """The adjoints, and what of each is lost by rounding (NaN where there is no time to say)."""
    with np.errstate(all="ignore"):
        outputs = compile_graph(adjoints.graph, adjoints.limits)(arguments, budget)[0]
    found = [np.asarray(output) for output in outputs]
    try:
        estimate = error_estimate(adjoints.graph, adjoints.limits, budget)
        return found, estimated_errors(outputs, estimate, arguments, budget)
    except EngineError:
        if budget.cancelled:
            raise
        return found, [np.full(output.shape, np.nan) for output in found]


def settled(adjoints: Adjoints, arguments: Sequence[Any], budget: Budget) -> Settled:
    """The adjoints in as many digits as they take.  Raises `BudgetExceeded`, beforehand where that can be told."""
    elements = sum(v.type.size for node in adjoints.graph.nodes for v in node.outputs)
    if 2 * elements * SECONDS_PER_ELEMENT > budget.left:
        raise BudgetExceeded("High precision would take longer than there is time.")
    return settle(adjoints.graph, arguments, budget)
