"""Jacobians: both modes, against each other and against known matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.derive.jacobian import Mode, cheaper_mode, jacobian
from engine.derive.reverse import gradient
from engine.execute.compile import compile_graph
from engine.graph.check import check
from engine.graph.values import Graph
from tests.asking import graph_of_text


def run(graph: Graph, arguments: list[Any]) -> list[Any]:
    with np.errstate(all="ignore"):
        return compile_graph(graph)([np.asarray(a)[()] for a in arguments])[0]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("A @ x", {"A": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "x": [0.5, -1.0, 2.0]}),
        ("x * y", {"x": [1.0, 2.0, 3.0], "y": 4.0}),
        ("softmax(x)", {"x": [1.0, 2.0, 3.0]}),
        ("outer(x, x) @ inv(A)", {"x": [1.0, 2.0], "A": [[3.0, 1.0], [1.0, 2.0]]}),
        ("x^2", {"x": 3.0}),
        ("[x, y, 3]", {"x": 1.0, "y": 2.0}),
    ],
)
def test_each_column_is_a_directional_derivative(text: str, at: dict[str, Any], mode: Mode) -> None:
    graph, arguments = graph_of_text(text, at)
    wrt = range(len(arguments))
    derived = jacobian(graph, wrt, mode)
    check(derived)
    value, *parts = run(derived, arguments)
    for i, part in enumerate(parts):
        assert part.shape == np.shape(value) + np.shape(arguments[i])
        way = np.random.default_rng(1).uniform(-1.0, 1.0, np.shape(arguments[i]))
        step = 1e-6
        moved = [run(graph, [a + s * way if j == i else a for j, a in enumerate(arguments)])[0] for s in (step, -step)]
        expected = (moved[0] - moved[1]) / (2 * step)
        found = np.tensordot(part, way, axes=way.ndim)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


def test_the_cheaper_mode_follows_from_the_shapes() -> None:
    tall, _ = graph_of_text("x * w", {"x": 2.0, "w": np.ones(100)})
    wide, _ = graph_of_text("sum(w)*x", {"w": np.ones(100), "x": 2.0})
    assert cheaper_mode(tall, [0]) == "forward"
    assert cheaper_mode(wide, [0]) == "reverse"


def test_hessian_is_the_jacobian_of_the_gradient() -> None:
    graph, arguments = graph_of_text("sum(x^2*y) + x[0]*y[1]", {"x": [1.0, 2.0], "y": [3.0, 4.0]})
    first = gradient(graph, [0, 1]).graph
    slopes = Graph(first.inputs, first.nodes, first.outputs[1:])
    _, _, xx, xy, yx, yy = run(jacobian(slopes, [0, 1], "forward"), arguments)
    np.testing.assert_allclose(xx, [[6.0, 0.0], [0.0, 8.0]])
    np.testing.assert_allclose(xy, [[2.0, 1.0], [0.0, 4.0]])
    np.testing.assert_allclose(yx, xy.T)
    np.testing.assert_allclose(yy, np.zeros((2, 2)))
