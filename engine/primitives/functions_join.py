"""Functions that put several arrays together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.types import describe
from engine.graph.values import Value
from engine.primitives import shape as structural
from engine.primitives.function import Axis, Example, function
from engine.primitives.functions_shape import flat
from engine.primitives.shape import element, move_axis, normal_axis, reshape, same_dtype, stack0

Values = Sequence[Value] | Value
"""Several arrays; a single one stands for its elements along the first axis."""

_TWO = {"x": [1.0, 2.0], "y": [3.0, 4.0]}
_ROWS = {"x": [[1.0, 2.0]], "y": [[3.0, 4.0], [5.0, 6.0]]}


def parts_of(arrays: Values, name: str) -> list[Value]:
    """The arrays in one dtype; `ShapeMismatch` if there are none."""
    if isinstance(arrays, Value):
        if not arrays.rank:
            raise ShapeMismatch(f"{name} takes a list of arrays, and got one number.", hint=f"{name}([x, y])")
        arrays = [element(arrays, index=i) for i in range(arrays.shape[0])]
    if not arrays:
        raise ShapeMismatch(f"{name} of no arrays.")
    return same_dtype(arrays)


@function(
    "joining",
    examples=(
        Example("stack([x, y])", _TWO),
        Example("stack((x, y), axis=-1)", _TWO),
        Example("stack([x, y])", {"x": 1.0, "y": 2.0}),
    ),
    reference=np.stack,
)
def stack(arrays: Values, axis: int = 0) -> Value:
    """Arrays of one shape, side by side along a new axis."""
    stacked = stack0(*parts_of(arrays, "stack"))
    return move_axis(stacked, 0, normal_axis(axis, stacked.rank))


def joined(parts: Sequence[Value], axis: int) -> Value:
    """Arrays of one dtype end to end along an axis that they all have."""
    for part in parts:
        if part.rank != parts[0].rank:
            raise ShapeMismatch(
                f"Arrays to be joined have as many axes as each other; "
                f"here are {describe(parts[0].shape)} and {describe(part.shape)}."
            )
    return structural.concatenate(*parts, axis=axis) if len(parts) > 1 else parts[0]


@function(
    "joining",
    aliases=("concat",),
    examples=(
        Example("concatenate([x, y])", _TWO),
        Example("concatenate([x, y], axis=0)", _ROWS),
        Example("concatenate([x, y], axis=None)", _ROWS),
    ),
    reference=np.concatenate,
)
def concatenate(arrays: Values, axis: Axis = 0) -> Value:
    """Arrays end to end along an axis that they have; axis=None joins all their elements in one row."""
    parts = parts_of(arrays, "concatenate")
    if axis is None:
        return joined([flat(part) for part in parts], 0)
    if not parts[0].rank:
        raise ShapeMismatch("Numbers have no axis to be joined along.", hint="stack([x, y]), or simply [x, y]")
    return joined(parts, normal_axis(axis, parts[0].rank))


@function(
    "joining",
    examples=(
        Example("hstack([x, y])", _TWO),
        Example("hstack([x, y])", {"x": [[1.0], [2.0]], "y": [[3.0, 4.0], [5.0, 6.0]]}),
    ),
    reference=np.hstack,
)
def hstack(arrays: Values) -> Value:
    """Arrays side by side: along the second axis, and vectors end to end."""
    parts = [reshape(part, shape=part.shape or (1,)) for part in parts_of(arrays, "hstack")]
    return joined(parts, 0 if parts[0].rank == 1 else 1)


@function("joining", examples=(Example("vstack([x, y])", _TWO), Example("vstack([x, y])", _ROWS)), reference=np.vstack)
def vstack(arrays: Values) -> Value:
    """Arrays below each other: along the first axis, vectors being rows."""
    parts = [reshape(p, shape=(1,) * (2 - p.rank) + p.shape) for p in parts_of(arrays, "vstack")]
    return joined(parts, 0)
