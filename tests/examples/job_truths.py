"""What the jobs of `examples/jobs/` should find, computed without this engine: in closed form, or in 40 digits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import cos, pi, sqrt
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from scipy.optimize import linprog

FOLDER = Path(__file__).parents[2] / "examples" / "jobs"
Vector = np.ndarray[Any, np.dtype[np.float64]]
Gradient = Callable[[Any], tuple[Any, Any]]
"""The gradient (n,) and the Hessian (n, n) at a point (n,)."""

mpmath.mp.dps = 40


def body(name: str) -> dict[str, Any]:
    """The body of the job."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def flat(variables: Mapping[str, Any]) -> Vector:
    """All variables one after the other."""
    return np.concatenate([np.ravel(np.asarray(value, float)) for value in variables.values()])


def digits(found: Vector, truth: Vector) -> float:
    """Right digits of the worst variable: of its relative error, or the absolute one where 0 is right; at most 16."""
    error = np.max(np.abs(found - truth) / np.where(truth == 0, 1, np.abs(truth)))
    return 16.0 if error < 1e-16 else -float(np.log10(error))


def newton(derivatives: Gradient, start: Sequence[float]) -> Vector:
    """The root of the gradient near `start`, by Newton's method in 40 digits; the Hessian there has to be positive.

    Steps are halved as long as they do not shorten the gradient.
    """
    x = mpmath.matrix([mpmath.mpf(v) for v in start])
    for _ in range(100):
        gradient, hessian = derivatives(x)
        step = mpmath.lu_solve(hessian, gradient)
        while mpmath.norm(step) > 1e-9 and not mpmath.norm(derivatives(x - step)[0]) < mpmath.norm(gradient):
            step /= 2
        x -= step
        if mpmath.norm(step) <= mpmath.mpf(10) ** -35 * (1 + mpmath.norm(x)):
            mpmath.cholesky(hessian)
            return np.array([float(v) for v in x])
    raise AssertionError("Newton's method has not converged.")


def rosenbrock(x: Any) -> tuple[Any, Any]:
    """Derivatives of the chain of valleys, by hand."""
    n = len(x)
    gradient, hessian = mpmath.matrix(n, 1), mpmath.matrix(n, n)
    for i in range(n - 1):
        gap = x[i + 1] - x[i] ** 2
        gradient[i] += -400 * x[i] * gap - 2 * (1 - x[i])
        gradient[i + 1] += 200 * gap
        hessian[i, i] += -400 * gap + 800 * x[i] ** 2 + 2
        hessian[i + 1, i + 1] += 200
        hessian[i, i + 1] -= 400 * x[i]
        hessian[i + 1, i] -= 400 * x[i]
    return gradient, hessian


def other_valley(n: int) -> Vector:
    """The other minimum of Rosenbrock's function in n > 3 dimensions, near (−1, 1, …, 1)."""
    return newton(rosenbrock, [-1.0] + [1.0] * (n - 1))


def linear(
    rows: Sequence[Sequence[Any]],
    loss: Callable[[int, Any], tuple[Any, Any]],
    penalty: Sequence[float],
    start: Sequence[float],
) -> Vector:
    """The minimiser of Σ loss(i, row · x) + Σ penalty x² / 2, where `loss` gives its first and second derivative."""
    n = len(start)
    exact = [[mpmath.mpf(str(v)) for v in row] for row in rows]

    def derivatives(x: Any) -> tuple[Any, Any]:
        gradient = mpmath.matrix([p * x[k] for k, p in enumerate(penalty)])
        hessian = mpmath.diag(list(penalty))
        for i, row in enumerate(exact):
            first, second = loss(i, sum(row[k] * x[k] for k in range(n)))
            for k in range(n):
                gradient[k] += first * row[k]
                for m in range(n):
                    hessian[k, m] += second * row[k] * row[m]
        return gradient, hessian

    return newton(derivatives, start)


def logistic(rows: Sequence[Sequence[Any]], y: Sequence[int], penalty: Sequence[float]) -> Vector:
    """The coefficients of a logistic regression."""

    def loss(i: int, eta: Any) -> tuple[Any, Any]:
        p = 1 / (1 + mpmath.exp(-eta))
        return p - y[i], p * (1 - p)

    return linear(rows, loss, penalty, [0.0] * len(penalty))


def challenger() -> Vector:
    """a, b."""
    data = body("challenger")["data"]
    return logistic([[1, t - 70] for t in data["t"]], data["y"], [0, 0])


def iris() -> Vector:
    """w, b; the intercept is not penalised."""
    data = body("iris")["data"]
    return logistic([[*row, 1] for row in data["X"]], data["y"], [data["penalty"]] * 4 + [0])


def stackloss() -> tuple[list[list[int]], list[int]]:
    """Rows, with a 1 for the intercept, and what is to be explained."""
    data = body("stackloss-absolute")["data"]
    return [[*row, 1] for row in data["X"]], data["y"]


def least_absolute() -> tuple[Vector, float]:
    """Parameters and sum: linear programming finds the four points that the plane goes through, fractions the rest."""
    rows, y = stackloss()
    m, n = len(rows), len(rows[0])
    A = np.hstack([np.array(rows, float), np.eye(m), -np.eye(m)])
    cost = np.concatenate([np.zeros(n), np.ones(2 * m)])
    found: Any = linprog(cost, A_eq=A, b_eq=y, bounds=[(None, None)] * n + [(0, None)] * (2 * m), method="highs")
    through: list[int] = np.argsort(found.x[n : n + m] + found.x[n + m :])[:n].tolist()
    x = _solved([[Fraction(v) for v in rows[i]] + [Fraction(y[i])] for i in through])
    gaps = [y[i] - sum((a * b for a, b in zip(rows[i], x, strict=True)), Fraction()) for i in range(m)]
    total = sum(map(abs, gaps), Fraction())
    return np.array([float(v) for v in x]), float(total)


def _solved(table: list[list[Fraction]]) -> list[Fraction]:
    """Gauss and Jordan's elimination of an extended matrix (n, n + 1)."""
    n = len(table)
    for k in range(n):
        pivot = next(i for i in range(k, n) if table[i][k])
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [v / table[k][k] for v in table[k]]
        for i in range(n):
            if i != k:
                table[i] = [a - table[i][k] * b for a, b in zip(table[i], table[k], strict=True)]
    return [row[n] for row in table]


def smooth_absolute() -> Vector:
    """The minimiser of Σ √(r² + eps²), with eps made smaller step by step."""
    rows, y = stackloss()
    start = list(least_absolute()[0])
    last = mpmath.mpf(str(body("stackloss-smooth")["data"]["eps"]))
    for halvings in range(14, -1, -1):
        eps = last * 2**halvings

        def loss(i: int, eta: Any, eps: Any = eps) -> tuple[Any, Any]:
            root = mpmath.sqrt((eta - y[i]) ** 2 + eps**2)
            return (eta - y[i]) / root, eps**2 / root**3

        start = list(linear(rows, loss, [0] * 4, start))
    return np.array(start)


def huber() -> Vector:
    """The minimiser of Huber's loss."""
    rows, y = stackloss()
    delta = mpmath.mpf(str(body("stackloss-huber")["data"]["delta"]))

    def loss(i: int, eta: Any) -> tuple[Any, Any]:
        r = eta - y[i]
        return (r, mpmath.mpf(1)) if abs(r) < delta else (delta * mpmath.sign(r), mpmath.mpf(0))

    return linear(rows, loss, [0] * 4, list(least_absolute()[0]))


def faithful() -> tuple[Vector, float]:
    """Weight, means and covariances of the first and second component, by expectation and maximisation, and the sum.

    The component of the short eruptions is the first.
    """
    data = body("faithful")["data"]
    x = np.column_stack([data["eruptions"], data["waiting"]])
    share = np.where(x[:, 0] < 3, 1.0, 0.0)[:, None] * [1, -1] + [0, 1]
    before = np.full(13, np.inf)
    for _ in range(10_000):
        weight = share.mean(axis=0)
        means = (share.T @ x) / share.sum(axis=0)[:, None]
        gaps = x[None] - means[:, None]
        spreads = np.einsum("kn,kni,knj->kij", share.T, gaps, gaps) / share.sum(axis=0)[:, None, None]
        far = np.einsum("kni,kij,knj->nk", gaps, np.linalg.inv(spreads), gaps)
        parts = np.log(weight) - far / 2 - np.log(np.linalg.det(spreads)) / 2 - np.log(2 * pi)
        each = np.logaddexp(parts[:, 0], parts[:, 1])
        share = np.exp(parts - each[:, None])
        found = np.concatenate([weight[:1], means.ravel(), spreads.ravel()])
        if np.max(np.abs(found - before) / np.abs(found)) < 1e-15:
            break
        before = found
    return found, float(each.sum())


def mixture(variables: Mapping[str, Any]) -> Vector:
    """What a job found of the mixture, in the terms of `faithful`."""
    order = np.argsort(np.array(variables["mean"])[:, 0])
    sign = 1 if order[0] == 0 else -1
    means = np.array(variables["mean"])[order]
    spreads = []
    for k in order:
        (u, v), c = np.exp(variables["log_sd"][k]), variables["slope"][k]
        factor = np.array([[u, 0], [c, v]])
        spreads.append(factor @ factor.T)
    weight = 1 / (1 + np.exp(-sign * variables["logit"]))
    return np.concatenate([[weight], means.ravel(), np.ravel(spreads)])


def hs2() -> tuple[Vector, Vector]:
    """Both minima of the second problem of Hock and Schittkowski, on the bound x₁ = 1.5: the lower one, and the other.

    They are the largest and the least root of 400 x³ − 598 x − 2, where the slope along the bound is 0.
    """
    a, turns = sqrt(598 / 1200), [mpmath.acos(mpmath.mpf(1) / (400 * mpmath.sqrt(mpmath.mpf(598) / 1200) ** 3)) / 3]
    turns.append(turns[0] + 2 * mpmath.pi / 3)
    best, other = (np.array([2 * a * cos(turn), 1.5]) for turn in turns)
    return best, other


HS5 = (np.array([0.5 - pi / 3, -0.5 - pi / 3]), -sqrt(3) / 2 - pi / 3)
BOX = float((mpmath.mpf("50.7") - mpmath.sqrt(mpmath.mpf("50.7") ** 2 - 3 * 21 * mpmath.mpf("29.7"))) / 6)
"""The smaller root of 12 x² − 4 (21 + 29.7) x + 21 · 29.7."""
