"""A method for those who name none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.optimise.problem import Problem

AUTO = "auto"
MOST_SQUARES = 10_000_000
"""Numbers in a Jacobian that is decomposed in every step: 80 MB."""
MOST_VARIABLES = 1000
"""A decomposition costs the square of these for each residual."""
FEW_VARIABLES = 30
"""Up to so many, exact Hessians gain more than they cost: twice the digits where the value is flat."""
STEP = 0.02
"""The first-order step, as a part of the size of the variables."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A method with options, and why this one."""

    method: Mapping[str, Any]
    why: str


def choose(problem: Problem, points: Array, differentiable: bool, stepping: bool, bounded: bool) -> Choice:
    """What suits `problem`, started at `points` (s, n).

    `differentiable`: the gradient is that of the value, not one that a program states in its place; line searches
    compare the two.  `stepping`: it is told how long its steps shall be, by a schedule or a clipping.
    `bounded`: there are bounds.
    """
    if stepping or not differentiable:
        size = float(np.sqrt(np.mean(np.square(points)))) if points.size else 0.0
        why = "Line searches cannot trust a gradient that a program states." if not stepping else _STEPPING
        return Choice({"name": "adam", "lr": STEP * max(1.0, size)}, why)
    squares = problem.squares
    if squares is not None and problem.size <= MOST_VARIABLES and squares.count * problem.size <= MOST_SQUARES:
        plural = "" if squares.count == 1 else "s"
        why = f"The objective is a sum of squares, of {squares.count:,} residual{plural}."
        return Choice({"name": "levenberg-marquardt"}, why)
    if problem.size <= FEW_VARIABLES and not bounded:
        why = "The objective is not a sum of squares, and has few variables: its whole Hessian is used."
        return Choice({"name": "trust-region"}, why)
    return Choice({"name": "lbfgs"}, "The objective is differentiable, and not a sum of squares.")


_STEPPING = "A schedule or a clipping is for first-order methods."
