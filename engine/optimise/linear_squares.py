"""The linear problem inside each step of non-linear least squares: minimise |r + J p| for p in a ball."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.graph.types import Array
from engine.optimise.problem import Bounds

EPS = float(np.finfo(np.float64).eps)
NARROW = 0.1
"""How far a step may be from the radius, as a part of it (Moré 1978)."""


def column_norms(matrix: Array) -> Array:
    """The lengths of the columns; 1 for those of zeros."""
    found = np.sqrt(np.sum(np.square(matrix), axis=0))
    return np.asarray(np.where(found > 0, found, 1.0))


def moving(x: Array, slopes: Array, bounds: Bounds | None) -> Array:
    """Which variables are not held at a bound that they are pushed against."""
    if bounds is None:
        return np.ones(x.shape, dtype=bool)
    return np.asarray((bounds.free(x, slopes) != 0) | (slopes == 0))


def cosine(residuals: Array, matrix: Array) -> float:
    """The largest cosine of an angle between the residuals and a column of their Jacobian (Moré 1978); 0 without."""
    length = np.linalg.norm(residuals)
    if not matrix.size or not length:
        return 0.0
    return float(np.max(np.abs((residuals / length) @ matrix) / column_norms(matrix)))


def noise(x: Array, residuals: Array, matrix: Array) -> float:
    """How far the sum of squares may be off from rounding: of the sum, and of the point in the residuals."""
    total = float(residuals @ residuals)
    spread = np.sqrt(np.sum(np.square(matrix), axis=0)) @ np.abs(x)
    return EPS * (len(residuals) * total + 2.0 * float(np.sqrt(total) * spread))


@dataclass(frozen=True, slots=True)
class Linear:
    """r + J p by the singular values of J with scaled columns; JᵀJ is never formed, which would lose half the digits.

    `scale` (n,) is positive; lengths of steps are those of `scale * p`.
    """

    left: Array
    values: Array
    right: Array
    scale: Array

    @staticmethod
    def of(residuals: Array, matrix: Array, scale: Array) -> Linear:
        """The problem with residuals (m,) and Jacobian (m, n)."""
        u, values, vt = np.linalg.svd(matrix / scale, full_matrices=False)
        return Linear(u.T @ residuals, values, vt, scale)

    def full(self) -> Array:
        """The shortest p of all that minimise |r + J p|: the step of Gauss and Newton."""
        small = max(len(self.values), 1) * EPS * (self.values[0] if len(self.values) else 0.0)
        kept = self.values > small
        ratio = np.where(kept, self.left / np.where(kept, self.values, 1.0), 0.0)
        return np.asarray(-(ratio @ self.right) / self.scale)

    def damped(self, damping: float) -> Array:
        """The p that minimises |r + J p|² + damping |scale p|²."""
        return np.asarray(-((self._shrunk(damping)) @ self.right) / self.scale)

    def _shrunk(self, damping: float) -> Array:
        return np.asarray(self.left * self.values / (np.square(self.values) + damping))

    def within(self, radius: float) -> tuple[Array, float]:
        """The step of a length of about `radius`, or the full one if that is shorter, and its damping.

        Newton's method on 1/|step| as a function of the damping: Moré, The Levenberg-Marquardt Algorithm:
        Implementation and Theory, 1978, section 5, here with singular values in place of rotations.
        """
        full = self.full()
        if np.linalg.norm(self.scale * full) <= (1 + NARROW) * radius:
            return full, 0.0
        slopes = self.values * self.left
        high = float(np.linalg.norm(slopes)) / radius
        low, damping = 0.0, 1e-3 * high
        for _ in range(100):
            if not low < damping < high:
                damping = max(1e-3 * high, float(np.sqrt(low * high)))
            shrunk = self._shrunk(damping)
            length = float(np.linalg.norm(shrunk))
            if abs(length - radius) <= NARROW * radius or high <= low * (1 + EPS):
                break
            if length > radius:
                low = max(low, damping)
            else:
                high = min(high, damping)
            slope = float(np.sum(np.square(shrunk) / (np.square(self.values) + damping)))
            damping += (length * length / slope) * (length - radius) / radius if slope > 0 else high
        return self.damped(damping), damping
