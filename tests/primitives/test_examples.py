"""Every example of every function: derivatives to second order against the witnesses, conventions as stated."""

from __future__ import annotations

import numpy as np
import pytest

from engine.graph.build import Builder
from engine.primitives.function import Example, Function
from engine.primitives.table import FUNCTIONS
from tests.asking import grad, graph_of_text, value
from tests.witnesses import examine, weighted

ULPS = 512.0
"""Reductions and factorisations round at every step; docs/accuracy.md has the measured figures."""

CASES = [
    pytest.param(function, example, id=f"{example.expr}-{number}")
    for function in FUNCTIONS.values()
    for number, example in enumerate(function.examples)
]


@pytest.mark.parametrize(("function", "example"), CASES)
def test_example(function: Function, example: Example) -> None:
    answer = value(example.expr, example.inputs)
    assert np.asarray(answer.value).dtype.kind in "bif"
    if example.grad is not None:
        given = grad(example.expr, example.inputs).grad
        assert given is not None
        for name, expected in example.grad.items():
            np.testing.assert_allclose(given[name], expected, rtol=1e-14)
    graph, arguments = graph_of_text(example.expr, example.inputs)
    real = [a.dtype.kind == "f" for a in arguments]
    if not example.smooth or not real or not all(real) or graph.outputs[0].type.dtype != "real":
        return
    with Builder(start=graph) as builder:
        scalar = builder.finish([weighted(graph.outputs[0])])
    report = examine(scalar, arguments)
    assert max(report.value, report.first, report.second) <= ULPS, report


def test_every_function_has_points_or_examples() -> None:
    bare = [f.name for f in FUNCTIONS.values() if f.points is None and not f.examples and f.group != "comparison"]
    assert not bare
