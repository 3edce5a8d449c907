"""Bessel functions of the first kind, ordinary and modified, of integer order."""

from __future__ import annotations

from math import factorial, pi, sqrt
from typing import Any

import numpy as np
from scipy import special

from engine.graph.values import Value
from engine.primitives.function import Points
from engine.primitives.record import Elementwise, elementwise

G = "special"


def _j_value(x: Any, *, n: int) -> Any:
    x = np.asarray(x, dtype=np.float64)
    far = max(25.0, 2.0 * n * n)
    size = np.abs(x)
    middle = np.minimum(size, far)
    result = special.j0(middle) if n == 0 else special.j1(middle)
    if n > 1:
        near = float(max(n, 2))
        result = np.where(size < near, _power_series(np.minimum(size, near), n, -1.0), _j_upwards(middle, near, n))
    if np.any(size > far):
        beyond = np.clip(size, far, 1.7e308)
        result = np.where(size > far, np.where(np.isinf(size), 0.0, _j_asymptotic(beyond, n)), result)
    return (np.where(x < 0.0, -result, result) if n % 2 else result)[()]


def _j_upwards(x: Any, near: float, n: int) -> Any:
    # The recurrence is stable upwards as long as the order stays below x.
    x = np.maximum(x, near)
    before, value = special.j0(x), special.j1(x)
    for k in range(1, n):
        before, value = value, 2.0 * k / x * value - before
    return value


def _power_series(x: Any, n: int, sign: float) -> Any:
    # The library's general order loses digits in small numbers.
    half = 0.5 * x
    coefficients = [sign**k / (factorial(k) * factorial(n + k)) for k in range(14 + 2 * n)]
    return half**n * np.polynomial.polynomial.polyval(half * half, coefficients)


def _j_asymptotic(x: Any, n: int) -> Any:
    # Hankel's expansion (DLMF 10.17.3); the phase is split off so that only sin(x) and cos(x) of x itself are taken.
    inverse = 1.0 / x
    even, odd, term = np.zeros(x.shape), np.zeros(x.shape), np.ones(x.shape)
    for k in range(22):
        signed = -term if k % 4 > 1 else term
        if k % 2:
            odd = odd + signed
        else:
            even = even + signed
        term = term * inverse * ((4 * n * n - (2 * k + 1) ** 2) / (8.0 * (k + 1)))
    sine, cosine = np.sin(x), np.cos(x)
    c, s = (cosine + sine) * sqrt(0.5), (sine - cosine) * sqrt(0.5)
    for _ in range(n % 4):
        c, s = s, -c
    return np.sqrt(2.0 / pi * inverse) * (even * c - odd * s)


def _i_value(x: Any, *, n: int) -> Any:
    x = np.asarray(x, dtype=np.float64)
    size = np.abs(x)
    middle = np.minimum(size, 700.0)
    if n < 2:
        result = special.i0(middle) if n == 0 else special.i1(middle)
    else:
        result = np.where(size < 2.0, _power_series(np.minimum(size, 2.0), n, 1.0), special.iv(n, middle))
    if np.any(size > 700.0):
        # In two factors: exp(x) overflows before the function does.
        end = np.clip(size, 700.0, 1e3)
        half = np.exp(0.5 * end)
        result = np.where(size > 700.0, special.ive(n, end) * half * half, result)
    return (np.where(x < 0.0, -result, result) if n % 2 else result)[()]


def _series(mp: Any, x: Any, n: int, sign: int) -> Any:
    # mpmath cannot tell a small value from 0 and gives up.
    half, w = x / 2, sign * x * x / 4
    term = half**n / mp.factorial(n)
    total = mp.mpf(0)
    for k in range(1, mp.prec // 4 + 4):
        total += term
        term *= w / (k * (n + k))
    return total


def _j_precise(mp: Any, x: Any, *, n: int) -> Any:
    return _series(mp, x, n, -1) if abs(x) < 1 else mp.besselj(n, x)


def i_precise(mp: Any, x: Any, *, n: int) -> Any:
    return _series(mp, x, n, 1) if abs(x) < 1 else mp.besseli(n, x)


def _j(n: int, x: Value) -> Value:
    return j0(x) if n == 0 else j1(x) if n == 1 else bessel_j(x, n=n)


def _i(n: int, x: Value) -> Value:
    return i0(x) if n == 0 else i1(x) if n == 1 else bessel_i(x, n=n)


def _j_slope(n: int, x: Value) -> Value:
    return (_j(n - 1, x) - _j(n + 1, x)) * 0.5


def _i_slope(n: int, x: Value) -> Value:
    # Halved before they are added: the sum may overflow where the derivative does not.
    return _i(n - 1, x) * 0.5 + _i(n + 1, x) * 0.5


bessel_j: Elementwise = elementwise(
    "bessel_j",
    _j_value,
    lambda x, out, *, n: _j_slope(n, x),
    precise=_j_precise,
    symbolic=lambda sp, x, *, n: sp.besselj(n, x),
    nanoseconds=400.0,
    public=False,
)
bessel_i: Elementwise = elementwise(
    "bessel_i",
    _i_value,
    lambda x, out, *, n: _i_slope(n, x),
    precise=i_precise,
    symbolic=lambda sp, x, *, n: sp.besseli(n, x),
    nanoseconds=700.0,
    public=False,
)
j0: Elementwise = elementwise(
    "j0",
    lambda x: _j_value(x, n=0),
    lambda x, out: -j1(x),
    group=G,
    summary="Bessel function of the first kind of order 0.",
    precise=lambda mp, x: _j_precise(mp, x, n=0),
    symbolic=lambda sp, x: sp.besselj(0, x),
    points=Points(((-6.0, 6.0),), ((0.0,), (1e-100,), (24.9,), (25.1,), (1e6,))),
    nanoseconds=20.0,
)
j1: Elementwise = elementwise(
    "j1",
    lambda x: _j_value(x, n=1),
    lambda x, out: _j_slope(1, x),
    group=G,
    summary="Bessel function of the first kind of order 1.",
    precise=lambda mp, x: _j_precise(mp, x, n=1),
    symbolic=lambda sp, x: sp.besselj(1, x),
    points=Points(((-6.0, 6.0),), ((0.0,), (1e-100,), (24.9,), (25.1,), (1e6,))),
    nanoseconds=25.0,
)
i0: Elementwise = elementwise(
    "i0",
    lambda x: _i_value(x, n=0),
    lambda x, out: i1(x),
    group=G,
    summary="Modified Bessel function of the first kind of order 0.",
    precise=lambda mp, x: i_precise(mp, x, n=0),
    symbolic=lambda sp, x: sp.besseli(0, x),
    points=Points(((-6.0, 6.0),), ((0.0,), (1e-100,), (-700.0,))),
    nanoseconds=80.0,
)
i1: Elementwise = elementwise(
    "i1",
    lambda x: _i_value(x, n=1),
    lambda x, out: _i_slope(1, x),
    group=G,
    summary="Modified Bessel function of the first kind of order 1.",
    precise=lambda mp, x: i_precise(mp, x, n=1),
    symbolic=lambda sp, x: sp.besseli(1, x),
    points=Points(((-6.0, 6.0),), ((0.0,), (1e-100,), (-700.0,))),
    nanoseconds=60.0,
)
