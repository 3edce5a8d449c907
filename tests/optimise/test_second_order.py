"""Methods that use curvature: known minima, boxes, edges of domains, and what they leave behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import BudgetExceeded
from engine.graph.types import Array
from engine.limits import Budget
from engine.objective import Objective
from engine.optimise.options import Option, read_options
from engine.optimise.path import Path, Point
from engine.optimise.problem import Bounds, Problem, Squares
from engine.optimise.search import NO_LOWER, NOT_FINITE
from engine.optimise.second_order import LBFGS, NEWTON_CG, TRUST_REGION, lbfgs, newton_cg, trust_region
from engine.question import Question

METHODS: Mapping[str, tuple[Path, Sequence[Option]]] = {
    "lbfgs": (lbfgs, LBFGS),
    "newton_cg": (newton_cg, NEWTON_CG),
    "trust_region": (trust_region, TRUST_REGION),
}
every_method = pytest.mark.parametrize("method", METHODS)
BEALE = "(1.5 - x[0] + x[0]*x[1])^2 + (2.25 - x[0] + x[0]*x[1]^2)^2 + (2.625 - x[0] + x[0]*x[1]^3)^2"
BOOTH = "(x[0] + 2*x[1] - 7)^2 + (2*x[0] + x[1] - 5)^2"
HIMMELBLAU = "(x[0]^2 + x[1] - 11)^2 + (x[0] + x[1]^2 - 7)^2"
POWELL = "(x[0] + 10*x[1])^2 + 5*(x[2] - x[3])^2 + (x[1] - 2*x[2])^4 + 10*(x[0] - x[3])^4"
WOOD = (
    "100*(x[1] - x[0]^2)^2 + (1 - x[0])^2 + 90*(x[3] - x[2]^2)^2 + (1 - x[2])^2"
    " + 10.1*((x[1] - 1)^2 + (x[3] - 1)^2) + 19.8*(x[1] - 1)*(x[3] - 1)"
)
BROWN = "(x[0] - 10^6)^2 + (x[1] - 2e-6)^2 + (x[0]*x[1] - 2)^2"
ROSENBROCK = "sum(100*(x[1::2] - x[0::2]^2)^2 + (1 - x[0::2])^2)"
LOGISTIC = "sum(log(1 + exp(-[1, -1, 1, -1, 1]*([[1, 2], [2, -1], [0.5, 1], [-1, -1], [-1, 2]] @ x)))) + 0.05*sum(x^2)"


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def objective(expr: str, start: Sequence[float], budget: Budget | None = None) -> Objective:
    question = Question(expr, {"x": np.array(start, dtype=np.float64)})
    return Objective(Engine(), question, ["x"], budget or Budget.starting_now(60))


@dataclass
class Counted:
    """A problem that counts what it is asked, and at how many points."""

    problem: Problem
    points: list[bytes] = field(default_factory=list)
    hessians: int = 0
    products: int = 0

    @property
    def size(self) -> int:
        return self.problem.size

    @property
    def squares(self) -> Squares | None:
        return None

    def evaluate(self, x: Array) -> tuple[float, Array]:
        assert np.isfinite(x).all()
        self.points.append(x.tobytes())
        return self.problem.evaluate(x)

    def evaluate_many(self, points: Array) -> tuple[Array, Array]:
        return self.problem.evaluate_many(points)

    def product(self, x: Array, vector: Array) -> Array:
        self.products += 1
        return self.problem.product(x, vector)

    def hessian(self, x: Array) -> Array:
        self.hessians += 1
        return self.problem.hessian(x)

    def trouble(self, x: Array) -> str:
        return self.problem.trouble(x)


@dataclass
class Plain:
    """A problem in Python, whose Hessian is the identity."""

    size: int
    function: Callable[[Array], tuple[float, Array]]
    squares: Squares | None = None

    def evaluate(self, x: Array) -> tuple[float, Array]:
        return self.function(x)

    def evaluate_many(self, points: Array) -> tuple[Array, Array]:
        raise AssertionError

    def product(self, x: Array, vector: Array) -> Array:
        return vector

    def hessian(self, x: Array) -> Array:
        return np.eye(self.size)

    def trouble(self, x: Array) -> str:
        return ""


def box(low: float | Sequence[float], high: float | Sequence[float], size: int) -> Bounds:
    return Bounds(np.broadcast_to(np.array(low, float), size), np.broadcast_to(np.array(high, float), size))


def walk(
    method: str, problem: Problem, start: Sequence[float], bounds: Bounds | None = None, most: int = 3000
) -> tuple[list[Point], str | None]:
    """The points of a path, at most so many, checked against the contract; and why it ended, if it did."""
    path, known = METHODS[method]
    options, _ = read_options(method, known, {})
    generator = path(problem, np.array(start, dtype=np.float64), bounds, options)
    points: list[Point] = []
    why = None
    try:
        while len(points) < most:
            points.append(next(generator))
    except StopIteration as stop:
        why = stop.value
    generator.close()
    values = [point.value for point in points]
    assert np.isfinite(values[1:]).all()
    assert all(after <= before for before, after in pairwise(values))
    for point in points:
        value, gradient = problem.evaluate(point.x)
        assert np.array_equal(value, point.value, equal_nan=True)
        assert np.array_equal(gradient, point.gradient, equal_nan=True)
        assert bounds is None or ((bounds.low <= point.x) & (point.x <= bounds.high)).all()
        assert point.memory == {}
    assert points[0].rate is None
    assert all(point.rate is not None and point.rate > 0 for point in points[1:])
    return points, why


@every_method
@pytest.mark.parametrize(
    ("expr", "start", "solution"),
    [
        (ROSENBROCK, [-1.2, 1.0], [1.0] * 2),
        (ROSENBROCK, [-1.2, 1.0] * 5, [1.0] * 10),
        (ROSENBROCK, [-1.2, 1.0] * 50, [1.0] * 100),
        (ROSENBROCK, [-1.2, 1.0] * 125, [1.0] * 250),
        (BEALE, [1.0, 1.0], [3.0, 0.5]),
        (BOOTH, [0.0, 0.0], [1.0, 3.0]),
        (HIMMELBLAU, [0.0, 0.0], [3.0, 2.0]),
        (WOOD, [-3.0, -1.0, -3.0, -1.0], [1.0] * 4),
        (BROWN, [1.0, 1.0], [1e6, 2e-6]),
        ("17 + 3*(x[0] - 1.234)^2", [5.0], [1.234]),
        ("0.5 + sum((x - [1, 2, 3])^4 + (x - [1, 2, 3])^2)", [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]),
        ("1e9 + sum((x - [1, 2])^4 + exp(x - [1, 2]) - x)", [5.0, 1.0], [1.0, 2.0]),
        ("1e-9*sum((x - [1, 2])^4 + (x - [1, 2])^2)", [5.0, 1.0], [1.0, 2.0]),
        ("1e300*sum((x - [1, 2])^2)", [5.0, 1.0], [1.0, 2.0]),
        ("1e-310*sum((x - [1, 2])^2)", [5.0, 1.0], [1.0, 2.0]),
        ("sum(x - log(x))", [20.0, 1e-3, 5.0], [1.0] * 3),
    ],
)
def test_known_minima(method: str, expr: str, start: Sequence[float], solution: Sequence[float]) -> None:
    """To ten digits, also where the value has no more than eight of them to tell the points apart."""
    points, why = walk(method, objective(expr, start), start)
    np.testing.assert_allclose(points[-1].x, solution, rtol=1e-10)
    assert why in ("The gradient is 0.", NO_LOWER)


@every_method
def test_a_singular_minimum(method: str) -> None:
    start = [3.0, -1.0, 0.0, 1.0]
    points, why = walk(method, objective(POWELL, start), start)
    assert points[-1].value < 1e-25
    assert why


@every_method
def test_logistic_regression(method: str) -> None:
    points, _ = walk(method, objective(LOGISTIC, [0.0, 0.0]), [0.0, 0.0])
    assert np.max(np.abs(points[-1].gradient)) < 1e-15


@every_method
def test_gradients_fall_below_what_values_can_tell(method: str) -> None:
    """Without differences of values from gradients, L-BFGS-B stops at a gradient of 1e-6 here."""
    data = {"s": np.logspace(0, 3, 20), "t": np.linspace(0.1, 2, 20)}
    question = Question("sum(s*(cosh(x - t) + 0.3*sin(3*x)))", {"x": np.zeros(20), **data})
    points, _ = walk(method, Objective(Engine(), question, ["x"], Budget.starting_now(60)), [0.0] * 20)
    assert np.max(np.abs(points[-1].gradient)) < 1e-11


@every_method
@pytest.mark.parametrize(
    ("expr", "start", "bounds", "solution"),
    [
        ("sum([1, 10, 100]*(x - [1, 2, 3])^2)", [0.5, 0.5, 0.5], box(0, [2, 1, 1.5], 3), [1, 1, 1.5]),
        ("sum([1, 10, 100]*(x - [1, 2, 3])^2)", [9.0, -9.0, 0.5], box(0, [2, 1, 1.5], 3), [1, 1, 1.5]),
        ("sum((x - [3, -3, 2])^2) + 2*x[0]*x[1]", [0, 0, 0], box([0, -1, 0.5], [1, np.inf, 0.5], 3), [1, -1, 0.5]),
        ("sum(x)", [1, 2], box(-3, 5, 2), [-3, -3]),
        (ROSENBROCK, [-1.2, 1.0], box(-2, [0.5, 2], 2), [0.5, 0.25]),
        (ROSENBROCK, [-1.2, 1.0], box(-2, np.inf, 2), [1, 1]),
        (ROSENBROCK, [-1.2, 1.0], box(-np.inf, np.inf, 2), [1, 1]),
        ("sum((x - 3)^2)", [1, 1], box(2, 2, 2), [2, 2]),
        ("x[0]^2 - x[1]^2", [0.5, 0.1], box(-1, 2, 2), [0, 2]),
    ],
)
def test_boxes(method: str, expr: str, start: Sequence[float], bounds: Bounds, solution: Sequence[float]) -> None:
    points, why = walk(method, objective(expr, start), start, bounds)
    on_bound = (np.array(solution) == bounds.low) | (np.array(solution) == bounds.high)
    assert (points[-1].x[on_bound] == np.array(solution)[on_bound]).all()
    np.testing.assert_allclose(points[-1].x, solution, atol=1e-10)
    assert np.array_equal(points[0].x, bounds.project(np.array(start, dtype=np.float64)))
    assert why


@every_method
@pytest.mark.parametrize(
    ("expr", "start"),
    [("2 + sum(abs(x - 1))", [1.3, -2.0]), ("2 + max(abs(x[0]), abs(x[1] - 0.7))", [1.3, -2.0])],
)
def test_kinks_come_to_an_end(method: str, expr: str, start: Sequence[float]) -> None:
    points, why = walk(method, objective(expr, start), start)
    assert why
    assert points[-1].value < points[0].value


@every_method
@pytest.mark.parametrize("expr", ["sum(sqrt(x))", "log(sum(x))"])
def test_edges_of_domains_come_to_an_end(method: str, expr: str) -> None:
    _, why = walk(method, objective(expr, [1.3, 2.0]), [1.3, 2.0])
    assert why


@every_method
def test_a_start_that_is_not_finite(method: str) -> None:
    points, why = walk(method, objective("log(sum(x))", [-1.0, 0.5]), [-1.0, 0.5])
    assert len(points) == 1
    assert why == "The value or the gradient at the start is not finite."


@every_method
def test_nothing_finite_around_the_start(method: str) -> None:
    counted = Counted(Plain(2, lambda x: (1.0 if (x == 1).all() else np.nan, np.ones(2))))
    points, why = walk(method, counted, [1.0, 1.0])
    assert len(points) == 1
    assert why == NOT_FINITE
    assert len(counted.points) < 100


@every_method
def test_an_overflow_is_backed_off_from(method: str) -> None:
    points, _ = walk(method, objective("sum(exp(x^2) + exp(-20*x))", [-3.0]), [-3.0])
    assert abs(points[-1].gradient[0]) < 1e-12


@every_method
def test_a_function_without_a_minimum(method: str) -> None:
    points, _ = walk(method, objective("sum(x)", [1.0, 2.0]), [1.0, 2.0], most=200)
    assert points[-1].value < -1e4
    _, why = walk(method, objective("exp(-x[0]) + 2 - x[0]^3", [5.0]), [5.0])
    assert why


@every_method
@pytest.mark.parametrize("expr", ["3 + 0*sum(x)", "sum((x - 1)^2)"])
def test_a_gradient_of_0_ends_at_once(method: str, expr: str) -> None:
    counted = Counted(objective(expr, [1.0, 1.0]))
    path, known = METHODS[method]
    generator = path(counted, np.ones(2), None, read_options(method, known, {})[0])
    assert next(generator).x.tolist() == [1.0, 1.0]
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "The gradient is 0."
    assert len(counted.points) == 1


def test_a_trust_region_leaves_a_saddle() -> None:
    expr = "x[0]^2 - x[1]^2 + x[1]^4"
    points, _ = walk("trust_region", objective(expr, [0.0, 0.0]), [0.0, 0.0])
    np.testing.assert_allclose(np.abs(points[-1].x), [0, 0.5**0.5], atol=1e-12)
    points, _ = walk("trust_region", objective("x[0]^2 - x[1]^2", [0.0, 0.0]), [0.0, 0.0], box(-1, 2, 2))
    assert points[-1].x.tolist() == [0.0, 2.0]
    points, _ = walk("trust_region", objective("x[0] - x[1]^2", [0.0, 0.0]), [0.0, 0.0], box(0, 2, 2))
    assert points[-1].x.tolist() == [0.0, 2.0]
    _, why = walk("trust_region", objective("x[0]^3 + x[1]^2", [0.0, 0.0]), [0.0, 0.0])
    assert why == "The gradient is 0."


@pytest.mark.parametrize(("method", "most"), [("lbfgs", 55), ("newton_cg", 85), ("trust_region", 30)])
def test_evaluations_are_not_repeated(method: str, most: int) -> None:
    counted = Counted(objective(ROSENBROCK, [-1.2, 1.0]))
    path, known = METHODS[method]
    points = list(path(counted, np.array([-1.2, 1.0]), None, read_options(method, known, {})[0]))
    assert len(set(counted.points)) == len(counted.points) <= most
    assert counted.hessians <= (len(points) + 5 if method == "trust_region" else 0)
    assert (counted.products > 0) == (method == "newton_cg")


def test_many_variables() -> None:
    size = 100_000
    scale = np.linspace(1, 100, size)
    problem = Plain(size, lambda x: (float(scale @ (x - 1) ** 2), 2 * scale * (x - 1)))
    options, _ = read_options("lbfgs", LBFGS, {})
    for point in lbfgs(problem, np.zeros(size), None, options):
        if np.max(np.abs(point.gradient)) < 1e-6:
            break
    assert np.max(np.abs(point.x - 1)) < 1e-6


@every_method
@pytest.mark.parametrize("bounds", [None, box(-2, 2, 2)])
def test_closed_on_the_way(method: str, bounds: Bounds | None) -> None:
    path, known = METHODS[method]
    for count in range(5):
        generator = path(objective(BEALE, [1, 1]), np.ones(2), bounds, read_options(method, known, {})[0])
        for _ in range(count):
            next(generator)
        generator.close()


@every_method
@pytest.mark.parametrize("bounds", [None, box(-2, 2, 2)])
def test_withdrawn_from_another_thread(method: str, bounds: Bounds | None) -> None:
    budget = Budget.starting_now(60)
    path, known = METHODS[method]
    generator = path(
        objective(ROSENBROCK, [-1.2, 1.0], budget), np.array([-1.2, 1.0]), bounds, read_options(method, known, {})[0]
    )
    next(generator)
    next(generator)
    withdrawing = threading.Thread(target=setattr, args=(budget, "cancelled", True))
    withdrawing.start()
    withdrawing.join()
    with pytest.raises(BudgetExceeded, match="withdrawn"):
        list(generator)


@every_method
def test_paths_side_by_side(method: str) -> None:
    """Each has its own thread, and one does not disturb another."""
    path, known = METHODS[method]
    options, _ = read_options(method, known, {})
    alone = [point.x for point in path(objective(BEALE, [1, 1]), np.ones(2), None, options)]
    together = [path(objective(BEALE, [1, 1]), np.ones(2), None, options) for _ in range(3)]
    for expected in alone:
        assert all(np.array_equal(next(generator).x, expected) for generator in together)
    for generator in together:
        generator.close()


@every_method
def test_arrays_of_a_point_stay_as_they_are(method: str) -> None:
    path, known = METHODS[method]
    generator = path(objective(BEALE, [1, 1]), np.ones(2), None, read_options(method, known, {})[0])
    kept = [(point, point.x.copy(), point.gradient.copy()) for point in generator]
    assert all(np.array_equal(point.x, x) and np.array_equal(point.gradient, g) for point, x, g in kept)
