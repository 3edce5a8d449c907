"""Log densities against scipy at ordinary and extreme points, at the ends of the support and beyond them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, nan
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import stats

from engine.derive.reverse import gradient
from engine.errors import EngineError, ShapeMismatch, TypeMismatch
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.types import Type
from engine.primitives.densities import log1p_square, log_i0e, log_logistic
from engine.primitives.record import Elementwise
from engine.primitives.table import FUNCTIONS
from tests.asking import codes, grad, value
from tests.witnesses import ulps

DISTRIBUTIONS = [f for f in FUNCTIONS.values() if f.group == "distributions"]
REALS = [-1e5, -40.0, -3.0, -1e-8, 0.0, 1e-8, 0.3, 1.0, 2.5, 40.0, 1e5]
POSITIVE = [1e-8, 0.02, 0.5, 1.0, 2.5, 40.0, 1e5]
SHARES = [0.0, 1e-10, 0.3, 0.5, 0.999, 1.0]
SHAPES = [0.05, 0.5, 1.0, 1.5, 30.0]
COUNTS = [-1, 0, 1, 2, 3, 10, 40]

POINTS: dict[str, tuple[Sequence[float], ...]] = {
    "normal_logpdf": (REALS, [0.0, -3.5], [0.1, 1.0, 30.0]),
    "lognormal_logpdf": ([*REALS], [0.0, -1.5], [0.1, 1.0, 30.0]),
    "student_t_logpdf": (REALS, [0.3, 1.0, 4.5, 1e6], [0.0, 2.0], [0.1, 3.0]),
    "cauchy_logpdf": (REALS, [0.0, 2.0], [0.1, 3.0]),
    "laplace_logpdf": (REALS, [0.0, 2.0], [0.1, 3.0]),
    "logistic_logpdf": (REALS, [0.0, 2.0], [0.1, 3.0]),
    "exponential_logpdf": (REALS, POSITIVE),
    "gamma_logpdf": (REALS, SHAPES, [0.1, 1.0, 20.0]),
    "inverse_gamma_logpdf": ([-1.0, *POSITIVE], SHAPES, [0.1, 1.0, 20.0]),
    "beta_logpdf": ([-0.5, *SHARES, 1.5], SHAPES, SHAPES),
    "uniform_logpdf": (REALS, [-3.0, 0.0], [1.0, 2.5]),
    "weibull_logpdf": (REALS, [0.5, 1.0, 3.0], [0.1, 1.0, 20.0]),
    "chi2_logpdf": (REALS, [0.5, 2.0, 3.0, 40.0]),
    "half_normal_logpdf": (REALS, [0.1, 1.0, 30.0]),
    "half_cauchy_logpdf": (REALS, [0.1, 1.0, 30.0]),
    "pareto_logpdf": (REALS, SHAPES, [0.3, 1.0, 20.0]),
    "von_mises_logpdf": ([-3.0, -0.5, 0.0, 1e-8, 2.0], [0.0, 1.0], [0.0, 1e-8, 0.5, 2.0, 24.0, 26.0, 600.0]),
    "bernoulli_logpmf": (COUNTS, SHARES),
    "bernoulli_logit_logpmf": ([0, 1], REALS),
    "binomial_logpmf": (COUNTS, [0, 1, 10, 2000], SHARES),
    "poisson_logpmf": (COUNTS, [0.0, *POSITIVE]),
    "geometric_logpmf": (COUNTS, SHARES[1:]),
    "negative_binomial_logpmf": (COUNTS, SHAPES, SHARES[1:]),
    "categorical_logpmf": ([-1, 0, 1, 2, 3],),
}


def grid(name: str) -> tuple[list[Any], Any]:
    """Every combination of the points of a function, and what scipy says there."""
    columns = [c.ravel() for c in np.meshgrid(*POINTS[name], indexing="ij")]
    reference = FUNCTIONS[name].reference
    assert reference is not None
    if name == "categorical_logpmf":
        columns.append(np.array([0.5, -1.0, 3.0]))
    with np.errstate(all="ignore"):
        return columns, np.asarray(reference(*columns))


def test_every_distribution_has_its_grid() -> None:
    arrays = {"multivariate_normal_logpdf", "dirichlet_logpdf"}
    assert {f.name for f in DISTRIBUTIONS} == {*POINTS, *arrays}


@pytest.mark.parametrize("name", POINTS)
def test_values_are_those_of_scipy(name: str) -> None:
    columns, expected = grid(name)
    names = [p.name for p in FUNCTIONS[name].parameters]
    at = dict(zip(names, columns, strict=True))
    found = np.asarray(value(f"{name}({', '.join(names)})", at).value)
    # Both cancel where the logarithm has a zero, and scipy's terms may be large there.
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", POINTS)
def test_gradients_are_finite_inside_and_0_outside_of_the_support(name: str) -> None:
    columns, expected = grid(name)
    real = [i for i, c in enumerate(columns) if c.dtype.kind == "f" and FUNCTIONS[name].parameters[i].kind == "Value"]
    if name == "categorical_logpmf":
        return
    with Builder() as builder:
        inputs = [builder.input(Type("real" if i in real else "int", c.shape)) for i, c in enumerate(columns)]
        total = FUNCTIONS["sum"].build(FUNCTIONS[name].build(*inputs))
        graph = builder.finish([total])
    with np.errstate(all="ignore"):
        gradients = compile_graph(gradient(graph, real).graph)(columns)[0][1:]
    outside = expected == -inf
    ends = np.isinf(expected) | _at_an_end(name, columns)
    for slope in gradients:
        assert np.all(np.isfinite(slope[~ends]))
        beyond = outside & ~_at_an_end(name, columns)
        assert np.all(slope[beyond] == 0)


def _at_an_end(name: str, columns: list[Any]) -> Any:
    """Where an argument lies at the end of the support or of its domain."""
    ends: Mapping[str, tuple[tuple[int, float], ...]] = {
        "lognormal_logpdf": ((0, 0.0),),
        "gamma_logpdf": ((0, 0.0),),
        "chi2_logpdf": ((0, 0.0),),
        "weibull_logpdf": ((0, 0.0),),
        "beta_logpdf": ((0, 0.0), (0, 1.0)),
        "bernoulli_logpmf": ((1, 0.0), (1, 1.0)),
        "binomial_logpmf": ((2, 0.0), (2, 1.0)),
        "poisson_logpmf": ((1, 0.0),),
        "geometric_logpmf": ((1, 1.0),),
        "negative_binomial_logpmf": ((2, 1.0),),
    }
    found = np.zeros(columns[0].shape, dtype=bool)
    for i, end in ends.get(name, ()):
        found |= columns[i] == end
    return found


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("lognormal_logpdf(x, m, s)", {"x": -1.0, "m": 0.5, "s": 2.0}),
        ("gamma_logpdf(x, a, b)", {"x": -1.0, "a": 2.0, "b": 2.0}),
        ("beta_logpdf(x, a, b)", {"x": 1.5, "a": 2.0, "b": 2.0}),
        ("pareto_logpdf(x, a, b)", {"x": 1.5, "a": 2.0, "b": 2.0}),
        ("weibull_logpdf(x, a, b)", {"x": -0.5, "a": 2.0, "b": 2.0}),
        ("uniform_logpdf(x, a, b)", {"x": -0.5, "a": 2.0, "b": 3.0}),
        ("poisson_logpmf(-1, rate)", {"rate": 2.0}),
        ("binomial_logpmf(6, 5, p)", {"p": 0.5}),
        ("categorical_logpmf(3, x)", {"x": [1.0, 2.0, 3.0]}),
        ("dirichlet_logpdf(x, a)", {"x": [-0.5, 1.5], "a": [2.0, 3.0]}),
    ],
)
def test_an_answer_outside_of_the_support(text: str, at: Mapping[str, Any]) -> None:
    answer = grad(text, at)
    assert answer.value == -inf
    assert answer.grad is not None
    assert all(np.all(slope == 0) for slope in answer.grad.values())
    assert codes(answer)[0] == "non-finite"
    assert set(codes(answer)) <= {"non-finite", "disconnected"}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("normal_logpdf(0.5, 0, s)", {"s": -1.0}),
        ("uniform_logpdf(x, 1, 0)", {"x": 0.5}),
        ("uniform_logpdf(x)", {"x": nan}),
        ("gamma_logpdf(1.5, a, 1)", {"a": nan}),
        ("exponential_logpdf(1, r)", {"r": -1.0}),
        ("exponential_logpdf(x, 1)", {"x": nan}),
        ("beta_logpdf(x, 1, 1)", {"x": nan}),
        ("binomial_logpmf(1, 2, p)", {"p": 1.5}),
        ("von_mises_logpdf(1, 0, k)", {"k": -1.0}),
        ("multivariate_normal_logpdf([0, 0], [0, 0], A)", {"A": [[1.0, 2.0], [2.0, 1.0]]}),
    ],
)
def test_impossible_parameters_and_nan_give_nan(text: str, at: Mapping[str, Any]) -> None:
    assert np.isnan(np.asarray(value(text, at).value))


def test_data_at_the_end_of_the_support_are_no_kink_of_the_parameters() -> None:
    answer = grad("sum(exponential_logpdf([0, 1.5], rate))", {"rate": 2.0})
    assert answer.grad is not None
    assert answer.grad["rate"] == pytest.approx(2 / 2.0 - 1.5, rel=1e-15)
    assert codes(answer) == []


def test_probabilities_add_up() -> None:
    at = {"p": 0.3, "r": 2.5}
    assert value("sum(exp(binomial_logpmf(arange(0, 31), 30, p)))", {"p": 0.3}).value == pytest.approx(1, rel=1e-13)
    assert value("sum(exp(poisson_logpmf(arange(0, 60), r)))", {"r": 2.5}).value == pytest.approx(1, rel=1e-13)
    total = value("sum(exp(negative_binomial_logpmf(arange(0, 400), r, p)))", at).value
    assert total == pytest.approx(1, rel=1e-12)
    assert value("sum(exp(geometric_logpmf(arange(1, 200), p)))", {"p": 0.3}).value == pytest.approx(1, rel=1e-13)
    assert value("sum(exp(categorical_logpmf(arange(3), x)))", {"x": [1.0, -2.0, 0.5]}).value == pytest.approx(1)


def test_vectors_in_several_axes() -> None:
    draw = np.random.default_rng(3)
    A = draw.normal(size=(3, 3))
    cov, x, mean = A @ A.T + np.eye(3), draw.normal(size=(2, 4, 3)), draw.normal(size=(4, 3))
    text = "multivariate_normal_logpdf(x, m, C)"
    found = np.asarray(value(text, {"x": x, "m": mean, "C": cov}).value)
    np.testing.assert_allclose(found, stats.multivariate_normal.logpdf(x - mean, np.zeros(3), cov), rtol=1e-13)
    alpha, shares = [0.5, 2.0, 7.0], draw.dirichlet([1.0, 2.0, 3.0], size=(2, 2))
    found = np.asarray(value("dirichlet_logpdf(x, a)", {"x": shares, "a": alpha}).value)
    expected = [[stats.dirichlet.logpdf(p, alpha) for p in row] for row in shares]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "at", "error"),
    [
        ("poisson_logpmf(x*1.0, 2)", {"x": 1.5}, TypeMismatch),
        ("poisson_logpmf(k, 2)", {"k": 1.5}, EngineError),
        ("categorical_logpmf(0, x)", {"x": 1.5}, ShapeMismatch),
        ("dirichlet_logpdf(x, [1, 2])", {"x": 1.5}, ShapeMismatch),
        ("multivariate_normal_logpdf(x, [0, 0, 0], C)", {"x": 1.5, "C": [[1.0, 0.0], [0.0, 1.0]]}, ShapeMismatch),
        ("multivariate_normal_logpdf(x, 0, C)", {"x": 1.5, "C": [[1.0, 0.0], [0.0, 1.0]]}, ShapeMismatch),
        ("multivariate_normal_logpdf(x, 0, C)", {"x": [1.5], "C": [1.0]}, ShapeMismatch),
    ],
)
def test_refusals(text: str, at: Mapping[str, Any], error: type[EngineError]) -> None:
    with pytest.raises(error):
        value(text, at)


def _log_i0e(mp: Any, x: Any) -> Any:
    return mp.log(mp.besseli(0, x)) - x


PARTS: list[tuple[Elementwise, Callable[..., Any], list[float], int, float]] = [
    (log1p_square, lambda mp, x: mp.log1p(x * x), [0.0, 1e-200, 1e-9, 0.5, -1.0, 1e9, -1e200, 1.7e308], 1, 4.0),
    (
        log_logistic,
        lambda mp, x: -abs(x) - 2 * mp.log1p(mp.exp(-abs(x))),
        [1e-200, -1e-9, 0.5, -1.0, 40.0, 1e9, -1e200],
        1,
        4.0,
    ),
    (log_i0e, _log_i0e, [0.0, 1e-20, 1e-5, 0.5, 0.99, 25.1, 300.0, 1e5], 3, 8.0),
    (log_i0e, _log_i0e, [1.01, 2.0, 5.0, 24.9], 2, 3000.0),
]


@pytest.mark.parametrize(("primitive", "truth", "points", "orders", "tolerance"), PARTS)
def test_parts_and_their_derivatives(
    primitive: Elementwise, truth: Callable[..., Any], points: list[float], orders: int, tolerance: float
) -> None:
    mp = mpmath.MPContext()
    mp.dps = 60
    graph = Builder()
    with graph as builder:
        made = graph.finish([primitive(builder.input(Type("real", ())))])
    for order in range(orders + 1):
        for x in points:
            with np.errstate(all="ignore"):
                found = float(compile_graph(made)([np.float64(x)])[0][0])
            assert ulps(found, _derivative(mp, truth, x, order)) <= tolerance, (order, x)
        derived = gradient(made, [0]).graph
        made = type(derived)(derived.inputs, derived.nodes, derived.outputs[1:])


def _derivative(mp: Any, truth: Callable[..., Any], x: float, order: int) -> Any:
    if order == 0:
        return truth(mp, mp.mpf(x))
    h = mp.mpf(10) ** -20 * max(abs(mp.mpf(x)), mp.mpf(10) ** -20)
    before = mp.dps
    mp.dps = 1000
    try:
        steps = [
            mp.binomial(order, k) * (-1) ** k * truth(mp, x + (mp.mpf(order) / 2 - k) * h) for k in range(order + 1)
        ]
        return mp.fsum(steps) / h**order
    finally:
        mp.dps = before
