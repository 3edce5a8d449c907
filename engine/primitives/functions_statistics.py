"""Spread and middle of data, and the exponential averages: logsumexp and softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from engine.errors import ShapeMismatch
from engine.graph.primitive import Cotangents, Kink, Primitive
from engine.graph.registry import register
from engine.graph.types import Array, Type
from engine.graph.values import Node, Value
from engine.primitives import reductions
from engine.primitives.arithmetic import divide, equal, select, square
from engine.primitives.function import Axes, Example, function
from engine.primitives.functions_reduce import TIES, as_real, count_along, restored
from engine.primitives.record import linear
from engine.primitives.reductions import norm2, shift_axes, spread, sum_
from engine.primitives.shape import normal_axes, reshape, transpose

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


def _order_value(x: Any, *, axes: tuple[int, ...], rank: int) -> Any:
    (axis,) = axes
    if x.dtype == object:
        return np.take(np.sort(x, axis=axis), rank, axis=axis)
    found = np.take(np.partition(x, rank, axis=axis), rank, axis=axis)
    missing = np.isnan(np.sum(x, axis=axis))
    if np.any(missing):
        found = np.where(np.any(np.isnan(x), axis=axis), np.nan, found)
    return found[()]


def _order_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (x,) = cotangents, node.inputs
    assert cotangent is not None
    chosen = equal(x, spread(node.outputs[0], node))
    count = as_real(sum_(chosen, axes=node.params["axes"]))
    return [select(chosen, spread(divide(cotangent, count), node), 0.0)]


def _order_tied(x: Any, *, axes: tuple[int, ...], rank: int) -> Array:
    chosen = x == np.expand_dims(_order_value(x, axes=axes, rank=rank), axes)
    return np.asarray(np.sum(chosen, axis=axes) > 1)


# The element number `rank` in ascending order along an axis.
order_statistic: Primitive = register(
    Primitive(
        name="order_statistic",
        infer=lambda x, *, axes, rank: (Type(x.dtype, tuple(n for a, n in enumerate(x.shape) if a not in axes)),),
        value=_order_value,
        vjp=_order_vjp,
        batch=shift_axes,
        whole_arrays=True,
        kink=Kink(_order_tied, TIES),
        cost=lambda node: node.inputs[0].type.size * 10.0,
    )
)


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
    middle = order_statistic(rows, axes=(rows.rank - 1,), rank=count // 2)
    if count % 2 == 0:
        middle = (order_statistic(rows, axes=(rows.rank - 1,), rank=count // 2 - 1) + middle) * 0.5
    return restored(middle, x, axes, keepdims)


def _shifted(x: Any, axis: Any) -> Any:
    return x - np.max(x, axis=axis, keepdims=True)


def _softmax(x: Any, axis: Any = -1) -> Any:
    return np.exp(_shifted(x, axis)) / np.sum(np.exp(_shifted(x, axis)), axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: Any = -1) -> Any:
    return _shifted(x, axis) - np.log(np.sum(np.exp(_shifted(x, axis)), axis=axis, keepdims=True))


@function(
    "statistics",
    examples=(
        Example("logsumexp(x)", _DATA),
        Example("logsumexp(x, axis=0)", _ROWS),
        Example("logsumexp(x)", {"x": [1000.0, 1000.5]}),
        Example("logsumexp(x)", {"x": [-1000.0, -1001.0]}),
    ),
    reference=special.logsumexp,
)
def logsumexp(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """log(sum(exp(x))) that neither overflows nor loses digits."""
    axes = normal_axes(axis, x.rank)
    return restored(reductions.logsumexp(as_real(x), axes=axes), x, axes, keepdims)


@function(
    "statistics",
    examples=(
        Example("softmax(x)", _DATA),
        Example("softmax(x, axis=0)", {"x": [[1.0, -0.5, 0.25], [0.5, 0.75, -1.0]]}),
        Example("softmax(x)", {"x": [1000.0, 999.0]}),
    ),
    reference=_softmax,
)
def softmax(x: Value, axis: Axes = -1) -> Value:
    """exp(x) divided by its sum along an axis; axis=None means all elements."""
    return reductions.softmax(as_real(x), axes=normal_axes(axis, x.rank))


@function(
    "statistics",
    examples=(
        Example("log_softmax(x)", _DATA),
        Example("log_softmax(x, axis=0)", _ROWS),
        Example("log_softmax(x)", {"x": [1000.0, 998.0]}),
    ),
    reference=_log_softmax,
)
def log_softmax(x: Value, axis: Axes = -1) -> Value:
    """The logarithm of softmax, without underflow; axis=None means all elements."""
    return reductions.log_softmax(as_real(x), axes=normal_axes(axis, x.rank))
