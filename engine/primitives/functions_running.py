"""Products, and running sums and products: without division, so that zeros are numbers like any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import blas

from engine.errors import ShapeMismatch
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import register
from engine.graph.types import Array, Type
from engine.graph.values import Node, Value
from engine.primitives import reductions
from engine.primitives.arithmetic import cast, chain
from engine.primitives.function import Axes, Axis, Example, function
from engine.primitives.functions_reduce import as_real, restored
from engine.primitives.functions_shape import along, flat
from engine.primitives.functions_statistics import last_axis
from engine.primitives.record import with_batch
from engine.primitives.reductions import shift_axes
from engine.primitives.shape import (
    concatenate,
    flip,
    normal_axes,
    normal_axis,
    reshape,
    transpose,
    unstrided,
    zeros_of,
)

_ROWS = {"x": [[1.0, -2.5, 4.0], [0.5, 3.0, -1.0]]}
_ROW = {"x": [1.5, -2.0, 0.5, 3.0, 1.25]}
_ZERO = {"x": [1.5, 0.0, 0.5, 3.0]}
_ZEROS = {"x": [1.5, 0.0, 0.5, 0.0, 2.0]}

_CHUNK = 512
"""Mantissas are at least 1/2, so that a product of this many is far from underflow."""


def _prod_types(x: Type, *, axes: tuple[int, ...]) -> tuple[Type]:
    return (Type(x.dtype, tuple(n for a, n in enumerate(x.shape) if a not in axes)),)


def _prod_value(x: Any, *, axes: tuple[int, ...]) -> Any:
    if x.dtype == object or not x.size:
        return np.prod(x, axis=axes)
    size = np.abs(x)
    count = x.size
    with np.errstate(over="ignore", invalid="ignore"):
        if np.max(size) ** count < 1e300 and np.min(size) ** count > 1e-290:
            return np.prod(x, axis=axes)
    # Neither overflow nor underflow on the way: mantissas and exponents apart.
    others = [a for a in range(x.ndim) if a not in axes]
    rows = np.transpose(x, (*others, *axes)).reshape(*[x.shape[a] for a in others], -1)
    mantissa, exponent = np.frexp(rows)
    exponent = exponent.astype(np.int64)
    while mantissa.shape[-1] > 1:
        mantissa, more = np.frexp(np.prod(_chunks(mantissa, 1.0), axis=-1))
        exponent = np.sum(_chunks(exponent, 0), axis=-1) + more
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(mantissa[..., 0], np.clip(exponent[..., 0], -5000, 5000).astype(np.int32))


def _chunks(x: Array, filler: float) -> Array:
    missing = -x.shape[-1] % min(_CHUNK, x.shape[-1])
    if missing:
        x = np.concatenate([x, np.full((*x.shape[:-1], missing), filler, dtype=x.dtype)], axis=-1)
    return x.reshape(*x.shape[:-1], -1, min(_CHUNK, x.shape[-1]))


def _prod_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (x,), axes = cotangents, node.inputs, node.params["axes"]
    assert cotangent is not None
    if not x.type.size:
        return [zeros_of(x.shape)]
    rows = last_axis(x, axes)
    shared = _product_of_others(rows, reshape(cotangent, shape=(*cotangent.shape, 1)))
    order = (*[a for a in range(x.rank) if a not in axes], *axes)
    spread = reshape(shared, shape=tuple(x.shape[a] for a in order))
    return [transpose(spread, axes=tuple(int(i) for i in np.argsort(order)))]


def _product_of_others(rows: Value, cotangent: Value) -> Value:
    """The cotangent times the product of all other elements of the last axis, for each: up and down a tree.

    Elements are paired from both ends, where they are least likely to overflow together.
    """
    axis, levels = rows.rank - 1, []
    while (size := rows.shape[axis]) > 1:
        half = size // 2
        left, right = along(rows, axis, 0, half), along(rows, axis, size - 1, half, -1)
        levels.append((left, right))
        pairs = left * right
        rows = concatenate(pairs, along(rows, axis, half, 1), axis=axis) if size % 2 else pairs
    for left, right in reversed(levels):
        half, size = left.shape[axis], cotangent.shape[axis]
        odd = [along(cotangent, axis, half, 1)] if size > half else []
        share = along(cotangent, axis, 0, half) if odd else cotangent
        parts = [chain(share, right), *odd, flip(chain(share, left), axes=(axis,))]
        cotangent = concatenate(*parts, axis=axis)
    return cotangent


product = register(
    Primitive(
        name="prod",
        infer=_prod_types,
        value=_prod_value,
        vjp=_prod_vjp,
        batch=shift_axes,
        whole_arrays=True,
        cost=lambda node: node.inputs[0].type.size * 3.0,
    )
)


@function(
    "reductions",
    note="The product of integers is real: it is exact up to 2^53 and does not wrap round.",
    examples=(
        Example("prod(x)", _ROW),
        Example("prod(x, axis=0)", _ROWS),
        Example("prod(x, axis=1, keepdims=True)", _ROWS),
        Example("prod(x)", _ROWS),
        Example("prod(x)", _ZERO),
        Example("prod(x)", _ZEROS),
    ),
    reference=np.prod,
)
def prod(x: Value, axis: Axes = None, keepdims: bool = False) -> Value:
    """Product of all elements, or along axes; its derivative is right with any number of zeros."""
    axes = normal_axes(axis, x.rank)
    x = as_real(x)
    return restored(product(x, axes=axes) if axes else x, x, axes, keepdims)


def _recurrence_types(a: Type, b: Type, *, axes: tuple[int], backward: bool) -> tuple[Type]:
    (axis,) = axes
    expected = (*b.shape[:axis], b.shape[axis] - 1, *b.shape[axis + 1 :])
    if a.shape != expected:
        raise ShapeMismatch(f"a recurrence over {b.shape} has factors of shape {expected}, not {a.shape}.")
    return (b,)


def _recurrence_value(a: Any, b: Any, *, axes: tuple[int], backward: bool) -> Any:
    a, out = np.moveaxis(a, axes[0], -1), np.array(np.moveaxis(b, axes[0], -1))
    if backward:
        a, out = a[..., ::-1], np.ascontiguousarray(out[..., ::-1])
    size, rows = out.shape[-1], out[..., 0].size
    # The banded solver takes 7 ns for an element of one row, a step of all rows takes 2 µs at least.
    if out.dtype == np.float64 and 0 < rows <= size and np.all(np.isfinite(a)):
        band = np.empty((2, size), order="F")
        for factors, row in zip(a.reshape(-1, size - 1), out.reshape(-1, size), strict=True):
            band[1, :-1] = factors
            np.negative(band[1, :-1], out=band[1, :-1])
            blas.dtbsv(1, band, row, lower=1, diag=1, overwrite_x=1)
    else:
        with np.errstate(all="ignore"):
            for i in range(1, size):
                out[..., i] += a[..., i - 1] * out[..., i - 1]
    return np.moveaxis(out[..., ::-1] if backward else out, -1, axes[0])


def _recurrence_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (a, _), (axis,) = cotangents, node.inputs, node.params["axes"]
    assert cotangent is not None
    backward, out = node.params["backward"], node.outputs[0]
    summed = recurrence(a, cotangent, axes=(axis,), backward=not backward)
    if not wanted[0]:
        return [None, summed]
    count = a.shape[axis]
    before, after = along(out, axis, 0, count), along(out, axis, 1, count)
    if backward:
        return [chain(along(summed, axis, 0, count), after), summed]
    return [chain(along(summed, axis, 1, count), before), summed]


def _recurrence_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    a, b = (with_batch(v, flag, size) for v, flag in zip(inputs, batched, strict=True))
    (axis,) = node.params["axes"]
    return [recurrence(a, b, axes=(axis + 1,), backward=node.params["backward"])]


# Along an axis y[0] = b[0], y[i] = a[i-1] y[i-1] + b[i]; backward from the other end, y[i] = a[i] y[i+1] + b[i].
# Each is the other's transpose in b.
recurrence = register(
    Primitive(
        name="recurrence",
        infer=_recurrence_types,
        value=_recurrence_value,
        vjp=_recurrence_vjp,
        batch=_recurrence_batch,
        whole_arrays=True,
        cost=lambda node: node.outputs[0].type.size * 8.0,
    )
)


@function(
    "reductions",
    note="Without an axis the array is read as one row, and one row is the result.",
    examples=(Example("cumsum(x)", _ROW), Example("cumsum(x, axis=0)", _ROWS), Example("cumsum(x)", _ROWS)),
    reference=np.cumsum,
)
def cumsum(x: Value, axis: Axis = None) -> Value:
    """Sums of all elements up to each one."""
    x, a = (flat(x), 0) if axis is None else (x, normal_axis(axis, x.rank))
    return reductions.cumsum(cast(x, dtype="int") if x.type.dtype == "bool" else x, axes=(a,))


@function(
    "reductions",
    note="Without an axis the array is read as one row, and one row is the result. Integers become real.",
    examples=(
        Example("cumprod(x)", _ROW),
        Example("cumprod(x, axis=1)", _ROWS),
        Example("cumprod(x)", _ROWS),
        Example("cumprod(x)", _ZERO),
        Example("cumprod(x)", _ZEROS),
    ),
    reference=np.cumprod,
)
def cumprod(x: Value, axis: Axis = None) -> Value:
    """Products of all elements up to each one; the derivative is right with any number of zeros."""
    x = as_real(x)
    x, a = (flat(x), 0) if axis is None else (x, normal_axis(axis, x.rank))
    size = x.shape[a]
    if size < 2:
        return x
    front = tuple((0, 1 if i == a else n, 1) for i, n in enumerate(x.shape))
    first = unstrided(along(x, a, 0, 1), shape=x.shape, slices=front)
    return recurrence(along(x, a, 1, size - 1), first, axes=(a,), backward=False)
