"""Gauss and Newton's method for sums of squares."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from engine.graph.types import Array
from engine.optimise.levenberg import ALL_ZERO, FLAT, NO_SLOPE, NO_STEP, NOT_SQUARES, UNDEFINED, Place, contracts, place
from engine.optimise.linear_squares import EPS, Linear, column_norms, cosine, moving
from engine.optimise.options import Option, Options
from engine.optimise.path import Memory, Point
from engine.optimise.problem import Bounds, Problem, Squares

GAUSS_NEWTON = (
    Option(
        "decrease", 1e-4, "The part of the decrease along the slope that a step has to bring.", high=0.5, open="both"
    ),
    Option("shrink", 0.5, "What is left of a step that does not bring it.", high=1.0, open="both"),
)


def gauss_newton(
    problem: Problem, start: Array, bounds: Bounds | None, options: Options, memory: Memory | None = None
) -> Generator[Point, None, str]:
    """The shortest solution of the linear least-squares problem r + J p as the direction, and a search along it.

    Nocedal and Wright, Numerical Optimization, 2006, section 10.3, with the search of Armijo: steps of 1, ½, ¼, … .
    Directions in which J has no slope are left out, by its singular values.  Near the end, where rounding hides the
    decrease, a full step that shortens the next one is taken although the value rises by its rounding.  Variables at a
    bound that they are pushed against stay, and steps are cut to the box.
    """
    squares = problem.squares
    x = start if bounds is None else bounds.project(start)
    value, gradient = problem.evaluate(x)
    if squares is None:
        yield Point(x, value, gradient)
        return NOT_SQUARES
    here = place(squares, x)
    if not here.defined or not np.isfinite(value):
        yield Point(x, value, gradient)
        return UNDEFINED
    lowest = float(memory["lowest"]) if memory else here.total
    yield Point(x, value, gradient, None, {"lowest": lowest})
    while True:
        found = _step(squares, here, bounds, options, lowest)
        if isinstance(found, str):
            return found
        here, rate = found
        value, gradient = problem.evaluate(here.x)
        if not np.isfinite(value):
            return NO_STEP
        lowest = min(lowest, here.total)
        yield Point(here.x, value, gradient, rate, {"lowest": lowest})


def _step(
    squares: Squares, here: Place, bounds: Bounds | None, options: Options, lowest: float
) -> tuple[Place, float] | str:
    """The next place and the part of the full step that led there, or why there is none."""
    if not here.total:
        return ALL_ZERO
    slopes = here.residuals @ here.matrix
    free = moving(here.x, slopes, bounds)
    if cosine(here.residuals, here.matrix[:, free]) <= EPS:
        return NO_SLOPE
    direction, used, linear = _direction(here, free, bounds)
    straight = cosine(here.residuals, here.matrix[:, used]) <= EPS or not slopes @ direction < 0
    if straight:
        # What the step is made of has no slope left: all that are free go straight down.
        direction = np.where(free, -slopes / np.square(column_norms(here.matrix)), 0.0)
    rate = 1.0
    while True:
        trial = here.x + rate * direction if bounds is None else bounds.project(here.x + rate * direction)
        move = trial - here.x
        if not move.any() or not np.isfinite(move).all():
            return NO_STEP
        there = place(squares, trial)
        if there.defined:
            slope = 2.0 * float(slopes @ move)
            won = float((here.residuals - there.residuals) @ (here.residuals + there.residuals))
            tiny = -slope <= FLAT * here.total and rate == 1.0 and not straight
            if tiny and contracts(here, there, linear, used, lowest):
                return there, rate
            if slope < 0 and won >= -float(options["decrease"]) * slope and there.total < lowest:
                return there, rate
        rate *= float(options["shrink"])


def _direction(here: Place, free: Array, bounds: Bounds | None) -> tuple[Array, Array, Linear]:
    """The full step of the free variables but those that it would lead out of the box at once; and what it is made of.

    Where these are all, the step is 0.
    """
    left = free
    while True:
        matrix = here.matrix[:, left]
        linear = Linear.of(here.residuals, matrix, column_norms(matrix))
        direction = np.zeros_like(here.x)
        direction[left] = linear.full()
        if bounds is None:
            return direction, left, linear
        out = ((here.x <= bounds.low) & (direction < 0)) | ((here.x >= bounds.high) & (direction > 0))
        if not out.any():
            return direction, left, linear
        if not (left & ~out).any():
            return 0.0 * direction, left, linear
        left = left & ~out
