"""What is minimised, as the methods see it: a function of one vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.graph.types import Array


class Squares(Protocol):
    """The same function as a sum of squares: its minimisers are those of `sum(r(x)^2)`."""

    @property
    def count(self) -> int:
        """How many residuals there are."""
        ...

    def evaluate(self, x: Array) -> tuple[Array, Array]:
        """The residuals (m,) and their exact Jacobian (m, n) at `x` (n,); not finite where they are not defined."""
        ...


class Problem(Protocol):
    """A function of `size` real numbers that is to be minimised, with exact derivatives.

    Points are float64 arrays (n,) that are never changed.  What is not defined at a point is NaN or infinite there.
    Every method raises `BudgetExceeded` when the time is up or the computation is withdrawn.
    """

    @property
    def size(self) -> int:
        """The number n of variables."""
        ...

    @property
    def squares(self) -> Squares | None:
        """The function as a sum of squares, where it is one."""
        ...

    def evaluate(self, x: Array) -> tuple[float, Array]:
        """The value and the gradient (n,)."""
        ...

    def evaluate_many(self, points: Array) -> tuple[Array, Array]:
        """The values (s,) and gradients (s, n) at several points (s, n)."""
        ...

    def product(self, x: Array, vector: Array) -> Array:
        """The Hessian at `x` times a vector (n,)."""
        ...

    def hessian(self, x: Array) -> Array:
        """The Hessian (n, n)."""
        ...

    def trouble(self, x: Array) -> str:
        """Where the first number that is not finite comes from at a point that has no finite value or gradient."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """The box that the variables stay in: arrays (n,), infinite where there is no bound, `low <= high`."""

    low: Array
    high: Array

    def project(self, x: Array) -> Array:
        """The nearest point of the box, also for several points (s, n)."""
        return np.clip(x, self.low, self.high)

    def free(self, x: Array, gradient: Array) -> Array:
        """The gradient without the components that push against a bound: 0 at a minimiser in the box."""
        pushing = ((x <= self.low) & (gradient > 0)) | ((x >= self.high) & (gradient < 0))
        return np.where(pushing, 0.0, gradient)
