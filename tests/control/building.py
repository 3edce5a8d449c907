"""Graphs with control flow for the tests, built from Python functions, and what is computed with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import engine.engine  # noqa: F401  (enters all records)
from engine.control.functions import Body, Branch, choose, repeat
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.registry import PRIMITIVES
from engine.graph.types import Type
from engine.graph.values import Graph, Value, with_outputs
from engine.limits import Limits

NUMBER = Type("real", ())
COUNT = Type("int", ())

sin, exp, less, put, gather = (PRIMITIVES[name] for name in ("sin", "exp", "less", "put", "gather"))


def vector(n: int) -> Type:
    """The type of n numbers."""
    return Type("real", (n,))


def graph_of(function: Callable[..., Sequence[Value]], *types: Type) -> Graph:
    """The graph of a function of values of these types."""
    with Builder() as builder:
        inputs = [builder.input(type) for type in types]
        graph = builder.finish(function(*inputs))
    check(graph)
    return graph


def run(graph: Graph, *arguments: Any, limits: Limits | None = None) -> list[Any]:
    """The outputs of a graph at a point, after a check of the graph."""
    check(graph)
    return compile_graph(graph, limits)([np.asarray(a)[()] for a in arguments])[0]


def slopes(graph: Graph, count: int = 1) -> Graph:
    """The graph of the last `count` outputs."""
    return with_outputs(graph, graph.outputs[-count:])


def counted(
    step: Callable[[Value, tuple[Value, ...]], Sequence[Value]], initial: Sequence[Value], count: Value | int
) -> tuple[Value, ...]:
    """What `count` steps make of the initial values."""
    body = Body([v.type for v in initial])
    with body.builder:
        results = list(step(body.index, body.carried))
    number = count if isinstance(count, Value) else PRIMITIVES["cast"](_constant(count), dtype="int")
    return repeat(body, initial, results, count=number)[1]


def _constant(number: int) -> Value:
    from engine.graph.build import current

    return current().constant(number, "int")


def looped(
    step: Callable[[tuple[Value, ...]], Sequence[Value]],
    initial: Sequence[Value],
    condition: Callable[[Sequence[Value]], Value],
) -> tuple[Value, ...]:
    """What steps make of the initial values while a condition holds."""
    body = Body([v.type for v in initial])
    go = condition(initial)
    with body.builder:
        results = list(step(body.carried))
        go_on = condition(results)
    return repeat(body, initial, results, go=go, go_on=go_on)[1]


def either(
    predicate: Value, then: Callable[[], Sequence[Value]], other: Callable[[], Sequence[Value]]
) -> Sequence[Value]:
    """The values of one of two functions."""
    sides = []
    for function in (then, other):
        branch = Branch()
        with branch.builder:
            branch.outputs = list(function())
        sides.append(branch)
    return choose(predicate, *sides)
