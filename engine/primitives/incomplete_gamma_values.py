"""The gamma density and the incomplete gamma function, with all their derivatives in the shape parameter.

log(t / a) has a log-concave density where t has the Gamma(a) distribution, and a derivative in `a` at fixed `x` is the
integral, over one tail, of that density times a Bell polynomial of log(t) - digamma(a) and -polygamma(j, a).  The whole
integral of such a term is 0, so either tail will do, and the one in which the first polynomial keeps its sign is taken.
The interval in which the density falls by exp(-42) is found first, and Gauss-Legendre nodes do the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, factorial, pi
from typing import Any

import numpy as np
from scipy import special

from engine.primitives.gamma_values import log_minus_digamma, stirling
from engine.primitives.quadrature import unit_interval

_NODES, _WEIGHTS = unit_interval(64)
_CHUNK = 2048
_DEPTH = 42.0
_LARGE = 20.0


def density(a: Any, x: Any, *, shift: int = 0, order: int = 0) -> Any:
    """The derivative of that order in `a` of x^(a-1) e^-x / gamma(a), divided by x^shift."""
    a, x = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(x, dtype=np.float64))
    result = np.where(a < _LARGE, _density_small(np.minimum(a, _LARGE), x, shift), 0.0)
    if np.any(a >= _LARGE):
        result = np.where(a >= _LARGE, _density_large(np.maximum(a, _LARGE), x, shift), result)
    if order:
        bell = _bell(order, _cumulants(order, np.log(x) - special.digamma(a), a))[order]
        result = np.where(result == 0.0, 0.0, result * bell)
    return np.where((a > 0.0) & (x >= 0.0), result, np.nan)[()]


def _density_small(a: Any, x: Any, shift: int) -> Any:
    # Beyond 1e4 the result is 0; the exponential is halved because it may underflow where the product does not.
    near = np.minimum(x, 1e4)
    half = np.exp(-0.5 * near)
    return near ** (a - (1.0 + shift)) * half / special.gamma(a) * half


def _density_large(a: Any, x: Any, shift: int) -> Any:
    # Loader's saddle-point form: the exponent is small near the mode, and not a difference of terms of the size of a.
    exponent = a * _log_excess((x - a) / a) + stirling(a)
    safe = np.where(x > 0.0, x, 1.0)
    return np.where(x > 0.0, np.sqrt(a / (2.0 * pi)) * np.exp(-exponent) / safe ** (1 + shift), 0.0)


def _log_excess(u: Any) -> Any:
    """u - log(1 + u)."""
    near = np.abs(u) < 0.4
    v = np.where(near, u, 0.0)
    w = v / (2.0 + v)
    series = v * w - 2.0 * w**3 * np.polynomial.polynomial.polyval(w * w, [1.0 / (2 * k + 3) for k in range(13)])
    return np.where(near, series, u - np.log1p(u))


def _exp_excess(v: Any) -> Any:
    """exp(v) - 1 - v."""
    near = np.abs(v) < 0.5
    w = np.where(near, v, 0.0)
    series = w * w * np.polynomial.polynomial.polyval(w, [1.0 / factorial(k + 2) for k in range(14)])
    return np.where(near, series, np.expm1(v) - v)


def _cumulants(order: int, first: Any, a: Any) -> list[Any]:
    return [first] + [-special.polygamma(k, a) for k in range(1, order)]


def _bell(order: int, cumulants: Sequence[Any]) -> list[Any]:
    """Complete Bell polynomials up to the order."""
    found: list[Any] = [1.0]
    for k in range(order):
        found.append(sum(comb(k, i) * found[k - i] * cumulants[i] for i in range(k + 1)))
    return found


def lower(a: Any, x: Any, *, order: int = 0) -> Any:
    """The derivative of that order in `a` of the regularised lower incomplete gamma function P(a, x)."""
    if order == 0:
        return special.gammainc(a, x)
    a, x = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(x, dtype=np.float64))
    result = np.where((a > 0.0) & ((x == 0.0) | (x == np.inf)), 0.0, np.nan)
    usual = (a > 0.0) & (x > 0.0) & np.isfinite(x) & np.isfinite(a)
    for where, method in ((usual & (x <= 1.0), _by_series), (usual & (x > 1.0), _by_tail)):
        places = np.flatnonzero(where)
        for start in range(0, places.size, _CHUNK):
            chosen = places[start : start + _CHUNK]
            result.reshape(-1)[chosen] = method(a.reshape(-1)[chosen], x.reshape(-1)[chosen], order)
    return result[()]


def _by_series(a: Any, x: Any, order: int) -> Any:
    # P = x^a / gamma(a+1) T with T = e^-x + x sum (-x)^m / (m! (a+1+m)).
    front = x * density(a, x) * np.exp(x) / a
    bell = _bell(order, _cumulants(order, np.log(x) - special.digamma(a + 1.0), a + 1.0))
    total = np.zeros(a.shape)
    for k in range(order + 1):
        sums = np.zeros(a.shape)
        for m in range(20, -1, -1):
            sums = sums + (-x) ** m / (factorial(m) * (a + (1.0 + m)) ** (k + 1))
        series = (-1.0) ** k * factorial(k) * x * sums + (np.exp(-x) if k == 0 else 0.0)
        total += comb(order, k) * bell[order - k] * series
    return front * total


def _by_tail(a: Any, x: Any, order: int) -> Any:
    offset = log_minus_digamma(a)
    y = np.log1p((x - a) / a)
    upper = y > -offset
    side = np.where(upper, 1.0, -1.0)
    reach = np.where(upper, _upper_reach(a, np.where(upper, x, a)), _lower_reach(a, np.where(upper, a, x)))
    s = np.multiply.outer(reach, _NODES) * side[:, None]
    exponent = a[:, None] * _exp_excess(s) + (x - a)[:, None] * np.expm1(s)
    bell = _bell(order, _cumulants(order, (y + offset)[:, None] + s, a[:, None]))[order]
    integral = (np.exp(-exponent) * bell) @ _WEIGHTS * reach
    return -side * (x * density(a, x)) * integral


def _upper_reach(a: Any, x: Any) -> Any:
    # t with t - a log(1 + t/x) = 42, by Newton's method from above; the answer is log(1 + t/x).
    t = _DEPTH + np.sqrt(2.0 * _DEPTH * a)
    for _ in range(4):
        slope = np.maximum((t + (x - a)) / (x + t), 1e-300)
        t = t - (t - a * np.log1p(t / x) - _DEPTH) / slope
    return np.log1p(t / x)


def _lower_reach(a: Any, x: Any) -> Any:
    # s with a s + x (exp(-s) - 1) = 42, by Newton's method from above.
    s = np.minimum((_DEPTH + x) / a, np.where(a > 3.0 * _DEPTH, np.sqrt(3.0 * _DEPTH / a), np.inf))
    for _ in range(5):
        s = s - (a * _exp_excess(-s) + (x - a) * np.expm1(-s) - _DEPTH) / (a - x * np.exp(-s))
    return s
