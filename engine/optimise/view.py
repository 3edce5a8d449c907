"""Values and gradients as a routine of a library should see them: comparable, and finite everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.graph.types import Array
from engine.optimise.path import Point

NOISE = 64 * float(np.finfo(np.float64).eps)
"""Relative differences of values below this are taken for rounding."""


@dataclass(frozen=True, slots=True)
class View:
    """Values as they are or, with a `reference`, less that of this point; all times `scale`.

    Where the difference is below the rounding of the values, it is the mean of both gradients times the step instead,
    which is exact to third order: so gradients go on falling where values cannot.  Hager and Zhang, A New Conjugate
    Gradient Method with Guaranteed Descent and an Efficient Line Search, 2005, use slopes for values in the same place.
    """

    reference: Point | None = None
    scale: float = 1.0

    def value(self, point: Point) -> float:
        """The value of a finite point."""
        reference = self.reference
        if reference is None:
            return self.scale * point.value
        difference = point.value - reference.value
        if abs(difference) <= NOISE * abs(reference.value):
            difference = float((point.gradient + reference.gradient) @ (point.x - reference.x)) / 2
        return self.scale * difference

    def bowl(self, best: Point, x: Array) -> tuple[float, Array]:
        """A value and gradient for a point `x` (n,) that has none.

        They are those of a bowl around the best point, in which the value at `x` is higher by what the gradient
        promised to gain: line searches go back from there by a factor of about 3, and trust regions shrink.
        """
        step = x - best.x
        rise = abs(float(best.gradient @ step)) + NOISE * abs(best.value)
        square = float(step @ step)
        if not (0 < rise < 1e300 and 0 < square < math.inf):
            return self.value(best) + self.scale * (abs(best.value) + 1), -self.scale * best.gradient
        return self.value(best) + self.scale * rise, (2 * self.scale * rise / square) * step


def finite(point: Point) -> bool:
    """Whether value and gradient are."""
    return math.isfinite(point.value) and bool(np.isfinite(point.gradient).all())


def power_of_2(number: float) -> float:
    """The power of 2 below a positive number, from 2^-1000 to 2^1000: a factor that rounds nothing."""
    _, exponent = math.frexp(min(number, 1e300))
    return math.ldexp(1.0, max(-1000, min(1000, exponent - 1)))
