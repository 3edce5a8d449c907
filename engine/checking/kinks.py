"""At a kink or a jump: what may be claimed there, and what a spread that reaches across it says no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.graph.types import Array
from engine.precision.resolve import Sides

ACROSS = 1e-4
"""A rounding error that changes a result by so large a part of everything around it got it across a jump."""

Point = tuple[int, ...]
"""The number of a point in a batch; empty without one."""


def met(sides: Sequence[Sides]) -> dict[tuple[str, Point], Sides]:
    """The components of the gradient that have no derivative, by input and index."""
    return {(s.inputs[0], s.index): s for s in sides if s.part == "grad" and s.inputs}


def points_of(sides: Sequence[Sides], lead: int) -> set[Point]:
    """The points at which something has no derivative; `lead` is 1 in a batch, else 0."""
    return {s.index[:lead] for s in met(sides).values()}


def without_jumps(
    expected: Mapping[str, Array],
    changes: Mapping[str, Array],
    sides: Sequence[Sides],
    inputs: Sequence[Array],
    points: set[Point],
) -> tuple[dict[str, Array], dict[str, Array]]:
    """What rounding changes, with 0 where it gets across a jump, and by how far the result jumps there.

    A thousand rounding errors then change no more than one does.  Looked at are the `points`, and what has `sides`.
    `expected`, and `changes` by one rounding error: gradients by input, the value under the empty name.  `inputs`:
    those that are real.
    """
    kept = {name: np.array(np.nan_to_num(array, nan=0.0)) for name, array in changes.items()}
    jumps = {name: np.zeros(array.shape) for name, array in kept.items()}
    reach = max((float(np.max(np.abs(x), initial=0.0)) for x in inputs), default=0.0)
    for point in points:
        at = [s for (_, index), s in met(sides).items() if index[: len(point)] == point]
        numbers = [np.ravel(array[point]) for name, array in expected.items() if name]
        numbers.append(np.array([side for s in at for side in (s.left, s.right) if side is not None]))
        slopes = np.abs(np.concatenate(numbers))
        slope = float(np.max(slopes, initial=0.0, where=np.isfinite(slopes)))
        # Where a slope is infinite, the value may change by any power of what the inputs change by.
        height = np.inf if np.isinf(slopes).any() else reach * slope
        for name, array in kept.items():
            scale = np.fmax(slope if name else height, np.abs(expected[name][point]))
            with np.errstate(invalid="ignore"):
                _drop(array, jumps[name], point, array[point] > ACROSS * scale)
    for (name, index), side in met(sides).items():
        one_sided = side.left is None or side.right is None
        apart = 0.0 if side.left is None or side.right is None else abs(side.right - side.left)
        _drop(kept[name], jumps[name], index, np.bool(one_sided or bool(kept[name][index] > apart / 8)))
    return kept, jumps


def _drop(kept: Array, jumps: Array, place: Point, where: Array | np.bool) -> None:
    jumps[place] = np.where(where, kept[place], jumps[place])
    kept[place] = np.where(where, 0.0, kept[place])


def scaled(changes: Mapping[str, Array], factor: float) -> dict[str, Array]:
    """All changes times a factor."""
    with np.errstate(over="ignore"):
        return {name: factor * np.asarray(array) for name, array in changes.items()}


def between(claimed: float, side: Sides, allowed: float) -> bool:
    """Whether a number is a choice that a kink leaves: one between the derivatives from both sides, or next to one."""
    if side.left is None or side.right is None:
        return False
    low, high = min(side.left, side.right), max(side.left, side.right)
    return low - allowed <= claimed <= high + allowed
