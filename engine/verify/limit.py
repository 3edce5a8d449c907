"""Limits of a function and its derivatives from one side, by evaluations closer and closer to the point.

The point itself is never used, so that a removable singularity is no hindrance; nothing here knows a derivative rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from engine.graph.values import Graph
from engine.limits import Budget
from engine.verify.precise import Context, context, evaluate, exactly

Numbers = list[Any]
"""The outputs of a function one after another, as mpf."""
Function = Callable[[Context, Sequence[Any]], Numbers]
"""From a context and object arrays of mpf (arguments) to the outputs."""
Direction = Sequence[Any]
"""One float64 array per argument, of its shape: where to move."""
Stencil = tuple[tuple[int, int, int], ...]
"""Terms (coefficient, multiple of the first step, multiple of the second)."""

VALUE: Stencil = ((1, 1, 0),)
FIRST: Stencil = ((1, 2, 0), (-1, 1, 0))
SECOND: Stencil = ((1, 3, 0), (-2, 2, 0), (1, 1, 0))
MIXED: Stencil = ((1, 2, 2), (-1, 2, 1), (-1, 1, 2), (1, 1, 1))
ORDER = {VALUE: 0, FIRST: 1, SECOND: 2, MIXED: 2}

SCHEDULES = ((100, 4), (400, 12))
"""Digits to begin with, and what part of them the step has: less where several powers of the step cancel."""
DOUBLINGS = 3
AGREE = 1e-18
SHORTER = 0.375
LOST = 8
"""Digits that a function may lose by its own rounding, as quotients of exponentials of large numbers do."""
BETWEEN = 6
"""Steps at which an infinite limit is looked at once more: what only oscillates may grow three times by chance."""
MANTISSA = 1.6180419921875
"""Of the step: short, so that steps from short numbers are exact, but no power of 2, which some functions are fond of.
"""
NOTHING = 1e-320
"""A derivative is called 0 when it and all that may be hidden by rounding are smaller than this."""
VANISHED = 1e-200
"""The same where the differences are 0 exactly."""


@dataclass(frozen=True, slots=True)
class Point:
    """A function at a point, ready to be looked at from all sides.

    `drift` 1 or -1 looks from beside: at points that are off by much less than a step in every real argument.
    """

    function: Function
    arguments: Sequence[Any]
    budget: Budget
    drift: int | None = None

    def there(self, digits: int = 100) -> Numbers:
        """The outputs at the point itself; NaN where the function has no value."""
        mp = context(digits)
        return self.function(mp, _exact(self.arguments, mp))

    def beside(self, digits: int, step: float, u: Direction) -> tuple[list[Any], list[Any], Numbers]:
        """Pairs of the step and an output, ahead and behind along `u`, and the outputs at the point itself."""
        mp = context(digits)
        h = mp.ldexp(step, _exponent(self.arguments, u))
        # Of different lengths: an odd function with a vertical tangent has the same quotient on both sides.
        steps = (h, SHORTER * h)
        sides = [
            [(by, x) for x in self.function(mp, _moved(self.arguments, mp, [(u, sign * by)]))]
            for sign, by in zip((1, -1), steps, strict=True)
        ]
        return sides[0], sides[1], self.there(digits)

    def limit(self, stencil: Stencil, u: Direction, v: Direction | None = None) -> list[float | None]:
        """What the stencil along `u` (and `v`) tends to, of every output.

        A number, an infinity, NaN where there is no function on this side, or None where there is no limit.  The step
        goes to 0 from above: for the other side, turn the direction round.
        """
        found: list[float | None] = []
        for first, part in SCHEDULES if self.drift is None else SCHEDULES[1:]:
            rows: list[Numbers] = []
            noises: list[Numbers] = []
            steps: list[Any] = []
            for doubling in range(DOUBLINGS):
                mp = context(first << doubling)
                # Another part each time: with the same one, rounding that cancels to nothing but noise, as that of
                # (1 - cos(h))/h^2 does, is the same noise at all scales, and passes for a limit.
                small = mp.prec // (part + doubling)
                h = mp.ldexp(MANTISSA, _exponent(self.arguments, u) - small)
                k = 0 if v is None else _exponent(self.arguments, v) - _exponent(self.arguments, u)
                row, noise = self._row(mp, stencil, h, k, u, v)
                rows.append(row)
                noises.append(noise)
                steps.append(h)
                if doubling and all(_same(a, b) for a, b in zip(rows[-2], rows[-1], strict=True)):
                    return [float(number) for number in rows[-1]]
                if all(x != x for x in rows[-1]):
                    return [float("nan")] * len(rows[-1])
            now = [
                _tends(list(column), steps, list(noise))
                for column, noise in zip(zip(*rows, strict=True), zip(*noises, strict=True), strict=True)
            ]
            if any(number is not None and abs(number) == _INFINITY for number in now):
                ratio = (steps[-2] / steps[-1]) ** (mp.one / (BETWEEN + 1))
                more = [self._row(mp, stencil, steps[-1] * ratio**i, k, u, v)[0] for i in range(1, BETWEEN + 1)]
                columns = zip(*rows[-1:], *more, strict=True)
                now = [_confirmed(number, column) for number, column in zip(now, columns, strict=True)]
            found = now if not found else [a if a is not None else b for a, b in zip(found, now, strict=True)]
            if all(number is not None for number in found):
                break
        return found

    def _row(
        self, mp: Context, stencil: Stencil, h: Any, k: int, u: Direction, v: Direction | None
    ) -> tuple[Numbers, Numbers]:
        """The estimates with one step, and how much of each may be rounding.  The step along `v` is h 2^k."""
        total: Numbers = []
        sizes: Numbers = []
        for coefficient, a, b in stencil:
            moves = [(u, a * h), *([] if v is None else [(v, b * mp.ldexp(h, k))])]
            if self.drift is not None:
                moves.append((everywhere(self.arguments), self.drift * h**3))
            moved = _moved(self.arguments, mp, moves)
            numbers = self.function(mp, moved)
            terms = [coefficient * number for number in numbers]
            total = terms if not total else [x + y for x, y in zip(total, terms, strict=True)]
            sizes = [abs(y) for y in terms] if not sizes else [x + abs(y) for x, y in zip(sizes, terms, strict=True)]
        power = mp.ldexp(h ** ORDER[stencil], k)
        unit = mp.mpf(10) ** (LOST - mp.dps)
        return [number / power for number in total], [unit * size / power for size in sizes]


def of_graph(graph: Graph, budget: Budget) -> Function:
    """The function of a graph: all its outputs, one after another."""

    def function(mp: Context, arguments: Sequence[Any]) -> Numbers:
        return [x for output in evaluate(graph, arguments, mp, budget) for x in np.ravel(output)]

    return function


def weighted(function: Function, weights: Sequence[float]) -> Function:
    """The sum of the outputs times weights, as a function of one output."""

    def combined(mp: Context, arguments: Sequence[Any]) -> Numbers:
        return [mp.fsum(mp.mpf(float(w)) * x for w, x in zip(weights, function(mp, arguments), strict=True) if w)]

    return combined


def backwards(u: Direction) -> Direction:
    """The opposite direction."""
    return [-np.asarray(way) for way in u]


def everywhere(arguments: Sequence[Any]) -> Direction:
    """A direction that moves every real number, by amounts that have nothing to do with each other."""
    made = []
    for k, argument in enumerate(arguments):
        array = np.asarray(argument)
        weights = 1.0 + np.sqrt(2.0 + 3.0 * k + np.arange(array.size, dtype=float)).reshape(array.shape) % 1.0
        made.append(weights if array.dtype.kind == "f" else np.zeros(array.shape))
    return made


def _same(a: Any, b: Any) -> bool:
    return bool(a == a and b == b and b != 0 and abs(b) != _INFINITY and abs(a - b) <= AGREE * abs(b))


_INFINITY = float("inf")


def _confirmed(number: float | None, estimates: Sequence[Any]) -> float | None:
    """The limit if it is finite, or if the estimates, whose steps grow, come back from infinity all the way."""
    if number is None or abs(number) != _INFINITY:
        return number
    away = [x if number > 0 else -x for x in estimates]
    return number if all(a > b > 0 for a, b in pairwise(away)) else None


def _tends(estimates: list[Any], steps: list[Any], noises: list[Any]) -> float | None:
    """The limit that estimates with shrinking steps have."""
    if any(x != x for x in estimates):
        return float("nan") if all(x != x for x in estimates) else None
    first, second, third = estimates
    if _same(second, third):
        return float(third)
    # Like a power of the step, however low; or nothing but rounding is left.
    falls = [
        0 < abs(b) <= abs(a) * (k / h) ** 0.1 or max(abs(b), noise) < (VANISHED if a == b == 0 else NOTHING)
        for (a, b), (h, k), noise in zip(pairwise(estimates), pairwise(steps), noises[1:], strict=True)
    ]
    if all(falls):
        return 0.0
    growing = abs(first) < abs(second) < abs(third) and (first > 0) == (second > 0) == (third > 0)
    if growing and abs(third - second) >= abs(second - first):
        return _INFINITY if third > 0 else -_INFINITY
    return None


def _exact(arguments: Sequence[Any], mp: Context) -> list[Any]:
    return [exactly(a, mp) if np.asarray(a).dtype.kind in "fO" else a for a in arguments]


def _moved(arguments: Sequence[Any], mp: Context, moves: Sequence[tuple[Direction, Any]]) -> list[Any]:
    made = _exact(arguments, mp)
    for u, by in moves:
        if by:
            made = [a if not np.any(w) else np.asarray(a + exactly(w, mp) * by) for a, w in zip(made, u, strict=True)]
    return made


def _exponent(arguments: Sequence[Any], u: Direction) -> int:
    """Of the least number that moves, so that a step is small against every one of them; 0 for zeros."""
    sizes = [
        math.frexp(abs(float(x)))[1]
        for array, way in zip(arguments, u, strict=True)
        for x, w in zip(np.ravel(array), np.ravel(way), strict=True)
        if w != 0 and x != 0 and np.isfinite(x)
    ]
    return min(sizes, default=0)
