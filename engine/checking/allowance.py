"""How far a claimed number may be from the truth: what an honest computation in the claimed precision loses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.graph.types import Array
from engine.verify.report import Tolerance

Claimed = Literal["float64", "float32"]
UNITS: Mapping[Claimed, float] = {"float64": 2.0**-53, "float32": 2.0**-24}
FLOORS: Mapping[Claimed, float] = {"float64": 2.0**-33, "float32": 2.0**-14}
"""Relative errors that nobody is asked about: ten digits, or four, are as good as all."""
SLACK = 2.0**10
"""Roundings, each of half a unit in the last place, that an honest computation may add up to."""


@dataclass(frozen=True, slots=True)
class Given:
    """A tolerance that the client has set: `relative` to a component, or `absolute`, whichever is larger."""

    relative: float
    absolute: float = 0.0


def allowance(expected: Array, spread: Array, errors: Array, precision: Claimed, given: Given | None) -> Array:
    """The absolute tolerance of every component; 0 where the truth is not finite, of which nothing else is near.

    `spread`: change per relative change of the inputs; `errors`: what float64 loses here by its rounding.
    """
    size = np.where(np.isfinite(expected), np.abs(expected), 0.0)
    if given is not None:
        return np.where(np.isfinite(expected), np.maximum(given.relative * size, given.absolute), 0.0)
    unit = UNITS[precision]
    changed, lost = (np.nan_to_num(array, nan=0.0, posinf=0.0) for array in (spread, errors))
    with np.errstate(over="ignore"):
        # In this order, numbers near the largest do not overflow before they are made small.
        terms = SLACK * unit * size + SLACK * unit * changed + SLACK * (unit / UNITS["float64"]) * lost
    lost = np.maximum(FLOORS[precision] * size, terms)
    return np.where(np.isfinite(expected), lost + 4 * np.finfo(float).smallest_subnormal, 0.0)


def told(precision: Claimed, given: Given | None, condition: float | None) -> Tolerance:
    """The tolerance in words."""
    if given is not None:
        absolute = f", or {given.absolute:g} absolute if that is more" if given.absolute else ""
        return Tolerance(given.relative, f"as asked for: {given.relative:g} relative{absolute}")
    unit = UNITS[precision]
    known = "" if condition is None else f"; here the gradient magnifies them {condition:.3g} times at worst"
    why = (
        f"a claim in {precision} may be off by {FLOORS[precision]:.2g} of a component, or by {SLACK:.0f} times the "
        f"effect of changing inputs and intermediate results by {unit:.2g} of themselves, whichever is more{known}"
    )
    return Tolerance(FLOORS[precision], why)
