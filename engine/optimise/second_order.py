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

    Up to 200 variables with the whole Hessian, and from a point where the gradient is 0 along its lowest eigenvalue
    where that is negative; beyond with products of the Hessian with vectors (Steihaug, 1983).  Where it finds no more,
    L-BFGS-B has a try.  In a box it is an
    interior point method with such products (Byrd, Hribar and Nocedal, 1999; SciPy's trust-constr), whose points count
    where they are better than the best before; as none of them lies on a bound, L-BFGS-B takes the last steps.
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
            better = True
            while better:
                if not search.slope.any() and not escape(search, options):
                    return "The gradient is 0."
                before, reason = search.best, ""
                search.renew(relative=relative, scaled=stage is newton_directions, last=stage is stages[-1])
                # Plain values that find nothing prove nothing: relative ones see more.
                again = stage not in ONCE
                try:
                    stage(search, options)
                except Crawling:
                    again = False
                except Ended as ended:
                    reason = str(ended)
                better = again and (search.best is not before or not relative)
                relative = True
        return reason or search.verdict

    return stepwise(routine)


def _open(bounds: Bounds | None) -> bool:
    return bounds is None or not (np.isfinite(bounds.low).any() or np.isfinite(bounds.high).any())


def _escape(search: Search, options: Options) -> bool:
    """Leave a point where the gradient is 0 along the lowest eigenvector of the Hessian, if its eigenvalue is negative.

    Of the variables on a bound, which the gradient does not tell anything about, none moves.
    """
    best, box = search.best, search.bounds
    if search.problem.size > SMALL:
        return False
    free = np.ones(best.x.shape, bool) if box is None else (box.low < best.x) & (best.x < box.high)
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
