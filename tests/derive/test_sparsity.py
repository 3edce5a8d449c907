"""Patterns never lack a dependency, and are the exact ones where the text shows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from engine.derive.jacobian import jacobian
from engine.derive.reverse import gradient
from engine.derive.sparsity import patterns
from engine.engine import Engine
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.values import Graph
from engine.limits import Budget
from engine.primitives.function import Example
from engine.primitives.table import FUNCTIONS
from tests.asking import graph_of_text
from tests.expressions import points, scalars, vectors
from tests.witnesses import weighted

MOST = 10**6
EXAMPLES = [
    pytest.param(example, id=f"{example.expr}-{number}")
    for function in FUNCTIONS.values()
    for number, example in enumerate(function.examples)
]
STEPS = (1.0, 1.0 / 64.0, -1.0 / 128.0)


def run(graph: Graph, arguments: list[Any]) -> list[Any]:
    with np.errstate(all="ignore"):
        return compile_graph(graph)([np.asarray(a)[()] for a in arguments])[0]


def dense(found: list[Any] | None) -> Any:
    assert found is not None
    return np.concatenate([p.toarray() for p in found])


def matrix(graph: Graph, wrt: list[int], arguments: list[Any]) -> Any:
    """The Jacobian of all outputs in all inputs, one row per element."""
    parts = run(jacobian(graph, wrt), arguments)[len(graph.outputs) :]
    sizes = [graph.inputs[i].type.size for i in wrt]
    lines = [parts[o * len(wrt) : (o + 1) * len(wrt)] for o in range(len(graph.outputs))]
    return np.concatenate(
        [
            np.concatenate(
                [np.reshape(part, (output.type.size, size)) for part, size in zip(line, sizes, strict=True)], 1
            )
            for output, line in zip(graph.outputs, lines, strict=True)
        ]
    )


def slopes(graph: Graph, wrt: list[int]) -> Graph:
    """The graph of the gradient of the weighted sum of the outputs."""
    with Builder(start=graph) as builder:
        total = weighted(graph.outputs[0])
        for output in graph.outputs[1:]:
            total = total + weighted(output)
        scalar = builder.finish([total])
    found = gradient(scalar, wrt).graph
    return Graph(found.inputs, found.nodes, found.outputs[1:])


def assert_nothing_is_missing(graph: Graph, arguments: list[Any]) -> None:
    wrt = [i for i, v in enumerate(graph.inputs) if v.type.dtype == "real"]
    for derived in (graph, slopes(graph, wrt)):
        pattern = dense(patterns(derived, wrt, MOST))
        for k, step in enumerate(STEPS):
            draw = np.random.default_rng(k)
            moved = [
                a * (step + 0.01 * k * draw.uniform(size=np.shape(a))) if np.asarray(a).dtype.kind == "f" else a
                for a in arguments
            ]
            found = matrix(derived, wrt, moved)
            missing = (np.nan_to_num(found, nan=0.0) != 0) & ~pattern
            assert not np.any(missing), np.argwhere(missing)[:5]


@pytest.mark.parametrize("example", EXAMPLES)
def test_nothing_is_missing_in_any_example(example: Example) -> None:
    graph, arguments = graph_of_text(example.expr, example.inputs)
    if graph.outputs[0].type.dtype == "real" and any(v.type.dtype == "real" for v in graph.inputs):
        assert_nothing_is_missing(graph, arguments)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=vectors(3), at=points())
def test_nothing_is_missing_in_generated_arrays(text: str, at: dict[str, Any]) -> None:
    graph, arguments = graph_of_text(text, at)
    assume(graph.inputs)
    assert_nothing_is_missing(graph, arguments)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=scalars(3), at=points())
def test_nothing_is_missing_in_generated_numbers(text: str, at: dict[str, Any]) -> None:
    graph, arguments = graph_of_text(text, at)
    assume(graph.inputs)
    assert_nothing_is_missing(graph, arguments)


X = np.array([1.0, 2.0, 3.0, 4.0])
A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    ("text", "at", "rows"),
    [
        ("sin(x)*x + 1", {"x": X}, ["1000", "0100", "0010", "0001"]),
        ("x[1:] - x[:-1]", {"x": X}, ["1100", "0110", "0011"]),
        ("x[::-1]", {"x": X}, ["0001", "0010", "0100", "1000"]),
        ("x[[0, 0, 2]]*x[1]", {"x": X}, ["1100", "1100", "0110"]),
        ("[x[3], 2, x[0]*x[3]]", {"x": X}, ["0001", "0000", "1001"]),
        ("where(x > 2, x, x[0])", {"x": X}, ["1000", "1100", "1010", "1001"]),
        ("floor(x)", {"x": X}, ["0000"] * 4),
        ("roll(x, 1)", {"x": X}, ["0001", "1000", "0100", "0010"]),
        ("concatenate([x[:1], x[2:]])", {"x": X}, ["1000", "0010", "0001"]),
        ("sum(A, axis=0)", {"A": A}, ["100100", "010010", "001001"]),
        ("max(A, axis=1)", {"A": A}, ["111000", "000111"]),
        ("softmax(A, axis=0)", {"A": A}, ["100100", "010010", "001001"] * 2),
        ("transpose(A)", {"A": A}, ["100000", "000100", "010000", "000010", "001000", "000001"]),
        ("[[1, 0], [0, 2]] @ A", {"A": A}, ["100000", "010000", "001000", "000100", "000010", "000001"]),
        ("A @ [[1, 0], [0, 1], [0, 0]]", {"A": A}, ["100000", "010000", "000100", "000010"]),
        ("A @ [1, 0, 2]", {"A": A}, ["101000", "000101"]),
        ("B @ x", {"B": np.ones((2, 4)), "x": X}, ["111100001111", "000011111111"]),
        ("x * A[0, 0]", {"x": X[:2], "A": A}, ["10100000", "01100000"]),
        ("cumsum(x)", {"x": X[:2]}, ["11", "11"]),
        ("windows(x, 3)", {"x": X}, ["1000", "0100", "0010", "0100", "0010", "0001"]),
        ("windows(x, 2, stride=2)", {"x": X}, ["1000", "0100", "0010", "0001"]),
        ("diag(outer(x, x))", {"x": X[:3]}, ["100", "010", "001"]),
        ("triu(outer(x, x))", {"x": X[:2]}, ["10", "11", "00", "01"]),
    ],
)
def test_patterns(text: str, at: dict[str, Any], rows: list[str]) -> None:
    graph, _ = graph_of_text(text, at)
    pattern = dense(patterns(graph, list(range(len(graph.inputs))), MOST))
    assert ["".join("01"[int(x)] for x in row) for row in pattern] == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("sum(x^3)", ["1000", "0100", "0010", "0001"]),
        ("sum(3*x)", ["0000"] * 4),
        ("sum((x[1:] - x[:-1])^2)", ["1100", "1110", "0111", "0011"]),
        ("sum(windows(x, 2)[:, 0]*windows(x, 2)[:, 1])", ["0100", "1010", "0101", "0010"]),
        ("sum(x[0]*x[1:])", ["0111", "1000", "1000", "1000"]),
        ("prod(x[:2]) + sum(x[2:])", ["1100", "1100", "0000", "0000"]),
    ],
)
def test_patterns_of_hessians(text: str, rows: list[str]) -> None:
    graph, _ = graph_of_text(text, {"x": X})
    pattern = dense(patterns(slopes(graph, [0]), [0], MOST))
    assert ["".join("01"[int(x)] for x in row) for row in pattern] == rows


def test_a_pattern_with_too_many_entries_is_given_up() -> None:
    graph, _ = graph_of_text("x*sum(x)", {"x": np.ones(100)})
    assert patterns(graph, [0], 100 * 100) is not None
    assert patterns(graph, [0], 100 * 100 - 1) is None
    graph, _ = graph_of_text("A @ x", {"A": np.ones((100, 100)), "x": np.ones(100)})
    assert patterns(graph, [1], 100 * 100 - 1) is None


def test_an_index_that_comes_with_the_data_may_be_any() -> None:
    engine = Engine(verify=True)
    for i in (0, 2):
        from engine.question import Question

        question = Question("x[i]*x", {"x": X, "i": np.array(i)}, format="coo")
        budget = Budget.starting_now(30)
        part = engine.prepare(question, "jacobian", budget).run(question, budget).parts["jacobian"]["x"]
        found = np.zeros(part.shape)
        found[part.row, part.column] = part.value
        expected = np.eye(4) * X[i]
        expected[:, i] += X
        np.testing.assert_array_equal(found, expected)
