"""What data are scaled by: mean and standard deviation."""

from __future__ import annotations

import numpy as np

from engine.graph.types import Array

_ROUNDING = 1e-14
"""Deviations of this size, beside the mean, are rounding errors of whoever made the data."""


def fit(data: Array) -> tuple[Array, Array]:
    """Mean and scale of every component along the last axis, over all others; of all, where there is one axis.

    The scale is the standard deviation divided by n, and 1 for what is the same everywhere but for rounding.  No sum
    overflows or vanishes, whatever the units.
    """
    given = np.asarray(data, dtype=np.float64)
    rows = given.reshape(-1, *given.shape[1:][-1:])
    if not len(rows):
        return np.zeros(rows.shape[1:]), np.ones(rows.shape[1:])
    # Divided by its size, what is the same everywhere is 1 or -1, and has its mean without a rounding error.
    size = np.max(np.abs(rows), axis=0)
    unit = np.where(size > 0.0, size, 1.0)
    shares = rows / unit
    mean = np.mean(shares, axis=0)
    off = shares - mean
    spread = np.max(np.abs(off), axis=0)
    width = np.where(spread > 0.0, spread, 1.0)
    scale = width * np.sqrt(np.mean((off / width) ** 2, axis=0))
    varies = (spread > 0.0) & (scale > _ROUNDING * np.abs(mean))
    return mean * unit, np.where(varies, scale * unit, 1.0)
