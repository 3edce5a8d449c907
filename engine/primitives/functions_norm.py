"""Norms of vectors and matrices."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf, isnan
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch, TypeMismatch, Unsupported
from engine.graph.build import constant
from engine.graph.primitive import Cotangents, Kink, Primitive
from engine.graph.registry import register
from engine.graph.types import Array, Type
from engine.graph.values import Node, Value
from engine.primitives.arithmetic import chain, divide, equal, logical_or, multiply, select
from engine.primitives.function import Axes, Example, Order, function
from engine.primitives.functions_reduce import as_real, restored
from engine.primitives.kinks import abs_, sign
from engine.primitives.powers import to_power
from engine.primitives.reductions import max_, min_, norm2, shift_axes, spread, sum_
from engine.primitives.shape import normal_axes, normal_axis, transpose

_MATRIX = {"x": [[1.0, -2.5, 4.0], [0.5, 3.0, -1.0]]}
_VECTOR = {"x": [3.0, -4.0, 0.5]}


def _p_norm_types(x: Type, *, axes: tuple[int, ...], p: float) -> tuple[Type]:
    return (Type("real", tuple(n for a, n in enumerate(x.shape) if a not in axes)),)


def _p_norm_value(x: Any, *, axes: tuple[int, ...], p: float) -> Any:
    size = np.abs(x)
    # Scaled by the element that counts most, so that powers neither overflow nor vanish.
    scale = np.max(size, axis=axes, keepdims=True) if p > 0 else np.min(size, axis=axes, keepdims=True)
    usable = (scale > 0) & np.isfinite(scale)
    with np.errstate(all="ignore"):
        total = np.sum((size / np.where(usable, scale, 1.0)) ** p, axis=axes, keepdims=True) ** (1.0 / p)
    return np.squeeze(total * np.where(usable, scale, 1.0), axis=axes)[()]


def _p_norm_twin(library: Any, x: Any, *, axes: tuple[int, ...], p: float) -> Any:
    power, nothing = Fraction(p), np.any(x == 0, axis=axes, keepdims=True) & (p < 0)
    total = np.sum(np.abs(np.where(nothing, 1, x)) ** power, axis=axes) ** (1 / power)
    return np.where(np.reshape(nothing, np.shape(total)), 0, total)[()]


def _p_norm_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (x,), p = cotangents, node.inputs, node.params["p"]
    assert cotangent is not None
    out = spread(node.outputs[0], node)
    nothing = equal(out, 0.0)
    if p <= 1:
        nothing = logical_or(nothing, equal(x, 0.0))
    ratio = select(nothing, 1.0, divide(x, select(equal(out, 0.0), 1.0, out)))
    # An odd power needs no absolute value, which would have a kink at 0 that the norm does not have.
    less = constant(float(p)) - 1.0
    power = to_power(ratio, less) if p % 2 == 0 else multiply(sign(ratio), to_power(abs_(ratio), less))
    return [chain(spread(cotangent, node), select(nothing, 0.0, power))]


def _p_norm_kink(x: Any, *, axes: tuple[int, ...], p: float) -> Array:
    zero = np.any(x == 0, axis=axes) if p <= 1 else np.all(x == 0, axis=axes)
    return np.asarray(zero)


# For orders other than 1, 2 and the infinite ones.
p_norm: Primitive = register(
    Primitive(
        name="p_norm",
        infer=_p_norm_types,
        value=_p_norm_value,
        vjp=_p_norm_vjp,
        batch=shift_axes,
        precise=_p_norm_twin,
        symbolic=_p_norm_twin,
        whole_arrays=True,
        kink=Kink(_p_norm_kink, "derivative 0 at 0"),
        cost=lambda node: node.inputs[0].type.size * 30.0,
    )
)


def _vector_norm(x: Value, order: float, axes: tuple[int, ...]) -> Value:
    if order == 2:
        return norm2(x, axes=axes)
    if order == 1:
        return sum_(abs_(x), axes=axes)
    if abs(order) == inf:
        return (max_ if order > 0 else min_)(abs_(x), axes=axes)
    if any(x.shape[a] == 0 for a in axes):
        raise ShapeMismatch(f"norm of order {order:g} of no elements: shape {x.shape} has size 0 along its axes.")
    return p_norm(x, axes=axes, p=float(order))


def _matrix_norm(x: Value, order: float | str, rows: int, columns: int) -> Value:
    """A norm of the matrices that x has along two axes; these stay, with size 1, except for singular values."""
    if order in (2, "nuc"):
        from engine.primitives.linear_algebra import nuclear_norm, spectral_norm

        others = [a for a in range(x.rank) if a not in (rows, columns)]
        matrices = transpose(x, axes=(*others, rows, columns))
        result: Value = (spectral_norm if order == 2 else nuclear_norm)(matrices)
        return result
    if order in (1, -1, inf, -inf):
        inner, outer = (rows, columns) if abs(order) == 1 else (columns, rows)
        sums = sum_(abs_(x), axes=(inner,))
        return (max_ if order > 0 else min_)(sums, axes=(outer - (inner < outer),))
    raise Unsupported(
        f"A matrix has no norm of order {order}.",
        hint="1, 2, inf, -1, -inf, 'fro' or 'nuc'; norm(ravel(x), p) for all elements as one vector",
    )


def _vectors_only(order: float | str) -> float:
    if isinstance(order, str):
        what = "is for matrices" if order == "nuc" else "is not known"
        raise TypeMismatch(f"The order {order!r} {what}.", hint="a number, 'fro', or for matrices 'nuc'")
    if order == 0 or isnan(order):
        raise Unsupported(f"norm has no order {order:g}.", hint="count_nonzero(x)" if order == 0 else None)
    return order


@function(
    "reductions",
    kink="derivative 0 where all elements are 0; for order 1, of each element that is 0; ties of infinite orders share",
    note=(
        "By default the root of the sum of all squares, for matrices as well (Frobenius, as 'fro'). A matrix has the "
        "norms of matrices for other orders: 2 is its largest singular value, 1 its largest column sum, inf its "
        "largest row sum, 'nuc' the sum of its singular values. An axis makes it a norm of vectors, two axes one of "
        "matrices. Elements as large as 1e308 and as small as 1e-308 are taken without overflow."
    ),
    examples=(
        Example("norm(x)", _VECTOR),
        Example("norm(x, 1)", _VECTOR),
        Example("norm(x, inf)", _VECTOR),
        Example("norm(x, -inf)", _VECTOR),
        Example("norm(x, 3)", _VECTOR),
        Example("norm(x, 1.5)", _VECTOR),
        Example("norm(x, 4)", _VECTOR),
        Example("norm(x, 0.5)", _VECTOR),
        Example("norm(x, -2)", _VECTOR),
        Example("norm(x)", _MATRIX),
        Example("norm(x, 'fro')", _MATRIX),
        Example("norm(x, 1)", _MATRIX),
        Example("norm(x, ord=inf)", _MATRIX),
        Example("norm(x, axis=1)", _MATRIX),
        Example("norm(x, 1, axis=0, keepdims=True)", _MATRIX),
        Example("norm(x)", {"x": [0.0, 0.0]}, smooth=False, grad={"x": [0.0, 0.0]}),
        Example("norm(x, 3)", {"x": [0.0, 0.0]}, smooth=False, grad={"x": [0.0, 0.0]}),
        Example("norm(x, 1)", {"x": [0.0, -2.0]}, smooth=False, grad={"x": [0.0, -1.0]}),
        Example("norm(x, inf)", {"x": [2.0, -2.0]}, smooth=False, grad={"x": [0.5, -0.5]}),
    ),
    reference=np.linalg.norm,
)
def norm(x: Value, ord: Order = None, axis: Axes = None, keepdims: bool = False) -> Value:
    """Length of a vector, or another norm of a vector or a matrix."""
    x = as_real(x)
    axes = normal_axes(axis, x.rank)
    if ord is None or ord == "fro":
        return restored(norm2(x, axes=axes) if axes else abs_(x), x, axes, keepdims)
    if len(axes) <= 1:
        order = _vectors_only(ord)
        return restored(_vector_norm(x, order, axes) if axes else abs_(x), x, axes, keepdims)
    if len(axes) > 2:
        raise ShapeMismatch(
            f"norm of order {ord} is for vectors and matrices, and there are {len(axes)} axes.",
            hint="give axis=…, or norm(ravel(x), p)",
        )
    rows, columns = axes if not isinstance(axis, tuple) else (normal_axis(a, x.rank) for a in axis)
    return restored(_matrix_norm(x, ord, rows, columns), x, axes, keepdims)
