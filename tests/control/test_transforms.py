"""Both derivative transforms, at every order, and batching, on graphs with control flow."""

from __future__ import annotations

import numpy as np
import pytest

from engine.derive.batch import batched
from engine.derive.forward import jvp
from engine.derive.reverse import gradient, vjp
from engine.limits import Limits
from engine.verify.precise import context, evaluate
from tests.control.building import run, slopes
from tests.control.programs import GRAPHS, POINTS

EACH = pytest.mark.parametrize(("name", "point"), [(name, point) for name in GRAPHS for point in POINTS])
ATOL, RTOL = 1e-12, 1e-9
H = 1e-12
DIGITS = 60


def differences(name: str, point: tuple[float, ...]) -> tuple[float, list[float], list[list[float]]]:
    """Value, gradient and Hessian in x and y from values in high precision alone."""
    mp = context(DIGITS)

    def at(dx: float, dy: float) -> object:
        x, y, n = point
        moved = [np.array(mp.mpf(x) + mp.mpf(dx) * mp.mpf(H)), np.array(mp.mpf(y) + mp.mpf(dy) * mp.mpf(H)), n]
        return evaluate(GRAPHS[name], moved, mp)[0][()]

    middle = at(0, 0)
    first = [(at(*d) - at(*(-a for a in d))) / (2 * mp.mpf(H)) for d in ((1, 0), (0, 1))]  # type: ignore[operator]
    second = [
        (
            at(*(a + b for a, b in zip(d, e, strict=True)))
            - at(*(a - b for a, b in zip(d, e, strict=True)))  # type: ignore[operator]
            - at(*(b - a for a, b in zip(d, e, strict=True)))
            + at(*(-a - b for a, b in zip(d, e, strict=True)))
        )
        / (4 * mp.mpf(H) ** 2)
        for d in ((1, 0), (0, 1))
        for e in ((1, 0), (0, 1))
    ]
    return float(middle), [float(a) for a in first], [[float(a) for a in second[:2]], [float(a) for a in second[2:]]]  # type: ignore[arg-type]


@EACH
def test_value_and_gradient_are_those_of_the_precise_witness(name: str, point: tuple[float, ...]) -> None:
    value, slope, _ = differences(name, point)
    found = run(gradient(GRAPHS[name], [0, 1]).graph, *point)
    np.testing.assert_allclose(found, [value, *slope], RTOL, ATOL)


@EACH
def test_forward_mode_is_the_dual_of_reverse_mode(name: str, point: tuple[float, ...]) -> None:
    graph = GRAPHS[name]
    _, *slope = run(gradient(graph, [0, 1]).graph, *point)
    _, tangent = run(jvp(graph, [0, 1]), *point, 0.3, -1.7)
    np.testing.assert_allclose(tangent, 0.3 * slope[0] - 1.7 * slope[1], RTOL, ATOL)


@EACH
def test_second_derivatives_in_all_four_ways(name: str, point: tuple[float, ...]) -> None:
    _, _, hessian = differences(name, point)
    graph = GRAPHS[name]
    reverse = slopes(gradient(graph, [0, 1]).graph, 2)
    forward = slopes(jvp(graph, [0, 1]))
    ways = {
        "reverse over reverse": run(vjp(reverse, [0, 1]), *point, 1.0, 0.5)[-2:],
        "forward over reverse": run(jvp(reverse, [0, 1]), *point, 1.0, 0.5)[-2:],
        "reverse over forward": run(gradient(forward, [0, 1]).graph, *point, 1.0, 0.5)[-2:],
    }
    expected = np.array(hessian) @ [1.0, 0.5]
    for way, found in ways.items():
        np.testing.assert_allclose(found, expected, 1e-7, 1e-9, err_msg=way)
    twice = run(slopes(jvp(forward, [0, 1])), *point, 1.0, 0.5, 1.0, 0.5)
    np.testing.assert_allclose(twice[0], np.array([1.0, 0.5]) @ hessian @ [1.0, 0.5], 1e-7, 1e-9)


@pytest.mark.parametrize("name", GRAPHS)
def test_third_derivatives_are_those_of_the_second(name: str) -> None:
    x, y, n = POINTS[0]
    second = slopes(gradient(slopes(gradient(GRAPHS[name], [0]).graph), [0]).graph)
    third = run(gradient(second, [0]).graph, x, y, n)[1]
    h = 1e-5
    difference = (run(second, x + h, y, n)[0] - run(second, x - h, y, n)[0]) / (2 * h)
    np.testing.assert_allclose(third, difference, 1e-5, 1e-6)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_many_points_at_once_are_one_after_the_other(name: str, order: int) -> None:
    graph = GRAPHS[name]
    for _ in range(order):
        graph = slopes(gradient(graph, [0]).graph)
    alone = [run(graph, *point)[0] for point in POINTS]
    together, _ = batched(graph, [True, True, True], len(POINTS))
    np.testing.assert_allclose(run(together, *map(np.array, zip(*POINTS, strict=True)))[0], alone, 1e-12, 1e-13)
    x, y, n = POINTS[0]
    in_step, _ = batched(graph, [True, False, False], 3)
    xs = np.array([x, 0.5, 0.2])
    np.testing.assert_allclose(run(in_step, xs, y, n)[0], [run(graph, a, y, n)[0] for a in xs], 1e-12, 1e-13)


@pytest.mark.parametrize("name", GRAPHS)
def test_steps_that_are_taken_again_give_the_same_bits(name: str) -> None:
    second = gradient(slopes(gradient(GRAPHS[name], [0]).graph), [0, 1]).graph
    x, y, n = POINTS[1]
    plenty = run(second, x, y, n)
    little = run(second, x, y, n, limits=Limits(run_bytes=4000))
    assert plenty == little
