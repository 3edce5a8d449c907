"""What learns: with the inner derivatives written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def equilibrium(W: Array, U: Array, b: Array, x: Array, target: Array) -> Any:
    z = np.zeros(len(b), dtype=complex)
    for _ in range(500):
        z = np.tanh(W @ z + U @ x + b)
    return np.sum((z - target) ** 2) / 2


def pinn(w: Array, b: Array, v: Array, c: Any, x: Array) -> Any:
    """The second derivative of tanh is -2 tanh (1 - tanh^2)."""

    def network(p: float) -> tuple[Any, Any, Any]:
        h = np.tanh(w * p + b)
        first = 1 - h * h
        return np.sum(v * h) + c, np.sum(v * w * first), np.sum(v * w * w * -2 * h * first)

    equation = [(network(p)[2] + network(p)[0]) ** 2 for p in x]
    u, slope, _ = network(0.0)
    return sum(equation) / len(x) + u**2 + (slope - 1) ** 2


def maml(W: Array, rate: Any, x: Array, y: Array, x_new: Array, y_new: Array) -> Any:
    total = 0.0
    for xs, ys, xs_new, ys_new in zip(x, y, x_new, y_new, strict=True):
        hidden = np.tanh(np.outer(xs, W[0]) + W[1])
        error = 2 / len(xs) * (hidden @ W[2] - ys)
        back = np.outer(error, W[2]) * (1 - hidden**2)
        learned = W - rate * np.stack([xs @ back, back.sum(axis=0), error @ hidden])
        found = np.tanh(np.outer(xs_new, learned[0]) + learned[1]) @ learned[2]
        total = total + np.mean((found - ys_new) ** 2)
    return total / len(x)


def sgd_rate(rate: Any, w: Array, X: Array, y: Array, X_new: Array, y_new: Array, steps: Any) -> Any:
    for i in range(int(steps)):
        row = i % len(y)
        w = w - rate * (1 / (1 + np.exp(-(X[row] @ w))) - y[row]) * X[row]
    z = X_new @ w
    return np.mean(np.log(1 + np.exp(z)) - y_new * z)


def rnn(W: Array, U: Array, b: Array, V: Array, c: Array, X: Array, label: Any) -> Any:
    h = np.zeros(len(b))
    for x in X:
        h = np.tanh(W @ h + U @ x + b)
    scores = V @ h + c
    return np.log(np.sum(np.exp(scores))) - scores[int(label)]


def curvature(W: Array, direction: Array, x: Array) -> Any:
    """With the Jacobian as a matrix."""
    hidden = np.tanh(np.outer(x, W[0]))
    J = np.concatenate([(1 - hidden**2) * W[1] * x[:, None], hidden], axis=1)
    return (J.T @ (J @ direction.ravel())).reshape(W.shape)


def huber(slope: Any, start: Any, x: Array, y: Array, near: Any, limit: Any) -> Any:
    d = y - slope * x - start
    far = near * (np.where(d.real < 0, -d, d) - near / 2)
    size = np.abs(d.real)
    return np.mean(np.where(size <= near, d * d / 2, np.where(size <= limit, far, near * (limit - near / 2))))


def flow(A: Array, B: Array, c: Array, points: Array, steps: Any) -> Any:
    total = 0.0
    for x in points:
        for _ in range(int(steps)):
            h = np.tanh(B @ x + c)
            total = total - np.sum(A.T * B * (1 - h * h)[:, None]) / steps
            x = x - A @ h / steps
        total = total - np.sum(x * x) / 2 - len(x) / 2 * np.log(2 * np.pi)
    return total / len(points)


def gauss_newton_slopes(b: Array, x: Array, y: Array) -> Array:
    """How the least-squares fit b moves with y: by the derivatives of J'r = 0."""
    decay = np.exp(-b[1] * x)
    J = np.stack([1 - decay, b[0] * x * decay], axis=1)
    r = b[0] * (1 - decay) - y
    second = np.array([[0 * x, x * decay], [x * decay, -b[0] * x * x * decay]])
    return np.linalg.solve(J.T @ J + second @ r, J.T)


def quantised_gradient(w: Array, X: Array, y: Array) -> Array:
    """Of the mean square at the rounded weights, in these."""
    rounded = np.round(4 * w) / 4
    return 2 / len(y) * (X @ rounded - y) @ X


def adversary_gradients(
    W: Array, v: Array, u: Array, X: Array, label: Array, domain: Array, strength: Any
) -> dict[str, Array]:
    """By hand: what comes from the domain has its sign turned and is made weaker on the way to the features."""
    features = np.tanh(X @ W.T)

    def slope(z: Array, y: Array) -> Array:
        return (1 / (1 + np.exp(-z)) - y) / len(y)

    of_label, of_domain = slope(features @ v, label), slope(features @ u, domain)
    back = (np.outer(of_label, v) - strength * np.outer(of_domain, u)) * (1 - features**2)
    return {"W": back.T @ X, "v": of_label @ features, "u": of_domain @ features}
