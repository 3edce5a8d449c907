"""A problem as the routines of a library call it: remembered evaluations, finite values, and the best point so far."""

from __future__ import annotations

import math

import numpy as np

from engine.graph.types import Array
from engine.optimise.handover import Caller
from engine.optimise.path import Point
from engine.optimise.problem import Bounds, Problem
from engine.optimise.view import View, finite, power_of_2

PATIENCE = 60
"""How many trials in a row may give nothing: no finite value, or no point that is better than the best."""
REMEMBERED = 2**20
"""So many numbers of recent points are kept, of one point at least four: line searches come back to their trials."""
TINY, LARGE = 1e-300, 1e270
NO_LOWER = "No lower value was found along the search direction, to the precision of float64."
STEEP = (
    "No lower value was found along the search direction, though the gradient promises one: there may be a kink or an"
    " edge, or variables of very different scales."
)
NOT_FINITE = "No point with a finite value and gradient was found along the search direction."
NEAR = 1e-8
"""A step of this part of the length of the variables ..."""
HIDDEN = 1e-12
"""... that should change the value by more than this part of it is one that rounding does not hide."""
SHRUNK = 1e-6
"""At a smooth minimum, the gradient has become less than this part of that at the start."""
CRAWL = 100
"""After so many steps that lowered the value by less than `CRAWLED` of it, and did not halve the gradient, ..."""
CRAWLED = 1e-10
"""... a stage hands on to the next, as trust regions do on a ridge, where their radius shrinks to the last digits."""


class Ended(Exception):
    """Raised in a routine to end it; its text says why, where there is more to say than that nothing was found."""


class Crawling(Ended):
    """Another routine should have a try."""


class Search:
    """One problem, its box, and the best point, which is the last that the caller was given."""

    def __init__(self, problem: Problem, bounds: Bounds | None, start: Array, caller: Caller[Point]) -> None:
        self.problem, self.bounds, self._caller = problem, bounds, caller
        self._recent: dict[bytes, Point] = {}
        self._most = max(4, min(1000, REMEMBERED // max(1, problem.size)))
        self._view = View()
        self._finite = self._not_finite = self._idle = self._steps = 0
        self._last = True
        x = np.array(start, dtype=np.float64)
        self.best = self.at(x if bounds is None else bounds.project(x))
        self._milestone = self.best
        self._first = _norm(self.slope)
        caller.give(self.best)

    @property
    def verdict(self) -> str:
        """Why a routine that found nothing did not."""
        if self._not_finite and not self._finite:
            return NOT_FINITE
        promised = NEAR * _norm(self.best.x) * _norm(self.slope)
        hidden = promised <= HIDDEN * abs(self.best.value) or _norm(self.slope) <= SHRUNK * self._first
        return NO_LOWER if hidden else STEEP

    @property
    def slope(self) -> Array:
        """The gradient (n,) at the best point, without the components that push against a bound."""
        return self.free(self.best)

    def free(self, point: Point) -> Array:
        """The gradient (n,) at a point, without the components that push against a bound."""
        return point.gradient if self.bounds is None else self.bounds.free(point.x, point.gradient)

    def at(self, x: Array) -> Point:
        """The value and gradient at a point; not computed again where one of the last points is the same."""
        copy = np.array(x, dtype=np.float64)  # SciPy changes its iterates in place.
        if self._recent and np.array_equal(copy, self.best.x):
            return self.best
        key = copy.tobytes()
        found = self._recent.pop(key, None)
        if found is None:
            value, gradient = math.nan, np.full(copy.shape, math.nan)
            if np.isfinite(copy).all():
                value, gradient = self._caller.call(lambda: self.problem.evaluate(copy))
            found = Point(copy, value, gradient)
        self._recent[key] = found
        if len(self._recent) > self._most:
            del self._recent[next(iter(self._recent))]
        return found

    def renew(self, *, relative: bool, last: bool) -> None:
        """Begin anew from the best point: what a routine sees from now on.

        `relative`: values less that of the best point.  `last`: there is no other routine to hand on to.  All is scaled
        so that the gradient is about 1: SciPy compares with absolute numbers here and there, and squares overflow.
        """
        scale = min(power_of_2(1 / max(_norm(self.slope), TINY)), power_of_2(LARGE / max(abs(self.best.value), TINY)))
        self._view = View(self.best if relative else None, scale)
        self._finite = self._not_finite = self._idle = 0
        self._steps, self._last, self._milestone = 0, last, self.best

    def evaluate(self, x: Array) -> tuple[float, Array]:
        """The value and gradient at `x` as a routine sees them.

        What is not finite is replaced by a bowl around the best point.
        """
        point = self.at(x)
        if finite(point):
            self._finite += point is not self.best
            return self._view.value(point), self._view.scale * point.gradient
        self._not_finite += 1
        if self._not_finite > PATIENCE:
            raise Ended(NOT_FINITE)
        return self._view.bowl(self.best, point.x)

    def product(self, x: Array, vector: Array) -> Array:
        """The Hessian at `x` times a vector (n,); that of `|x|^2 / 2` where it is not finite."""
        at, along = np.array(x), np.array(vector)
        found = along
        if np.isfinite(at).all() and np.isfinite(along).all():
            found = self._caller.call(lambda: self.problem.product(at, along))
        return self._view.scale * (found if np.isfinite(found).all() else along)

    def hessian(self, x: Array) -> Array:
        """The Hessian (n, n) at `x`; the identity where it is not finite, or not needed because `x` is no better."""
        point = self.at(x)
        better = finite(point) and self._view.value(point) < self._view.value(self.best)
        if not (better or point is self.best):
            return np.eye(len(x))
        found = self._caller.call(lambda: self.problem.hessian(point.x))
        return self._view.scale * found if np.isfinite(found).all() else np.eye(len(x))

    def accept(self, x: Array) -> None:
        """Take note that a routine moved to `x`, and give it to the caller where it is better than the best point.

        Raises `Ended` where that did not happen for long, or hardly helped.
        """
        point = self.at(x)
        if self.improves(point):
            length = float(np.linalg.norm(point.x - self.best.x))
            self.best = Point(point.x, point.value, point.gradient, length)
            self._finite = self._not_finite = self._idle = 0
            self._caller.give(self.best)
            self._watch()
            return
        self._idle += 1
        if self._idle > PATIENCE:
            raise Ended

    def _watch(self) -> None:
        self._steps += 1
        if self._last or self._steps % CRAWL:
            return
        since, self._milestone = self._milestone, self.best
        gained = since.value - self.best.value
        if gained < CRAWLED * abs(since.value) and 2 * _norm(self.slope) > _norm(self.free(since)):
            raise Crawling

    def improves(self, point: Point) -> bool:
        """Whether a point is finite and its value lower, or the same with a smaller gradient."""
        if not finite(point) or point.value > self.best.value:
            return False
        return point.value < self.best.value or bool(_norm(self.free(point)) < _norm(self.slope))


def _norm(vector: Array) -> float:
    return float(np.max(np.abs(vector), initial=0.0))
