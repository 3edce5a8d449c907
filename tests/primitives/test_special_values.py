"""Special functions where they are treacherous: tails, zeros, poles, ends, equal infinities, kinks.

The expected numbers are written out in mpmath here, values and derivatives both, and share nothing with the records.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from engine.derive.reverse import gradient
from engine.graph.values import Graph
from engine.primitives.table import lookup
from tests.witnesses import graph_of, run, ulps

mp = mpmath.MPContext()
mp.dps = 120

INF = float("inf")
Formula = Callable[..., Any]


def function_graph(name: str, arity: int, static: tuple[Any, ...] = ()) -> Graph:
    """The graph of a function of numbers; static arguments come first, as in `polygamma(n, x)`."""
    function = lookup(name)
    assert function is not None
    return graph_of(lambda *x: function.build(*static, *x), [()] * arity)


def derivative(graph: Graph, argument: int) -> Graph:
    """The graph of one partial derivative."""
    derived = gradient(graph, [argument]).graph
    return Graph(derived.inputs, derived.nodes, derived.outputs[1:])


def at(graph: Graph, point: tuple[float, ...]) -> float:
    (result,) = run(graph, point)
    return float(result)


def density(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def phi(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def log_phi(x: Any) -> Any:
    return mp.log(phi(x)) if x < 0 else mp.log1p(-phi(-x))


def mills(x: Any) -> Any:
    return density(x) / phi(x)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def erfcx(x: Any) -> Any:
    return mp.exp(x * x) * mp.erfc(x)


def erfcx_slope(x: Any) -> Any:
    return 2 * x * erfcx(x) - 2 / mp.sqrt(mp.pi)


def sinc_slope(x: Any) -> Any:
    return (mp.cospi(x) - mp.sinpi(x) / (mp.pi * x)) / x


def betaln(a: Any, b: Any) -> Any:
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


ONE_ARGUMENT: list[tuple[str, tuple[float, ...], Formula, Formula]] = [
    ("gelu", (-1e308, -40.0, -37.0, -8.0, 1e-300, 9.0), lambda x: x * phi(x), lambda x: phi(x) + x * density(x)),
    ("sigmoid", (-745.0, -710.0, -40.0, 1e-12, 36.0, 800.0), sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    (
        "silu",
        (-1e6, -700.0, -30.0, 1e-300, 40.0),
        lambda x: x * sigmoid(x),
        lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
    ),
    ("softplus", (-745.0, -40.0, 0.0, 40.0, 1e5), lambda x: mp.log1p(mp.exp(x)), sigmoid),
    ("log_sigmoid", (-1e5, -40.0, 0.0, 40.0, 745.0), lambda x: -mp.log1p(mp.exp(-x)), lambda x: sigmoid(-x)),
    ("softsign", (-1e300, -1e-300, 0.0, 1e16), lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    ("erf", (1e-300, -5.9, 6.0, 26.0), mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    ("erfc", (-5.0, 0.99, 1.01, 15.0, 26.5), mp.erfc, lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    ("erfcx", (-26.0, -1.0, 0.0, 3.0, 1e3, 1e10), erfcx, erfcx_slope),
    (
        "erfinv",
        (1e-300, 0.49, 0.51, -0.999, 1 - 2.0**-53),
        mp.erfinv,
        lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(x) ** 2),
    ),
    (
        "erfcinv",
        (1e-60, 1e-10, 0.49, 1.0, 1.51, 2 - 2.0**-52),
        lambda x: mp.erfinv(1 - x),
        lambda x: -mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(1 - x) ** 2),
    ),
    ("ndtr", (-38.0, -30.0, -1.01, 0.0, 8.5), phi, density),
    ("log_ndtr", (-1e9, -1e3, -38.0, -1.0, 0.0, 5.0, 37.5), log_phi, mills),
    (
        "ndtri",
        (1e-60, 0.24, 0.5, 0.76, 1 - 2.0**-53),
        lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1),
        lambda x: 1 / density(mp.sqrt(2) * mp.erfinv(2 * x - 1)),
    ),
    ("entr", (1e-300, 1.0, 1e300), lambda x: -x * mp.log(x), lambda x: -mp.log(x) - 1),
    ("sinc", (1e-9, 0.3, 0.955, 1.0, 1e9, 12345678.5, 1e15 + 0.5), mp.sincpi, sinc_slope),
    ("gamma", (1e-100, 2.0, 170.0, -0.75, -3.0 + 2.0**-30), mp.gamma, lambda x: mp.gamma(x) * mp.digamma(x)),
    ("lgamma", (1e-300, 1.0, 2.0, 1 + 2.0**-30, 1e300, -7.5), lambda x: mp.re(mp.loggamma(x)), mp.digamma),
    ("digamma", (1e-100, 2.0, -6.998, -1000.25, 1e16), mp.digamma, lambda x: mp.polygamma(1, x)),
    ("j0", (0.0, 1e-8, 24.9, 25.1, 1e8, -1e15), lambda x: mp.besselj(0, x), lambda x: -mp.besselj(1, x)),
    (
        "j1",
        (0.0, 1e-8, 24.9, 25.1, 1e8, -1e15),
        lambda x: mp.besselj(1, x),
        lambda x: (mp.besselj(0, x) - mp.besselj(2, x)) / 2,
    ),
    ("i0", (0.0, 1e-8, -30.0, 713.0), lambda x: mp.besseli(0, x), lambda x: mp.besseli(1, x)),
    (
        "i1",
        (0.0, 1e-8, -30.0, 713.0),
        lambda x: mp.besseli(1, x),
        lambda x: (mp.besseli(0, x) + mp.besseli(2, x)) / 2,
    ),
]


@pytest.mark.parametrize(("name", "points", "value", "slope"), ONE_ARGUMENT, ids=[row[0] for row in ONE_ARGUMENT])
def test_one_argument(name: str, points: tuple[float, ...], value: Formula, slope: Formula) -> None:
    graph = function_graph(name, 1)
    first = derivative(graph, 0)
    for x in points:
        # mpmath's erfc does not take huge numbers; the limits below are reached long before.
        exact = mp.mpf(max(x, -1e3)) if name == "gelu" else mp.mpf(x)
        assert ulps(at(graph, (x,)), value(exact)) <= 16, (name, x)
        assert ulps(at(first, (x,)), slope(exact)) <= 16, (name, x)


def lower(a: Any, x: Any) -> Any:
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * mp.hyp1f1(1, a + 1, x)


def in_shape(function: Formula, order: int) -> Formula:
    """The derivative of that order in the first argument, by differences with 120 digits."""

    def differences(a: Any, x: Any) -> Any:
        with mp.workdps(300):
            h = min(a, mp.mpf(1)) * mp.mpf(10) ** -60
            total = mp.mpf(0)
            for i in range(order + 1):
                total += (-1) ** i * mp.binomial(order, i) * function(a + (mp.mpf(order) / 2 - i) * h, x)
            return total / h**order

    return differences


def gamma_density(a: Any, x: Any) -> Any:
    return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))


SHAPES = ((0.5, 1e-10), (1e-3, 0.9), (1.0, 1.0), (3.0, 1e-5), (30.0, 45.0), (150.0, 120.0), (1e4, 1.01e4))
PAIRS: list[tuple[str, tuple[tuple[float, float], ...], Formula, Formula, Formula]] = [
    (
        "xlogy",
        ((0.0, 2.0), (0.0, 1e-300), (3.0, 1 + 2.0**-40), (1e200, 1e-200)),
        lambda x, y: x * mp.log(y),
        lambda x, y: mp.log(y),
        lambda x, y: x / y,
    ),
    (
        "xlog1py",
        ((0.0, 2.0), (2.0, 1e-300), (1.0, -1 + 2.0**-50), (1e200, 1e50)),
        lambda x, y: x * mp.log1p(y),
        lambda x, y: mp.log1p(y),
        lambda x, y: x / (1 + y),
    ),
    (
        "logaddexp",
        ((0.0, 0.0), (-1e5, -1e5), (3.0, -40.0), (-700.0, 40.0)),
        lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
        lambda x, y: sigmoid(x - y),
        lambda x, y: sigmoid(y - x),
    ),
    (
        "betaln",
        ((1e-10, 2.0), (1e5, 1.0), (1e10, 1e-3), (1e8, 1e8), (12.0, 1e6), (0.5, 0.5)),
        betaln,
        lambda a, b: mp.digamma(a) - mp.digamma(a + b),
        lambda a, b: mp.digamma(b) - mp.digamma(a + b),
    ),
    (
        "beta",
        ((1e-10, 2.0), (1e5, 1.0), (18.5, 16.7), (0.5, 0.5), (70.1, 3e-5)),
        lambda a, b: mp.exp(betaln(a, b)),
        lambda a, b: mp.exp(betaln(a, b)) * (mp.digamma(a) - mp.digamma(a + b)),
        lambda a, b: mp.exp(betaln(a, b)) * (mp.digamma(b) - mp.digamma(a + b)),
    ),
    ("gammainc", SHAPES, lower, in_shape(lower, 1), gamma_density),
    (
        "gammaincc",
        SHAPES,
        lambda a, x: 1 - lower(a, x),
        lambda a, x: -in_shape(lower, 1)(a, x),
        lambda a, x: -gamma_density(a, x),
    ),
]


@pytest.mark.parametrize(("name", "points", "value", "in_first", "in_second"), PAIRS, ids=[row[0] for row in PAIRS])
def test_two_arguments(
    name: str, points: tuple[tuple[float, float], ...], value: Formula, in_first: Formula, in_second: Formula
) -> None:
    graph = function_graph(name, 2)
    graphs = (graph, derivative(graph, 0), derivative(graph, 1))
    for point in points:
        exact = [mp.mpf(x) for x in point]
        for derived, truth in zip(graphs, (value, in_first, in_second), strict=True):
            assert ulps(at(derived, point), truth(*exact)) <= 32, (name, point)


HIGHER: list[tuple[str, tuple[int, ...], tuple[float, ...], Formula]] = [
    ("sigmoid", (0, 0), (1e-12,), lambda x: sigmoid(x) * sigmoid(-x) * (sigmoid(-x) - sigmoid(x))),
    ("log_ndtr", (0, 0), (-1e5,), lambda x: -mills(x) * (x + mills(x))),
    ("log_ndtr", (0, 0), (37.8,), lambda x: -mills(x) * (x + mills(x))),
    ("erfcx", (0, 0), (1e4,), lambda x: 2 * erfcx(x) + 2 * x * erfcx_slope(x)),
    ("erfcinv", (0, 0), (1e-30,), lambda x: mp.pi / 2 * mp.erfinv(1 - x) * mp.exp(2 * mp.erfinv(1 - x) ** 2)),
    ("erfcinv", (0, 0), (1.0,), lambda x: mp.mpf(0)),
    ("sinc", (0, 0), (0.0,), lambda x: -(mp.pi**2) / 3),
    ("sinc", (0, 0, 0), (1e-5,), lambda x: mp.pi**4 * x / 5 - mp.pi**6 * x**3 / 42),
    ("xlogy", (0, 1), (0.0, 2.0), lambda x, y: 1 / y),
    ("logaddexp", (0, 1), (5.0, 5.0), lambda x, y: mp.mpf(-1) / 4),
    ("betaln", (0, 0), (1e10, 1.0), lambda a, b: mp.polygamma(1, a) - mp.polygamma(1, a + b)),
    ("betaln", (0, 1), (1e10, 1.0), lambda a, b: -mp.polygamma(1, a + b)),
    ("gammainc", (0, 0), (2.5, 4.0), in_shape(lower, 2)),
    ("gammainc", (0, 0), (1e4, 1.01e4), in_shape(lower, 2)),
    ("gammaincc", (0, 0), (0.25, 0.5), lambda a, x: -in_shape(lower, 2)(a, x)),
    ("gammainc", (0, 0, 0), (2.5, 4.0), in_shape(lower, 3)),
    ("gammainc", (0, 1), (50.0, 60.0), lambda a, x: gamma_density(a, x) * (mp.log(x) - mp.digamma(a))),
    ("gammainc", (1, 1), (2.0, 0.0), lambda a, x: mp.mpf(1)),
    ("j1", (0, 0, 0), (0.0,), lambda x: mp.mpf(-3) / 8),
    ("i1", (0, 0, 0), (0.0,), lambda x: mp.mpf(3) / 8),
]


@pytest.mark.parametrize(("name", "arguments", "point", "truth"), HIGHER)
def test_higher_derivatives(name: str, arguments: tuple[int, ...], point: tuple[float, ...], truth: Formula) -> None:
    graph = function_graph(name, len(point))
    for argument in arguments:
        graph = derivative(graph, argument)
    assert ulps(at(graph, point), truth(*[mp.mpf(x) for x in point])) <= 32


def test_x_log_x_has_the_derivative_log_x_plus_1() -> None:
    function = lookup("xlogy")
    assert function is not None
    graph = derivative(graph_of(lambda x: function.build(x, x), [()]), 0)
    for x in (1e-300, 0.25, 1.0, 1e300):
        assert ulps(at(graph, (x,)), mp.log(x) + 1) <= 2


@pytest.mark.parametrize("n", [0, 1, 2, 7])
@pytest.mark.parametrize("x", [1e-20, 0.3, 9.0, 1e9, -0.25, -6.998, -1000.25])
def test_polygamma(n: int, x: float) -> None:
    graph = function_graph("polygamma", 1, static=(n,))
    assert ulps(at(graph, (x,)), mp.polygamma(n, mp.mpf(x))) <= 16
    assert ulps(at(derivative(graph, 0), (x,)), mp.polygamma(n + 1, mp.mpf(x))) <= 16


CONVENTIONS: list[tuple[str, tuple[float, ...], float, tuple[float, ...]]] = [
    ("relu", (0.0,), 0.0, (0.5,)),
    ("relu", (-0.0,), 0.0, (0.5,)),
    ("relu", (-1e308,), 0.0, (0.0,)),
    ("leaky_relu", (0.0,), 0.0, (0.505,)),
    ("leaky_relu", (-2.0,), -0.02, (0.01,)),
    ("elu", (0.0,), 0.0, (1.0,)),
    ("elu", (-800.0,), -1.0, (0.0,)),
    ("silu", (-1e308,), 0.0, (0.0,)),
    ("silu", (1e308,), 1e308, (1.0,)),
    ("softplus", (1e308,), 1e308, (1.0,)),
    ("softplus", (-INF,), 0.0, (0.0,)),
    ("softsign", (INF,), 1.0, (0.0,)),
    ("log_ndtr", (-1e300,), -INF, (1e300,)),
    ("erfcx", (1e308,), 1 / (np.sqrt(np.pi) * 1e308), (0.0,)),
    ("entr", (0.0,), 0.0, (INF,)),
    ("sinc", (INF,), 0.0, (0.0,)),
    ("xlogy", (0.0, 0.0), 0.0, (-INF, 0.0)),
    ("xlog1py", (0.0, -1.0), 0.0, (-INF, 0.0)),
    ("logaddexp", (INF, INF), INF, (0.5, 0.5)),
    ("logaddexp", (-INF, -INF), -INF, (0.5, 0.5)),
    ("logaddexp", (INF, 3.0), INF, (1.0, 0.0)),
    ("logaddexp", (-INF, 3.0), 3.0, (0.0, 1.0)),
    ("logaddexp", (1e308, -1e308), 1e308, (1.0, 0.0)),
    ("gammainc", (2.0, 0.0), 0.0, (0.0, 0.0)),
    ("gammainc", (1.0, 0.0), 0.0, (0.0, 1.0)),
    ("gammainc", (2.0, INF), 1.0, (0.0, 0.0)),
    ("gammaincc", (0.5, 0.0), 1.0, (0.0, -INF)),
]


@pytest.mark.parametrize(("name", "point", "value", "slopes"), CONVENTIONS)
def test_conventions_and_limits(name: str, point: tuple[float, ...], value: float, slopes: tuple[float, ...]) -> None:
    graph = function_graph(name, len(point))
    assert ulps(at(graph, point), value) <= 1 or at(graph, point) == value
    for argument, slope in enumerate(slopes):
        found = at(derivative(graph, argument), point)
        assert found == slope or ulps(found, slope) <= 1


@pytest.mark.parametrize(
    ("name", "static", "right"), [("leaky_relu", (0.25,), 0.625), ("elu", (3.0,), 2.0), ("elu", (0.5,), 0.75)]
)
def test_shares_at_a_kink_follow_the_parameter(name: str, static: tuple[float, ...], right: float) -> None:
    function = lookup(name)
    assert function is not None
    graph = graph_of(lambda x: function.build(x, *static), [()])
    assert at(derivative(graph, 0), (0.0,)) == right


def test_arrays_of_any_shape() -> None:
    """The branches are chosen element by element."""
    for name, points in (("erfcx", (-2.0, 0.5, 30.0)), ("j0", (0.5, 30.0, 1e3)), ("sinc", (0.0, 0.7, 5.25))):
        function = lookup(name)
        assert function is not None
        scalar = derivative(function_graph(name, 1), 0)
        graph = derivative(graph_of(function.build, [(1, 3)]), 0)
        (found,) = run(graph, [np.array([points])])
        weights = 1.0 + np.arange(3) / 8.0
        np.testing.assert_allclose(found[0] / weights, [at(scalar, (x,)) for x in points], rtol=1e-14)
