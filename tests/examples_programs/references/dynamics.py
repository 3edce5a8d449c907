"""Things that move: in scalars, with forces written out, or by other methods than the programs'."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def pendulum(angle: Any, velocity: Any, length: Any, damping: Any, dt: Any, steps: Any) -> Any:
    for _ in range(int(steps)):
        velocity = velocity - dt * (9.81 / length * np.sin(angle) + damping * velocity)
        angle = angle + dt * velocity
    return angle


def nbody(position: Array, velocity: Array, mass: Array, dt: Any, steps: Any) -> Any:
    """By pairs, each of which is looked at once."""
    kind = np.result_type(position, velocity, mass)
    x, v = position.astype(kind), velocity.astype(kind)
    v[0] = v[0] - np.sum(v * mass[:, None], axis=0) / mass[0]
    first, second = np.triu_indices(len(mass), 1)
    to_bodies = np.zeros((len(mass), len(first)))
    to_bodies[first, range(len(first))], to_bodies[second, range(len(first))] = -1, 1
    other = np.where(to_bodies < 0, mass[second], mass[first])
    for _ in range(int(steps)):
        d = x[first] - x[second]
        v = v + dt * (to_bodies * other / np.sum(d * d, axis=1) ** 1.5) @ d
        x = x + dt * v
    d = x[first] - x[second]
    return np.sum(mass * np.sum(v * v, axis=1)) / 2 - np.sum(
        mass[first] * mass[second] / np.sqrt(np.sum(d * d, axis=1))
    )


def hamiltonian(q: Array, p: Array, dt: Any, steps: Any) -> Any:
    (x, y), (u, v) = q, p
    for _ in range(int(steps)):
        u, v = u - dt / 2 * (x + 2 * x * y), v - dt / 2 * (y + x * x - y * y)
        x, y = x + dt * u, y + dt * v
        u, v = u - dt / 2 * (x + 2 * x * y), v - dt / 2 * (y + x * x - y * y)
    return np.array([x, y, u, v])


def logistic_map(x: Any, r: Any, n: Any) -> Any:
    """With the roundings of the program: in chaos, others lead elsewhere."""
    for _ in range(int(n)):
        x = r * x * (1 - x)
    return x


def kepler(M: Any, eccentricity: Any) -> Any:
    E = M
    for _ in range(20):
        E = E - (E - eccentricity * np.sin(E) - M) / (1 - eccentricity * np.cos(E))
    return E


def period(angle: Any, length: Any, g: Any) -> Any:
    """By the arithmetic-geometric mean (Gauss)."""
    a, b = 1.0, np.cos(angle / 2)
    for _ in range(10):
        a, b = (a + b) / 2, np.sqrt(a * b)
    return 2 * np.pi * np.sqrt(length / g) / a


def lotka_volterra(rates: Array, start: Array, t: Array, counted: Array) -> Any:
    """By the classical method of Runge and Kutta, in steps so small that its error does not matter."""
    a, b, c, d = rates
    x, y = start
    total = 0.0
    for k, row in enumerate(counted):
        if k:
            steps = 1000
            h = (t[k] - t[k - 1]) / steps
            for _ in range(steps):
                u1, v1 = a * x - b * x * y, c * x * y - d * y
                x2, y2 = x + h / 2 * u1, y + h / 2 * v1
                u2, v2 = a * x2 - b * x2 * y2, c * x2 * y2 - d * y2
                x3, y3 = x + h / 2 * u2, y + h / 2 * v2
                u3, v3 = a * x3 - b * x3 * y3, c * x3 * y3 - d * y3
                x4, y4 = x + h * u3, y + h * v3
                u4, v4 = a * x4 - b * x4 * y4, c * x4 * y4 - d * y4
                x, y = x + h / 6 * (u1 + 2 * u2 + 2 * u3 + u4), y + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        total = total + (np.log(x) - np.log(row[0])) ** 2 + (np.log(y) - np.log(row[1])) ** 2
    return total / counted.size


def heat(u: Array, r: Any, steps: Any) -> Any:
    """By a matrix."""
    n = len(u)
    A = np.eye(n, dtype=np.result_type(u, r))
    for i in range(1, n - 1):
        A[i, i - 1 : i + 2] += np.array([1, -2, 1]) * r
    return np.linalg.matrix_power(A, int(steps)) @ u


def fibonacci(a: Any, b: Any, n: Any) -> Any:
    """By a matrix too."""
    F = np.linalg.matrix_power(np.array([[1, 1], [1, 0]]), int(n) - 2)
    return F[0, 0] * b + F[0, 1] * a
