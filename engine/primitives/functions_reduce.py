"""Functions that reduce along axes: sums, products of truth values, extremes and their places."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import ShapeMismatch, TypeMismatch
from engine.graph.primitive import Primitive
from engine.graph.types import broadcast
from engine.graph.values import Value
from engine.primitives import reductions
from engine.primitives.arithmetic import cast, divide, not_equal, subtract
from engine.primitives.function import Axes, Axis, Example, function
from engine.primitives.kinks import maximum, minimum
from engine.primitives.reductions import kept, max_, min_, sum_
from engine.primitives.shape import broadcast_to, normal_axes, normal_axis, reshape, same_dtype, stack0

TIES = "tied elements share the derivative equally"
_ROWS = {"x": [[1.0, -2.5, 4.0], [0.5, 3.0, -1.0]]}
_TRUTH = {"x": [[1.0, 0.0], [2.0, -3.0]]}


def as_real(x: Value) -> Value:
    """x as real numbers."""
    return cast(x, dtype="real")


def restored(value: Value, x: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    """A reduction of x over `axes`, with these axes back at size 1 if they are to be kept."""
    return reshape(value, shape=kept(x.shape, axes)) if keepdims else value


def count_along(x: Value, axes: tuple[int, ...], name: str) -> int:
    """How many elements each result is made of; `ShapeMismatch` if none."""
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    if not count:
        raise ShapeMismatch(f"{name} of no elements: shape {x.shape} has size 0 along the reduced axes.")
    return count


def _reduce(primitive: Primitive, x: Value, axis: Axes, keepdims: bool) -> Value:
    axes = normal_axes(axis, x.rank)
    return restored(primitive(x, axes=axes), x, axes, keepdims)


@function(
    "reductions",
    name="sum",
    examples=(Example("sum(x)", _ROWS), Example("sum(x, axis=0)", _ROWS), Example("sum(x, -1, keepdims=True)", _ROWS)),
    reference=np.sum,
)
def sum_along(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """Sum of all elements, or along one or several axes.

    The sum of truth values counts them.
    """
    return _reduce(sum_, x, axis, keepdims)


def mean_along(x: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    """The mean over normalised axes."""
    count = count_along(x, axes, "mean")
    return restored(divide(sum_(as_real(x), axes=axes), float(count)), x, axes, keepdims)


@function(
    "reductions",
    aliases=("average",),
    examples=(Example("mean(x)", _ROWS), Example("mean(x, axis=1)", _ROWS)),
    reference=np.mean,
)
def mean(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """Arithmetic mean of all elements, or along axes."""
    return mean_along(x, normal_axes(axis, x.rank), keepdims)


def _extreme(
    name: str, pair: Primitive, along: Primitive, x: Value, others: tuple[Value, ...], axis: Axes, keepdims: bool
) -> Value:
    if not others:
        return _reduce(along, x, axis, keepdims)
    if axis is not None or keepdims:
        raise TypeMismatch(
            f"{name} of several arguments compares them element by element; axis and keepdims do not apply.",
            hint=f"{name}(x, axis=0) for one array",
        )
    if len(others) == 1:
        return pair(x, *others)
    # Pair after pair would share a tie of three as 1/4, 1/4, 1/2.
    shape = broadcast(x.shape, *[v.shape for v in others])
    return along(stack0(*[broadcast_to(v, shape=shape) for v in same_dtype([x, *others])]), axes=(0,))


def _numpy_extreme(pair: Any, along: Any) -> Any:
    def reference(x: Any, *others: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if not others:
            return along(x, axis=axis, keepdims=keepdims)
        for other in others:
            x = pair(x, other)
        return x

    return reference


@function(
    "reductions",
    name="max",
    aliases=("amax",),
    kink=TIES,
    note="max(x) reduces one array, along axis=… if given; max(x, y) is maximum(x, y). NaN if any element is.",
    examples=(
        Example("max(x)", _ROWS),
        Example("max(x, axis=0)", _ROWS),
        Example("max(x, y)", {"x": [1.0, 5.0], "y": 2.0}),
        Example("max(x, y, z)", {"x": 1.0, "y": 2.0, "z": 3.0}),
        Example("max(x)", {"x": [2.0, 1.0, 2.0]}, smooth=False, grad={"x": [0.5, 0.0, 0.5]}),
        Example("max(x, y)", {"x": 2.0, "y": 2.0}, smooth=False, grad={"x": 0.5, "y": 0.5}),
        Example("max(x, y, z)", {"x": 1.0, "y": 1.0, "z": 1.0}, False, {"x": 1 / 3, "y": 1 / 3, "z": 1 / 3}),
    ),
    reference=_numpy_extreme(np.maximum, np.max),
)
def max_of(x: Value, *others: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """The largest element of one array, or the largest of several arguments, element by element."""
    return _extreme("max", maximum, max_, x, others, axis, keepdims)


@function(
    "reductions",
    name="min",
    aliases=("amin",),
    kink=TIES,
    note="min(x) reduces one array, along axis=… if given; min(x, y) is minimum(x, y). NaN if any element is.",
    examples=(
        Example("min(x)", _ROWS),
        Example("min(x, axis=(0, 1))", _ROWS),
        Example("min(x, y)", {"x": [1.0, 5.0], "y": 2.0}),
        Example("min(x, y, z)", {"x": 1.0, "y": 2.0, "z": 3.0}),
        Example("min(x)", {"x": [2.0, 1.0, 1.0]}, smooth=False, grad={"x": [0.0, 0.5, 0.5]}),
    ),
    reference=_numpy_extreme(np.minimum, np.min),
)
def min_of(x: Value, *others: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """The smallest element of one array, or the smallest of several arguments, element by element."""
    return _extreme("min", minimum, min_, x, others, axis, keepdims)


@function(
    "reductions",
    kink=TIES,
    examples=(Example("ptp(x)", _ROWS), Example("ptp(x, axis=1)", _ROWS)),
    reference=np.ptp,
)
def ptp(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """Largest minus smallest element ("peak to peak")."""
    return subtract(_reduce(max_, x, axis, keepdims), _reduce(min_, x, axis, keepdims))


@function(
    "reductions",
    differentiable=False,
    examples=(Example("all(x)", _TRUTH), Example("all(x, axis=0)", _TRUTH)),
    reference=np.all,
)
def all_(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """True where all elements are true; numbers other than 0 are true."""
    return _reduce(reductions.all_, x, axis, keepdims)


@function(
    "reductions",
    differentiable=False,
    examples=(Example("any(x)", _TRUTH), Example("any(x, axis=1)", _TRUTH)),
    reference=np.any,
)
def any_(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """True where any element is true; numbers other than 0 are true."""
    return _reduce(reductions.any_, x, axis, keepdims)


@function(
    "reductions",
    differentiable=False,
    examples=(Example("count_nonzero(x)", _TRUTH), Example("count_nonzero(x, axis=0)", _TRUTH)),
    reference=np.count_nonzero,
)
def count_nonzero(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """How many elements are not 0."""
    return _reduce(sum_, not_equal(x, 0), axis, keepdims)


def _place(primitive: Primitive, x: Value, axis: Axis, keepdims: bool) -> Value:
    axes = normal_axes(axis, x.rank)
    if axis is None:
        found = primitive(reshape(x, shape=(x.type.size,)), axes=(0,))
    else:
        found = primitive(x, axes=(normal_axis(axis, x.rank),))
    return restored(found, x, axes, keepdims)


@function(
    "reductions",
    differentiable=False,
    note="Of equal elements the first one counts. Without an axis the array is read as one row.",
    examples=(Example("argmax(x)", _ROWS), Example("argmax(x, axis=0)", _ROWS)),
    reference=np.argmax,
)
def argmax(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """Position of the largest element."""
    return _place(reductions.argmax, x, axis, keepdims)


@function(
    "reductions",
    differentiable=False,
    note="Of equal elements the first one counts. Without an axis the array is read as one row.",
    examples=(Example("argmin(x)", _ROWS), Example("argmin(x, axis=1)", _ROWS)),
    reference=np.argmin,
)
def argmin(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """Position of the smallest element."""
    return _place(reductions.argmin, x, axis, keepdims)
