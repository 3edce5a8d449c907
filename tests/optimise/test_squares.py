"""Sums of squares, recognised as they are written: what is seen to be one, and what must not be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.limits import Budget, Limits
from engine.objective import Objective
from engine.question import Question

ENGINE = Engine()
X, Y = np.array([0.3, 1.1, 1.9, 3.2]), np.array([1.2, 0.7, 2.9, -0.4])
DATA: dict[str, Any] = {
    "x": X,
    "y": Y,
    "w": np.array([0.5, 2.0, 0.0, 3.0]),
    "s": np.array([0.5, 2.0, 1.5, 3.0]),
    "A": np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.25], [-2.0, 1.0]]),
    "lam": 0.25,
    "keep": np.array([True, False, True, True]),
}
VARIABLES: dict[str, Any] = {
    "a": 0.7,
    "b": -1.3,
    "v": np.array([0.4, -0.8]),
    "u": np.array([1.4, -0.6, 0.3, 2.0]),
    "M": np.array([[1.0, 0.5], [-0.3, 2.0]]),
}

SUMS = [
    "sum((y - a*x)^2)",
    "sum((y - a*exp(b*x))^2)",
    "sum((y - A@v)**2)",
    "sum((y - a*x) * (y - a*x))",
    "(y - A@v) @ (y - A@v)",
    "dot(y - A@v, y - A@v)",
    "vdot(M, M)",
    "inner(u, u)",
    'einsum("i,i", u, u)',
    'einsum("ij,ij", M, M)',
    "mean((y - a*x)^2)",
    "0.5*sum((y - a*x)^2)",
    "sum((y - a*x)^2)/2",
    "sum((y - a*x)^2)/len(x)",
    "norm(y - A@v)^2",
    "sum(norm(M, axis=1)^2)",
    "(1 - a)^2 + 100*(b - a^2)^2",
    "(a - 1)*(a - 1) + 3*b*b",
    "sum((y - a*x)^2) + lam*sum(v^2)",
    "sum((y - a*x)^2) + lam*(a^2 + b^2) + sum(y^2) - 7",
    "sum(w*(y - a*x)^2)",
    "sum(w*(y - a*x)*(y - a*x))",
    "sum((y - a*x)/s*(y - a*x)/s)",
    "sum(((y - a*x)/s)^2)",
    "sum((y - a*x)^2/s^2)",
    "mean(sum((M - 1)^2, axis=0))",
    "sum(abs(y - a*x)^2)",
    "sum((y - a*x)^4)",
    "a^6 + b^2",
    "sum(u[1:]^2) + u[0]^2",
    "sum((u[1:] - u[:-1])^2)",
    "sum([a^2, 2*b^2])",
    "sum(where(keep, (y - a*x)^2, 0.0))",
    "-(-sum((y - a*x)^2))",
    "hypot(a - 1, b)^2",
    "sqrt(a^2 + b^2)^2 + (a*b)^2",
    "sum(3*(y - a*x)^2 - 2*(y - a*x)^2)",
    "var(u)",
    "sum(u)^2",
    "sum((hypot(v[0] - x, v[1] - y) - s)^2)",
]
RISING = [
    "norm(y - A@v)",
    "2*norm(y - A@v) + 3",
    "norm(y - A@v)/len(x)",
    "sqrt(sum((y - a*x)^2))",
    "sqrt(mean((y - a*x)^2))",
    "hypot(a - 1, b*a)",
    "log(1 + sum((y - a*x)^2))",
    "-exp(-sum((y - a*x)^2)/30)",
    "norm(M)",
    "1 - exp(-norm(v))",
]
NOT = [
    "sum(y - a*x)",
    "a",
    "sum((y - a*x)^2) + a",
    "sum((y - a*x)^3)",
    "sum(abs(y - a*x))",
    "sum((y - a*x)^2) - b^2",
    "-sum((y - a*x)^2)",
    "-norm(y - A@v)",
    "sum((s - 1)*(y - a*x)^2)",
    "sum(b*(y - a*x)^2)",
    "sum((y - a*x)^2)/b",
    "sum((y - a*x)^2)*b^2",
    "a^2/(1 + b^2)",
    "sum((y - a*x)*(y - b*x))",
    "sum((y - a*x)^2) + norm(v)",
    "norm(v) + norm(u)",
    "sum(norm(M, axis=1))",
    "norm(u, 1)",
    "sum(where(u > 0, u^2, 0.0))",
    "floor(a^2) + b^2",
    "maximum(a^2, b^2)",
    "max(u^2)",
    "log(sum(exp(u)))",
    "sum(u^2) + sum(y)*0*u[0]",
    "a^(-2)",
    "1/norm(v)",
    "-2/sqrt(sum(u^2))",
    "1/sum(u^2)",
    "cos(norm(v))",
    "norm(v)*b",
    "norm(M, 2)",
    "(y - A@v) @ (y - a*x)",
    "u @ u - 2*v @ v",
    "prod(u)^2 - 1 + a",
    "sum(stop_gradient(u)*u)",
    "sum((u - stop_gradient(u))^2) + a^2",
    "sum(y^2) + 0*a",
    "exp(-sum(u^2))",
]


def objective(text: str, sign: float = 1.0, engine: Engine = ENGINE, **at: Any) -> Objective:
    known = DATA | VARIABLES | at
    names = [name for name in known if _in(name, text)]
    question = Question(text, {name: np.asarray(known[name]) for name in names})
    variables = [name for name in names if name in VARIABLES]
    return Objective(engine, question, variables, Budget.starting_now(60), sign)


def _in(name: str, text: str) -> bool:
    word = text
    for other in "()[]*+-/^,:@|<> \n":
        word = word.replace(other, " ")
    return name in word.split()


def points(size: int, count: int = 4) -> list[Any]:
    random = np.random.default_rng(size)
    return [random.uniform(0.1, 1.5, size) * random.choice([-1.0, 1.0], size) for _ in range(count)]


@pytest.mark.parametrize("text", SUMS)
def test_a_sum_of_squares_has_its_values_and_gradients(text: str) -> None:
    problem = objective(text)
    squares = problem.squares
    assert squares is not None
    offsets = []
    for x in points(problem.size):
        value, gradient = problem.evaluate(x)
        residuals, matrix = squares.evaluate(x)
        assert residuals.shape == (squares.count,)
        assert matrix.shape == (squares.count, problem.size)
        offsets.append(value - residuals @ residuals)
        np.testing.assert_allclose(2 * residuals @ matrix, gradient, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(offsets, offsets[0], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("text", RISING)
def test_what_rises_with_a_sum_of_squares_has_gradients_of_its_direction(text: str) -> None:
    problem = objective(text)
    squares = problem.squares
    assert squares is not None
    seen = []
    for x in points(problem.size):
        value, gradient = problem.evaluate(x)
        residuals, matrix = squares.evaluate(x)
        slope = 2 * residuals @ matrix
        factor = (slope @ gradient) / (slope @ slope)
        assert factor > 0
        np.testing.assert_allclose(factor * slope, gradient, rtol=1e-10, atol=1e-12)
        seen.append((residuals @ residuals, value))
    values = [value for _, value in sorted(seen)]
    assert values == sorted(values)


@pytest.mark.parametrize("text", NOT)
def test_what_is_not_a_sum_of_squares_is_not_taken_for_one(text: str) -> None:
    assert objective(text).squares is None


@pytest.mark.parametrize("text", ["-sum((y - a*x)^2)", "exp(-sum(u^2))", "-norm(v)", "3 - 0.5*sum(w*(y - a*x)^2)"])
def test_the_negative_of_one_is_one_to_maximise(text: str) -> None:
    problem = objective(text, -1.0)
    squares = problem.squares
    assert squares is not None
    for x in points(problem.size):
        residuals, matrix = squares.evaluate(x)
        slope, gradient = 2 * residuals @ matrix, problem.evaluate(x)[1]
        assert slope @ gradient == pytest.approx(np.linalg.norm(slope) * np.linalg.norm(gradient))


PROGRAM = """
def model(x, a, b):
    return a*exp(b*x)

r = y - model(x, a, b)
return 0.5*sum(r^2) + lam*b^2
"""
LOOP = """
total = 0.0
for i in range(4):
    total += (y[i] - a*x[i])^2
return total
"""
STATED = """
r = y - a*stop_gradient(a*x)
return sum(r^2)
"""


@pytest.mark.parametrize(("text", "count"), [(PROGRAM, 5), (LOOP, None), (STATED, None)])
def test_programs(text: str, count: int | None) -> None:
    at = {"x": X, "y": Y, "a": np.array(0.5), "b": np.array(-0.3), "lam": np.array(0.1)}
    names = ["a", "b"] if count else ["a"]
    given = {name: at[name] for name in at if count or name in "xya"}
    problem = Objective(ENGINE, Question(text, given, kind="program"), names, Budget.starting_now(60))
    assert (problem.squares and problem.squares.count) == count


def test_one_is_none_to_maximise() -> None:
    assert objective("sum((y - a*x)^2)", -1.0).squares is None


def test_weights_are_judged_by_the_data() -> None:
    assert objective("sum(w*(y - a*x)^2)").squares is not None
    assert objective("sum(w*(y - a*x)^2)", w=np.array([1.0, 1.0, -1e-9, 1.0])).squares is None
    assert objective("sum(w*(y - a*x)^2)", w=np.array([1.0, 1.0, np.nan, 1.0])).squares is None
    assert objective("sum(w*(y - a*x)^2)", w=np.zeros(4)).squares is None
    assert objective("lam*norm(v)", lam=-1.0).squares is None


def test_a_variable_without_influence_has_a_column_of_zeros() -> None:
    question = Question("sum((y - a*x)^2)", {"x": X, "y": Y, "a": np.array(1.0), "b": np.ones(2)})
    problem = Objective(ENGINE, question, ["b", "a"], Budget.starting_now(60))
    squares = problem.squares
    assert squares is not None
    np.testing.assert_array_equal(squares.evaluate(np.ones(3))[1], np.stack([0 * X, 0 * X, -X], axis=1))


def test_a_jacobian_larger_than_an_array_may_be_is_not_made() -> None:
    limits = replace(Limits(), array_bytes=2000)
    text = "sum((u[:, None]*u)^2)"
    assert objective(text, engine=Engine(limits), u=np.ones(4)).squares is not None
    assert objective(text, engine=Engine(limits), u=np.ones(8)).squares is None


def test_many_residuals_with_few_variables_each_are_found_by_few_passes() -> None:
    n = 400
    at = {"u": np.linspace(0.5, 1.5, n)}
    problem = objective("sum((u[1:] - u[:-1]^2)^2)", u=at["u"])
    squares = problem.squares
    assert squares is not None
    residuals, matrix = squares.evaluate(at["u"])
    np.testing.assert_allclose(2 * residuals @ matrix, problem.evaluate(at["u"])[1], rtol=1e-12)
    expected = np.eye(n)[1:] - 2 * at["u"][:-1, None] * np.eye(n)[:-1]
    np.testing.assert_array_equal(matrix, expected)


def test_what_is_not_defined_is_not_finite() -> None:
    squares = objective("sum((y - log(a)*x)^2)").squares
    assert squares is not None
    residuals, matrix = squares.evaluate(np.array([-1.0]))
    assert not np.isfinite(residuals).any()
    assert matrix.shape == (4, 1)


def test_a_norm_inside_a_residual_has_its_own_derivative_at_zero() -> None:
    squares = objective("sum((norm(v) - x)^2)").squares
    assert squares is not None
    np.testing.assert_array_equal(squares.evaluate(np.zeros(2))[1], np.zeros((4, 2)))


def test_a_long_sum_of_single_squares() -> None:
    text = "+".join(f"(a - {i})^2 + {i}*(b*a)^2" for i in range(40))
    squares = objective(text).squares
    assert squares is not None
    assert squares.count == 41


ATOMS = ["a", "v[0]", "(y - a*x)", "(y - A@v)", "x", "w", "lam", "(a*b)", "exp(-a*x)", "u", "3", "(-2)", "s", "(x - 1)"]
OVERALL = ["sum({})", "norm({})", "sqrt(sum({}))", "mean({})", "sum(({})^2)", "norm({})^2"]


def _elements(random: np.random.Generator, depth: int = 0) -> str:
    kind = random.random()
    if depth > 2 or kind < 0.35:
        return str(random.choice(ATOMS))
    if kind < 0.6:
        return f"({_elements(random, depth + 1)})^2"
    return f"({_elements(random, depth + 1)} {random.choice(list('+-*/'))} {_elements(random, depth + 1)})"


def _formula(random: np.random.Generator) -> str:
    text = str(random.choice(["", "-", "2*"]))
    for number in range(random.integers(1, 4)):
        sign = random.choice([" + ", " - ", "*", "/"]) if number else ""
        text += f"{sign}{str(random.choice(OVERALL)).format(_elements(random))}"
    return text


def test_whatever_is_taken_for_a_sum_of_squares_has_its_gradients() -> None:
    random, taken = np.random.default_rng(11), 0
    for _ in range(250):
        text = _formula(random)
        if not any(_in(name, text) for name in VARIABLES):
            continue
        problem = objective(text)
        squares = problem.squares
        if squares is None:
            continue
        taken += 1
        for x in points(problem.size):
            gradient, (residuals, matrix) = problem.evaluate(x)[1], squares.evaluate(x)
            if not all(np.isfinite(part).all() for part in (gradient, residuals, matrix)):
                continue
            slope = 2 * residuals @ matrix
            if slope.any() and gradient.any():
                one, other = (part / np.max(np.abs(part)) for part in (slope, gradient))
                np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8, err_msg=text)
    assert taken > 20
