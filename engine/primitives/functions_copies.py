"""Functions that move or repeat parts of an array, or frame it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.values import Value
from engine.primitives import shape as structural
from engine.primitives.function import Axes, Axis, Example, Shape, Widths, function
from engine.primitives.functions_shape import along, as_tuple, flat, sizes
from engine.primitives.shape import normal_axis

_ROWS = {"x": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}
_ROW = {"x": [1.0, 2.0, 3.0, 4.0]}


@function(
    "shape",
    examples=(
        Example("roll(x, 1)", _ROW),
        Example("roll(x, -3)", _ROWS),
        Example("roll(x, 1, axis=1)", _ROWS),
        Example("roll(x, (1, -1), axis=(0, 1))", _ROWS),
    ),
    reference=np.roll,
)
def roll(x: Value, shift: Shape, axis: Axes = None) -> Value:
    """Shifted along an axis, what leaves at the end coming back at the start; without an axis, as one row."""
    if axis is None:
        rolled = _roll(flat(x), sum(as_tuple(shift)), 0)
        return structural.reshape(rolled, shape=x.shape)
    axes, shifts = as_tuple(axis), as_tuple(shift)
    if len(axes) != len(shifts) and 1 not in (len(axes), len(shifts)):
        raise ShapeMismatch(f"roll needs one shift per axis; got shifts {shifts} for axes {axes}.")
    for i in range(max(len(axes), len(shifts))):
        a, by = axes[i % len(axes)], shifts[i % len(shifts)]
        x = _roll(x, by, normal_axis(a, x.rank))
    return x


def _roll(x: Value, shift: int, axis: int) -> Value:
    size = x.shape[axis]
    shift = shift % size if size else 0
    if not shift:
        return x
    parts = along(x, axis, size - shift, shift), along(x, axis, 0, size - shift)
    return structural.concatenate(*parts, axis=axis)


@function(
    "shape",
    examples=(Example("tile(x, 2)", _ROW), Example("tile(x, (2, 1))", _ROW), Example("tile(x, (2, 3))", _ROWS)),
    reference=np.tile,
)
def tile(x: Value, reps: Shape) -> Value:
    """Copies of the whole array side by side: a count for the last axis, or one per axis."""
    counts = sizes(reps)
    rank = max(len(counts), x.rank)
    counts = (1,) * (rank - len(counts)) + counts
    shape = (1,) * (rank - x.rank) + x.shape
    single = structural.reshape(x, shape=_interleave((1,) * rank, shape))
    copies = structural.broadcast_to(single, shape=_interleave(counts, shape))
    return structural.reshape(copies, shape=tuple(c * n for c, n in zip(counts, shape, strict=True)))


def _interleave(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    return tuple(n for pair in zip(a, b, strict=True) for n in pair)


@function(
    "shape",
    examples=(Example("repeat(x, 2)", _ROWS), Example("repeat(x, 3, axis=0)", _ROWS)),
    reference=np.repeat,
)
def repeat(x: Value, repeats: int, axis: Axis = None) -> Value:
    """Each element several times in a row; without an axis the array is read as one row."""
    (count,) = sizes(repeats)
    if axis is None:
        x, at = flat(x), 0
    else:
        at = normal_axis(axis, x.rank)
    before, size, after = x.shape[:at], x.shape[at], x.shape[at + 1 :]
    single = structural.reshape(x, shape=(*before, size, 1, *after))
    copies = structural.broadcast_to(single, shape=(*before, size, count, *after))
    return structural.reshape(copies, shape=(*before, size * count, *after))


def _widths(width: Any, rank: int) -> list[tuple[int, int]]:
    """(before, after) for each axis, from numpy's forms of it."""
    parts = width if isinstance(width, tuple) else (width,)
    pairs: list[Any]
    if not any(isinstance(part, tuple) for part in parts):
        pairs = [parts[0:1] * 2 if len(parts) == 1 else parts] * rank
    else:
        pairs = [part * 2 if isinstance(part, tuple) and len(part) == 1 else part for part in parts]
        pairs = pairs * rank if len(pairs) == 1 else pairs
    if len(pairs) != rank or any(not isinstance(p, tuple) or len(p) != 2 or min(p) < 0 for p in pairs):
        raise ShapeMismatch(
            f"The width {width} does not say how many to add before and after each of {rank} axes.",
            hint="2, or (before, after), or ((before, after), …) with one pair per axis",
        )
    return pairs


@function(
    "shape",
    note="The width is a number, or (before, after) for every axis, or one such pair per axis.",
    examples=(
        Example("pad(x, 2)", _ROW),
        Example("pad(x, (1, 2), 7.5)", _ROWS),
        Example("pad(x, ((0, 1), (2, 0)), value=v)", {**_ROWS, "v": 0.5}),
    ),
    reference=lambda x, width, value=0.0: np.pad(x, width, constant_values=value),
)
def pad(x: Value, width: Widths, value: Value | None = None) -> Value:
    """x framed by a constant, 0 if none is given."""
    pairs = _widths(width, x.rank)
    if value is None:
        shape = tuple(b + n + a for n, (b, a) in zip(x.shape, pairs, strict=True))
        slices = tuple((b, n, 1) for n, (b, _) in zip(x.shape, pairs, strict=True))
        return x if shape == x.shape else structural.unstrided(x, shape=shape, slices=slices)
    if value.shape:
        raise ShapeMismatch(f"The value of pad is one number, and has shape {value.shape}.")
    x, value = structural.same_dtype([x, value])
    for axis, (before, after) in enumerate(pairs):
        slabs = [
            structural.broadcast_to(value, shape=(*x.shape[:axis], count, *x.shape[axis + 1 :]))
            for count in (before, after)
        ]
        parts = [part for part in (slabs[0], x, slabs[1]) if part.shape[axis]] or [x]
        x = structural.concatenate(*parts, axis=axis) if len(parts) > 1 else parts[0]
    return x
