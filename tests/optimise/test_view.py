"""What a routine sees: differences that rounding hides, bowls where there is no value, factors that round nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.optimise.path import Point
from engine.optimise.view import View, power_of_2


def quartic(x: float) -> Point:
    """1 + x^2 + x^4."""
    return Point(np.array([x]), 1 + x**2 + x**4, np.array([2 * x + 4 * x**3]))


def test_differences_below_rounding() -> None:
    """From 1e-9 to 2e-9 the value falls by 3e-18 of 1, which float64 cannot say."""
    near, far = quartic(1e-9), quartic(2e-9)
    assert near.value == far.value
    assert View(far, 4.0).value(near) == pytest.approx(-12e-18, rel=1e-12)
    assert View(far).value(far) == 0


def test_differences_above_rounding() -> None:
    assert View(quartic(0.5)).value(quartic(1.0)) == 3 - quartic(0.5).value
    assert View().value(quartic(1.0)) == 3


def test_a_bowl_is_as_high_as_the_gain_that_was_promised() -> None:
    best = Point(np.array([1.0, 2.0]), 5.0, np.array([-3.0, 1.0]))
    value, gradient = View(scale=2.0).bowl(best, np.array([3.0, 2.0]))
    assert value == pytest.approx(2 * (5 + 6))
    np.testing.assert_allclose(gradient, [2 * 6.0, 0.0])


@pytest.mark.parametrize("x", [[math.nan, 2.0], [math.inf, 2.0], [1.0, 2.0], [1e308, -1e308]])
def test_a_bowl_is_finite_everywhere(x: list[float]) -> None:
    best = Point(np.array([1.0, 2.0]), 5.0, np.array([-3.0, 1e10]))
    with np.errstate(all="ignore"):
        value, gradient = View().bowl(best, np.array(x))
    assert math.isfinite(value)
    assert value > best.value
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(("number", "power"), [(1.0, 1.0), (1.9, 1.0), (2.0, 2.0), (0.3, 0.25), (5e300, 2.0**996)])
def test_powers_of_2(number: float, power: float) -> None:
    assert power_of_2(number) == power
    assert power_of_2(math.inf) == 2.0**996
