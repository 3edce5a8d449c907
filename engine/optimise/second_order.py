"""Methods that use curvature, measured or exact: points one after another from routines of SciPy."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from engine.graph.types import Array
from engine.optimise.handover import Caller, stepwise
from engine.optimise.options import Option, Options
from engine.optimise.path import Memory, Point
from engine.optimise.problem import Bounds, Problem
from engine.optimise.search import PATIENCE, Crawling, Ended, Search
from engine.optimise.stages import SMALL, Stage, interior, newton_directions, quasi_newton, trust_regions
from engine.optimise.view import finite

LBFGS = (Option("memory", 10, "How many steps the curvature is measured from.", low=1, high=1000, kind="integer"),)
NEWTON_CG: tuple[Option, ...] = ()
TRUST_REGION = (Option("radius", 1.0, "How far the first step may go.", open="low"),)

ONCE = {interior}
"""Stages that are not tried again from where they led."""


def lbfgs(
    problem: Problem, start: Array, bounds: Bounds | None, options: Options, memory: Memory | None = None
) -> Generator[Point, None, str]:
    """L-BFGS-B: Byrd, Lu, Nocedal and Zhu, A Limited Memory Algorithm for Bound Constrained Optimization, 1995.

    One step costs one evaluation as a rule and O(n memory) besides.  Where a line search fails, it begins anew from the
    best point, without its measured curvature, as long as that finds something better.  `memory` as an argument is
    ignored: the path begins anew from `start`.
    """
    return _path(problem, start, bounds, options, (quasi_newton,))


def newton_cg(
    problem: Problem, start: Array, bounds: Bounds | None, options: Options, memory: Memory | None = None
) -> Generator[Point, None, str]:
    """Newton's method with conjugate gradients: Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.1.

    Needs products of the Hessian with vectors only, which are exact.  In a box it is the interior point method of
    `trust_region`.  Points where the gradient is 0 hold it, be they minima or not.  Where it finds no more, L-BFGS-B
    has a try.
    """
    stages = (newton_directions, quasi_newton) if _open(bounds) else (interior, quasi_newton)
    return _path(problem, start, bounds, options, stages)


def trust_region(
    problem: Problem, start: Array, bounds: Bounds | None, options: Options, memory: Memory | None = None
) -> Generator[Point, None, str]:
    """A trust region with the exact Hessian: Conn, Gould and Toint, Trust Region Methods, 2000.

    Up to 200 variables it factorises the whole Hessian, and leaves points where the gradient is 0 along the lowest
    eigenvector if the eigenvalue is negative.  Beyond, it takes products of the Hessian with vectors: Steihaug, The
    Conjugate Gradient Method and Trust Regions in Large Scale Optimization, 1983.  Where it finds no more, L-BFGS-B has
    a try.

    In a box it is the interior point method of Byrd, Hribar and Nocedal, 1999 (SciPy's trust-constr), with products.
    It starts at least 1% inside of the box, none of its points lies on a bound, and their values may rise: those that
    are better than the best before are the path, and L-BFGS-B takes the last steps, onto the bounds.
    """
    stages = (trust_regions, quasi_newton) if _open(bounds) else (interior, quasi_newton)
    return _path(problem, start, bounds, options, stages, _escape)


def _path(
    problem: Problem,
    start: Array,
    bounds: Bounds | None,
    options: Options,
    stages: tuple[Stage, ...],
    escape: Callable[[Search, Options], bool] = lambda search, options: False,
) -> Generator[Point, None, str]:
    """The points of the stages one after another, each again as long as it finds better ones."""

    def routine(caller: Caller[Point]) -> str:
        search = Search(problem, None if _open(bounds) else bounds, start, caller)
        if not finite(search.best):
            return "The value or the gradient at the start is not finite."
        relative, reason = False, ""
        for stage in stages:
            again = True
            while again:
                if not search.slope.any() and not escape(search, options):
                    return "The gradient is 0."
                before, reason = search.best, ""
                search.renew(relative=relative, last=stage is stages[-1])
                crawled = False
                try:
                    stage(search, options)
                except Crawling:
                    crawled = True
                except Ended as ended:
                    reason = str(ended)
                # Plain values that find nothing prove nothing: relative ones see more.
                better = search.best is not before or not relative
                again, relative = better and not crawled and stage not in ONCE, True
        return reason or search.verdict

    return stepwise(routine)


def _open(bounds: Bounds | None) -> bool:
    return bounds is None or not (np.isfinite(bounds.low).any() or np.isfinite(bounds.high).any())


def _escape(search: Search, options: Options) -> bool:
    """Leave a point where the gradient is 0 along the lowest eigenvector of the Hessian, if its eigenvalue is negative.

    Variables that push against a bound stay there.
    """
    best, box = search.best, search.bounds
    if search.problem.size > SMALL:
        return False
    free = best.gradient == 0 if box is None else (best.gradient == 0) & (box.low < box.high)
    hessian = search.hessian(best.x)[np.ix_(free, free)]
    values, vectors = np.linalg.eigh(hessian) if free.any() else (np.zeros(1), np.zeros((0, 1)))
    if values[0] >= -len(values) * np.finfo(np.float64).eps * abs(values[-1]):
        return False
    step = np.zeros(best.x.shape)
    step[free] = float(options["radius"]) * vectors[:, 0]
    for _ in range(PATIENCE):
        for x in (best.x + step, best.x - step):
            point = search.at(x if box is None else box.project(x))
            if search.improves(point):
                search.accept(point.x)
                return True
        step /= 2
    return False
