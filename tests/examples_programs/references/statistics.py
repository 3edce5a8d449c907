"""Log-likelihoods and posteriors, by the covariance of everything at once or with constants written out."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def log_gaussian(y: Array, mean: Array, covariance: Array) -> Any:
    """The logarithm of the density of a multivariate normal distribution."""
    d = y - mean
    return -(d @ np.linalg.solve(covariance, d) + logdet(covariance) + len(y) * np.log(2 * np.pi)) / 2


def logdet(A: Array) -> Any:
    """By elimination without pivots, which keeps a tiny imaginary part."""
    U, total = A.copy(), 0.0
    for k in range(len(U)):
        total = total + np.log(U[k, k])
        U[k + 1 :] -= np.outer(U[k + 1 :, k] / U[k, k], U[k])
    return total


def nile(y: Array, noise: Any, drift: Any) -> Any:
    """All values but the first are normal around it, together: its noise is in all of them, and so is each drift."""
    n = len(y) - 1
    later = np.minimum.outer(np.arange(1, n + 1), np.arange(1, n + 1))
    covariance = noise * (np.eye(n) + np.ones((n, n))) + drift * later
    return log_gaussian(y[1:], np.full(n, float(y[0])), covariance)


def kalman(y: Array, F: Array, Q: Array, H: Array, R: Array, mean: Array, P: Array) -> Any:
    """All observations are one normal vector."""
    T, M = y.shape
    kind = np.result_type(y, F, Q, H, R, mean, P)
    means, covariance = np.zeros((T, M), kind), np.zeros((T, M, T, M), kind)
    for t in range(T):
        mean, P = F @ mean, F @ P @ F.T + Q
        means[t] = H @ mean
        forward = P
        for s in range(t, T):
            covariance[s, :, t] = H @ forward @ H.T
            covariance[t, :, s] = (H @ forward @ H.T).T
            forward = F @ forward
        covariance[t, :, t] += R
    return log_gaussian(y.ravel(), means.ravel(), covariance.reshape(T * M, T * M))


def eight_schools(z: Array, mu: Any, log_tau: Any, y: Array, sigma: Array) -> Any:
    tau = np.exp(log_tau)
    total = -np.sum(z * z) / 2 - 4 * np.log(2 * np.pi)
    total = total - (mu / 5) ** 2 / 2 - np.log(5 * np.sqrt(2 * np.pi))
    total = total + np.log(2 / np.pi * 5 / (25 + tau**2)) + log_tau
    for i in range(8):
        total = total - ((y[i] - mu - tau * z[i]) / sigma[i]) ** 2 / 2 - np.log(sigma[i] * np.sqrt(2 * np.pi))
    return total


def logistic_regression(w: Array, X: Array, y: Array, scale: Any) -> Any:
    total = -np.sum(w * w) / (2 * scale**2) - len(w) * np.log(scale * np.sqrt(2 * np.pi))
    for row, label in zip(X, y, strict=True):
        total = total - np.log(1 + np.exp(-(row @ w) if label else row @ w))
    return total


def elbo(mean: Array, log_std: Array, X: Array, y: Array, noise: Array) -> Any:
    total = 0.0
    for row in noise:
        w = mean + np.exp(log_std) * row
        z = X @ w
        prior = -np.sum(w * w) / 2 - len(w) / 2 * np.log(2 * np.pi)
        total = total + np.sum(y * z - np.log(1 + np.exp(z))) + prior
    return total / len(noise) + np.sum(log_std) + len(mean) / 2 * np.log(2 * np.pi * np.e)
