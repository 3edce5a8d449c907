"""Values of the error function's family where the library's lose digits, and their derivatives without cancellation.

w_n(x) = exp(x^2) i^n erfc(x), the scaled iterated integrals of erfc (DLMF 7.18), is closed under differentiation:
w_n' = -2 (n + 1) w_(n+1), and w_0 is erfcx.
"""

from __future__ import annotations

from math import comb, factorial, pi, sqrt
from typing import Any

import numpy as np
from scipy import special

from engine.primitives.quadrature import unit_interval

ROOT_HALF = sqrt(0.5)
_NODES, _WEIGHTS = unit_interval(44)
_CHUNK = 4096


def gaussian(x: Any, *, scale: float) -> Any:
    """exp(scale x^2): the rounding of x^2 alone would cost as many ULP as the exponent is large."""
    x = np.clip(x, -1e3, 1e3)
    head = np.asarray(x, dtype=np.float32).astype(np.float64)
    return np.exp(scale * head * head) * np.exp(scale * (x - head) * (x + head))


def erfc(x: Any) -> Any:
    """The complementary error function."""
    return np.where(x > 1.0, special.erfcx(np.maximum(x, 0.0)) * gaussian(x, scale=-1.0), special.erfc(x))[()]


def erfcx(x: Any, *, order: int = 0) -> Any:
    """The derivative of that order of exp(x^2) erfc(x)."""
    below = np.minimum(x, -1.0)
    w = np.where(x < -1.0, 2.0 * gaussian(below, scale=1.0) - special.erfcx(-below), special.erfcx(x))
    if order:
        w = (-2.0) ** order * factorial(order) * (w * _ratios(order, np.asarray(x), w)[order])
    return w[()]


def ndtr(x: Any) -> Any:
    """The cumulative distribution function of the standard normal."""
    below = np.minimum(x, -1.0)
    tail = 0.5 * special.erfcx(below * -ROOT_HALF) * gaussian(below, scale=-0.5)
    return np.where(x < -1.0, tail, special.ndtr(x))[()]


def log_ndtr(x: Any, *, order: int = 0) -> Any:
    """The derivative of that order of log(ndtr(x))."""
    x = np.asarray(x)
    if order:
        negative, positive = _log_ndtr_left(np.minimum(x, 0.0), order), _log_ndtr_right(np.maximum(x, 0.0), order)
        return np.where(x < 0.0, negative, positive)[()]
    left = np.log(0.5 * special.erfcx(np.minimum(x, -1.0) * -ROOT_HALF)) - 0.5 * np.square(x)
    middle = np.log(ndtr(np.clip(x, -1.0, 0.0)))
    return np.where(x < -1.0, left, np.where(x < 0.0, middle, np.log1p(-ndtr(-np.maximum(x, 0.0)))))[()]


def _log_ndtr_left(x: Any, order: int) -> Any:
    # log ndtr(x) = log(w_0(z) / 2) - z^2 with z = -x / sqrt(2); the derivatives of log w_0 keep one sign.
    z = x * -ROOT_HALF
    w = special.erfcx(z)
    if order == 1:
        return np.where(x < -1e9, -x, sqrt(2.0 / pi) / w)
    ratios = _ratios(order, z, w)
    direct = [(-2.0) ** k * factorial(k) * ratios[k] for k in range(order + 1)]
    logs: list[Any] = [0.0]
    for k in range(1, order + 1):
        logs.append(direct[k] - sum(comb(k - 1, j) * direct[j] * logs[k - j] for j in range(1, k)))
    return (-ROOT_HALF) ** order * logs[order] - (1.0 if order == 2 else 0.0)


def _log_ndtr_right(x: Any, order: int) -> Any:
    # m = ndtr' / ndtr obeys m' = -m (x + m).
    m = [gaussian(x, scale=-0.5) / (sqrt(2.0 * pi) * special.ndtr(x))]
    e = [x + m[0]]
    for k in range(order - 1):
        m.append(-sum(comb(k, j) * m[j] * e[k - j] for j in range(k + 1)))
        e.append(m[-1] + (1.0 if k == 0 else 0.0))
    return m[order - 1]


def _ratios(order: int, x: Any, w: Any) -> list[Any]:
    """w_n / w_0 for n up to the order, given w_0."""
    negative = np.minimum(x, 0.0)
    step = (1.0 / sqrt(pi)) / w - negative
    left = [np.ones_like(x), step]
    for k in range(2, order + 1):
        step = (0.5 / step - negative) / k
        left.append(left[-1] * step)
    right = _quadrature(order, np.maximum(x, 0.0))
    return [np.where(x < 0.0, a, b) for a, b in zip(left, right, strict=True)]


def _quadrature(order: int, x: Any) -> list[Any]:
    # w_n is proportional to the integral of s^n exp(-s^2 - 2xs) / n! over s > 0, cut off where the exponent is -depth.
    depth = 40.0 + 4.0 * order
    flat = x.reshape(-1)
    found = np.empty((order + 1, flat.size))
    for start in range(0, flat.size, _CHUNK):
        part = np.minimum(flat[start : start + _CHUNK], 1e300)
        reach = depth / (part + np.hypot(part, sqrt(depth)))
        s = np.multiply.outer(reach, _NODES)
        density = np.exp(-s * (s + 2.0 * part[:, None])) * _WEIGHTS
        sums = [density @ _NODES**k for k in range(order + 1)]
        for k in range(order + 1):
            found[k, start : start + _CHUNK] = reach**k * (sums[k] / sums[0]) / factorial(k)
    return [row.reshape(x.shape) for row in found]
