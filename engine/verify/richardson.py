"""Limits of difference quotients as the step goes to 0, with error bars: Richardson's extrapolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.question import Array

LONGEST = 4
"""Steps in one extrapolation, at most."""
CONFLICT = 3e-4
"""Limits that contradict each other by less than this part of their size do so by noise that was not foreseen; where
they differ by more, the larger steps have left the neighbourhood of the point."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit per row, and what it may be off by: infinity where there are too few quotients."""

    value: Array
    bar: Array


def limits(steps: Array, quotients: Array, noise: Array, power: int) -> Limit:
    """The limits of `quotients` at step 0, one per row; all arguments are (rows, levels), float64.

    `steps` decrease along a row; a quotient's error is a series in `steps**power`; NaN stands for one that is missing;
    `noise` bounds what noise does to each.  Every run of 2 to `LONGEST` neighbouring steps is extrapolated (Neville's
    scheme).  As in Ridders' method (Adv. Eng. Software 4, 1982) its truncation error is the difference from the two
    runs that are one step shorter; its bar is that and the noise.  The run with the least bar is taken, and the bar
    is widened to reach what the others can vouch for.
    """
    rows, levels = quotients.shape
    powers = steps**power
    values, noises = quotients, noise
    found: list[tuple[Array, Array, int, int]] = []
    for length in range(2, min(levels, LONGEST) + 1):
        large, small = powers[:, : levels - length + 1], powers[:, length - 1 :]
        between = large - small
        longer = values[:, 1:] + small * ((values[:, 1:] - values[:, :-1]) / between)
        noises = (large * noises[:, 1:] + small * noises[:, :-1]) / between
        error = np.maximum(np.abs(longer - values[:, 1:]), np.abs(longer - values[:, :-1])) + noises
        found += [(longer[:, i], error[:, i], i, i + length - 1) for i in range(longer.shape[1])]
        values = longer
    if not found:
        return Limit(np.full(rows, np.nan), np.full(rows, np.inf))
    candidates = np.stack([value for value, _, _, _ in found])
    bars = np.stack([np.maximum(bar, _contradicted(quotients, noise, value, last)) for value, bar, _, last in found])
    bars = np.where(np.isfinite(candidates) & np.isfinite(bars), bars, np.inf)
    first = np.array([start for _, _, start, _ in found])
    chosen = bars.argmin(axis=0)
    row = np.arange(rows)
    value, bar = candidates[chosen, row], bars[chosen, row]
    excess = np.abs(candidates - value) - bars
    excess = np.where(np.isfinite(excess), excess, -np.inf)
    # A run that begins at a smaller step knows the neighbourhood better, whatever it says; a larger one only in detail.
    nearer = first[:, None] > first[chosen][None, :]
    counts = nearer | (excess < CONFLICT * np.abs(value))
    return Limit(value, np.maximum(bar, np.where(counts, excess, 0.0).max(axis=0)))


def _contradicted(quotients: Array, noise: Array, value: Array, last: int) -> Array:
    """How far quotients with smaller steps than the one at `last` are off `value`, beyond their noise and beyond what
    that one itself is off: smaller steps are no worse, unless the larger ones have missed what the function does."""
    if last == quotients.shape[1] - 1:
        return np.zeros(len(value))
    off = np.abs(quotients[:, last:] - value[:, None])
    beyond = off[:, 1:] - off[:, :1] - noise[:, last + 1 :]
    most: Array = np.where(np.isfinite(beyond), beyond, 0.0).max(axis=1)
    return most
