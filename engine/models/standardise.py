"""What data are scaled by: mean and standard deviation."""

from __future__ import annotations

import numpy as np

from engine.graph.types import Array


def fit(data: Array) -> tuple[Array, Array]:
    """Mean and scale of every component along the last axis, over all others; of all, where there is one axis.

    The scale is the standard deviation divided by n, and 1 for what is the same everywhere.  No sum overflows, whatever
    the units.
    """
    given = np.asarray(data, dtype=np.float64)
    rows = given.reshape(-1, *given.shape[1:][-1:])
    if not len(rows):
        return np.zeros(rows.shape[1:]), np.ones(rows.shape[1:])
    low, high = rows.min(axis=0), rows.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    unit = np.where(size > 0.0, size, 1.0)
    # Rounding must not give what is the same everywhere a mean beside it.
    mean = np.where(low == high, low, np.mean(rows / unit, axis=0) * unit)
    spread = np.maximum(high / 2 - mean / 2, mean / 2 - low / 2)
    unit = np.where(spread > 0.0, spread, 1.0)
    scale = 2 * unit * np.sqrt(np.mean(((rows / 2 - mean / 2) / unit) ** 2, axis=0))
    return mean, np.where((low == high) | (scale == 0.0), 1.0, scale)
