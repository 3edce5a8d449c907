"""How much a gradient changes when intermediate results of its function do: what rounding does to any program.

A gradient that is 0 because terms cancel, as that of `sum(softmax(w))`, may be 0 to the last bit by one formula and
only to the last places of its terms by another that is as good.  The rounding errors of one graph do not tell; factors
next to 1 on every intermediate result do, whose effect no formula for the same derivative escapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.derive.reverse import gradient
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.exactness import EXACT
from engine.graph.types import Array
from engine.graph.values import Graph, Value
from engine.limits import Budget, Limits
from engine.precision.subject import Subject
from engine.primitives.arithmetic import multiply
from engine.question import Question

UNIT = 2.0**-53
STEPS = (2.0**-26, 2.0**-34)
"""How far the factors are from 1."""
ALIKE = 16.0
"""Two steps find the same change, up to this factor, where the gradient is continuous."""
DRAWS = 3


def intermediate_errors(
    subject: Subject, question: Question, budget: Budget, limits: Limits | None = None
) -> Mapping[str, Array]:
    """By input, the change of the gradient when every intermediate result of one point changes by half a unit.

    0 where it jumps; nothing is known of loops and choices, and of several points at once.  Raises what deriving
    and running the function raises.
    """
    wrt = list(subject.wrt.values())
    graph = subject.graph
    if subject.size is not None or len(graph.outputs) != 1 or any(node.graphs for node in graph.nodes):
        return {}
    moved, factors = _with_factors(graph, limits, budget)
    run = compile_graph(gradient(moved, wrt, limits, budget).graph, limits)
    arguments = subject.arguments(question)
    random = np.random.default_rng(20_261_121)

    def at(step: float) -> list[Array]:
        drawn = [1.0 + step * random.choice((-1.0, 1.0), value.shape) for value in factors]
        return [np.asarray(found) for found in run([*arguments, *drawn], budget)[0][1:]]

    with np.errstate(all="ignore"):
        still = at(0.0)
        changes = []
        for step in STEPS:
            draws = [at(step) for _ in range(DRAWS)]
            changes.append([np.max([abs(d[k] - still[k]) for d in draws], axis=0) / step for k in range(len(wrt))])
        return {name: _agreed(a, b) * UNIT for name, a, b in zip(subject.wrt, *changes, strict=True)}


def _with_factors(graph: Graph, limits: Limits | None, budget: Budget | None) -> tuple[Graph, list[Value]]:
    """The graph with a factor, an input of its own, on every result that is a real number."""
    factors: list[Value] = []
    with Builder(limits, budget, start=Graph(graph.inputs, (), ())) as builder:
        image: dict[Value, Value] = {}
        for node in graph.nodes:
            builder.follow(node)
            results = builder.emit(node.primitive, [image.get(v, v) for v in node.inputs], node.params)
            for value, result in zip(node.outputs, results, strict=True):
                if value.type.dtype == "real" and node.primitive.name not in EXACT:
                    factors.append(builder.input(value.type))
                    result = multiply(result, factors[-1])
                image[value] = result
        return builder.finish([image.get(v, v) for v in graph.outputs]), factors


def _agreed(a: Any, b: Any) -> Any:
    alike = (a <= ALIKE * b) & (b <= ALIKE * a)
    return np.where(alike, np.maximum(a, b), 0.0)
