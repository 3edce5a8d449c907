"""Limits of a function and its derivatives from one side, by evaluations closer and closer to the point.

The point itself is never used, so that a removable singularity is no hindrance; nothing here knows a derivative rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
        h = mp.mpf(step) * _scale(self.arguments, (u,))
        sides = [self.function(mp, _moved(self.arguments, mp, [(u, sign * h)])) for sign in (1, -1)]
        ahead, behind = ([(h, number) for number in numbers] for numbers in sides)
        return ahead, behind, self.there(digits)

    def limit(self, stencil: Stencil, u: Direction, v: Direction | None = None) -> list[float | None]:
        """What the stencil along `u` (and `v`) tends to, of every output.

        A number, an infinity, NaN where there is no function on this side, or None where there is no limit.  The step
        goes to 0 from above: for the other side, turn the direction round.
        """
        found: list[float | None] = []
        for first, part in SCHEDULES if self.drift is None else SCHEDULES[1:]:
            rows: list[list[Any]] = []
            steps: list[Any] = []
            for doubling in range(DOUBLINGS):
                mp = context(first << doubling)
                h = mp.mpf(10) ** (-(mp.dps // part)) * _scale(self.arguments, (u,) if v is None else (u, v))
                rows.append(self._row(mp, stencil, h, u, v))
                steps.append(h)
                if doubling and all(_same(a, b) for a, b in zip(rows[-2], rows[-1], strict=True)):
                    return [float(number) for number in rows[-1]]
                if all(x != x for x in rows[-1]):
                    return [float("nan")] * len(rows[-1])
            columns = zip(*rows, strict=True)
            now = [_tends(list(column), steps) for column in columns]
            found = now if not found else [a if a is not None else b for a, b in zip(found, now, strict=True)]
            if all(number is not None for number in found):
                break
        return found

    def _row(self, mp: Context, stencil: Stencil, h: Any, u: Direction, v: Direction | None) -> Numbers:
        total: Numbers = []
        for coefficient, a, b in stencil:
            moves = [(u, a * h), *([] if v is None else [(v, b * h)])]
            if self.drift is not None:
                moves.append((_everywhere(self.arguments), self.drift * h**3))
            moved = _moved(self.arguments, mp, moves)
            numbers = self.function(mp, moved)
            terms = [coefficient * number for number in numbers]
            total = terms if not total else [x + y for x, y in zip(total, terms, strict=True)]
        return [number / h ** ORDER[stencil] for number in total]


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


def _everywhere(arguments: Sequence[Any]) -> Direction:
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


def _tends(estimates: list[Any], steps: list[Any]) -> float | None:
    """The limit that estimates with shrinking steps have."""
    if any(x != x for x in estimates):
        return float("nan") if all(x != x for x in estimates) else None
    first, second, third = estimates
    if _same(second, third):
        return float(third)
    if first == second == third == 0:
        return 0.0
    # Like a power of the step, however low.
    falls = [abs(b) <= abs(a) * (k / h) ** 0.1 for a, b, h, k in _pairs(estimates, steps)]
    if all(falls):
        return 0.0
    growing = abs(first) < abs(second) < abs(third) and (first > 0) == (second > 0) == (third > 0)
    if growing and abs(third - second) >= abs(second - first):
        return _INFINITY if third > 0 else -_INFINITY
    return None


def _pairs(estimates: list[Any], steps: list[Any]) -> list[tuple[Any, Any, Any, Any]]:
    return [(estimates[i], estimates[i + 1], steps[i], steps[i + 1]) for i in range(len(estimates) - 1)]


def _exact(arguments: Sequence[Any], mp: Context) -> list[Any]:
    return [exactly(a, mp) if np.asarray(a).dtype.kind in "fO" else a for a in arguments]


def _moved(arguments: Sequence[Any], mp: Context, moves: Sequence[tuple[Direction, Any]]) -> list[Any]:
    made = _exact(arguments, mp)
    for u, by in moves:
        if by:
            made = [a if not np.any(w) else np.asarray(a + exactly(w, mp) * by) for a, w in zip(made, u, strict=True)]
    return made


def _scale(arguments: Sequence[Any], ways: Sequence[Direction]) -> float:
    """The least number that moves, so that a step is small against every one of them; 1 for zeros."""
    sizes = [
        abs(float(x))
        for u in ways
        for array, way in zip(arguments, u, strict=True)
        for x, w in zip(np.ravel(array), np.ravel(way), strict=True)
        if w != 0 and x != 0 and np.isfinite(x)
    ]
    return min(sizes, default=1.0)
