"""A problem as the routines of a library call it: remembered evaluations, finite values, and the best point so far."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.graph.types import Array
from engine.optimise.handover import Caller
from engine.optimise.path import Point
from engine.optimise.problem import Bounds, Problem

PATIENCE = 60
"""How many trials in a row may give nothing: no finite value, or no point that is better than the best."""
NOISE = 64 * float(np.finfo(np.float64).eps)
"""Relative differences of values below this are taken for rounding."""
REMEMBERED = 2**20
"""So many numbers of recent points are kept, of one point at least four: line searches come back to their trials."""


CRAWL = 100
"""After so many steps that lowered the value by less than `CRAWLED` of it, and did not halve the gradient, ..."""
CRAWLED = 1e-10
"""... a stage hands on to the next, as trust regions do on a ridge, where their radius shrinks to the last digits."""


class Ended(Exception):
    """Raised in a routine to end it; its text says why, where there is more to say than that nothing was found."""


class Crawling(Ended):
    """Another routine should have a try."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """The point whose value is subtracted from all that a routine sees, where one is, and the factor of these."""

    point: Point | None = None
    scale: float = 1.0


class Search:
    """One problem, its box, and the best point, which is the last that the caller was given."""

    def __init__(self, problem: Problem, bounds: Bounds | None, start: Array, caller: Caller[Point]) -> None:
        self.problem, self.bounds, self._caller = problem, bounds, caller
        self._recent: dict[bytes, Point] = {}
        self._most = max(4, min(100, REMEMBERED // max(1, problem.size)))
        self._reference = _Reference()
        self._not_finite = self._idle = self._steps = 0
        self._last = True
        x = np.array(start, dtype=np.float64)
        self.best = self.at(x if bounds is None else bounds.project(x))
        self._milestone = self.best
        caller.give(self.best)

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

    def renew(self, *, relative: bool, scaled: bool, last: bool) -> None:
        """Begin anew from the best point: what a routine sees from now on.

        `relative`: values less that of the best point.  Where the difference is below the rounding of the values, it is
        the mean of both gradients times the step instead, which is exact to third order: so gradients go on falling
        where values cannot (Hager and Zhang, A New Conjugate Gradient Method with Guaranteed Descent, 2005, section 4,
        use slopes in the same way).  `scaled`: all times a power of 2 that makes the gradient about 1, for routines
        that compare with absolute numbers.  `last`: there is no other routine to hand on to.
        """
        scale = 1.0
        if scaled:
            _, exponent = math.frexp(float(np.max(np.abs(self.slope), initial=0.0)))
            scale = math.ldexp(1.0, max(-500, min(500, -exponent)))
        self._reference = _Reference(self.best if relative else None, scale)
        self._not_finite = self._idle = 0
        self._steps, self._last, self._milestone = 0, last, self.best

    def evaluate(self, x: Array) -> tuple[float, Array]:
        """The value and gradient at `x` as a routine sees them.

        What is not finite is replaced: by a bowl around the best point, in which the value at `x` is higher by what the
        gradient promised to gain, so that line searches go back and trust regions shrink.
        """
        point = self.at(x)
        best, scale = self.best, self._reference.scale
        if finite(point):
            return scale * self._relative(point), scale * point.gradient
        self._not_finite += 1
        if self._not_finite > PATIENCE:
            raise Ended(f"{PATIENCE} points in a row had no finite value and gradient.")
        step = point.x - best.x
        rise = abs(float(best.gradient @ step)) + NOISE * abs(best.value)
        if not (0 < rise < 1e300 and np.isfinite(step).all()):
            return scale * (self._relative(best) + abs(best.value) + 1), -scale * best.gradient
        return scale * (self._relative(best) + rise), scale * (2 * rise / float(step @ step)) * step

    def _relative(self, point: Point) -> float:
        reference = self._reference.point
        if reference is None:
            return point.value
        difference = point.value - reference.value
        if abs(difference) <= NOISE * abs(reference.value):
            return float((point.gradient + reference.gradient) @ (point.x - reference.x)) / 2
        return difference

    def product(self, x: Array, vector: Array) -> Array:
        """The Hessian at `x` times a vector (n,); that of `|x|^2 / 2` where it is not finite."""
        at, along = np.array(x), np.array(vector)
        found = along
        if np.isfinite(at).all() and np.isfinite(along).all():
            found = self._caller.call(lambda: self.problem.product(at, along))
        return self._reference.scale * (found if np.isfinite(found).all() else along)

    def hessian(self, x: Array) -> Array:
        """The Hessian (n, n) at `x`; the identity where it is not finite, or not needed because `x` is no better."""
        point = self.at(x)
        better = finite(point) and self._relative(point) < self._relative(self.best)
        if not (better or np.array_equal(x, self.best.x)):
            return np.eye(len(x))
        found = self._caller.call(lambda: self.problem.hessian(point.x))
        return self._reference.scale * found if np.isfinite(found).all() else np.eye(len(x))

    def accept(self, x: Array) -> None:
        """Take note that a routine moved to `x`, and give it to the caller where it is better than the best point.

        Raises `Ended` where that did not happen for long, or hardly helped.
        """
        point = self.at(x)
        if self.improves(point):
            length = float(np.linalg.norm(point.x - self.best.x))
            self.best = Point(point.x, point.value, point.gradient, length)
            self._not_finite = self._idle = 0
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


def finite(point: Point) -> bool:
    """Whether value and gradient are."""
    return math.isfinite(point.value) and bool(np.isfinite(point.gradient).all())


def _norm(vector: Array) -> float:
    return float(np.max(np.abs(vector), initial=0.0))
