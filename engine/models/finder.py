"""The learning rate that a search suggests."""

from __future__ import annotations

import math
from collections.abc import Sequence

SMOOTHING = 0.9


def suggested(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate at which the smoothed loss falls fastest per factor of the rate; None where it never falls.

    Smith, Cyclical Learning Rates for Training Neural Networks, 2017; smoothed by an exponential mean with correction
    of its beginning, and without the part in which the loss already grows.
    """
    smooth: list[float] = []
    mean = 0.0
    for i, loss in enumerate(losses):
        if not math.isfinite(loss):
            break
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smooth.append(mean / (1 - SMOOTHING ** (i + 1)))
    if len(smooth) < 3:
        return None
    end = smooth.index(min(smooth))
    # Every rate is greater than the one before by the same factor.
    slopes = [(smooth[i + 1] - smooth[i - 1], i) for i in range(1, max(end, 1))]
    if not slopes or min(slopes)[0] >= 0:
        return None
    return rates[min(slopes)[1]]
