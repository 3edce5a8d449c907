"""Values around the gamma function where differences of large terms must not be taken: betaln, polygamma, digamma."""

from __future__ import annotations

from math import factorial, log, pi
from typing import Any

import numpy as np
from scipy import special

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
_LGAMMA_AT_TWO = [0.0, 1.0 - np.euler_gamma, *[(-1.0) ** k * float(special.zetac(k)) / k for k in range(2, 28)]]
_LARGE = 10.0


def stirling(x: Any) -> Any:
    """log(gamma(x)) - ((x - 1/2) log(x) - x + log(2 pi)/2), for x >= 10."""
    first, *others = [b / ((2 * k) * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1)]
    return (first + _even_series(x, others)) / x


def log_minus_digamma(x: Any) -> Any:
    """log(x) - digamma(x), for x > 0."""
    large = np.maximum(x, _LARGE)
    small = np.minimum(x, _LARGE)
    series = 0.5 / large + _even_series(large, [b / (2 * k) for k, b in enumerate(_BERNOULLI, 1)])
    return np.where(x >= _LARGE, series, np.log(small) - special.digamma(small))


def _even_series(x: Any, coefficients: list[float]) -> Any:
    inverse = 1.0 / x
    w = inverse * inverse
    total = 0.0
    for c in reversed(coefficients):
        total = (total + c) * w
    return total


def lgamma(x: Any) -> Any:
    """log(|gamma(x)|); around its zeros at 1 and 2 by the power series at 2 (DLMF 5.7.3), where the library cancels."""
    usual = special.gammaln(x)
    near = np.abs(x - 1.5) < 1.0
    if not np.any(near):
        return usual
    close = np.asarray(x)[near]
    below = close < 1.5
    d = close - np.where(below, 1.0, 2.0)
    result = np.array(usual)
    result[near] = np.polynomial.polynomial.polyval(d, _LGAMMA_AT_TWO) - np.where(below, np.log1p(d), 0.0)
    return result[()]


def betaln(a: Any, b: Any) -> Any:
    """log of the beta function for positive a and b (Didonato & Morris 1992, algorithm 708)."""
    small, large = np.minimum(a, b), np.maximum(a, b)
    s, t = np.clip(small, 1e-300, _LARGE), np.minimum(large, _LARGE)
    result = np.log(special.gamma(s) * (special.gamma(t) / special.gamma(s + t)))
    # From here on the larger is at least 10, so that Stirling's series serves it and the sum.
    t = np.maximum(large, _LARGE)
    ratio = s / t
    shrink = -(t + s - 0.5) * np.log1p(ratio) + s - s * np.log(t) + stirling(t) - stirling(t + s)
    result = np.where(large >= _LARGE, special.gammaln(s) + shrink, result)
    s = np.clip(small, _LARGE, t)
    ratio = s / t
    corrections = 0.5 * log(2 * pi) - 0.5 * np.log(t) + (stirling(s) + (stirling(t) - stirling(t + s)))
    both = (s - 0.5) * np.log(ratio / (1.0 + ratio)) - t * np.log1p(ratio) + corrections
    result = np.where(small >= _LARGE, both, result)
    result = np.where(small < 1e-300, -np.log(small), result)
    return np.where(small >= 0.0, result, special.betaln(a, b))[()]


def beta(a: Any, b: Any) -> Any:
    """The beta function; products of gammas where these are small, exp(betaln) beyond."""
    inner = (np.maximum(a, b) < 80.0) & (np.minimum(a, b) > 1e-300)
    s, t = np.where(inner, a, 1.0), np.where(inner, b, 1.0)
    total = s + t
    # What rounding took from the sum would show psi(s + t) times enlarged.
    lost = (np.minimum(s, t) - (total - np.maximum(s, t))) * special.digamma(total)
    product = special.gamma(s) * (special.gamma(t) / special.gamma(total)) * (1.0 - lost)
    positive = np.minimum(a, b) > 0.0
    far = np.exp(betaln(np.where(positive, a, 1.0), np.where(positive, b, 1.0)))
    return np.where(inner, product, np.where(positive, far, special.beta(a, b)))[()]


def polygamma(x: Any, *, order: int) -> Any:
    """The derivative of that order of digamma, by reflection for negative x."""
    x = np.asarray(x, dtype=np.float64)
    mirrored = np.where(x < 0.0, 1.0 - x, x)
    right = special.digamma(mirrored) if order == 0 else special.polygamma(order, mirrored)
    if not np.any(x < 0.0):
        return right[()]
    coefficients = _cotangent_derivative(order)
    cotangent = 1.0 / np.tan(pi * (x - np.rint(x)))
    left = (-1.0) ** order * right - pi ** (order + 1) * np.polynomial.polynomial.polyval(cotangent, coefficients)
    return np.where(x < 0.0, left, right)[()]


def _cotangent_derivative(order: int) -> list[float]:
    """Coefficients of the derivative of cot as a polynomial in cot; they have one sign and one parity."""
    p = [0.0, 1.0]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(p)][1:]
        p = [0.0] * (len(slope) + 2)
        for k, c in enumerate(slope):
            p[k] -= c
            p[k + 2] -= c
    return p


def digamma_difference(a: Any, b: Any, *, order: int = 0) -> Any:
    """polygamma(order, a + b) - polygamma(order, a) for positive a and b: a sum of terms of one sign."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    shift = 12 + 2 * order
    near = a < shift
    total = np.zeros(a.shape)
    for i in range(shift if np.any(near) else 0):
        low = np.where(near, a, 1.0) + i
        if order == 0:
            total += b / (low + b) / low
        else:
            total += factorial(order) * _drop(low, np.log1p(b / low), order + 1)
    total = np.where(near, total, 0.0)
    a = np.where(near, a + shift, a)
    log_ratio = np.log1p(b / a)
    terms = [
        b_k * factorial(2 * k + order - 1) / factorial(2 * k) * _drop(a, log_ratio, 2 * k + order)
        for k, b_k in enumerate(_BERNOULLI, 1)
    ]
    tail = sum(reversed(terms)) + 0.5 * factorial(order) * _drop(a, log_ratio, order + 1)
    head = log_ratio if order == 0 else factorial(order - 1) * _drop(a, log_ratio, order)
    result = (-1.0) ** order * (total + (tail + head))
    return np.where(np.minimum(a, b) >= 0.0, result, np.nan)[()]


def _drop(a: Any, log_ratio: Any, power: int) -> Any:
    """a^-power - (a + b)^-power, where log_ratio is log((a + b) / a)."""
    return a ** -float(power) * -np.expm1(-power * log_ratio)
