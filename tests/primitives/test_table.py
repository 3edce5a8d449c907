"""Every elementwise record against all witnesses: value, first and second derivative, ordinary and special points."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from engine.primitives.function import Function
from engine.primitives.table import FUNCTIONS
from tests.witnesses import examine, graph_of

ULPS = 64.0
"""What a value or derivative may be off; docs/accuracy.md has the measured figures, most of them under 4."""

ORDINARY = 4


def points(function: Function) -> Iterator[tuple[float, ...]]:
    """Pseudo-random points in the open intervals, then the special ones."""
    assert function.points is not None
    draw = np.random.default_rng(sum(map(ord, function.name)))
    for _ in range(ORDINARY):
        yield tuple(float(draw.uniform(low, high)) for low, high in function.points.intervals)
    yield from function.points.special


CASES = [
    pytest.param(function, point, id=f"{function.name}-{','.join(f'{x:g}' for x in point)}")
    for function in FUNCTIONS.values()
    if function.points is not None
    for point in points(function)
]


@pytest.mark.parametrize(("function", "point"), CASES)
def test_record_agrees_with_all_witnesses(function: Function, point: tuple[float, ...]) -> None:
    graph = graph_of(function.build, [()] * len(point))
    report = examine(graph, [np.float64(x) for x in point])
    assert report.value <= ULPS, report
    assert report.first <= ULPS, report
    assert report.second <= ULPS, report
