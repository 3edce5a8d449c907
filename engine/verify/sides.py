"""Derivatives from both sides: they agree where there is a derivative, and differ at a kink."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from engine.verify.limit import FIRST, MIXED, SECOND, VALUE, Direction, Point, backwards

Pair = tuple[float | None, float | None]
"""From the left and from the right; NaN where there is no function on that side, None where there is no limit."""


QUICK_DIGITS = 60
FAR_DIGITS = 350
"""The least derivative that float64 has, times the step, is seen beside 1."""
QUICK_STEP = 1e-20
QUICK_AGREE = 1e-13


def slopes(here: Point, u: Direction) -> list[float | None]:
    """The derivatives along `u` of every output: three evaluations where the function is smooth, more where it is not.

    None where both sides do not agree.
    """
    ahead, behind, there = here.beside(QUICK_DIGITS, QUICK_STEP, u)
    if any(f == x == g for (_, f), (_, g), x in zip(ahead, behind, there, strict=True)):
        # The step may have vanished beside something larger.
        far = max([abs(_exponent(x)) for x in there] + [abs(_exponent(step)) for step, _ in ahead[:1]])
        ahead, behind, there = here.beside(FAR_DIGITS + far // 3, QUICK_STEP, u)
    found: list[float | None] = []
    for (step, f), (other, g), x in zip(ahead, behind, there, strict=True):
        right, left = (f - x) / step, (x - g) / other
        finite = all(number == number and abs(number) != math.inf for number in (right, left))
        noise = 10.0 ** (2 - QUICK_DIGITS) * max(abs(f), abs(x), abs(g)) / other
        if f == x == g:
            found.append(0.0)
            continue
        if not finite or max(abs(right - left), noise) > QUICK_AGREE * max(abs(right), abs(left)):
            return [both(*pair) for pair in one_sided(here, u)]
        # What is of second order cancels.
        found.append(float((right * other + left * step) / (step + other)))
    return found


def _exponent(x: Any) -> int:
    """The exponent of 2 of an mpf, 0 for what has none."""
    _, mantissa, exponent, bits = getattr(x, "_mpf_", (0, 0, 0, 0))
    return int(exponent + bits) if mantissa else 0


def one_sided(here: Point, u: Direction) -> list[Pair]:
    """The derivatives along `u` from the left and from the right, of every output.

    NaN where there is no function on that side, None where there is no limit or the function jumps.
    """
    back = backwards(u)
    rights, lefts = here.limit(FIRST, u), here.limit(FIRST, back)
    if not any(x is None or x == x for x in (*lefts, *rights)):
        return _beside(here, lambda point: one_sided(point, u))
    # With so many digits, noise is nothing beside the limits.
    values = [float(x) for x in here.there(400)]
    upper, lower = here.limit(VALUE, u), here.limit(VALUE, back)
    pairs: list[Pair] = []
    for value, left, right, low, high in zip(values, lefts, rights, lower, upper, strict=True):
        left = None if left is None else 0.0 - left
        middle = value if value == value else high if low is None or low != low else low
        jumps = low is not None and high is not None and low == low and high == high and not near(low, high)
        if value != value and jumps:
            middle = None
        if middle is None or (high is not None and high == high and not near(high, middle)):
            right = None
        if middle is None or (low is not None and low == low and not near(low, middle)):
            left = None
        pairs.append((left, right))
    return pairs


def _beside(here: Point, look: Callable[[Point], list[Pair]]) -> list[Pair]:
    """On a line along which there is no function at all, such as t = 0 for (x^t - 1)/t: the limit from beside it."""
    if here.drift is not None:
        return [(float("nan"), float("nan"))] * len(here.there())
    ahead, behind = (look(replace(here, drift=sign)) for sign in (1, -1))
    pairs: list[Pair] = []
    for one, other in zip(ahead, behind, strict=True):
        a, b = (math.nan if pair[0] != pair[0] and pair[1] != pair[1] else both(*pair) for pair in (one, other))
        pairs.append((a, b) if a is not None or b is not None else one)
    return pairs


def second_order(here: Point, u: Direction, v: Direction) -> list[Pair]:
    """The second derivatives along `u` and `v`: from below and from above in both, or the extremes of all quadrants."""
    same = all(np.array_equal(a, b) for a, b in zip(u, v, strict=True))
    if same:
        lefts, rights = here.limit(SECOND, backwards(u)), here.limit(SECOND, u)
        if not any(x is None or x == x for x in (*lefts, *rights)):
            return _beside(here, lambda point: second_order(point, u, v))
        return list(zip(lefts, rights, strict=True))
    quadrants = [
        [x if sign > 0 else None if x is None else 0.0 - x for x in here.limit(MIXED, a, b)]
        for a, b, sign in (
            (u, v, 1),
            (backwards(u), backwards(v), 1),
            (backwards(u), v, -1),
            (u, backwards(v), -1),
        )
    ]
    # With steps of different lengths too: those of one length see 0 for x y (x² - y²)/(x² + y²), which has none.
    shorter = here.limit(MIXED, u, [0.25 * np.asarray(way) for way in v])
    quadrants.append([None if x is None else 4.0 * x for x in shorter])
    pairs: list[Pair] = []
    for numbers in zip(*quadrants, strict=True):
        there = [x for x in numbers if x is None or x == x]
        known = [x for x in there if x is not None]
        if not there and here.drift is None:
            return _beside(here, lambda point: second_order(point, u, v))
        if len(known) < len(there) or not known:
            pairs.append((None, None))
        else:
            pairs.append((min(known), max(known)))
    return pairs


def both(left: float | None, right: float | None) -> float | None:
    """The derivative if both sides agree, or if there is a function on one side only."""
    if left is None or right is None:
        return None
    if left != left:
        return right if right == right else None
    if right != right:
        return left
    return right if near(left, right) else None


def near(a: float, b: float) -> bool:
    """Whether two limits are the same number."""
    return a == b or (math.isfinite(a) and math.isfinite(b) and abs(a - b) <= 1e-13 * max(abs(a), abs(b)))


def agrees_with(slope: float | None, total: float) -> bool:
    """Whether a derivative is what others add up to; what is not finite, or not there at all, says nothing."""
    if slope is None:
        return False
    return not (math.isfinite(slope) and math.isfinite(total)) or abs(slope - total) <= 1e-9 * (1e-300 + abs(slope))
