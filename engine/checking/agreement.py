"""Numbers next to each other: distances in units in the last place, and what witnesses say to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.verify.report import Witness


def ulps(a: Any, b: Any) -> Array:
    """How many float64 numbers lie between two, element by element; 0 for two NaNs, infinity for one."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    m, n = _ordered(x), _ordered(y)
    with np.errstate(over="ignore"):
        # Of numbers on both sides of 0, the distance may not fit an int64; then its last places do not matter.
        apart = (m < 0) != (n < 0)
        distance = np.where(apart, np.abs(m.astype(np.float64) - n), np.abs(m - n))
    nan = np.isnan(x) | np.isnan(y)
    return np.where(np.isnan(x) & np.isnan(y), 0.0, np.where(nan, np.inf, distance))


def _ordered(x: Array) -> Array:
    """Floats as whole numbers in the same order, neighbours one apart."""
    bits = np.ascontiguousarray(x).view(np.int64).reshape(x.shape)
    return np.where(bits < 0, -(bits & np.int64(2**63 - 1)), bits)


def heard(found: Array, expected: Array, allowed: Array, silent: str | None = None) -> Witness:
    """What a witness says of the expected numbers: it agrees where it is within what is allowed.

    NaN in `found` means that it says nothing there; with nothing at all it is `skipped`, for the reason `silent`.
    Where nothing is expected (NaN), there is nothing to say: the symbolic logarithm has a derivative at -1.
    """
    if not found.size:
        return Witness("skipped", None, "there is nothing to compare")
    known = ~np.isnan(found) & ~np.isnan(expected)
    if not known.any():
        return Witness("skipped", None, silent or "it has no finite value here")
    with np.errstate(invalid="ignore", over="ignore"):
        agrees = (found == expected) | (np.abs(found - expected) <= allowed)
    count = int(np.count_nonzero(known))
    partly = f"{count} of {found.size} numbers were looked at" if count < found.size else None
    status = "agree" if agrees[known].all() else "disagree"
    return Witness(status, float(np.max(ulps(found[known], expected[known]))), partly)  # type: ignore[arg-type]
