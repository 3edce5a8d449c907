"""Levenberg and Marquardt's method for sums of squares."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from engine.graph.types import Array
from engine.optimise.linear_squares import EPS, Linear, column_norms, cosine, moving, noise
from engine.optimise.options import Option, Options
from engine.optimise.path import Memory, Point
from engine.optimise.problem import Bounds, Problem, Squares
from engine.optimise.track import norm_of

LEVENBERG_MARQUARDT = (
    Option(
        "radius",
        1.0,
        "The first step is at most so many times as long as the start, when scaled, or as the residuals at 0.",
        open="low",
    ),
)
ENOUGH = 1e-4
"""The part of the promised decrease that a step has to bring (Moré 1978)."""
FLAT = 1e-8
"""Below this relative decrease, rounding may hide whether a step is one downwards."""
CONTRACTS = 0.9
"""There, a step is good if the next one is at most this part of it."""
NOT_SQUARES = "The function is not seen to be a sum of squares."
ALL_ZERO = "All residuals are 0."
NO_SLOPE = "The residuals are at right angles to every column of their Jacobian, to the last digit."
UNDEFINED = "The residuals or their Jacobian are not finite at the start."
NO_STEP = "No step lowers the sum of squares in float64."


@dataclass(frozen=True, slots=True)
class Place:
    """A point with its residuals (m,) and their Jacobian (m, n)."""

    x: Array
    residuals: Array
    matrix: Array

    @property
    def total(self) -> float:
        """The sum of squares."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.residuals @ self.residuals)

    @property
    def defined(self) -> bool:
        """Whether all is finite, the sums of squares too."""
        with np.errstate(over="ignore", invalid="ignore"):
            return bool(np.isfinite(self.total) and np.isfinite(np.sum(np.square(self.matrix))))


def place(squares: Squares, x: Array) -> Place:
    """The residuals at a point."""
    return Place(x, *squares.evaluate(x))


def levenberg_marquardt(
    problem: Problem, start: Array, bounds: Bounds | None, options: Options, memory: Memory | None = None
) -> Generator[Point, None, str]:
    """Steps of r + J p in a ball that grows and shrinks with how well this linear model does.

    Moré, The Levenberg-Marquardt Algorithm: Implementation and Theory, 1978, as in MINPACK's lmder: columns are scaled
    by the largest lengths they have had, the radius follows the ratio of the decreases.  Where all variables start at 0
    there is no length to go by but that of the residuals, which scaled steps have the unit of (MINPACK takes 1).  The
    linear problems are solved by singular values.  Near the end, where rounding hides the decrease, a full step that
    shortens the next one is taken although the value rises by its rounding.  Variables at a bound that they are pushed
    against stay, and steps are cut to the box.
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
    if memory:
        scale, radius, lowest = np.asarray(memory["scale"]), float(memory["radius"]), float(memory["lowest"])
        first = bool(memory["first"])
    else:
        scale, lowest, first = column_norms(here.matrix), here.total, True
        radius = float(options["radius"]) * (float(np.linalg.norm(scale * x)) or norm_of(here.residuals))
    kept: Memory = {"scale": scale, "radius": radius, "lowest": lowest, "first": float(first)}
    yield Point(x, value, gradient, radius, kept)
    while True:
        scale = np.maximum(scale, np.linalg.norm(here.matrix, axis=0))
        step = _step(squares, here, scale, radius, bounds, first, lowest)
        if isinstance(step, str):
            return step
        there, radius = step
        value, gradient = problem.evaluate(there.x)
        if not np.isfinite(value):
            return NO_STEP
        here, first, lowest = there, False, min(lowest, there.total)
        kept = {"scale": scale, "radius": radius, "lowest": lowest, "first": 0.0}
        yield Point(here.x, value, gradient, radius, kept)


def _step(
    squares: Squares, here: Place, scale: Array, radius: float, bounds: Bounds | None, first: bool, lowest: float
) -> tuple[Place, float] | str:
    """The next place and radius, or why there is none."""
    if not here.total:
        return ALL_ZERO
    free = moving(here.x, here.residuals @ here.matrix, bounds)
    if cosine(here.residuals, here.matrix[:, free]) <= EPS:
        return NO_SLOPE
    linear = Linear.of(here.residuals, here.matrix[:, free], scale[free])
    while True:
        direction = np.zeros_like(here.x)
        direction[free], damping = linear.within(radius)
        trial = here.x + direction if bounds is None else bounds.project(here.x + direction)
        move = trial - here.x
        length = float(np.linalg.norm(scale * move))
        if not move.any() or not np.isfinite(length):
            return NO_STEP
        if first:
            radius = min(radius, length)
        there = place(squares, trial)
        along = here.matrix @ move
        promised = -float(along @ (2.0 * here.residuals + along))
        if not there.defined:
            radius = 0.1 * min(radius, length)
            continue
        won = float((here.residuals - there.residuals) @ (here.residuals + there.residuals))
        ratio = won / promised if promised > 0 else 0.0
        if promised <= FLAT * here.total and damping == 0.0 and contracts(here, there, linear, free, lowest):
            return there, max(radius, 2.0 * length)
        lower = there.total < lowest
        if ratio <= 0.25 or not lower:
            shrink = 0.5
            if won < 0.0:
                slope = float(along @ here.residuals)
                shrink = 0.5 * slope / (slope + 0.5 * won) if slope + 0.5 * won < 0 else 0.5
            if there.total >= 100.0 * here.total or shrink < 0.1:
                shrink = 0.1
            radius = shrink * min(radius, 10.0 * length)
        elif damping == 0.0 or ratio >= 0.75:
            radius = 2.0 * length
        if ratio >= ENOUGH and lower:
            return there, radius


def contracts(here: Place, there: Place, linear: Linear, free: Array, lowest: float) -> bool:
    """Whether a full step leads to a shorter one, and the sum is not above the lowest so far by more than rounding.

    Such steps come to an end, and so do those that lower the lowest sum: there is no going round in a circle.
    """
    if there.total > lowest + noise(here.x, here.residuals, here.matrix):
        return False
    after = there.x[free] + Linear.of(there.residuals, there.matrix[:, free], linear.scale).full()
    lengths = [float(np.linalg.norm(linear.scale * p)) for p in (after - there.x[free], (there.x - here.x)[free])]
    return lengths[0] <= CONTRACTS * lengths[1]
