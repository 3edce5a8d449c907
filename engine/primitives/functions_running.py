"""Running sums and products, without division."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import blas

from engine.errors import ShapeMismatch
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import register
from engine.graph.types import Type
from engine.graph.values import Node, Value
from engine.primitives import reductions
from engine.primitives.arithmetic import cast, chain
from engine.primitives.function import Axis, Example, function
from engine.primitives.functions_reduce import as_real
from engine.primitives.functions_shape import along, flat
from engine.primitives.record import with_batch
from engine.primitives.shape import normal_axis, unstrided

_ROWS = {"x": [[1.0, -2.5, 4.0], [0.5, 3.0, -1.0]]}
_ROW = {"x": [1.5, -2.0, 0.5, 3.0, 1.25]}
_ZERO = {"x": [1.5, 0.0, 0.5, 3.0]}
_ZEROS = {"x": [1.5, 0.0, 0.5, 0.0, 2.0]}


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
recurrence: Primitive = register(
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
