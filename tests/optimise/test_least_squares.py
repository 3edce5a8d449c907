"""Levenberg and Marquardt's, and Gauss and Newton's method: certified regressions, boxes, restarts, bad points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares, lsq_linear

from engine.engine import Engine
from engine.limits import Budget
from engine.objective import Objective
from engine.optimise import gauss_newton as gn
from engine.optimise import levenberg as lm
from engine.optimise.options import Option, read_options
from engine.optimise.path import Path, Point
from engine.optimise.problem import Bounds
from engine.question import Question
from tests.optimise.nist import PROBLEMS, Regression

ENGINE = Engine()
METHODS: dict[str, tuple[Path, tuple[Option, ...]]] = {
    "levenberg-marquardt": (lm.levenberg_marquardt, lm.LEVENBERG_MARQUARDT),
    "gauss-newton": (gn.gauss_newton, gn.GAUSS_NEWTON),
}
MOST_POINTS = 800
LEAST_DIGITS = 10.0
WITHOUT_DAMPING = {("Eckerle4", 0), ("MGH09", 0), ("MGH10", 0), ("MGH17", 0), ("Rat43", 0)}
"""Starts from which the undamped method goes off to where the function is flat: three without an end, two to a stop."""


@dataclass(frozen=True, slots=True)
class Taken:
    points: list[Point]
    why: str | None


def follow(
    name: str,
    problem: Any,
    start: Any,
    bounds: Bounds | None = None,
    most: int = MOST_POINTS,
    memory: Any = None,
    **options: float,
) -> Taken:
    method, known = METHODS[name]
    read, faults = read_options(name, known, options)
    assert not faults
    path = method(problem, np.asarray(start, dtype=float), bounds, read, memory)
    points: list[Point] = []
    while len(points) < most:
        try:
            points.append(next(path))
        except StopIteration as stop:
            return Taken(points, stop.value)
    return Taken(points, None)


def objective(text: str, variables: dict[str, Any], **data: Any) -> Objective:
    at = {name: np.asarray(value, dtype=float) for name, value in (data | variables).items()}
    return Objective(ENGINE, Question(text, at), list(variables), Budget.starting_now(60))


@cache
def solved(method: str, name: str, start: int) -> Taken:
    problem = PROBLEMS[name].objective(ENGINE, start)
    return follow(method, problem, list(PROBLEMS[name].starts[start].values()))


CASES = [(name, start) for name in PROBLEMS for start in (0, 1)]


def test_there_are_nineteen_problems() -> None:
    assert len(PROBLEMS) == 19


@pytest.mark.parametrize("known", PROBLEMS.values(), ids=PROBLEMS)
def test_the_data_give_the_certified_sum_of_squares(known: Regression) -> None:
    # The certified parameters of Lanczos1, rounded to 11 digits, have a larger sum than what is certified for them.
    value, _ = known.objective(ENGINE, 0).evaluate(np.array(list(known.parameters.values())))
    assert value == pytest.approx(known.rss, rel=2e-10, abs=1e-20)


@pytest.mark.parametrize(("name", "start"), CASES)
def test_levenberg_marquardt_finds_all_certified_digits(name: str, start: int) -> None:
    taken = solved("levenberg-marquardt", name, start)
    assert taken.why is not None
    assert PROBLEMS[name].digits(taken.points[-1].x) >= LEAST_DIGITS


@pytest.mark.parametrize(("name", "start"), CASES)
def test_gauss_newton_finds_all_certified_digits_where_it_arrives(name: str, start: int) -> None:
    taken = solved("gauss-newton", name, start)
    arrived = PROBLEMS[name].digits(taken.points[-1].x) >= LEAST_DIGITS
    assert arrived is ((name, start) not in WITHOUT_DAMPING)
    assert taken.why is not None or not arrived


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["Misra1a", "Thurber", "Lanczos3"])
def test_the_value_does_not_rise_by_more_than_rounding(method: str, name: str) -> None:
    points = solved(method, name, 1).points
    values = np.array([point.value for point in points])
    assert (values[1:] <= values[:-1] * (1 + 1e-11)).all()
    problem = PROBLEMS[name].objective(ENGINE, 1)
    for point in points[:: max(1, len(points) // 5)]:
        value, gradient = problem.evaluate(point.x)
        assert value == point.value
        np.testing.assert_array_equal(gradient, point.gradient)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["Misra1a", "Thurber", "Rat42"])
def test_it_goes_on_from_every_point_bit_for_bit(method: str, name: str) -> None:
    known = PROBLEMS[name]
    points = solved(method, name, 0).points
    for number in (0, 1, 5, len(points) - 2):
        point = points[number]
        again = follow(method, known.objective(ENGINE, 0), point.x, memory=point.memory)
        assert len(again.points) == len(points) - number
        for one, other in zip(again.points, points[number:], strict=True):
            np.testing.assert_array_equal(one.x, other.x)
            assert one.value == other.value
            assert set(one.memory) == set(other.memory)
            for key in one.memory:
                np.testing.assert_array_equal(one.memory[key], other.memory[key])


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_problem_in_a_box(method: str) -> None:
    random = np.random.default_rng(5)
    for _ in range(10):
        matrix, y = random.normal(size=(12, 5)), random.normal(size=12)
        low = random.uniform(-0.6, 0.1, 5)
        bounds = Bounds(low, low + random.uniform(0.0, 0.4, 5))
        problem = objective("sum((A@v - y)^2)", {"v": np.zeros(5)}, A=matrix, y=y)
        taken = follow(method, problem, random.normal(size=5), bounds)
        expected = lsq_linear(matrix, y, (bounds.low, bounds.high), tol=1e-14, method="bvls").x
        assert taken.why is not None
        np.testing.assert_allclose(taken.points[-1].x, expected, atol=1e-10)
        for point in taken.points:
            assert (point.x >= bounds.low).all()
            assert (point.x <= bounds.high).all()


def _rosenbrock(x: Any) -> Any:
    return np.array([1 - x[0], 10 * (x[1] - x[0] ** 2)])


@pytest.mark.parametrize("method", METHODS)
def test_a_curved_problem_in_a_box(method: str) -> None:
    problem = objective("(1 - a)^2 + 100*(b - a^2)^2", {"a": 0.0, "b": 0.0})
    for low, high in [((-2.0, -1.0), (0.5, 2.0)), ((-2.0, -1.0), (2.0, 0.3)), ((1.2, -5.0), (3.0, 5.0))]:
        bounds = Bounds(np.array(low), np.array(high))
        taken = follow(method, problem, [-1.2, 1.0], bounds)
        inside = bounds.project(np.array([0.9, 0.25]))
        expected = least_squares(_rosenbrock, inside, bounds=(low, high), xtol=1e-15, ftol=1e-15, gtol=1e-15)
        assert taken.points[-1].value <= 2 * expected.cost * (1 + 1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_rosenbrock_ends_where_all_residuals_are_zero(method: str) -> None:
    problem = objective("(1 - a)^2 + 100*(b - a^2)^2", {"a": 0.0, "b": 0.0})
    taken = follow(method, problem, [-1.2, 1.0])
    np.testing.assert_allclose(taken.points[-1].x, [1.0, 1.0], rtol=1e-14)
    assert taken.points[-1].value < 1e-28


@pytest.mark.parametrize("method", METHODS)
def test_steps_to_where_nothing_is_defined_are_cut(method: str) -> None:
    problem = objective("sum((y - log(a)*x)^2)", {"a": 1.0}, x=[1.0, 2.0, 3.0], y=[-2.0, -4.0, -6.1])
    taken = follow(method, problem, [3.0])
    assert taken.why is not None
    assert np.log(taken.points[-1].x[0]) == pytest.approx(-28.3 / 14, rel=1e-9)
    assert all(np.isfinite(point.value) for point in taken.points)


@pytest.mark.parametrize("method", METHODS)
def test_a_start_where_nothing_is_defined_is_the_only_point(method: str) -> None:
    problem = objective("sum((y - log(a)*x)^2)", {"a": 1.0}, x=[1.0], y=[2.0])
    taken = follow(method, problem, [-1.0])
    assert len(taken.points) == 1
    assert taken.why == lm.UNDEFINED


@pytest.mark.parametrize("method", METHODS)
def test_variables_that_cannot_be_told_apart_share_the_step(method: str) -> None:
    problem = objective("sum((y - (a + b)*x)^2)", {"a": 0.0, "b": 0.0}, x=[1.0, 2.0], y=[3.0, 6.5])
    taken = follow(method, problem, [0.0, 0.0])
    np.testing.assert_allclose(taken.points[-1].x, [1.6, 1.6], rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_norm_is_minimised_as_its_square(method: str) -> None:
    matrix, y = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]), np.array([1.0, 0.0, 2.0])
    problem = objective("norm(y - A@v) + 2", {"v": [0.0, 0.0]}, A=matrix, y=y)
    expected = np.linalg.lstsq(matrix, y)[0]
    np.testing.assert_allclose(follow(method, problem, [5.0, 5.0]).points[-1].x, expected, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_other_functions_are_refused(method: str) -> None:
    taken = follow(method, objective("sum(v^3)", {"v": [1.0, 2.0]}), [1.0, 2.0])
    assert len(taken.points) == 1
    assert taken.why == lm.NOT_SQUARES


@pytest.mark.parametrize("method", METHODS)
def test_everything_held_at_bounds_is_an_end(method: str) -> None:
    bounds = Bounds(np.array([2.0, 3.0]), np.array([4.0, 5.0]))
    taken = follow(method, objective("sum(v^2)", {"v": [1.0, 2.0]}), [2.5, 4.5], bounds)
    np.testing.assert_array_equal(taken.points[-1].x, [2.0, 3.0])
    assert taken.why == lm.NO_SLOPE


@pytest.mark.parametrize("scale", ["1e-100", "1e-9", "1", "1e9", "1e100"])
def test_a_start_at_0_is_no_matter_of_units(scale: str) -> None:
    question = Question(f"sum(({scale}*(x - [1, 2]))^2)", {"x": np.zeros(2)})
    problem = Objective(ENGINE, question, ["x"], Budget.starting_now(60.0))
    taken = follow("levenberg-marquardt", problem, [0.0, 0.0])
    np.testing.assert_allclose(taken.points[-1].x, [1, 2], rtol=1e-15)
    assert len(taken.points) < 5
