"""How much of a function's values is noise: what scatters, and what was rounded away."""

from __future__ import annotations

import math

import numpy as np

from engine.question import Array

FEWEST = 3
"""Differences of one order that have to be there for their spread to count."""
ALIKE = 4.0
"""Spreads of three orders within this factor of each other are noise; a trend would still fall from order to order."""

DISTINCT = 4
"""With fewer different values, as of a step function, nothing is concluded from how they are written."""
FEW_DIGITS = 12
"""Values that have no more digits were cut off when they were written, and those with one or two are round."""
MOST = 1000
"""So many values tell how all are written."""
SINGLE = 2.0**-24


def noise_of(values: Array) -> float:
    """The standard deviation of the noise in `values` of a smooth function; 0 where none shows, NaN where it cannot
    be told because a value is not finite.

    A table of differences, as ECNoise makes it (Moré and Wild, Estimating Computational Noise, SIAM J. Sci. Comput.
    33, 2011, section 3): the trend vanishes from the differences of higher order, and what independent noise leaves
    there grows by known factors.  Where the trend does not vanish, the least of the orders is an upper bound.
    """
    if len(values) < FEWEST + 1 or not np.isfinite(values).all():
        return math.nan
    spreads: list[float] = []
    alternates: list[bool] = []
    # In units of a power of two near the largest, so that squares neither overflow nor vanish.
    unit = math.ldexp(1.0, min(math.frexp(float(np.abs(values).max()))[1], 1023))
    differences, weight = values / unit, 1.0
    for order in range(1, len(values) - FEWEST + 1):
        differences = np.diff(differences)
        # (k!)² / (2k)!, the reciprocal of the sum of the squares of the binomial coefficients.
        weight *= order / (2.0 * (2 * order - 1))
        spreads.append(math.sqrt(weight * float(np.mean(differences**2))))
        alternates.append(bool(differences.min() < 0 < differences.max()))
    for first in range(len(spreads) - 2):
        three = spreads[first : first + 3]
        if alternates[first] and max(three) <= ALIKE * min(three):
            return unit * spreads[first]
    return unit * min(spreads)


def rounding_of(values: Array) -> float:
    """What part of their size `values` lost by being rounded to float32 or to few decimal digits; 0 where they were
    not.  Rounding so coarse need not scatter: neighbouring values may be off by the same.
    """
    kept = np.unique(values[np.isfinite(values) & (values != 0)])
    if len(kept) < DISTINCT:
        return 0.0
    with np.errstate(over="ignore", under="ignore"):
        if (kept.astype(np.float32) == kept).all():
            return SINGLE
    digits = digits_of(kept)
    return 0.5 * 10.0 ** (1 - digits) if 2 < digits <= FEW_DIGITS else 0.0


def digits_of(values: Array) -> int:
    """The most significant decimal digits with which one of the finite `values` is written."""
    shown = (repr(value).split("e")[0].replace(".", "").strip("-0") for value in values[:MOST].tolist())
    return max(map(len, shown), default=0)
