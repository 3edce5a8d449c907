"""Graphs as text."""

from __future__ import annotations

from engine.derive.reverse import gradient
from engine.graph.show import show
from tests.asking import graph_of_text


def test_a_graph_is_shown_line_by_line() -> None:
    graph, _ = graph_of_text("sum(x * 2, axis=0) + y", {"x": [[1.0, 2.0]], "y": [1.0, 2.0]})
    assert show(graph).split("\n") == [
        "inputs %0: real[1,2], %1: real[2]",
        "  %2: real[1,2] = multiply %0 2.0",
        "  %3: real[2] = sum axes=(0,) %2",
        "  %4: real[2] = add %3 %1",
        "outputs %4",
    ]


def test_large_constants_and_several_outputs_are_shown_by_their_types() -> None:
    graph, _ = graph_of_text("slogdet(A + [[1, 2], [3, 4]])[1]", {"A": [[1.0, 2.0], [3.0, 4.0]]})
    assert "<real[2,2]>" in show(graph)
    assert "%2: real, %3: real = slogdet %1" in show(graph)


def test_every_value_of_a_derivative_is_named_once() -> None:
    graph, _ = graph_of_text("sin(x)^2 * y", {"x": 1.0, "y": 2.0})
    lines = show(gradient(graph, [0, 1]).graph).split("\n")
    defined = [line.split(":")[0].strip() for line in lines[1:-1]]
    assert len(set(defined)) == len(defined) == len(lines) - 2
