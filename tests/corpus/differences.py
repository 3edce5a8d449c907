"""One-sided and two-sided derivatives by differences with hundreds of digits, and how they behave as the step shrinks.

Nothing here knows a derivative rule: a function is a black box that is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

Function = Callable[[Any], Any]

AGREE = mpf(10) ** -30
"""Estimates from two steps that are closer than this (relative) have converged."""


def limit(estimates: list[Any], steps: list[Any]) -> Any:
    """What estimates taken with shrinking steps tend to: a number, plus or minus infinity, or NaN for no limit."""
    first, second, third = estimates
    if first == second == third:
        return third
    if any(not isinstance(estimate, mpf) or not mp.isfinite(estimate) for estimate in estimates):
        return mp.nan
    if abs(third - second) <= AGREE * abs(third):
        return third
    if all(abs(e) <= 1000 * mp.sqrt(h) for e, h in zip(estimates, steps, strict=True)):
        return mpf(0)
    growing = abs(first) < abs(second) < abs(third)
    if growing and abs(third - second) >= abs(second - first) / 2 and mp.sign(first) == mp.sign(third):
        return mp.sign(third) * mp.inf
    return mp.nan


def steps(scale: Any, digits: int) -> list[Any]:
    """Three shrinking steps."""
    return [scale * mpf(10) ** -power for power in (digits, digits + digits // 4, digits + digits // 2)]


def one_sided(f: Function, scale: Any, digits: int, sign: int) -> Any:
    """Derivative of f at 0 from one side (sign 1: right, -1: left), of second order in the step."""
    hs = steps(scale, digits)
    here = f(mpf(0))
    if mp.isfinite(here) and all(mp.isinf(f(sign * h)) for h in hs):
        return sign * f(sign * hs[0])  # infinite right beside 0
    found = [(4 * f(sign * h) - f(2 * sign * h) - 3 * here) / (2 * sign * h) for h in hs]
    return limit(found, [h / scale for h in hs])


def beside(f: Function, scale: Any, digits: int, sign: int) -> Any:
    """Slope of f next to 0 on one side, whatever the value at 0 itself: for jumps."""
    hs = steps(scale, digits)
    found = [(f(2 * sign * h) - f(sign * h)) / (sign * h) for h in hs]
    return limit(found, [h / scale for h in hs])


def central(f: Function, scale: Any, digits: int) -> Any:
    """Derivative of f at 0 by central differences."""
    hs = steps(scale, digits)
    found = [(f(h) - f(-h)) / (2 * h) for h in hs]
    return limit(found, [h / scale for h in hs])


def derivative(f: Function, scale: Any, digits: int) -> Any:
    """Derivative of f at 0, NaN where the sides disagree with one another or with the central difference."""
    found = [one_sided(f, scale, digits, 1), one_sided(f, scale, digits, -1), central(f, scale, digits)]
    middle = found[2]
    if mp.isinf(middle):
        return middle if found[0] == found[1] == middle else mp.nan
    return middle if all(abs(side - middle) <= AGREE * (1 + abs(middle)) for side in found) else mp.nan
