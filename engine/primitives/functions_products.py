"""Products: without division, so that zeros are numbers like any other, to all orders of derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.graph.build import constant
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import register
from engine.graph.types import Array, Type
from engine.graph.values import Node, Value
from engine.primitives.arithmetic import chain
from engine.primitives.function import Axes, Example, function
from engine.primitives.functions_reduce import as_real, restored
from engine.primitives.functions_shape import along
from engine.primitives.functions_statistics import last_axis
from engine.primitives.reductions import shift_axes, spread
from engine.primitives.shape import broadcast_to, concatenate, flip, normal_axes, reshape, transpose, zeros_of

_ROWS = {"x": [[1.0, -2.5, 4.0], [0.5, 3.0, -1.0]]}
_ROW = {"x": [1.5, -2.0, 0.5, 3.0, 1.25]}
_ZERO = {"x": [1.5, 0.0, 0.5, 3.0]}
_ZEROS = {"x": [1.5, 0.0, 0.5, 0.0, 2.0]}

_CHUNK = 512
"""Mantissas are at least 1/2, so that a product of this many is far from underflow."""


def _prod_types(x: Type, *, axes: tuple[int, ...]) -> tuple[Type]:
    return (Type(x.dtype, tuple(n for a, n in enumerate(x.shape) if a not in axes)),)


def _harmless(x: Array) -> bool:
    """Whether no product of some of the elements can overflow or underflow."""
    size = np.abs(x)
    with np.errstate(over="ignore", invalid="ignore"):
        least = np.min(size, initial=1.0, where=size > 0)
        return bool(np.max(size) ** x.size < 1e300 and least**x.size > 1e-290)


def _compose(mantissa: Array, exponent: Array) -> Any:
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(mantissa, np.clip(exponent, -5000, 5000).astype(np.int32))


def _prod_value(x: Any, *, axes: tuple[int, ...]) -> Any:
    if x.dtype == object or not x.size or _harmless(x):
        return np.prod(x, axis=axes)
    # Neither overflow nor underflow on the way: mantissas and exponents apart.
    others = [a for a in range(x.ndim) if a not in axes]
    rows = np.transpose(x, (*others, *axes)).reshape(*[x.shape[a] for a in others], -1)
    mantissa, exponent = np.frexp(rows)
    exponent = exponent.astype(np.int64)
    while mantissa.shape[-1] > 1:
        mantissa, more = np.frexp(np.prod(_chunks(mantissa, 1.0), axis=-1))
        exponent = np.sum(_chunks(exponent, 0), axis=-1) + more
    return _compose(mantissa[..., 0], exponent[..., 0])


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
    order = (*[a for a in range(x.rank) if a not in axes], *axes)
    others = reshape(product_of_others(rows, axes=(rows.rank - 1,)), shape=tuple(x.shape[a] for a in order))
    back = transpose(others, axes=tuple(int(i) for i in np.argsort(order)))
    return [chain(spread(cotangent, node), back)]


product: Primitive = register(
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


def _others_value(x: Any, *, axes: tuple[int]) -> Any:
    rows = np.moveaxis(x, axes[0], -1)
    if x.dtype == object or _harmless(x):
        one = np.ones_like(rows[..., :1])
        before = np.cumprod(np.concatenate([one, rows[..., :-1]], axis=-1), axis=-1)
        after = np.cumprod(np.concatenate([one, rows[..., :0:-1]], axis=-1), axis=-1)
        return np.moveaxis(before * after[..., ::-1], -1, axes[0])
    # Up and down a tree of pairs, mantissas and exponents apart.
    mantissa, exponent = np.frexp(rows)
    exponent, levels = exponent.astype(np.int64), []
    while (size := mantissa.shape[-1]) > 1:
        if size % 2:
            mantissa, exponent = _with_one(mantissa, 1.0), _with_one(exponent, 0)
        levels.append((mantissa, exponent, size))
        mantissa, more = np.frexp(mantissa[..., ::2] * mantissa[..., 1::2])
        exponent = exponent[..., ::2] + exponent[..., 1::2] + more
    mantissa, exponent = np.ones_like(mantissa), np.zeros_like(exponent)
    for m, e, size in reversed(levels):
        sibling = np.arange(m.shape[-1]) ^ 1
        mantissa, more = np.frexp(np.repeat(mantissa, 2, axis=-1) * m[..., sibling])
        exponent = np.repeat(exponent, 2, axis=-1) + e[..., sibling] + more
        mantissa, exponent = mantissa[..., :size], exponent[..., :size]
    return np.moveaxis(_compose(mantissa, exponent), -1, axes[0])


def _with_one(x: Array, one: float) -> Array:
    return np.concatenate([x, np.full_like(x[..., :1], one)], axis=-1)


def _others_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """For element k the sum over i != k of cotangent[i] times the product of all but i and k: up and down a tree.

    Each node of the tree has the product p of its elements and the sum d, over its elements, of the cotangent times
    the product of the others.  What a leaf finds outside of itself is the answer.  Elements are paired from both ends,
    where they are least likely to overflow together.
    """
    (d,), (p,), (axis,) = cotangents, node.inputs, node.params["axes"]
    assert d is not None
    levels = []
    while (size := p.shape[axis]) > 1:
        half = size // 2
        pl, pr, dl, dr = (along(v, axis, *part) for v in (p, d) for part in ((0, half), (size - 1, half, -1)))
        levels.append((pl, pr, dl, dr))
        middle = [(along(v, axis, half, 1),) if size % 2 else () for v in (p, d)]
        p = _join(axis, pl * pr, *middle[0])
        d = _join(axis, chain(dl, pr) + chain(dr, pl), *middle[1])
    p, d = broadcast_to(constant(1.0), shape=p.shape), zeros_of(d.shape)
    for pl, pr, dl, dr in reversed(levels):
        half, size = pl.shape[axis], p.shape[axis]
        middle = [(along(v, axis, half, 1),) if size > half else () for v in (p, d)]
        p, d = (along(v, axis, 0, half) if size > half else v for v in (p, d))
        to_left, to_right = chain(d, pr) + chain(dr, p), chain(d, pl) + chain(dl, p)
        d = _join(axis, to_left, *middle[1], flip(to_right, axes=(axis,)))
        p = _join(axis, p * pr, *middle[0], flip(p * pl, axes=(axis,)))
    return [d]


def _join(axis: int, *parts: Value) -> Value:
    return concatenate(*parts, axis=axis) if len(parts) > 1 else parts[0]


# For each element along an axis, the product of all the others.
product_of_others: Primitive = register(
    Primitive(
        name="product_of_others",
        infer=lambda x, *, axes: (x,),
        value=_others_value,
        vjp=_others_vjp,
        batch=shift_axes,
        whole_arrays=True,
        cost=lambda node: node.inputs[0].type.size * 10.0,
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
