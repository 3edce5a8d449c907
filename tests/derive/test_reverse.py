"""Reverse mode: closed, right on generated expressions, and with zeros that mean zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from engine.derive.reverse import gradient, vjp
from engine.errors import NotDifferentiable, NotScalar
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.values import Graph
from engine.primitives.arithmetic import multiply
from engine.primitives.reductions import sum_
from engine.verify.differences import along, scalar
from tests.asking import codes, grad, graph_of_text
from tests.expressions import points, scalars


def run(graph: Graph, arguments: list[Any]) -> list[Any]:
    with np.errstate(all="ignore"):
        return compile_graph(graph)([np.asarray(a)[()] for a in arguments])[0]


def contracted(graph: Graph, output: int, weights: Any) -> Graph:
    """The graph of one number: an output times weights, summed."""
    with Builder(start=graph) as builder:
        product = multiply(graph.outputs[output], builder.constant(weights, "real"))
        return builder.finish([sum_(product, axes=tuple(range(product.rank)))])


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=scalars(), at=points())
def test_gradient_of_generated_expressions_is_that_of_the_precise_witness(text: str, at: dict[str, Any]) -> None:
    graph, arguments = graph_of_text(text, at)
    assume(graph.inputs)
    derived = gradient(graph, range(len(arguments))).graph
    check(derived)
    value, *gradients = run(derived, arguments)
    assume(all(np.all(np.isfinite(a)) and np.all(np.abs(a) < 1e8) for a in (value, *gradients)))
    # At a tie the convention is no derivative.
    assume(not {"kink", "singular"} & set(codes(grad(text, at))))
    draw = np.random.default_rng(3)
    ways = [np.asarray(draw.integers(1, 4, np.shape(a)), dtype=np.float64) for a in arguments]
    true = float(along(scalar(graph), arguments, ways))
    found = sum(float(np.sum(g * w)) for g, w in zip(gradients, ways, strict=True))
    scale = sum(float(np.sum(np.abs(g * w))) for g, w in zip(gradients, ways, strict=True))
    assert found == pytest.approx(true, rel=1e-9, abs=1e-11 * (scale + 1.0))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=scalars(depth=3), at=points())
def test_hessians_of_generated_expressions_are_symmetric(text: str, at: dict[str, Any]) -> None:
    graph, arguments = graph_of_text(text, at)
    assume(graph.inputs)
    first = gradient(graph, [0]).graph
    size = np.shape(arguments[0])
    draw = np.random.default_rng(5)
    u, v = (np.asarray(draw.uniform(0.5, 1.5, size)) for _ in range(2))
    forms = []
    for a, b in ((u, v), (v, u)):
        _, product = run(gradient(contracted(first, 1, a), [0]).graph, arguments)
        forms.append(float(np.sum(product * b)))
    assume(all(np.isfinite(f) and abs(f) < 1e8 for f in forms))
    assert forms[0] == pytest.approx(forms[1], rel=1e-8, abs=1e-8)


@pytest.mark.parametrize(
    ("text", "derivatives"),
    [
        ("x^5", [80.0, 160.0, 240.0, 240.0]),
        ("exp(2*x)", [2**k * np.exp(4.0) for k in range(1, 5)]),
        ("log(x)", [0.5, -0.25, 0.25, -0.375]),
        ("sin(x)", [np.cos(2.0), -np.sin(2.0), -np.cos(2.0), np.sin(2.0)]),
        ("1/x", [-0.25, 0.25, -0.375, 0.75]),
        ("x*x*x*x", [32.0, 48.0, 48.0, 24.0]),
    ],
)
def test_closed_to_fourth_order(text: str, derivatives: list[float]) -> None:
    graph, arguments = graph_of_text(text, {"x": 2.0})
    for expected in derivatives:
        derived = gradient(graph, [0]).graph
        check(derived)
        _, found = run(derived, arguments)
        assert found == pytest.approx(expected, rel=1e-13)
        graph = Graph(derived.inputs, derived.nodes, derived.outputs[1:])


def test_vjp_takes_the_cotangents_as_inputs() -> None:
    graph, arguments = graph_of_text("[x^2, x*y, sin(y)]", {"x": 3.0, "y": 0.5})
    pulled = vjp(graph, [0, 1])
    check(pulled)
    value, x, y = run(pulled, [*arguments, np.array([1.0, 10.0, 100.0])])
    np.testing.assert_allclose(value, [9.0, 1.5, np.sin(0.5)])
    assert x == pytest.approx(6.0 + 5.0)
    assert y == pytest.approx(30.0 + 100.0 * np.cos(0.5))


def test_gradient_cost_is_a_small_constant_in_nodes() -> None:
    text = "sum([" + ", ".join(f"x{i}*sin(x{i})" for i in range(300)) + "])"
    graph, _ = graph_of_text(text, {f"x{i}": 0.5 for i in range(300)})
    derived = gradient(graph, range(300)).graph
    assert len(derived.nodes) <= 4 * len(graph.nodes) + 10


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("where(x > 0, sqrt(x), 0)", {"x": -1.0}, 0.0),
        ("where(x > 0, log(x), x)", {"x": -1.0}, 1.0),
        ("where(x > 1, x/(x - x), 3*x)", {"x": 0.5}, 3.0),
        ("sum(where([x, x] > [0, 2], [x, 1/(x - 1)], [0, x]))", {"x": 1.0}, 2.0),
        ("sqrt(x) if x > 0 else -x", {"x": -2.0}, -1.0),
        ("maximum(sqrt(x), 1 + x)", {"x": 0.0}, 1.0),
        ("clip(1/x, -2, 2)*0 + x", {"x": 0.0}, 1.0),
    ],
)
def test_a_branch_not_taken_has_no_derivative(text: str, at: dict[str, Any], expected: float) -> None:
    answer = grad(text, at)
    assert answer.grad is not None
    assert answer.grad["x"] == expected
    assert "singular" not in codes(answer)


def test_curvature_flows_through_a_cotangent_that_happens_to_be_zero() -> None:
    graph, arguments = graph_of_text("sin(x)^2", {"x": 0.0})
    first = gradient(graph, [0]).graph
    _, second = run(gradient(Graph(first.inputs, first.nodes, first.outputs[1:]), [0]).graph, arguments)
    assert second == 2.0


def test_a_nan_value_has_no_gradient() -> None:
    answer = grad("log(x) + y", {"x": -1.0, "y": 2.0})
    assert answer.grad is not None
    assert np.isnan(answer.grad["x"])
    assert np.isnan(answer.grad["y"])
    assert codes(answer) == ["non-finite"]


def test_what_has_no_gradient_is_refused() -> None:
    with pytest.raises(NotScalar):
        grad("x^2", {"x": [1.0, 2.0]})
    with pytest.raises(NotDifferentiable):
        grad("argmax(x)", {"x": [1.0, 2.0]})


def test_inputs_without_influence_are_told() -> None:
    answer = grad("x + floor(y)*0 + 0*argmax([z, 1])", {"x": 1.0, "y": 0.5, "z": 2.0, "unused": 4.0})
    assert answer.grad is not None
    assert answer.grad["unused"] == 0.0
    told = {w.extra["input"] for w in answer.warnings if w.code == "disconnected"}
    assert told == {"y", "z", "unused"}
