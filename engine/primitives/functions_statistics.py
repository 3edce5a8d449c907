"""Spread and middle of data, and the exponential averages: logsumexp and softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.primitive import Primitive
from engine.graph.types import Type
from engine.graph.values import Value
from engine.primitives import reductions
from engine.primitives.arithmetic import divide, select, square
from engine.primitives.arithmetic import isnan as is_nan
from engine.primitives.function import Axes, Example, function
from engine.primitives.functions_reduce import TIES, as_real, count_along, restored
from engine.primitives.record import linear
from engine.primitives.reductions import norm2, shift_axes, sort, sum_
from engine.primitives.shape import normal_axes, reshape, strided, transpose

_ROWS = {"x": [[1.0, -2.5, 4.0], [0.5, 3.0, -1.0]]}
_DATA = {"x": [1.0, 2.5, 4.0, -3.0]}


def _centre_types(x: Type, *, axes: tuple[int, ...]) -> tuple[Type]:
    return (x,)


def _centre_value(x: Any, *, axes: tuple[int, ...]) -> Any:
    count = int(np.prod([x.shape[a] for a in axes]))
    x = x - np.sum(x, axis=axes, keepdims=True) / count
    if x.dtype == object:
        return x
    # The first mean is off by some ulps of the data, which can be more than their spread; the second by ulps of the
    # spread.  Equal numbers come out as exact zeros.
    return x - np.sum(x, axis=axes, keepdims=True) / count


# x minus its mean: a projection, hence its own transpose.
centre: Primitive = linear(
    "centre",
    _centre_types,
    _centre_value,
    lambda cotangent, node: centre(cotangent, **node.params),
    shift_axes,
    nanoseconds=2.5,
)


def _freedom(x: Value, axes: tuple[int, ...], ddof: int, name: str) -> float:
    count = count_along(x, axes, name)
    if count <= ddof:
        raise ShapeMismatch(
            f"{name} with ddof={ddof} needs more than {ddof} elements, and has {count}.",
            hint=f"{name}(x) divides by the number of elements",
        )
    return float(count - ddof)


@function(
    "statistics",
    note="Divides by n - ddof: ddof=1 for a sample.",
    examples=(
        Example("var(x)", _DATA),
        Example("var(x, ddof=1)", _DATA),
        Example("var(x, axis=0)", _ROWS),
        Example("var(x)", {"x": [3.0, 3.0, 3.0]}),
        Example("var(x)", {"x": [1e9, 1e9 + 1, 1e9 + 2]}),
    ),
    reference=np.var,
)
def var(x: Value, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Value:
    """Variance: the mean squared distance from the mean."""
    axes = normal_axes(axis, x.rank)
    freedom = _freedom(x, axes, ddof, "var")
    centred = centre(as_real(x), axes=axes)
    return restored(divide(sum_(square(centred), axes=axes), freedom), x, axes, keepdims)


@function(
    "statistics",
    kink="derivative 0 where all elements are equal",
    note="Divides by n - ddof under the root: ddof=1 for a sample.",
    examples=(
        Example("std(x)", _DATA),
        Example("std(x, ddof=1)", _DATA),
        Example("std(x, axis=1, keepdims=True)", _ROWS),
        Example("std(x)", {"x": [0.1, 0.1, 0.1]}, smooth=False, grad={"x": [0.0, 0.0, 0.0]}),
    ),
    reference=np.std,
)
def std(x: Value, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Value:
    """Standard deviation: the root of the variance."""
    axes = normal_axes(axis, x.rank)
    freedom = _freedom(x, axes, ddof, "std")
    return restored(divide(norm2(centre(as_real(x), axes=axes), axes=axes), freedom**0.5), x, axes, keepdims)


def last_axis(x: Value, axes: tuple[int, ...]) -> Value:
    """x with `axes` merged into one last axis, in their order."""
    others = tuple(a for a in range(x.rank) if a not in axes)
    moved = transpose(x, axes=(*others, *axes))
    size = 1
    for axis in axes:
        size *= x.shape[axis]
    return reshape(moved, shape=(*[x.shape[a] for a in others], size))


def _pick(x: Value, index: int) -> Value:
    """x[..., index]."""
    slices = (*((0, n, 1) for n in x.shape[:-1]), (index, 1, 1))
    return reshape(strided(x, slices=slices), shape=x.shape[:-1])


@function(
    "statistics",
    kink=TIES,
    note="The mean of the two middle elements where their number is even. NaN if any element is.",
    examples=(
        Example("median(x)", {"x": [3.0, -1.0, 7.0]}),
        Example("median(x)", _DATA),
        Example("median(x, axis=0)", _ROWS),
        Example("median(x, axis=(0, 1), keepdims=True)", _ROWS),
        Example("median(x)", {"x": [2.0, 1.0, 2.0, 5.0]}, smooth=False, grad={"x": [0.5, 0.0, 0.5, 0.0]}),
    ),
    reference=np.median,
)
def median(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """The middle element in order of size."""
    axes = normal_axes(axis, x.rank)
    count = count_along(x, axes, "median")
    rows = last_axis(as_real(x), axes)
    ordered = sort(rows, axes=(rows.rank - 1,))
    middle = _pick(ordered, count // 2)
    if count % 2 == 0:
        middle = (_pick(ordered, count // 2 - 1) + middle) * 0.5
    largest = _pick(ordered, count - 1)  # NaN is sorted to the end
    return restored(select(is_nan(largest), largest, middle), x, axes, keepdims)


def _top(x: Any, axis: Any) -> Any:
    return np.max(x, axis=axis, keepdims=True)


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    top = _top(x, axis)
    return np.log(np.sum(np.exp(x - top), axis=axis, keepdims=keepdims)) + np.reshape(
        top, np.sum(x, axis=axis, keepdims=keepdims).shape
    )


def _log_softmax(x: Any, axis: Any = -1) -> Any:
    return x - _logsumexp(x, axis=axis, keepdims=True)


@function(
    "statistics",
    examples=(
        Example("logsumexp(x)", _DATA),
        Example("logsumexp(x, axis=0)", _ROWS),
        Example("logsumexp(x)", {"x": [1000.0, 1000.5]}),
        Example("logsumexp(x)", {"x": [-1000.0, -1001.0]}),
    ),
    reference=_logsumexp,
)
def logsumexp(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """log(sum(exp(x))) that neither overflows nor loses digits."""
    axes = normal_axes(axis, x.rank)
    return restored(reductions.logsumexp(as_real(x), axes=axes), x, axes, keepdims)


@function(
    "statistics",
    examples=(
        Example("softmax(x)", _DATA),
        Example("softmax(x, axis=0)", _ROWS),
        Example("softmax(x)", {"x": [1000.0, 999.0]}),
    ),
    reference=lambda x, axis=-1: np.exp(_log_softmax(x, axis)),
)
def softmax(x: Value, axis: Axes = -1) -> Value:
    """exp(x) divided by its sum along an axis; axis=None means all elements."""
    return reductions.softmax(as_real(x), axes=normal_axes(axis, x.rank))


@function(
    "statistics",
    examples=(
        Example("log_softmax(x)", _DATA),
        Example("log_softmax(x, axis=0)", _ROWS),
        Example("log_softmax(x)", {"x": [1000.0, 0.0]}),
    ),
    reference=_log_softmax,
)
def log_softmax(x: Value, axis: Axes = -1) -> Value:
    """The logarithm of softmax, without underflow; axis=None means all elements."""
    return reductions.log_softmax(as_real(x), axes=normal_axes(axis, x.rank))
