"""Limits of values, slopes and curvatures from both sides, where rules of differentiation have nothing to say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from engine.errors import BudgetExceeded
from engine.limits import Budget
from engine.verify.limit import VALUE, Direction, Point, backwards, of_graph, weighted
from engine.verify.sides import Pair, both, near, one_sided, second_order, slopes
from tests.asking import budget, graph_of_text

INF, NAN = math.inf, math.nan
LN2 = math.log(2.0)


def point(text: str, at: Mapping[str, Any]) -> Point:
    """A function at a point."""
    graph, arguments = graph_of_text(text, at)
    return Point(of_graph(graph, budget()), arguments, budget())


def along(at: Mapping[str, Any], **ways: Any) -> Direction:
    """The direction that moves the inputs named, by so much."""
    return [np.broadcast_to(np.asarray(ways.get(name, 0.0), dtype=float), np.shape(a)) for name, a in at.items()]


def same(found: float | None, expected: float | None) -> bool:
    """Whether a limit is the expected one: NaN for no function on this side, None for no limit."""
    if found is None or expected is None:
        return found is expected
    return (found != found and expected != expected) or near(found, expected)


X0: Mapping[str, Any] = {"x": 0.0}
XY0: Mapping[str, Any] = {"x": 0.0, "y": 0.0}

# text, point, value from the left and right, slope from the left and right, both in x
SIDES: list[tuple[str, Mapping[str, Any], Pair, Pair]] = [
    ("sin(x)/x", X0, (1.0, 1.0), (0.0, 0.0)),
    ("(exp(x) - 1)/x", X0, (1.0, 1.0), (0.5, 0.5)),
    ("(1 - cos(x))/x^2", X0, (0.5, 0.5), (0.0, 0.0)),
    ("x/(exp(x) - 1)", X0, (1.0, 1.0), (-0.5, -0.5)),
    ("(x^2 - 4)/(x - 2)", {"x": 2.0}, (4.0, 4.0), (1.0, 1.0)),
    ("log(x)/(x - 1)", {"x": 1.0}, (1.0, 1.0), (-0.5, -0.5)),
    ("x^2", {"x": 3.0}, (9.0, 9.0), (6.0, 6.0)),
    ("x^2", {"x": 1e-300}, (0.0, 0.0), (2e-300, 2e-300)),
    ("x^2", {"x": 1e150}, (1e300, 1e300), (2e150, 2e150)),
    ("x + y", {"x": 0.0, "y": 1e300}, (1e300, 1e300), (1.0, 1.0)),
    ("x + y", {"x": 1e-200, "y": 1e300}, (1e300, 1e300), (1.0, 1.0)),
    ("y", {"x": 1e-200, "y": 1e300}, (1e300, 1e300), (0.0, 0.0)),
    ("1 + 1e-50*x", X0, (1.0, 1.0), (1e-50, 1e-50)),
    ("abs(x)", X0, (0.0, 0.0), (-1.0, 1.0)),
    ("maximum(x, 3*x)", X0, (0.0, 0.0), (1.0, 3.0)),
    ("floor(x)*(x - 2)", {"x": 2.0}, (0.0, 0.0), (1.0, 2.0)),
    ("where(x > 0, 1, 0)", X0, (0.0, 1.0), (0.0, None)),
    ("floor(x)", {"x": 2.0}, (1.0, 2.0), (None, 0.0)),
    ("1/(1 + exp(-1/x))", X0, (0.0, 1.0), (None, None)),
    ("sqrt(abs(x))", X0, (0.0, 0.0), (-INF, INF)),
    ("cbrt(x)", X0, (0.0, 0.0), (INF, INF)),
    ("cbrt(x)^2", X0, (0.0, 0.0), (-INF, INF)),
    ("sqrt(x)", X0, (NAN, 0.0), (NAN, INF)),
    ("asin(x)", {"x": 1.0}, (math.pi / 2, NAN), (INF, NAN)),
    ("sqrt(x)^3", X0, (NAN, 0.0), (NAN, 0.0)),
    ("x*log(x)", X0, (NAN, 0.0), (NAN, -INF)),
    ("x^x", X0, (NAN, 1.0), (NAN, -INF)),
    ("x^2*log(abs(x))", X0, (0.0, 0.0), (0.0, 0.0)),
    ("log(x)", X0, (NAN, -INF), (NAN, INF)),
    ("log(x)", {"x": -1.0}, (NAN, NAN), (NAN, NAN)),
    ("1/x", X0, (-INF, INF), (None, None)),
    ("1/x^2", X0, (INF, INF), (INF, -INF)),
    ("exp(-1/x^2)", X0, (0.0, 0.0), (0.0, 0.0)),
    ("sin(1/x)", X0, (None, None), (None, None)),
    ("x*sin(1/x)", X0, (0.0, 0.0), (None, None)),
    ("x*cos(1/x + 1)", X0, (0.0, 0.0), (None, None)),
    ("3*x*sin(1/x + 0.001) + x", X0, (0.0, 0.0), (None, None)),
    ("x*sin(log(abs(x)))", X0, (0.0, 0.0), (None, None)),
    ("x^2*sin(1/x)", X0, (0.0, 0.0), (0.0, 0.0)),
    ("1/x - floor(1/x)", X0, (None, None), (None, None)),
    ("(y^x - 1)/x", {"x": 0.0, "y": 2.0}, (LN2, LN2), (LN2**2 / 2, LN2**2 / 2)),
    # On these lines there is no function at all: what counts is what is beside them.
    ("(x^t - 1)/t", {"x": 2.0, "t": 0.0}, (NAN, NAN), (0.5, 0.5)),
    ("sin(x*y)/y", {"x": 2.0, "y": 0.0}, (NAN, NAN), (1.0, 1.0)),
    ("abs(x)*sin(y)/y", {"x": 0.0, "y": 0.0}, (NAN, NAN), (-1.0, 1.0)),
    ("x*y/(x^2 + y^2)", XY0, (0.0, 0.0), (0.0, 0.0)),
]


@pytest.mark.parametrize(("text", "at", "values", "derivatives"), SIDES, ids=[f"{s[0]} at {s[1]}" for s in SIDES])
def test_both_sides(text: str, at: Mapping[str, Any], values: Pair, derivatives: Pair) -> None:
    here, u = point(text, at), along(at, x=1.0)
    (low,), (high,) = here.limit(VALUE, backwards(u)), here.limit(VALUE, u)
    assert same(low, values[0]), low
    assert same(high, values[1]), high
    ((left, right),) = one_sided(here, u)
    assert same(left, derivatives[0]), (left, right)
    assert same(right, derivatives[1]), (left, right)


@pytest.mark.parametrize(("text", "at", "values", "derivatives"), SIDES, ids=[f"{s[0]} at {s[1]}" for s in SIDES])
def test_turning_the_direction_round_turns_the_sides_round(
    text: str, at: Mapping[str, Any], values: Pair, derivatives: Pair
) -> None:
    here = point(text, at)
    ((left, right),) = one_sided(here, along(at, x=-2.0))
    for found, expected in ((left, derivatives[1]), (right, derivatives[0])):
        assert same(found, None if expected is None else -2.0 * expected), (left, right)


@pytest.mark.parametrize(("text", "at", "values", "derivatives"), SIDES, ids=[f"{s[0]} at {s[1]}" for s in SIDES])
def test_the_quick_slope_is_that_of_both_sides(
    text: str, at: Mapping[str, Any], values: Pair, derivatives: Pair
) -> None:
    (slope,) = slopes(point(text, at), along(at, x=1.0))
    assert same(slope, both(*derivatives)), slope


# text, point, directions (in x, in y), second derivatives
SECONDS: list[tuple[str, Mapping[str, Any], tuple[float, float], tuple[float, float], Pair]] = [
    ("sin(x)/x", X0, (1.0, 0.0), (1.0, 0.0), (-1 / 3, -1 / 3)),
    ("sin(x)/x", X0, (1.0, 0.0), (-2.0, 0.0), (2 / 3, 2 / 3)),
    ("x*abs(x)", X0, (1.0, 0.0), (1.0, 0.0), (-2.0, 2.0)),
    ("abs(x)^1.5", X0, (1.0, 0.0), (1.0, 0.0), (INF, INF)),
    ("sqrt(x)^3", X0, (1.0, 0.0), (1.0, 0.0), (NAN, INF)),
    ("sqrt(x)^5", X0, (1.0, 0.0), (1.0, 0.0), (NAN, 0.0)),
    ("x*sin(1/x)", X0, (1.0, 0.0), (1.0, 0.0), (None, None)),
    ("x^2*log(abs(x))", X0, (1.0, 0.0), (1.0, 0.0), (-INF, -INF)),
    ("(x^y - 1)/y", {"x": 2.0, "y": 0.0}, (1.0, 0.0), (0.0, 1.0), (LN2 / 2, LN2 / 2)),
    ("(x^y - 1)/y", {"x": 2.0, "y": 0.0}, (1.0, 0.0), (1.0, 0.0), (-0.25, -0.25)),
    ("sin(x*y)/y", {"x": 2.0, "y": 0.0}, (1.0, 0.0), (1.0, 0.0), (0.0, 0.0)),
    ("x*y", {"x": 2.0, "y": 3.0}, (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)),
    ("x*y", {"x": 2.0, "y": 1e-9}, (1.0, 0.0), (1.0, 3.0), (3.0, 3.0)),
    ("x + y", {"x": 2.0, "y": 3.0}, (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    ("x + y", {"x": 2.0, "y": 3.0}, (1.0, 0.0), (1.0, 0.0), (0.0, 0.0)),
    ("x*y", {"x": 1e-200, "y": 1e100}, (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)),
    ("abs(x)*y", XY0, (1.0, 0.0), (0.0, 1.0), (-1.0, 1.0)),
    ("log(x)", {"x": -1.0}, (1.0, 0.0), (1.0, 0.0), (NAN, NAN)),
    ("floor(x)*(x - 2)", {"x": 2.0}, (1.0, 0.0), (1.0, 0.0), (0.0, 0.0)),
    ("exp(x)", {"x": 1.0}, (1.0, 0.0), (1.0, 0.0), (math.e, math.e)),
]


@pytest.mark.parametrize(("text", "at", "u", "v", "expected"), SECONDS, ids=[f"{s[0]} {s[2]} {s[3]}" for s in SECONDS])
def test_second_derivatives(
    text: str, at: Mapping[str, Any], u: tuple[float, float], v: tuple[float, float], expected: Pair
) -> None:
    here = point(text, at)
    ((left, right),) = second_order(here, along(at, x=u[0], y=u[1]), along(at, x=v[0], y=v[1]))
    assert same(left, expected[0]), (left, right)
    assert same(right, expected[1]), (left, right)


def test_a_mixed_derivative_that_depends_on_the_order_is_none() -> None:
    here = point("x*y*(x^2 - y^2)/(x^2 + y^2)", XY0)
    ((left, right),) = second_order(here, along(XY0, x=1.0), along(XY0, y=1.0))
    assert both(left, right) is None


def test_every_output_has_its_own_limits() -> None:
    at = {"x": 0.0, "v": [2.0, 3.0]}
    here = point("[sin(x)/x, abs(x), log(x - 1), 5, x*v[1], v[0]^2]", at)
    expected: Sequence[Pair] = [(0.0, 0.0), (-1.0, 1.0), (NAN, NAN), (0.0, 0.0), (3.0, 3.0), (0.0, 0.0)]
    for (left, right), (below, above) in zip(one_sided(here, along(at, x=1.0)), expected, strict=True):
        assert same(left, below), (left, right)
        assert same(right, above), (left, right)


def test_weights_make_one_output_of_many() -> None:
    at = {"x": 0.0}
    here = point("[sin(x)/x, exp(x), log(x - 1)]", at)
    one = Point(weighted(here.function, [2.0, 3.0, 0.0]), here.arguments, budget())
    assert one_sided(one, along(at, x=1.0)) == [(3.0, 3.0)]
    assert [float(x) for x in one.there()] != [5.0]
    assert one.limit(VALUE, along(at, x=1.0)) == [5.0]


BOTH: list[tuple[float | None, float | None, float | None]] = [
    (1.0, 1.0, 1.0),
    (1.0, 1.0 + 1e-15, 1.0),
    (1.0, 1.0 + 1e-12, None),
    (NAN, 2.0, 2.0),
    (2.0, NAN, 2.0),
    (NAN, NAN, None),
    (None, 2.0, None),
    (None, NAN, None),
    (INF, INF, INF),
    (-INF, INF, None),
    (INF, 1.0, None),
    (0.0, 0.0, 0.0),
]


@pytest.mark.parametrize(("left", "right", "expected"), BOTH)
def test_two_sides_make_a_derivative_if_they_agree(
    left: float | None, right: float | None, expected: float | None
) -> None:
    assert same(both(left, right), expected)


def test_integers_do_not_move() -> None:
    graph, arguments = graph_of_text("x*n + abs(x)", {"x": 0.0, "n": 3})
    here = Point(of_graph(graph, budget()), arguments, budget())
    assert one_sided(here, [np.ones(()), *[np.zeros(()) for _ in arguments[1:]]]) == [(2.0, 4.0)]


def test_the_budget_is_respected() -> None:
    graph, arguments = graph_of_text("x*sin(1/x)", X0)
    late = Budget.starting_now(0.0)
    with pytest.raises(BudgetExceeded):
        one_sided(Point(of_graph(graph, late), arguments, late), [np.ones(())])
