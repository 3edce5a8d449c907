"""The learning rate that a search suggests."""

from __future__ import annotations

import math
from collections.abc import Sequence

SMOOTHING = 0.9
GROWN = 4.0
"""A search ends when the smoothed loss is so many times the least one, or what it had fallen by."""


def smoothed(losses: Sequence[float]) -> list[float]:
    """Exponential means of the losses up to the first that is not finite, their beginning corrected."""
    found: list[float] = []
    mean = 0.0
    for i, loss in enumerate(losses):
        if not math.isfinite(loss):
            break
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        found.append(mean / (1 - SMOOTHING ** (i + 1)))
    return found


def grown(losses: Sequence[float]) -> bool:
    """Whether the loss has begun to grow: not that of one batch, of which some are always worse than others."""
    smooth = smoothed(losses)
    low = min(smooth, default=math.nan)
    # A loss may be negative, and 0 at its least.
    return bool(smooth) and smooth[-1] > low + (GROWN - 1) * max(abs(low), smooth[0] - low)


def suggested(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate at which the smoothed loss falls fastest per factor of the rate; None where it never falls.

    Smith, Cyclical Learning Rates for Training Neural Networks, 2017; smoothed by an exponential mean with correction
    of its beginning, without the first tenth, where that mean is of few batches and follows their differences, and
    without the part in which the loss already grows.
    """
    smooth = smoothed(losses)
    if len(smooth) < 3:
        return None
    end, begin = smooth.index(min(smooth)), 1 + len(rates) // 10
    # Every rate is greater than the one before by the same factor.
    slopes = [(smooth[i + 1] - smooth[i - 1], i) for i in range(begin, max(end, begin))]
    # What is no more than rounding is no fall.
    if not slopes or min(slopes)[0] >= -1e-12 * max(map(abs, smooth)):
        return None
    return rates[min(slopes)[1]]
