"""Third and fourth derivatives of every elementwise record, by gradients and tangents in turn, against differences.

The witness knows the function alone: central differences of its precise twin in 260 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest

from engine.derive.forward import jvp
from engine.derive.reverse import gradient
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.inline import inline
from engine.graph.types import Type
from engine.graph.values import Graph, with_outputs
from engine.primitives.function import Function
from engine.primitives.table import FUNCTIONS
from engine.verify.precise import context, evaluate

ULPS = 64.0
"""What a third or fourth derivative may be off, in units of the last place of the largest one at these points: near one
of its zeros, one ulp of the argument changes it by more than its own."""
LOOSE = {"gammainc": 512.0, "gammaincc": 512.0}
"""Integrals whose integrand changes its sign more often with every order in `a`: measured 200 at the fourth."""
POINTS = 4
PATHS = ("rrrr", "ffff", "rfrf", "frfr")
"""Orders of the two modes: reverse and forward."""
DIGITS = 260
STEP = -30
"""The exponent of the step of the differences: they are off by about its square."""
WEIGHTS = {3: (-0.5, 1, 0, -1, 0.5), 4: (1, -4, 6, -4, 1)}

SMOOTH = [pytest.param(f, id=f.name) for f in FUNCTIONS.values() if f.points is not None and f.differentiable]


def points(function: Function) -> Iterator[tuple[float, ...]]:
    """Pseudo-random points in the open intervals."""
    assert function.points is not None
    draw = np.random.default_rng(sum(map(ord, function.name)))
    for _ in range(POINTS):
        yield tuple(float(draw.uniform(low, high)) for low, high in function.points.intervals)


def ways(count: int) -> list[tuple[float, ...]]:
    """Each argument by itself, and for several all together."""
    units = [tuple(float(i == j) for j in range(count)) for i in range(count)]
    return units if count == 1 else [*units, (1.0, -0.5, 0.25)[:count]]


def along(function: Function, point: tuple[float, ...], way: tuple[float, ...]) -> Graph:
    """The graph of t → f(point + t way)."""
    with Builder() as builder:
        t = builder.input(Type("real", ()))
        return builder.finish([function.build(*[t * w + x for x, w in zip(point, way, strict=True)])])


def by_reverse(graph: Graph) -> Graph:
    """The graph of the derivative of a function of one number, by reverse mode."""
    found = gradient(graph, [0]).graph
    return with_outputs(found, found.outputs[1:])


def by_forward(graph: Graph) -> Graph:
    """The same by forward mode."""
    pushed = jvp(graph, [0])
    with Builder() as builder:
        t = builder.input(Type("real", ()))
        inputs = dict(zip(pushed.inputs, (t, builder.constant(1.0)), strict=True))
        return builder.finish(inline(with_outputs(pushed, pushed.outputs[1:]), inputs))


MODES: dict[str, Callable[[Graph], Graph]] = {"r": by_reverse, "f": by_forward}


def derivatives(graph: Graph) -> Iterator[tuple[str, float]]:
    """All paths of third and fourth order, and the derivative at t = 0 that each gives."""
    known: dict[str, Graph] = {"": graph}
    for path in PATHS:
        for order in range(1, 5):
            done = path[:order]
            if done not in known:
                known[done] = MODES[done[-1]](known[done[:-1]])
                check(known[done])
                if order > 2:
                    with np.errstate(all="ignore"):
                        yield done, float(compile_graph(known[done])([np.float64(0.0)])[0][0])


def truths(graph: Graph) -> dict[int, Any]:
    """The derivatives of third and fourth order at t = 0."""
    mp = context(DIGITS)
    step = mp.mpf(10) ** STEP

    @cache
    def at(k: int) -> Any:
        return evaluate(graph, [np.array(k * step, dtype=object)], mp)[0][()]

    found = {}
    for order, weights in WEIGHTS.items():
        total = mp.fsum([mp.mpf(w) * at(k) for k, w in zip(range(-2, 3), weights, strict=True) if w])
        # What is left of a derivative that is 0 is the rounding of the differences.
        derivative = total / step**order
        found[order] = derivative if abs(derivative) > mp.mpf(10) ** -80 else mp.mpf(0)
    return found


@pytest.mark.parametrize("function", SMOOTH)
def test_third_and_fourth_derivatives(function: Function) -> None:
    assert function.points is not None
    for way in ways(len(function.points.intervals)):
        graphs = [along(function, point, way) for point in points(function)]
        graphs = [g for g in graphs if g.outputs[0].constant is None and g.outputs[0].type.dtype == "real"]
        true = [truths(graph) for graph in graphs]
        scale = {order: max((abs(float(t[order])) for t in true), default=0.0) for order in WEIGHTS}
        for graph, expected in zip(graphs, true, strict=True):
            for path, found in derivatives(graph):
                order = len(path)
                unit = np.spacing(max(scale[order], 2.0**-1022))
                off = float(abs(mpmath.mpf(found) - mpmath.mpf(str(expected[order]))) / unit)
                assert off <= LOOSE.get(function.name, ULPS), (
                    f"{path} of {function.name} along {way}: {found}, not {expected[order]}, {off} ULP"
                )
