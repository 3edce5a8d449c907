"""Routines of SciPy, each as one stage of a search: from the best point until the routine gives up.

None of them stops because of a tolerance, unless it says so: that is for who reads the points.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from engine.graph.types import Array
from engine.optimise.options import Options
from engine.optimise.problem import Bounds
from engine.optimise.search import Ended, Search

Stage = Callable[[Search, Options], None]

NEVER = sys.maxsize
LINE_SEARCH = 40
"""The most evaluations of one line search of L-BFGS-B: steps back by a factor of about 3 each."""
SMALL = 200
"""Up to so many variables the whole Hessian is factorised."""
INSIDE = 1e-2
"""How far from the bounds an interior method begins, of their distance and of the size of the variable: as in IPOPT."""
HANDED_ON = 1e-8
"""The tolerances at which the interior method hands on."""


def quasi_newton(search: Search, options: Options) -> None:
    """L-BFGS-B, with a memory of its own: Zhu, Byrd, Lu and Nocedal, ACM Transactions on Math. Software 23, 1997."""
    chosen = {"ftol": 0.0, "gtol": 0.0, "maxls": LINE_SEARCH, "maxcor": int(options.get("memory", 10))}
    box = None if search.bounds is None else optimize.Bounds(search.bounds.low, search.bounds.high)
    _minimise(search, "L-BFGS-B", {**chosen, "maxfun": NEVER}, bounds=box)


def newton_directions(search: Search, options: Options) -> None:
    """Newton directions by conjugate gradients, then a line search: Nocedal and Wright, 2006, section 7.1.

    Where the function is straight along the gradient, SciPy has no direction at all; it gets that of steepest descent.
    """

    def product(x: Array, vector: Array) -> Array:
        found = search.product(x, vector)
        _, gradient = search.evaluate(x)
        straight = abs(float(vector @ found)) <= 1e-12 * float(vector @ vector)
        return vector if straight and np.array_equal(vector, -gradient) else found

    _minimise(search, "Newton-CG", {"xtol": 0.0}, hessp=product)


def trust_regions(search: Search, options: Options) -> None:
    """Nearly exact steps for few variables (Conn, Gould and Toint, 2000, section 7.3), else those of Steihaug."""
    chosen = {"gtol": 0.0, "initial_trust_radius": float(options["radius"]), "max_trust_radius": np.inf}
    if search.problem.size <= SMALL:
        _minimise(search, "trust-exact", chosen, hess=search.hessian)
    else:
        _minimise(search, "trust-ncg", chosen, hessp=search.product)


def interior(search: Search, options: Options) -> None:
    """The interior point method of Byrd, Hribar and Nocedal, 1999, up to a tolerance of 1e-8.

    Its points are inside of the box and their values may rise: only those that are better than the best count.
    """
    assert search.bounds is not None
    around, whole = search.bounds, search.best.x
    moves = around.low < around.high  # A variable without room has no inside.
    box = Bounds(around.low[moves], around.high[moves])

    def placed(x: Array) -> Array:
        found = whole.copy()
        found[moves] = box.project(x)
        return found

    def evaluate(x: Array) -> tuple[float, Array]:
        value, gradient = search.evaluate(placed(x))
        return value, gradient[moves]

    def product(x: Array, vector: Array) -> Array:
        along = np.zeros(whole.shape)
        along[moves] = vector
        return search.product(placed(x), along)[moves]

    _call(
        search,
        "trust-constr",
        {
            "gtol": HANDED_ON,
            "xtol": HANDED_ON,
            "barrier_tol": HANDED_ON,
            "initial_tr_radius": float(options.get("radius", 1.0)),
        },
        fun=evaluate,
        x0=_inside(box, whole[moves]),
        callback=lambda xk, state: search.accept(placed(xk)),
        hessp=product,
        bounds=optimize.Bounds(box.low, box.high, keep_feasible=True),
    )


def _inside(box: Bounds, x: Array) -> Array:
    width = INSIDE * (box.high - box.low)
    low = box.low + np.minimum(width, INSIDE * np.maximum(1, np.abs(box.low)))
    high = box.high - np.minimum(width, INSIDE * np.maximum(1, np.abs(box.high)))
    low, high = np.where(np.isfinite(low), low, -np.inf), np.where(np.isfinite(high), high, np.inf)
    return Bounds(low, high).project(x)


def _minimise(search: Search, method: str, options: dict[str, Any], **more: Any) -> None:
    def moved(intermediate_result: optimize.OptimizeResult) -> None:
        search.accept(intermediate_result.x)

    _call(search, method, options, fun=search.evaluate, x0=search.best.x.copy(), callback=moved, **more)


def _call(search: Search, method: str, options: dict[str, Any], **more: Any) -> None:
    run: Any = optimize.minimize
    try:
        run(jac=True, method=method, options={**options, "maxiter": NEVER}, **more)
    except (ArithmeticError, UnboundLocalError, ValueError) as error:
        # How its subproblems end where their arithmetic breaks down: square roots of negative numbers, matrices that
        # are singular, no step at all.  The problem's own errors do not pass through here, but go to the caller.
        raise Ended from error
