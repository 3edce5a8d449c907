"""What values at the points of a plan tell of the function: its noise, and its slopes along the plan's directions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.question import Array
from engine.verify.noise import noise_of, rounding_of
from engine.verify.plan import ROUNDOFF, Plan
from engine.verify.plan_report import Noise
from engine.verify.slopes import Noises, Slopes, slopes


@dataclass(frozen=True, slots=True)
class Measured:
    """`slopes` by direction; `noise`; `height`, the size of the function near the point; `variation`, that at all
    points."""

    slopes: Slopes
    noise: Noise
    height: float
    variation: float


def measure(plan: Plan, values: Array) -> Measured:
    """What `values`, (plan.count,) float64 in the order of the points, tell; not finite where there is no value."""
    near = values[1 : 1 + plan.noise_points]
    moved = values[1 + plan.noise_points :].reshape(plan.directions, -1, 2)
    ahead, behind = moved[..., 0], moved[..., 1]
    centre = float(values[0])
    height = _largest(np.concatenate([ahead[:, -2:].ravel(), behind[:, -2:].ravel(), near, values[:1]]))
    part, least, measured = _noise(plan, centre, near, ahead, behind)

    def spread(of: Array) -> Array:
        spreads: Array = np.maximum(part * np.abs(of), least)
        return spreads

    noises = Noises(float(spread(values[:1])[0]), spread(ahead), spread(behind))
    absolute = float(np.nan_to_num(spread(np.where(np.isfinite(values[:1]), values[:1], height))[0]))
    relative = min(max(absolute / height, ROUNDOFF[plan.precision]), 1.0) if height else ROUNDOFF[plan.precision]
    return Measured(
        slopes(centre, ahead, behind, plan.lengths(), noises),
        Noise(absolute, relative, -math.log10(relative), measured),
        height,
        _largest(values),
    )


def _noise(plan: Plan, centre: float, near: Array, ahead: Array, behind: Array) -> tuple[float, float, bool]:
    """The noise of a value relative to it, the least that it has, and whether that was measured."""
    roundoff = ROUNDOFF[plan.precision]
    if plan.noise is not None:
        # Told as a bound, which is √3 times the deviation of a uniform distribution.
        part = max(plan.noise / math.sqrt(3), roundoff)
        return part, part * abs(centre) if math.isfinite(centre) else 0.0, False
    found, size = noise_of(near), float(np.median(np.abs(near)))
    measured = math.isfinite(found)
    if not measured:
        found, size = _off_parabolas(centre, ahead, behind, *plan.lengths()), abs(centre)
    if not math.isfinite(found):
        return roundoff, 0.0, False
    rounded = rounding_of(np.concatenate([near, ahead.ravel(), behind.ravel()])) / math.sqrt(3)
    least = max(found, rounded * size)
    return min(max(least / size if size else 0.0, roundoff), 1.0), least, measured


def _off_parabolas(centre: float, ahead: Array, behind: Array, forth: Array, back: Array) -> float:
    """How far the value at the point is off the parabolas through the three values next to it on one side: an upper
    bound of the noise where the function is smooth on that side."""
    found = [np.zeros(0)]
    for values, steps in ((ahead[:, -3:], forth[:, -3:]), (behind[:, -3:], back[:, -3:])):
        if values.shape[1] == 3:
            a, b, c = steps.T
            weights = b * c / ((a - b) * (a - c)), -a * c / ((a - b) * (b - c)), a * b / ((a - c) * (b - c))
            found.append(np.abs(sum(w * values[:, i] for i, w in enumerate(weights)) - centre))
    every = np.concatenate(found)
    every = every[np.isfinite(every)]
    return float(np.median(every)) if every.size else math.nan


def _largest(values: Array) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0))
