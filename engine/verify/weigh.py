"""A claimed gradient against measured slopes: what is within the tolerance, and whether that says anything."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.question import Array
from engine.verify.measured import Measured
from engine.verify.plan import ROUNDOFF, Plan

RESOLUTION = 1e-3
"""The relative error that has to be visible in every component that matters, or nothing is said."""
MATTERS = 0.1
"""A component matters if a step of its scale changes the function by this part of what it does for the largest one."""
FLAT = 2.0**25
"""A gradient that is 0 within its error bars is one if that is below so many roundings of the function, per scale."""
NOTHING = 1e-2
"""A claimed number below this part of an error bar is meant to be 0."""
ROUNDINGS = 64.0
"""Roundings of terms of the size of the function that may meet in one component of a gradient."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What was claimed along each direction, what it may be off by, and what follows, by direction.

    `wrong` beyond doubt; `told` where the tolerance is wide enough to see an error that counts; `resolved` the
    relative error that can be seen in all of them; `slack` what the client's precision allows; `flat`: the gradient
    is 0 within its error bars, and so is the claimed one.
    """

    claimed: Array
    allowed: Array
    ok: Array
    wrong: Array
    told: Array
    known: Array
    resolved: float
    slack: float
    flat: bool


def weigh(plan: Plan, found: Measured, gradient: Array, tolerance: float | None) -> Weighed:
    """`gradient`, a vector over the components, against what was found; `tolerance` relative, None for the default."""
    slopes = found.slopes
    roundoff = ROUNDOFF[plan.precision]
    slack = math.sqrt(roundoff) if tolerance is None else tolerance
    if plan.random is None:
        claimed, size, scales, bar = gradient, np.abs(slopes.value), plan.sizes, slopes.bar
    else:
        claimed, size, moved = _along(plan, gradient)
        size, scales, bar = np.fmax(size, np.abs(slopes.value)), np.ones(len(claimed)), slopes.bar + moved
    allowed = bar + slack * size + ROUNDINGS * roundoff * found.height / scales
    rough = slopes.kink | slopes.steep
    known = np.isfinite(allowed) & ~rough
    low = np.minimum(slopes.left.value, slopes.right.value) - allowed
    high = np.maximum(slopes.left.value, slopes.right.value) + allowed
    ok = np.where(slopes.kink, (low <= claimed) & (claimed <= high), np.abs(claimed - slopes.value) <= allowed)
    ok &= np.isfinite(allowed) & ~slopes.steep
    weights = np.where(known, size * scales, 0.0)
    largest = float(weights.max(initial=0.0))
    flat = bool(np.where(known, (size <= bar) & (np.abs(claimed) <= NOTHING * bar), True).all())
    if flat:
        largest = max(largest, FLAT * roundoff * found.variation)
    reference = np.maximum(size * scales, MATTERS * largest)
    # An error is beyond doubt when it is twice the bar: the estimate may be off by one towards it.
    seen = 2 * bar * scales + (slack * size * scales if tolerance is None else 0.0)
    told = known & (seen <= (RESOLUTION if tolerance is None else max(tolerance, roundoff)) * reference)
    parts = np.where(known, bar * scales / reference, np.inf) if largest else np.zeros(len(bar))
    resolved = float(parts[known].max()) if known.any() else math.inf
    return Weighed(claimed, allowed, ok, known & ~ok, told, known, resolved, slack, flat)


def _along(plan: Plan, gradient: Array) -> tuple[Array, Array, Array]:
    """Along the random directions: what the gradient claims, the size of its terms, and what rounding of the points
    makes of it."""
    along = plan.along()
    finite = np.nan_to_num(gradient, posinf=0.0, neginf=0.0)
    terms = along * finite
    unit = float(np.abs(terms).max(initial=0.0)) or 1.0
    size: Array = unit * np.linalg.norm(terms / unit, axis=1)
    meant = plan.base + plan.steps[None, :, None] * along[:, None, :]
    moved = np.abs(plan.ahead() - meant) / plan.steps[None, :, None]
    return along @ gradient, size, (moved @ np.abs(finite)).max(axis=1)
