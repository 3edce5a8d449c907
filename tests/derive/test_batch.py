"""A batch is one evaluation with the same answers as one point after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.derive.batch import batched
from engine.derive.reverse import gradient
from engine.errors import InvalidRequest
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.check import check
from engine.primitives.function import Example
from engine.primitives.table import FUNCTIONS
from tests.asking import grad, graph_of_text
from tests.witnesses import weighted

POINTS = 3

EXAMPLES = [
    pytest.param(example, id=f"{example.expr}-{number}")
    for function in FUNCTIONS.values()
    for number, example in enumerate(function.examples)
]


def run(graph: Any, arguments: list[Any]) -> list[Any]:
    with np.errstate(all="ignore"):
        return compile_graph(graph)([np.asarray(a)[()] for a in arguments])[0]


@pytest.mark.parametrize("example", EXAMPLES)
def test_batch_of_every_example_is_the_stack_of_its_points(example: Example) -> None:
    graph, arguments = graph_of_text(example.expr, example.inputs)
    if not arguments or graph.outputs[0].type.dtype != "real":
        return
    with Builder(start=graph) as builder:
        scalar = builder.finish([weighted(graph.outputs[0])])
    real = [i for i, v in enumerate(graph.inputs) if v.type.dtype == "real"]
    derived = gradient(scalar, real).graph
    for flags in ([True] * len(arguments), [i == 0 for i in range(len(arguments))]):
        points = [
            [a * (1.0 + k / 64.0) if f and a.dtype.kind == "f" else a for a, f in zip(arguments, flags, strict=True)]
            for k in range(POINTS)
        ]
        stacked = [
            np.stack([points[k][i] for k in range(POINTS)]) if flag else a
            for i, (a, flag) in enumerate(zip(arguments, flags, strict=True))
        ]
        graph_of_batch, _ = batched(derived, flags, POINTS)
        check(graph_of_batch)
        together = run(graph_of_batch, stacked)
        for k in range(POINTS):
            for many, one in zip(together, run(derived, points[k]), strict=True):
                np.testing.assert_allclose(many[k], one, rtol=1e-11, atol=1e-13)


def test_every_input_is_batched_or_the_named_ones() -> None:
    at = {"x": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0]}
    answer = grad("x^2*y", at, batch=True)
    np.testing.assert_array_equal(answer.value, [4.0, 20.0, 54.0])
    assert answer.grad is not None
    np.testing.assert_array_equal(answer.grad["x"], [8.0, 20.0, 36.0])
    answer = grad("sum(x^2)*y", at, batch=("y",))
    assert answer.grad is not None
    assert answer.grad["x"].shape == (3, 3)
    np.testing.assert_array_equal(answer.grad["y"], [14.0, 14.0, 14.0])


def test_gradient_of_an_input_that_does_not_vary_is_still_one_per_point() -> None:
    answer = grad("a + x*0", {"a": 2.0, "x": [1.0, 2.0]}, batch=("x",))
    assert answer.grad is not None
    np.testing.assert_array_equal(answer.grad["a"], [1.0, 1.0])


@pytest.mark.parametrize(
    ("at", "batch", "pointer"),
    [
        ({"x": [1.0, 2.0], "y": [1.0, 2.0, 3.0]}, True, "/batch"),
        ({"x": [1.0, 2.0], "y": 3.0}, True, "/at/y"),
        ({"x": [1.0, 2.0], "y": 3.0}, ("z",), "/batch/0"),
        ({"x": [1.0, 2.0], "y": 3.0}, (), "/batch"),
    ],
)
def test_refusals_point_at_the_input(at: dict[str, Any], batch: bool | tuple[str, ...], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        grad("x*y", at, batch=batch)
    assert caught.value.faults[0].pointer == pointer


def test_an_empty_batch_has_empty_answers() -> None:
    answer = grad("x^2", {"x": np.zeros(0)}, batch=True)
    assert np.shape(answer.value) == (0,)


def test_warnings_name_the_point_of_the_batch() -> None:
    answer = grad("log(x)", {"x": [1.0, -1.0, 0.0]}, batch=True)
    (warning,) = answer.warnings
    assert warning.code == "non-finite"
    assert warning.extra["position"] == [1]
