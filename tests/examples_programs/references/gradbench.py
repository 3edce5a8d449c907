"""Programs of GradBench, and what is known of their derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np

from tests.examples_programs.complex_step import STEP

Array = np.ndarray[Any, Any]


def nearest(points: Array, centroids: Array) -> list[int]:
    """The number of the centroid that is nearest to each point."""
    return [int(np.argmin([np.sum((p - c.real) ** 2) for c in centroids])) for p in points]


def kmeans(points: Array, centroids: Array) -> Any:
    return sum(np.sum((p - centroids[k]) ** 2) for p, k in zip(points, nearest(points, centroids), strict=True))


def kmeans_newton(points: Array, centroids: Array) -> Any:
    """From the mean of each cluster to its centroid."""
    of = np.array(nearest(points, centroids))
    return centroids - np.array([points[of == k].mean(axis=0) for k in range(len(centroids))])


def ode(x: Array, s: Array) -> Any:
    """The method is exact for polynomials up to the fourth degree, and so is this for up to four elements."""
    assert len(x) <= 4
    return np.prod(x) * 2 ** len(x) / math.factorial(len(x))


def lse(x: Array) -> Any:
    return 1000 + np.log(np.sum(np.exp(x - 1000)))


def llsq(x: Array, n: Array) -> Any:
    total = 0.0
    for i in range(int(n)):
        t = -1 + 2 * i / (int(n) - 1)
        total = total + (np.sign(t) - np.polyval(x[::-1], t)) ** 2 / 2
    return total


def det(A: Array) -> Any:
    """By all permutations (Leibniz)."""
    total = 0.0
    for order in permutations(range(len(A))):
        inversions = sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])
        total = total + (-1) ** inversions * np.prod([A[i, j] for i, j in enumerate(order)])
    return total


def argmin(f: Callable[[Any], Any], slope: Callable[[Any], Any], x: Any) -> Any:
    """The naive gradient descent of Pearlmutter and Siskind, decided by real parts."""

    def length(v: Any) -> float:
        return float(np.linalg.norm(np.real(v)))

    value, g, step, successes = f(x), slope(x), 1e-5, 0
    while length(g) > 1e-5:
        if successes == 10:
            step, successes = 2 * step, 0
            continue
        moved = x - step * g
        if length(moved - x) <= 1e-5:
            break
        there = f(moved)
        if np.real(there) < np.real(value):
            x, value, g, successes = moved, there, slope(moved), successes + 1
        else:
            step, successes = step / 2, 0
    return x


def saddle(start: Array) -> Any:
    """The second player's descent does not depend on where the first one is, but for its value."""

    def best(first: Array) -> Any:
        return argmin(lambda q: np.sum(q * q) - np.sum(first * first), lambda q: 2 * q, start)

    first = argmin(lambda p: np.sum(p * p) - np.sum(best(p) ** 2), lambda p: 2 * p, start)
    return np.concatenate([first, best(first)])


def flight(w: Any) -> Any:
    """With the force written out."""
    x, v, dt = np.array([0.0, 8.0]), np.array([0.75, 0.0]), 0.1
    while np.real(x[1] + dt * v[1]) > 0:
        force = 0
        for charge in ([10, 10 - w], [10, 0]):
            d = x - np.array(charge)
            force = force + d / np.sum(d * d) ** 1.5
        x, v = x + dt * v, v + dt * force
    return (x[0] - x[1] / v[1] * v[0]) ** 2


def particle(w: Any) -> Any:
    return argmin(lambda w: flight(w), lambda w: flight(w + 1j * STEP).imag / STEP, float(w))
