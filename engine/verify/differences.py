"""Derivatives by differences in high precision: of a scalar function of arrays, to second order.

The step shrinks with the precision, and precision is doubled until two results agree (Ziv's strategy), so that no
choice of step has to be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.graph.values import Graph
from engine.verify.precise import Context, context, evaluate, exactly

Function = Callable[[Context, Sequence[Any]], Any]
"""A scalar function: context and object arrays to an mpf."""
Direction = Sequence[Any]
"""One array per argument, of its shape: where to move."""

MOST_DIGITS = 3200


class NoAgreement(ArithmeticError):
    """Differences did not settle: there is no derivative, or not enough digits."""


def scalar(graph: Graph) -> Function:
    """The function of a graph with one scalar output."""

    def function(mp: Context, arguments: Sequence[Any]) -> Any:
        return evaluate(graph, arguments, mp)[0][()]

    return function


def along(function: Function, arguments: Sequence[Any], u: Direction, *, side: int = 0) -> Any:
    """The directional derivative along `u`: central, or one-sided with `side` 1 or -1.  An mpf good to 25 digits."""

    def difference(mp: Context) -> Any:
        step = _step(mp, arguments, u)
        if side == 0:
            upper, lower = (function(mp, _moved(arguments, mp, [(u, s)])) for s in (step, -step))
            return (upper - lower) / (2 * step)
        points = [function(mp, _moved(arguments, mp, [(u, side * k * step)])) for k in (0, 1, 2)]
        return side * (-3 * points[0] + 4 * points[1] - points[2]) / (2 * step)

    return _settled(difference)


def along_both(function: Function, arguments: Sequence[Any], u: Direction, v: Direction) -> Any:
    """The second derivative along `u` and `v`, uᵀ H v, by central differences."""

    def difference(mp: Context) -> Any:
        h, k = _step(mp, arguments, u), _step(mp, arguments, v)
        corners = [
            a * b * function(mp, _moved(arguments, mp, [(u, a * h), (v, b * k)])) for a in (1, -1) for b in (1, -1)
        ]
        return mp.fsum(corners) / (4 * h * k)

    return _settled(difference)


def unit(arguments: Sequence[Any], number: int, index: tuple[int, ...] = ()) -> Direction:
    """The direction of one component."""
    made = [np.zeros(np.shape(a)) for a in arguments]
    made[number][index] = 1.0
    return made


def _step(mp: Context, arguments: Sequence[Any], u: Direction) -> Any:
    """A step that is small against every number that moves."""
    sizes = [
        abs(float(x))
        for array, way in zip(arguments, u, strict=True)
        for x, w in zip(np.ravel(array), np.ravel(way), strict=True)
        if w != 0 and x != 0
    ]
    return mp.mpf(10) ** (-(mp.dps // 4)) * (mp.mpf(min(sizes)) if sizes else 1)


def _moved(arguments: Sequence[Any], mp: Context, moves: Sequence[tuple[Direction, Any]]) -> list[Any]:
    made = [exactly(a, mp) if np.asarray(a).dtype.kind in "fO" else a for a in arguments]
    for u, by in moves:
        made = [a if not np.any(w) else np.asarray(a + exactly(w, mp) * by) for a, w in zip(made, u, strict=True)]
    return made


def _settled(difference: Callable[[Context], Any]) -> Any:
    digits = 100
    before = difference(context(digits))
    while digits < MOST_DIGITS:
        digits *= 2
        mp = context(digits)
        now = difference(mp)
        scale = max(abs(now), abs(mp.mpf(before)))
        # Only at the highest precisions may a result be called 0: below, it may be a number too small to be seen yet.
        # What is smaller than 1e-380 is 0 in float64.
        floor = mp.mpf(10) ** -380 if digits >= MOST_DIGITS // 2 else 0
        if mp.isfinite(now) and scale > 0 and abs(now - mp.mpf(before)) <= scale * mp.mpf(10) ** -25 + floor:
            return now
        if floor and scale <= floor:
            return mp.mpf(0)
        before = now
    raise NoAgreement(f"differences did not settle within {MOST_DIGITS} digits")
