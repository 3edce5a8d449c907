"""One helper that runs every check on a function: CasADi's `checkfunction`, for this engine.

`examine` compares value, first and second derivative of the engine, in reverse mode, in forward mode, reverse over
reverse and forward over reverse, with the precise witness, and, where there is one, with the symbolic witness.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy

from engine.derive.forward import jvp
from engine.derive.reverse import gradient
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.primitives.arithmetic import multiply
from engine.primitives.reductions import sum_
from engine.verify import symbolic
from engine.verify.differences import along, along_both, scalar, unit
from engine.verify.precise import context, evaluate

SETTLED = 1e-20
"""How far two high-precision witnesses may be apart."""


@dataclass(frozen=True)
class Report:
    """ULP errors of the value and of first and second derivatives against the witnesses."""

    value: float
    first: float
    second: float


def graph_of(build: Callable[..., Value], shapes: Sequence[tuple[int, ...]]) -> Graph:
    """The graph of a function of real arrays, its output made a number by fixed weights."""
    with Builder() as builder:
        inputs = [builder.input(Type("real", shape)) for shape in shapes]
        graph = builder.finish([weighted(build(*inputs))])
    check(graph)
    return graph


def weighted(value: Value) -> Value:
    """The sum of the elements with unequal weights, so that no cancellation hides an error."""
    if not value.shape:
        return value * 1.0
    weights = 1.0 + np.arange(value.type.size).reshape(value.shape) % 7 / 8.0
    with_weights = multiply(value, Builder.constant(_builder(), weights))
    return sum_(with_weights, axes=tuple(range(value.rank)))


def _builder() -> Builder:
    from engine.graph.build import current

    return current()


def ulps(found: float, true: Any, scale: float = 0.0) -> float:
    """The distance of a float64 from an mpf, in units of the last place of the true value, or of `scale` if larger."""
    exact = mpmath.mpf(true)
    nearest = float(exact)
    if found == nearest:
        return 0.0
    if not np.isfinite(found) or not np.isfinite(nearest):
        return float("inf")
    return float(abs(mpmath.mpf(float(found)) - exact) / np.spacing(max(abs(nearest), scale, 2.0**-1022)))


def worst(found: Any, truths: Any) -> float:
    """The largest error of the components of arrays, in units of the last place of the largest component.

    For several numbers that are not an array (scalar inputs), each is measured against itself.
    """
    numbers = {place: float(np.asarray(found[place[0]])[place[1]]) for place in truths}
    scale = max((abs(float(t)) for (_, index), t in truths.items() if index), default=0.0)
    return max(ulps(numbers[place], true, scale) for place, true in truths.items())


def run(graph: Graph, arguments: Sequence[Any]) -> list[Any]:
    """The outputs of a graph."""
    with np.errstate(all="ignore"):
        return compile_graph(graph)([np.asarray(a, dtype=np.float64)[()] for a in arguments])[0]


def second(graph: Graph, v: Sequence[Any]) -> Graph:
    """The graph of x → ∇ <∇f, v>."""
    first = gradient(graph, range(len(graph.inputs)))
    with Builder(start=first.graph) as builder:
        total: Value | None = None
        for g, way in zip(first.graph.outputs[1:], v, strict=True):
            term = multiply(g, builder.constant(way, "real"))
            term = sum_(term, axes=tuple(range(term.rank)))
            total = term if total is None else total + term
        assert total is not None
        directional = builder.finish([total])
    check(directional)
    derived = gradient(directional, range(len(graph.inputs))).graph
    check(derived)
    return derived


def examine(graph: Graph, arguments: Sequence[Any], *, with_symbolic: bool = True) -> Report:
    """Check everything about a scalar graph at a smooth point; an assertion names what the witnesses disagree about."""
    function = scalar(graph)
    true_value = evaluate(graph, arguments, context(60))[0][()]
    first = gradient(graph, range(len(graph.inputs)))
    check(first.graph)
    value, *gradients = run(first.graph, arguments)
    places = [(i, index) for i, a in enumerate(arguments) for index in np.ndindex(np.shape(a))]
    truths = {place: along(function, arguments, unit(arguments, *place)) for place in places}
    forward = _forward(graph, arguments, places)
    worst_first = max(worst(gradients, truths), worst(forward, truths))
    curved = jvp(first.graph, range(len(graph.inputs)))
    check(curved)
    worst_second = 0.0
    for v in _directions(arguments):
        true_second = {place: along_both(function, arguments, unit(arguments, *place), v) for place in places}
        _, *hv = run(second(graph, v), arguments)
        pushed = run(curved, [*arguments, *v])[-len(arguments) :]
        worst_second = max(worst_second, worst(hv, true_second), worst(pushed, true_second))
        if with_symbolic:
            _agree_symbolic(graph, arguments, true_value, truths, true_second, v)
    return Report(ulps(float(value), true_value), worst_first, worst_second)


def _forward(graph: Graph, arguments: Sequence[Any], places: Sequence[tuple[int, tuple[int, ...]]]) -> list[Any]:
    """The gradient in forward mode, component by component."""
    pushed = jvp(graph, range(len(graph.inputs)))
    check(pushed)
    found = [np.zeros(np.shape(a)) for a in arguments]
    for i, index in places:
        found[i][index] = run(pushed, [*arguments, *unit(arguments, i, index)])[1]
    return found


def _directions(arguments: Sequence[Any]) -> list[Any]:
    """Directions for second derivatives: every component for a few numbers, one full direction for arrays."""
    if all(np.shape(a) == () for a in arguments):
        return [unit(arguments, i) for i in range(len(arguments))]
    draw = np.random.default_rng(7)
    return [[draw.integers(1, 5, np.shape(a)).astype(np.float64) / 4.0 for a in arguments]]


def _moderate(arguments: Sequence[Any]) -> bool:
    """Whether sympy can evaluate exact expressions at this point in reasonable time."""
    return all(x == 0 or 1e-3 < abs(x) < 60 for a in arguments for x in np.ravel(a))


def _agree_symbolic(graph: Graph, arguments: Sequence[Any], value: Any, truths: Any, second: Any, v: Any) -> None:
    flat = [(i, index) for i, a in enumerate(arguments) for index in np.ndindex(np.shape(a))]
    if not _moderate(arguments) or len(flat) > 6:
        return
    try:
        symbols, (expression,) = symbolic.expressions(graph)
        expression = expression[()]
        _close(symbolic.evaluate(expression, symbols, arguments), value, "value")
        for i, a in flat:
            first = sympy.diff(expression, symbols[i][a])
            _close(symbolic.evaluate(first, symbols, arguments), truths[i, a], f"derivative in {i}, {a}")
            row = [
                float(v[j][b]) * symbolic.evaluate(sympy.diff(first, symbols[j][b]), symbols, arguments)
                for j, b in flat
                if v[j][b]
            ]
            _close(sum(row), second[i, a], f"second derivative in {i}, {a}")
    except symbolic.NoTwin:
        return


def _close(a: Any, b: Any, what: str) -> None:
    x, y = mpmath.mpf(str(a)), mpmath.mpf(b)
    with mpmath.workdps(40):
        scale = max(abs(x), abs(y))
        assert scale < 1e-200 or abs(x - y) <= SETTLED * scale, (
            f"symbolic and precise witness disagree on the {what}: {a}, {b}"
        )
