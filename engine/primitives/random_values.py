"""Random numbers as a function of a seed and a position, with the same bits on every machine.

Only integer arithmetic and operations that IEEE 754 rounds correctly (+ - * / sqrt) are used, never a library's
logarithm, whose last digit differs from machine to machine.
"""

from __future__ import annotations

from collections.abc import Callable
from math import frexp, prod, sqrt
from typing import Any

import numpy as np

from engine.graph.types import Array, Shape

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_WORD = 0xFFFFFFFF
FEW = 24
"""Up to here Python's integers are faster than arrays: measured 6 µs for one number, 130 µs for a small array."""
_BLOCK = 8192


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))


# Wichura 1988, algorithm AS 241, PPND16: numerators and denominators of the three ranges, from the highest power.
_CENTRAL = (
    _numbers(
        "2509.0809287301226727 33430.575583588128105 67265.770927008700853 45921.953931549871457 "
        "13731.693765509461125 1971.5909503065514427 133.14166789178437745 3.3871328727963666080"
    ),
    _numbers(
        "5226.4952788528545610 28729.085735721942674 39307.895800092710610 21213.794301586595867 "
        "5394.1960214247511077 687.18700749205790830 42.313330701600911252 1.0"
    ),
)
_TAIL = (
    _numbers(
        "7.74545014278341407640e-4 2.27238449892691845833e-2 2.41780725177450611770e-1 1.27045825245236838258 "
        "3.64784832476320460504 5.76949722146069140550 4.63033784615654529590 1.42343711074968357734"
    ),
    _numbers(
        "1.05075007164441684324e-9 5.47593808499534494600e-4 1.51986665636164571966e-2 1.48103976427480074590e-1 "
        "6.89767334985100004550e-1 1.67638483018380384940 2.05319162663775882187 1.0"
    ),
)
_FAR_TAIL = (
    _numbers(
        "2.01033439929228813265e-7 2.71155556874348757815e-5 1.24266094738807843860e-3 2.65321895265761230930e-2 "
        "2.96560571828504891230e-1 1.78482653991729133580 5.46378491116411436990 6.65790464350110377720"
    ),
    _numbers(
        "2.04426310338993978564e-15 1.42151175831644588870e-7 1.84631831751005468180e-5 7.86869131145613259100e-4 "
        "1.48753612908506148525e-2 1.36929880922735805310e-1 5.99832206555887937690e-1 1.0"
    ),
)
_LOG2_HIGH, _LOG2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ATANH = tuple(1.0 / (2 * k + 1) for k in reversed(range(12)))
_ROOT_HALF = 0.7071067811865476


def philox(counter: Any, key: Any) -> tuple[Any, Any, Any, Any]:
    """Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011): four words of 32 bits from four of counter and two of key.

    Words are Python integers or arrays of uint64.
    """
    a, b, c, d = counter
    k, l = key  # noqa: E741
    for _ in range(_ROUNDS):
        left, right = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = (right >> 32) ^ b ^ k, right & _WORD, (left >> 32) ^ d ^ l, left & _WORD
        k, l = (k + _WEYL[0]) & _WORD, (l + _WEYL[1]) & _WORD  # noqa: E741
    return a, b, c, d


def _bits(position: Any, seed: Any, zero: Any) -> Any:
    """53 random bits as an integer; `zero` is of the kind of the arguments."""
    words = philox((position & _WORD, position >> 32, zero, zero), (seed & _WORD, seed >> 32))
    return ((words[0] << 32) | words[1]) >> 11


def _one_uniform(seed: int, position: int) -> float:
    return float(max(_bits(position, seed, 0), 0.5) * 2.0**-53)


def _uniforms(seeds: Array, positions: Array) -> Array:
    bits = _bits(positions, seeds, np.uint64(0)).astype(np.float64)
    return np.asarray(np.maximum(bits, 0.5) * 2.0**-53)


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    total = coefficients[0]
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def _ratio(pair: tuple[tuple[float, ...], tuple[float, ...]], x: Any) -> Any:
    return _polynomial(pair[0], x) / _polynomial(pair[1], x)


def _log_of_parts(mantissa: Any, exponent: Any) -> Any:
    """log(mantissa * 2^exponent) for a mantissa between sqrt(1/2) and sqrt(2)."""
    s = (mantissa - 1.0) / (mantissa + 1.0)
    return exponent * _LOG2_HIGH + (2.0 * s * _polynomial(_ATANH, s * s) + exponent * _LOG2_LOW)


def _one_normal(u: float) -> float:
    q = u - 0.5
    if abs(q) <= 0.425:
        return float(q * _ratio(_CENTRAL, 0.180625 - q * q))
    mantissa, exponent = frexp(min(u, 1.0 - u))
    if mantissa < _ROOT_HALF:
        mantissa, exponent = mantissa * 2.0, exponent - 1
    r = sqrt(-_log_of_parts(mantissa, float(exponent)))
    size = float(_ratio(_TAIL, r - 1.6) if r <= 5.0 else _ratio(_FAR_TAIL, r - 5.0))
    return -size if q < 0.0 else size


def standard_normal(u: Array) -> Array:
    """The inverse of the normal distribution function (Wichura 1988, AS 241) on uniform numbers, element by element."""
    q = u - 0.5
    result = np.asarray(q * _ratio(_CENTRAL, 0.180625 - q * q))
    outer = np.abs(q) > 0.425
    tails = u[outer]
    mantissa, exponents = np.frexp(np.minimum(tails, 1.0 - tails))
    small = mantissa < _ROOT_HALF
    exponent = exponents - small.astype(np.float64)
    r = np.sqrt(-_log_of_parts(np.where(small, mantissa * 2.0, mantissa), exponent))
    size = np.where(r <= 5.0, _ratio(_TAIL, r - 1.6), _ratio(_FAR_TAIL, r - 5.0))
    result[outer] = np.where(tails < 0.5, -size, size)
    return result


def uniform(seed: Any, *, shape: Shape) -> Any:
    """Uniform numbers: 53 bits times 2^-53, with 2^-54 in place of 0, so that they lie strictly between 0 and 1.

    Shape: that of the seed, then `shape`.  Element number k (in reading order) of a seed is a function of these two.
    """
    return _drawn(seed, shape, lambda u: u, lambda u: u)


def normal(seed: Any, *, shape: Shape) -> Any:
    """Standard normal numbers: `uniform` put into the inverse of the distribution function."""
    return _drawn(seed, shape, _one_normal, standard_normal)


def _drawn(seed: Any, shape: Shape, one: Callable[[float], float], many: Callable[[Array], Array]) -> Any:
    seeds = np.asarray(seed, dtype=np.int64)
    keys, count = seeds.reshape(-1).view(np.uint64), prod(shape)
    if keys.size * count <= FEW:
        rows = [[one(_one_uniform(key, k)) for k in range(count)] for key in keys.tolist()]
        return np.array(rows, dtype=np.float64).reshape(seeds.shape + shape)[()]
    result = np.empty((keys.size, count))
    for start in range(0, count, _BLOCK):
        positions = np.arange(start, min(start + _BLOCK, count), dtype=np.uint64)
        together = max(1, _BLOCK // positions.size)
        for row in range(0, keys.size, together):
            u = _uniforms(keys[row : row + together, None], positions)
            result[row : row + together, start : start + positions.size] = many(u)
    return result.reshape(seeds.shape + shape)[()]
