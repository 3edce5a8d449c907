"""Parts of log densities that formulas made of other primitives would lose to overflow or cancellation."""

from __future__ import annotations

from math import factorial, log, pi
from typing import Any

import numpy as np
from scipy import special

from engine.graph.values import Value
from engine.primitives.bessel import i_precise
from engine.primitives.record import Elementwise, elementwise
from engine.primitives.trigonometry import hypot, tanh


def _log1p_square_value(x: Any) -> Any:
    size = np.abs(x)
    return np.where(size < 1.0, np.log1p(np.minimum(size, 1.0) ** 2), 2.0 * np.log(np.hypot(1.0, size)))[()]


def _log1p_square_slope(x: Value, out: Value) -> Value:
    length = hypot(x, 1.0)
    return (x / length) * (2.0 / length)


# log(1 + x^2), also where x^2 overflows.
log1p_square: Elementwise = elementwise(
    "log1p_square",
    _log1p_square_value,
    _log1p_square_slope,
    precise=lambda mp, x: mp.log1p(x * x),
    symbolic=lambda sp, x: sp.log(1 + x**2),
    nanoseconds=25.0,
    public=False,
)


def _logistic_value(x: Any) -> Any:
    size = np.abs(x)
    return -size - 2.0 * np.log1p(np.exp(-size))


# The logarithm of the standard logistic density: as a sum of two it would lose its derivative near 0.
log_logistic: Elementwise = elementwise(
    "log_logistic",
    _logistic_value,
    lambda x, out: -tanh(x * 0.5),
    precise=lambda mp, x: -abs(x) - 2 * mp.log1p(mp.exp(-abs(x))),
    symbolic=lambda sp, x: -sp.log(2 + sp.exp(x) + sp.exp(-x)),
    nanoseconds=25.0,
    public=False,
)


def _logarithm(series: list[float]) -> list[float]:
    """The coefficients of log(1 + a1 t + a2 t^2 + ...), that of t^0 first."""
    found = [0.0]
    for n in range(1, len(series)):
        found.append(series[n] - sum(k * found[k] * series[n - k] for k in range(1, n)) / n)
    return found


_NEAR, _FAR = 1.0, 25.0
# Of log(i0(x)) in powers of x^2 (DLMF 10.25.2), and of log(sqrt(2 pi x) exp(-x) i0(x)) in powers of 1/x (10.40.1).
_POWERS = _logarithm([0.25**k / factorial(k) ** 2 for k in range(26)])
_INVERSES = _logarithm([float(np.prod(np.arange(1.0, 2.0 * k, 2.0)) ** 2 / (factorial(k) * 8.0**k)) for k in range(37)])


def _falling(exponent: int, order: int) -> float:
    """What the derivative of that order puts before a power."""
    factor = 1.0
    for k in range(order):
        factor *= exponent - k
    return factor


def _ratio_derivatives(x: Any, ratio: Any, order: int) -> list[Any]:
    """r = i1/i0 and its derivatives: r' = 1 - r/x - r^2."""
    r, quotient = [ratio], [ratio / x]
    for n in range(order):
        squared = sum(factorial(n) // (factorial(k) * factorial(n - k)) * r[k] * r[n - k] for k in range(n + 1))
        r.append((1 if n == 0 else 0) - quotient[n] - squared)
        quotient.append((r[n + 1] - (n + 1) * quotient[n]) / x)
    return r


def _log_i0e_value(x: Any, *, order: int = 0) -> Any:
    x = np.asarray(x, dtype=np.float64)
    small, middle, large = np.clip(x, 0.0, _NEAR), np.clip(x, _NEAR, _FAR), np.maximum(x, _FAR)
    terms = [(2 * k, c * _falling(2 * k, order)) for k, c in enumerate(_POWERS) if 2 * k >= order]
    near = sum(c * small ** (e - order) for e, c in reversed(terms)) - (small if order == 0 else float(order == 1))
    if order == 0:
        between = np.log(special.i0e(middle))
        far = -0.5 * np.log(2.0 * pi * large)
    else:
        ratio = special.i1e(middle) / special.i0e(middle)
        between = _ratio_derivatives(middle, ratio, order - 1)[-1] - float(order == 1)
        far = 0.5 * (-1.0) ** order * factorial(order - 1) * large ** -float(order)
    far = far + sum(c * _falling(-k, order) * large ** -float(k + order) for k, c in enumerate(_INVERSES) if k)
    result = np.where(x < _NEAR, near, np.where(x < _FAR, between, far))
    return np.where(x >= 0.0, result, np.nan)[()]


def _log_i0e_precise(mp: Any, x: Any, *, order: int = 0) -> Any:
    if x < 0 or mp.isnan(x):
        return mp.nan
    if order == 0:
        return mp.log(i_precise(mp, x, n=0)) - x
    if x == 0:
        return mp.mpf(-1) if order == 1 else mp.taylor(lambda t: mp.log(mp.besseli(0, t)), 0, order)[-1] * mp.fac(order)
    ratio = i_precise(mp, x, n=1) / i_precise(mp, x, n=0)
    return _ratio_derivatives(x, ratio, order - 1)[-1] - (order == 1)


def _log_i0e_symbolic(sp: Any, x: Any, order: int) -> Any:
    t = sp.Dummy(real=True)
    return sp.diff(sp.log(sp.besseli(0, t)) - t, t, order).subs(t, x)


# log(exp(-x) i0(x)) for x >= 0; order: its derivatives, by series at both ends, where the recurrence cancels.
log_i0e: Elementwise = elementwise(
    "log_i0e",
    _log_i0e_value,
    lambda x, out, *, order=0: log_i0e(x, order=order + 1),
    domain="x >= 0",
    inside=lambda x, *, order=0: x >= 0,
    precise=_log_i0e_precise,
    symbolic=lambda sp, x, *, order=0: _log_i0e_symbolic(sp, x, order),
    nanoseconds=900.0,
    public=False,
)

HALF_LOG_TAU = 0.5 * log(2.0 * pi)
