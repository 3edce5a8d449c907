"""The error function and the normal distribution function, their complements, logarithms and inverses."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
from scipy import special

from engine.graph.values import Value
from engine.primitives import error_function_values as values
from engine.primitives.arithmetic import divide, less, select
from engine.primitives.function import Points
from engine.primitives.kinks import abs_
from engine.primitives.record import Elementwise, elementwise

G = "special"
_TWO_OVER_ROOT_PI = 2.0 / sqrt(pi)
_HALF_ROOT_PI = sqrt(pi) / 2.0
_ROOT_TWO_PI = sqrt(2.0 * pi)

gaussian: Elementwise = elementwise(
    "gaussian",
    values.gaussian,
    lambda x, out, *, scale: x * out * (2.0 * scale),
    precise=lambda mp, x, *, scale: mp.exp(scale * x * x),
    symbolic=lambda sp, x, *, scale: sp.exp(sp.Rational(scale) * x**2),
    nanoseconds=20.0,
    public=False,
)


def normal_density(x: Value) -> Value:
    """The density of the standard normal distribution."""
    return gaussian(x, scale=-0.5) * (1.0 / _ROOT_TWO_PI)


def erfc_precise(mp: Any, x: Any) -> Any:
    """erfc at any size of x; mpmath's own fails from about 1e154."""
    if abs(x) < 1e20 or not mp.isfinite(x):
        return mp.erfc(x)
    if x < 0:
        return 2 - erfc_precise(mp, -x)
    term, total = mp.mpf(1), mp.mpf(0)
    for k in range(mp.prec // 130 + 2):
        total += term
        term *= -(2 * k + 1) / (2 * x * x)
    return mp.exp(-x * x) / (x * mp.sqrt(mp.pi)) * total


erf: Elementwise = elementwise(
    "erf",
    special.erf,
    lambda x, out: gaussian(x, scale=-1.0) * _TWO_OVER_ROOT_PI,
    group=G,
    summary="Error function.",
    precise=lambda mp, x: mp.erf(x) if abs(x) < 1e20 else mp.sign(x) * (1 - erfc_precise(mp, abs(x))),
    symbolic=lambda sp, x: sp.erf(x),
    points=Points(((-3.0, 3.0),), ((0.0,), (1e-300,), (-6.0,), (20.0,))),
    nanoseconds=14.0,
)
erfc: Elementwise = elementwise(
    "erfc",
    values.erfc,
    lambda x, out: gaussian(x, scale=-1.0) * -_TWO_OVER_ROOT_PI,
    group=G,
    summary="1 - erf(x) without cancellation.",
    precise=erfc_precise,
    symbolic=lambda sp, x: sp.erfc(x),
    points=Points(((-3.0, 3.0),), ((0.0,), (-6.0,), (10.0,), (26.0,))),
    nanoseconds=60.0,
)
erfcx: Elementwise = elementwise(
    "erfcx",
    values.erfcx,
    lambda x, out, *, order=0: erfcx(x, order=order + 1),
    group=G,
    summary="exp(x^2) erfc(x) without overflow.",
    precise=lambda mp, x, *, order=0: _erfcx_precise(mp, x, order),
    symbolic=lambda sp, x, *, order=0: _derivative(sp, lambda t: sp.exp(t**2) * sp.erfc(t), x, order),
    points=Points(((-3.0, 3.0),), ((0.0,), (-20.0,), (50.0,), (1e8,), (1e150,))),
    nanoseconds=300.0,
)


def _erfcx_precise(mp: Any, x: Any, order: int) -> Any:
    # w_1 = 1/sqrt(pi) - x w_0 and 2n w_n = w_(n-2) - 2x w_(n-1) lose two digits of x at every step.
    with mp.workprec(mp.prec + int(2 * max(0, mp.mag(x)) * (order + 1))):
        w = [2 / mp.sqrt(mp.pi), mp.exp(x * x) * erfc_precise(mp, x)]
        for n in range(1, order + 1):
            w.append((w[-2] - 2 * x * w[-1]) / (2 * n))
        return (-2) ** order * mp.factorial(order) * w[-1]


def _derivative(sp: Any, function: Any, x: Any, order: int) -> Any:
    if not order:
        return function(x)
    t = sp.Dummy(real=True)
    return sp.diff(function(t), t, order).subs(t, x)


def _inverse_density(central: Value, out: Value, scale: float, z: Value, x: Value) -> Value:
    # exp(scale out^2), and erfcx(z) / x where that is the same and out^2 so large that its rounding would show.
    return select(central, gaussian(out, scale=scale), divide(erfcx(z), x))


def _erfinv_slope(x: Value, out: Value) -> Value:
    size = abs_(x)
    return _inverse_density(less(size, 0.5), out, 1.0, abs_(out), 1.0 - size) * _HALF_ROOT_PI


erfinv: Elementwise = elementwise(
    "erfinv",
    special.erfinv,
    _erfinv_slope,
    group=G,
    summary="Inverse of erf.",
    domain="-1 < x < 1",
    inside=lambda x: np.abs(x) < 1,
    precise=lambda mp, x: mp.erfinv(x) if abs(x) < 1 else (x * mp.inf if abs(x) == 1 else mp.nan),
    symbolic=lambda sp, x: sp.erfinv(x),
    points=Points(((-0.9, 0.9),), ((0.0,), (1e-300,), (1 - 2.0**-40,), (-1 + 2.0**-53,))),
    nanoseconds=20.0,
)


def _erfcinv_slope(x: Value, out: Value) -> Value:
    # x is erfc(out), and 2 - x is erfc(-out).
    small, central = less(x, 1.0), less(abs_(x - 1.0), 0.5)
    z, tail = select(small, out, -out), select(small, x, 2.0 - x)
    return _inverse_density(central, out, 1.0, z, tail) * -_HALF_ROOT_PI


erfcinv: Elementwise = elementwise(
    "erfcinv",
    special.erfcinv,
    _erfcinv_slope,
    group=G,
    summary="Inverse of erfc.",
    domain="0 < x < 2",
    inside=lambda x: (x > 0) & (x < 2),
    precise=lambda mp, x: _erfcinv_precise(mp, x),
    symbolic=lambda sp, x: sp.erfcinv(x),
    points=Points(((0.1, 1.9),), ((1.0,), (1e-10,), (1e-100,), (2.0 - 2.0**-40,))),
    nanoseconds=12.0,
)


def _erfcinv_precise(mp: Any, x: Any) -> Any:
    """By Newton's method on log(erfc(y)); mpmath's erfinv(1 - x) would need as many digits as x is small."""
    if not 0 < x < 2:
        return mp.inf if x == 0 else -mp.inf if x == 2 else mp.nan
    if x > 1:
        return -_erfcinv_precise(mp, 2 - x)
    y, digits = mp.mpf(float(special.erfcinv(float(x)))), 40
    while True:
        with mp.workprec(min(2 * digits, mp.prec) + 20):
            tail = mp.erfc(y)
            y += tail * mp.log(tail / x) * mp.exp(y * y) * mp.sqrt(mp.pi) / 2
        if digits >= mp.prec:
            return +y
        digits *= 2


def _erfc_of(mp: Any, x: Any) -> Any:
    return erfc_precise(mp, -x / mp.sqrt(2)) / 2


ndtr: Elementwise = elementwise(
    "ndtr",
    values.ndtr,
    lambda x, out: normal_density(x),
    group=G,
    summary="Cumulative distribution function of the standard normal distribution.",
    aliases=("norm_cdf",),
    precise=_erfc_of,
    symbolic=lambda sp, x: sp.erfc(-x / sp.sqrt(2)) / 2,
    points=Points(((-3.0, 3.0),), ((0.0,), (-37.0,), (8.0,), (-1e-5,))),
    nanoseconds=100.0,
)
log_ndtr: Elementwise = elementwise(
    "log_ndtr",
    values.log_ndtr,
    lambda x, out, *, order=0: log_ndtr(x, order=order + 1),
    group=G,
    summary="log(ndtr(x)), exact in both tails.",
    aliases=("log_norm_cdf",),
    precise=lambda mp, x, *, order=0: (
        _log_ndtr_precise(mp, x) if not order else mp.diff(lambda t: _log_ndtr_precise(mp, t), x, order)
    ),
    symbolic=lambda sp, x, *, order=0: _derivative(sp, lambda t: sp.log(sp.erfc(-t / sp.sqrt(2)) / 2), x, order),
    points=Points(((-3.0, 3.0),), ((0.0,), (-40.0,), (-1e5,), (-1e100,), (8.0,), (37.0,))),
    nanoseconds=400.0,
)


def _log_ndtr_precise(mp: Any, x: Any) -> Any:
    return mp.log(_erfc_of(mp, x)) if x < 0 else mp.log1p(-_erfc_of(mp, -x))


def _ndtri_slope(x: Value, out: Value) -> Value:
    # 2 x is erfc(-out / sqrt(2)), and 2 - 2 x is erfc(out / sqrt(2)).
    small, central = less(x, 0.5), less(abs_(x - 0.5), 0.25)
    z = out * values.ROOT_HALF
    z, tail = select(small, -z, z), 2.0 * select(small, x, 1.0 - x)
    return _inverse_density(central, out, 0.5, z, tail) * _ROOT_TWO_PI


ndtri: Elementwise = elementwise(
    "ndtri",
    special.ndtri,
    _ndtri_slope,
    group=G,
    summary="Inverse of ndtr: the quantiles of the standard normal distribution.",
    aliases=("norm_ppf", "probit"),
    domain="0 < x < 1",
    inside=lambda x: (x > 0) & (x < 1),
    precise=lambda mp, x: -mp.sqrt(2) * _erfcinv_precise(mp, 2 * x),
    symbolic=lambda sp, x: -sp.sqrt(2) * sp.erfcinv(2 * x),
    points=Points(((0.05, 0.95),), ((0.5,), (1e-10,), (1e-100,), (1 - 2.0**-40,))),
    nanoseconds=12.0,
)
