"""The gamma density and the incomplete gamma function, with all their derivatives in the shape parameter.

log(t / a) has a log-concave density where t has the Gamma(a) distribution, and a derivative in `a` at fixed `x` is the
integral, over one tail, of that density times a Bell polynomial of log(t) - digamma(a) and -polygamma(j, a).  The whole
integral of such a term is 0, so either tail will do, and the one in which the first polynomial keeps its sign is taken.
The interval in which the density falls by exp(-42) is found first, and Gauss-Legendre nodes do the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
_TAIL = 0.1
"""Below this, the values of the library lose more digits than the arguments have lost."""


def density(a: Any, x: Any, *, shift: int = 0, order: int = 0) -> Any:
    """The derivative of that order in `a` of x^(a-1) e^-x / gamma(a), divided by x^shift."""
    a, x = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(x, dtype=np.float64))
    direct = (a < _LARGE) | ((a < 170.0) & (x < 2.0))
    result = _density_small(np.where(direct, a, 1.0), x, shift)
    if not np.all(direct):
        result = np.where(direct, result, _density_large(np.maximum(a, _LARGE), x, shift))
    if order:
        bell = _bell(order, _cumulants(order, _log_ratio(x, a) + log_minus_digamma(a), a))[order]
        result = np.where(result == 0.0, 0.0, result * bell)
    return np.where((a > 0.0) & (x >= 0.0), result, np.nan)[()]


def _density_small(a: Any, x: Any, shift: int) -> Any:
    # Beyond 1e4 the result is 0; the exponential is halved because it may underflow where the product does not.
    near = np.minimum(x, 1e4)
    half = np.exp(-0.5 * near)
    scale = half / special.gamma(a) * half
    # For small a the rounding of a - 1 would show.
    split = (a < 1.0) & (near > 0.0)
    base = np.where(split, near, 1.0)
    return np.where(split, _divided(base**a * scale, base, shift), near ** (a - (1.0 + shift)) * scale)


def _density_large(a: Any, x: Any, shift: int) -> Any:
    # Loader's saddle-point form: the exponent is small near the mode, and not a difference of terms of the size of a.
    safe = np.where(x > 0.0, x, 1.0)
    exponent = a * _deviance(safe, a) + stirling(a)
    return np.where(x > 0.0, _divided(np.sqrt(a / (2.0 * pi)) * np.exp(-exponent), safe, shift), 0.0)


def _divided(value: Any, x: Any, shift: int) -> Any:
    # One after the other: x^2 may underflow where the quotient does not.
    for _ in range(1 + shift):
        value = value / x
    return value


def _deviance(x: Any, a: Any) -> Any:
    """u - log(1 + u) for u = x/a - 1."""
    u = (x - a) / a
    near = np.abs(u) < 0.4
    v = np.where(near, u, 0.0)
    w = v / (2.0 + v)
    series = v * w - 2.0 * w**3 * np.polynomial.polynomial.polyval(w * w, [1.0 / (2 * k + 3) for k in range(13)])
    return np.where(near, series, u - np.log(x / a))


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
    a, x = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(x, dtype=np.float64))
    if order == 0:
        usual = special.gammainc(a, x)
        inner = (a > 0.0) & (usual > 0.0)
        usual = _where(inner & (x <= 1.0), lambda a, x: _series(a, x, 0), a, x, usual)
        tail = inner & (x > 1.0) & (usual < _TAIL)
        return _where(tail, lambda a, x: _tail(a, x, 0, np.zeros(a.shape, bool)), a, x, usual)[()]
    edge = np.where((a > 0.0) & ((x == 0.0) | (x == np.inf)), 0.0, np.nan)
    inner = (a > 0.0) & (x > 0.0) & np.isfinite(x) & np.isfinite(a)
    result = _where(inner & (x <= 1.0), lambda a, x: _series(a, x, order), a, x, edge)
    return _where(inner & (x > 1.0), lambda a, x: _shorter_tail(a, x, order), a, x, result)[()]


def upper(a: Any, x: Any) -> Any:
    """The regularised upper incomplete gamma function Q(a, x)."""
    a, x = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(x, dtype=np.float64))
    usual = special.gammaincc(a, x)
    inner = (a > 0.0) & (usual > 0.0)
    usual = _where(inner & (a < 1.0) & (x > 0.0) & (x <= 1.0), _upper_near_zero, a, x, usual)
    tail = inner & (x > 1.0) & ((usual < _TAIL) | (a < 1.0))
    return _where(tail, lambda a, x: _tail(a, x, 0, np.ones(a.shape, bool)), a, x, usual)[()]


def _upper_near_zero(a: Any, x: Any) -> Any:
    # Q(a, 1) and the power series of the integral from x to 1, which is small for small a where 1 - P would cancel.
    log_x = np.log(x)
    total = np.zeros(a.shape)
    for n in range(19, -1, -1):
        total += (-1.0) ** n / factorial(n) * -np.expm1((a + n) * log_x) / (a + n)
    return _tail(a, np.ones(a.shape), 0, np.ones(a.shape, bool)) + total / special.gamma(a)


def _where(condition: Any, function: Callable[[Any, Any], Any], a: Any, x: Any, otherwise: Any) -> Any:
    """function(a, x) where the condition holds, in pieces that bound the memory; `otherwise` elsewhere."""
    places = np.flatnonzero(condition)
    if not places.size:
        return otherwise
    result = np.array(otherwise, dtype=np.float64).reshape(-1)
    for start in range(0, places.size, _CHUNK):
        chosen = places[start : start + _CHUNK]
        result[chosen] = function(a.reshape(-1)[chosen], x.reshape(-1)[chosen])
    return result.reshape(a.shape)


def _series(a: Any, x: Any, order: int) -> Any:
    # P = x^a / gamma(a+1) T with T = e^-x + x sum (-x)^m / (m! (a+1+m)).
    front = density(a, x, shift=-1) * np.exp(x) / a
    bell = _bell(order, _cumulants(order, np.log(x) - special.digamma(a + 1.0), a + 1.0))
    total = np.zeros(a.shape)
    for k in range(order + 1):
        sums = np.zeros(a.shape)
        for m in range(20, -1, -1):
            sums = sums + (-x) ** m / (factorial(m) * (a + (1.0 + m)) ** (k + 1))
        series = (-1.0) ** k * factorial(k) * x * sums + (np.exp(-x) if k == 0 else 0.0)
        total += comb(order, k) * bell[order - k] * series
    return front * total


def _shorter_tail(a: Any, x: Any, order: int) -> Any:
    right = _log_ratio(x, a) > -log_minus_digamma(a)
    return np.where(right, -1.0, 1.0) * _tail(a, x, order, right)


def _log_ratio(x: Any, a: Any) -> Any:
    u = (x - a) / a
    return np.where(np.abs(u) < 0.5, np.log1p(u), np.log(x / a))


def _tail(a: Any, x: Any, order: int, right: Any) -> Any:
    """The integral over the tail on one side of x, for a and x beyond 1."""
    side = np.where(right, 1.0, -1.0)
    reach = np.where(right, _upper_reach(a, np.where(right, x, a)), _lower_reach(a, np.where(right, a, x)))
    s = np.multiply.outer(reach, _NODES) * side[:, None]
    density_there = np.exp(-(a[:, None] * _exp_excess(s) + (x - a)[:, None] * np.expm1(s)))
    if order:
        first = (_log_ratio(x, a) + log_minus_digamma(a))[:, None] + s
        density_there = density_there * _bell(order, _cumulants(order, first, a[:, None]))[order]
    return density(a, x, shift=-1) * (density_there @ _WEIGHTS * reach)


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
