"""What values along lines through a point say of the derivative: how large, how sure, and whether there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.question import Array
from engine.verify.richardson import Limit, limits

DEVIATIONS = 6.0
"""Standard deviations of the noise that a difference is allowed; the noise itself is known to a factor of two."""
GROWTH = 0.3
"""A quotient that grows as the step to the power of minus this, or faster, has no limit that could be told."""
ALIKE = 0.25
"""How far the powers of neighbouring steps may be apart; growth that is no power is a feature between two steps."""
SURE = 0.1
"""Noise below this part of a quotient leaves no doubt about its growth."""
LEAST_KINK = 1e-6
"""A difference of the one-sided derivatives below this part of their size is not told from curvature."""


@dataclass(frozen=True, slots=True)
class Noises:
    """Standard deviations of the noise of the value at the point and of those ahead and behind."""

    centre: float
    ahead: Array
    behind: Array


@dataclass(frozen=True, slots=True)
class Slopes:
    """Derivatives along lines, one per row, with what they may be off by (infinity where nothing is known).

    `value` is the derivative; `left` and `right` the one-sided ones; `kink` where these differ, `steep` where a
    difference quotient grows as the step shrinks, `jump` where the value itself jumps; `sided` where the function is
    defined on one side only and `value` is the derivative from there.
    """

    value: Array
    bar: Array
    left: Limit
    right: Limit
    kink: Array
    steep: Array
    jump: Array
    sided: Array


def slopes(centre: float, ahead: Array, behind: Array, steps: tuple[Array, Array], noise: Noises) -> Slopes:
    """The slopes from the value at the point and those ahead and behind, (rows, levels), largest step first.

    `steps` are the lengths ahead and behind.  Values that are not finite count as missing.
    """
    forth, back = steps
    f, b = (np.where(np.isfinite(values), values, np.nan) for values in (ahead, behind))
    middle, up, down = (DEVIATIONS * part for part in (noise.centre, noise.ahead, noise.behind))
    both = forth + back
    central = limits(both / 2, (f - b) / both, np.hypot(up, down) / both, 2)
    right_quotients, left_quotients = (f - centre) / forth, (centre - b) / back
    right = limits(forth, right_quotients, np.hypot(up, middle) / forth, 1)
    left = limits(back, left_quotients, np.hypot(down, middle) / back, 1)
    gaps = right_quotients - left_quotients
    gap_noise = np.hypot(np.hypot(up, down), 2 * middle) * 2 / both
    gap = limits(both / 2, gaps, gap_noise, 1)
    size = np.fmax(np.abs(left.value), np.abs(right.value))
    kink = np.abs(gap.value) > 2 * gap.bar + LEAST_KINK * np.nan_to_num(size)
    quotient_noise = np.hypot(up, down) / both
    steep = _grows(both, (f - b) / both, quotient_noise) | _grows(both, gaps, gap_noise)
    jump = steep & (_stays(f - centre, np.hypot(up, middle)) | _stays(centre - b, np.hypot(down, middle)))
    value, bar = central.value, central.bar
    sided = ~np.isfinite(bar) & (np.isfinite(right.bar) | np.isfinite(left.bar))
    rightward = right.bar <= left.bar
    value = np.where(sided, np.where(rightward, right.value, left.value), value)
    bar = np.where(sided, np.minimum(right.bar, left.bar), bar)
    return Slopes(value, bar, left, right, kink & ~steep, steep, jump, sided)


def _grows(steps: Array, quotients: Array, noise: Array) -> Array:
    """Whether quotients grow like a power of the step over the smallest steps, beyond all noise."""
    if quotients.shape[1] < 3:
        return np.zeros(len(quotients), dtype=np.bool_)
    size, h, n = np.abs(quotients[:, -4:]), steps[:, -4:], noise[:, -4:]
    rates = np.diff(np.log(size), axis=1) / -np.diff(np.log(h), axis=1)
    alike = rates.max(axis=1) - rates.min(axis=1) < ALIKE
    found: Array = (rates > GROWTH).all(axis=1) & alike & (n < SURE * size).all(axis=1)
    return found


def _stays(changes: Array, noise: Array) -> Array:
    """Whether the change from the point is the same over the three smallest steps."""
    last = np.abs(changes[:, -3:])
    found: Array = (last[:, -1] > 0.9 * last[:, 0]) & (noise[:, -1] < SURE * last[:, -1])
    return found
