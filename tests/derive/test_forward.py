"""Forward mode: the dual of reverse mode on every record and example, and closed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from engine.derive.forward import jvp
from engine.derive.reverse import gradient, vjp
from engine.execute.compile import compile_graph
from engine.graph.check import check
from engine.graph.values import Graph
from engine.primitives.function import Example, Function
from engine.primitives.table import FUNCTIONS
from tests.asking import graph_of_text
from tests.expressions import points, scalars
from tests.witnesses import graph_of

EXAMPLES = [
    pytest.param(example, id=f"{example.expr}-{number}")
    for function in FUNCTIONS.values()
    for number, example in enumerate(function.examples)
]
ELEMENTWISE = [pytest.param(f, id=f.name) for f in FUNCTIONS.values() if f.points is not None]


def run(graph: Graph, arguments: list[Any]) -> list[Any]:
    with np.errstate(all="ignore"):
        return compile_graph(graph)([np.asarray(a)[()] for a in arguments])[0]


def directions(shapes: list[tuple[int, ...]], seed: int) -> list[Any]:
    draw = np.random.default_rng(seed)
    return [np.asarray(draw.uniform(0.5, 2.0, shape)) for shape in shapes]


def assert_dual(graph: Graph, arguments: list[Any]) -> None:
    """<u, J v> = <Jᵀ u, v> for the real inputs and the first output."""
    real = [i for i, v in enumerate(graph.inputs) if v.type.dtype == "real"]
    forward, reverse = jvp(graph, real), vjp(graph, real)
    check(forward)
    check(reverse)
    v = directions([np.shape(arguments[i]) for i in real], 1)
    (u,) = directions([graph.outputs[0].shape], 2)
    _, tangent = run(forward, [*arguments, *v])
    _, *cotangents = run(reverse, [*arguments, u])
    pushed = float(np.sum(np.asarray(tangent) * u))
    pulled = sum(float(np.sum(np.asarray(c) * w)) for c, w in zip(cotangents, v, strict=True))
    scale = sum(float(np.sum(np.abs(np.asarray(c) * w))) for c, w in zip(cotangents, v, strict=True))
    if np.isfinite(pushed) or np.isfinite(pulled):
        assert pushed == pytest.approx(pulled, rel=1e-10, abs=1e-12 * (scale + 1.0))


@pytest.mark.parametrize("example", EXAMPLES)
def test_dual_on_every_example(example: Example) -> None:
    graph, arguments = graph_of_text(example.expr, example.inputs)
    if graph.outputs[0].type.dtype == "real" and any(v.type.dtype == "real" for v in graph.inputs):
        assert_dual(graph, arguments)


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_dual_on_every_elementwise_record(function: Function) -> None:
    assert function.points is not None
    middle = [np.float64(low + 0.37 * (high - low)) for low, high in function.points.intervals]
    assert_dual(graph_of(function.build, [()] * len(middle)), middle)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=scalars(), at=points())
def test_dual_on_generated_expressions(text: str, at: dict[str, Any]) -> None:
    graph, arguments = graph_of_text(text, at)
    assume(graph.inputs)
    assert_dual(graph, arguments)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=scalars(depth=3), at=points())
def test_forward_over_reverse_is_reverse_over_forward(text: str, at: dict[str, Any]) -> None:
    graph, arguments = graph_of_text(text, at)
    assume(graph.inputs)
    (v,) = directions([np.shape(arguments[0])], 3)
    first = gradient(graph, [0]).graph
    over = jvp(first, [0])
    _, _, _, hvp = run(over, [*arguments, v])
    forward = jvp(graph, [0])
    slope = Graph(forward.inputs, forward.nodes, forward.outputs[1:])
    _, under = run(gradient(slope, [0]).graph, [*arguments, v])
    assume(np.all(np.isfinite(hvp)) and np.all(np.abs(hvp) < 1e8))
    np.testing.assert_allclose(hvp, under, rtol=1e-8, atol=1e-8 * (1.0 + float(np.max(np.abs(hvp)))))
