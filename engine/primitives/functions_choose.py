"""Functions that choose: by a condition, by bounds, by place, by order; and powers, which choose how to be computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import ShapeMismatch, TypeMismatch
from engine.graph.build import constant
from engine.graph.simplify import number
from engine.graph.types import broadcast
from engine.graph.values import Value
from engine.primitives import reductions
from engine.primitives.arithmetic import cast, multiply, select, square
from engine.primitives.function import Axis, Example, function
from engine.primitives.functions_reduce import TIES, as_real
from engine.primitives.functions_shape import flat
from engine.primitives.indexing import gather, take_along
from engine.primitives.kinks import maximum, minimum
from engine.primitives.powers import to_power
from engine.primitives.shape import broadcast_to, move_axis, normal_axis, transpose

Indices = Value
"""An array of integers."""

_ROW = {"x": [3.0, -1.0, 2.0, 0.5]}
_ROWS = {"x": [[3.0, -1.0, 2.0], [0.5, 4.0, -2.0]]}


@function(
    "choice",
    note="What is not chosen has no influence on the derivative, not even where it is infinite or NaN.",
    examples=(
        Example("where(c, a, b)", {"c": [True, False], "a": [1.0, 2.0], "b": 3.0}),
        Example("where([1, 0], a, b)", {"a": [1.0, 2.0], "b": [[3.0, 4.0], [5.0, 6.0]]}),
    ),
    reference=np.where,
)
def where(condition: Value, a: Value, b: Value) -> Value:
    """a where the condition is true and b elsewhere, element by element."""
    return select(condition, a, b)


@function(
    "choice",
    aliases=("clamp",),
    kink="at a bound x and the bound share the derivative equally, 1/2 each",
    examples=(
        Example("clip(x, low, high)", {**_ROW, "low": -0.5, "high": 2.5}),
        Example("clip(x, low=low)", {**_ROW, "low": 0.0}),
        Example("clip(x, None, high)", {**_ROW, "high": [1.0, 1.0, 1.0, 1.0]}),
        Example("clip(x, 0, 1)", {"x": 1.0}, smooth=False, grad={"x": 0.5}),
    ),
    reference=lambda x, low=None, high=None: np.clip(x, low, high),
)
def clip(x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    """x limited to the interval from low to high; either may be left out."""
    if low is not None:
        x = maximum(x, low)
    return minimum(x, high) if high is not None else x


_EXACT = 2**53


def _integer_power(x: Value, y: Value) -> Value | None:
    """An integer power of integers where it stays one: for constants that are exact, and for exponents up to 3."""
    exponent = number(y)
    if x.type.dtype == "real" or y.type.dtype == "real" or exponent is None or exponent < 0:
        return None
    n, x = int(exponent), cast(x, dtype="int")
    if x.constant is not None and x.recipe is None:
        largest = int(np.max(np.abs(x.constant), initial=0))
        if largest > 1 and (n > 53 or largest**n > _EXACT):
            return None
        return constant(np.power(x.constant, n), "int")
    if n > 3:
        return None
    if n == 0:
        return broadcast_to(constant(1, "int"), shape=x.shape)
    return x if n == 1 else square(x) if n == 2 else multiply(square(x), x)


@function(
    "powers",
    name="pow",
    aliases=("power", "float_power"),
    domain="x > 0, or y an integer; x != 0 where y < 0",
    note=(
        "Also written x^y and x**y. x^0 is 1 for every x. The derivative in y at a negative base does not exist and is "
        "NaN; at base 0 it is 0. Integers stay integers for constants up to 2^53 and for the exponents 0 to 3; "
        "otherwise the result is real."
    ),
    examples=(
        Example("pow(x, 3)", {"x": -2.0}),
        Example("pow(x, 2)", {"x": [-2.0, 0.0, 3.0]}),
        Example("pow(x, -1)", {"x": [-2.0, 4.0]}),
        Example("pow(x, 0.5)", {"x": 2.0}),
        Example("pow(x, y)", {"x": [0.5, 2.0], "y": [3.0, -1.5]}),
        Example("pow(2, y)", {"y": [3.0, -1.5]}),
        Example("pow(2, 10)"),
    ),
    reference=np.power,
)
def pow_of(x: Value, y: Value) -> Value:
    """x to the power y; a negative base takes integer exponents."""
    whole = _integer_power(x, y)
    if whole is not None:
        return whole
    if number(y) == 0.0:
        return broadcast_to(constant(1.0), shape=x.shape)
    return to_power(as_real(x), y)


def _integers(indices: Value, size: int, name: str) -> Value:
    """The indices as integers, those known already checked against the size of the axis."""
    if indices.type.dtype != "int":
        raise TypeMismatch(
            f"The indices of {name} must be integers; these are of type {indices.type.dtype}.",
            hint="where(mask, x, 0)" if indices.type.dtype == "bool" else None,
        )
    known: Any = indices.constant
    if known is not None:
        wrong = np.asarray(known)[(known < -size) | (known >= size)]
        if wrong.size:
            raise ShapeMismatch(f"Index {int(wrong.flat[0])} is out of range for an axis of size {size}.")
    return indices


@function(
    "choice",
    note="Negative indices count from the end. Without an axis the array is read as one row.",
    examples=(
        Example("take(x, i)", {**_ROW, "i": [0, 3, 3, -2]}),
        Example("take(x, i)", {**_ROWS, "i": [[5], [0]]}),
        Example("take(x, [2, 0], axis=1)", _ROWS),
        Example("take(x, 1, axis=0)", _ROWS),
    ),
    reference=np.take,
)
def take(x: Value, indices: Indices, axis: Axis = None) -> Value:
    """Elements, or along an axis slices, at integer positions."""
    if axis is None:
        x = flat(x)
        return gather(x, _integers(indices, x.type.size, "take"))
    a = normal_axis(axis, x.rank)
    picked = gather(move_axis(x, a, 0), _integers(indices, x.shape[a], "take"))
    front = list(range(indices.rank, indices.rank + a))
    return transpose(picked, axes=(*front, *range(indices.rank), *range(indices.rank + a, picked.rank)))


@function(
    "choice",
    examples=(
        Example("take_along_axis(x, [[2], [0]], 1)", _ROWS),
        Example("take_along_axis(x, [[0, 1, 1]], axis=0)", _ROWS),
    ),
    reference=np.take_along_axis,
)
def take_along_axis(x: Value, indices: Indices, axis: Axis = -1) -> Value:
    """Elements at integer positions along an axis, each at its own place of the other axes."""
    if axis is None:
        x, a = flat(x), 0
    else:
        a = normal_axis(axis, x.rank)
    indices = _integers(indices, x.shape[a], "take_along_axis")
    if indices.rank != x.rank:
        raise ShapeMismatch(f"take_along_axis needs indices with {x.rank} axes, and they have {indices.rank}.")
    others = broadcast(_without(x.shape, a), _without(indices.shape, a))
    x = broadcast_to(x, shape=(*others[:a], x.shape[a], *others[a:]))
    indices = broadcast_to(indices, shape=(*others[:a], indices.shape[a], *others[a:]))
    return take_along(x, indices, a)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


@function(
    "choice",
    kink=TIES,
    note="Without an axis (axis=None) the array is read as one row.",
    examples=(
        Example("sort(x)", _ROW),
        Example("sort(x, axis=0)", _ROWS),
        Example("sort(x, axis=None)", _ROWS),
    ),
    reference=np.sort,
)
def sort(x: Value, axis: Axis = -1) -> Value:
    """In ascending order along an axis, the last one by default."""
    x, a = (flat(x), 0) if axis is None else (x, normal_axis(axis, x.rank))
    return reductions.sort(x, axes=(a,))


@function(
    "choice",
    differentiable=False,
    note="Equal elements keep their order. Without an axis (axis=None) the array is read as one row.",
    examples=(Example("argsort(x)", _ROW), Example("argsort(x, axis=0)", _ROWS)),
    reference=np.argsort,
)
def argsort(x: Value, axis: Axis = -1) -> Value:
    """The positions in ascending order of their elements along an axis."""
    x, a = (flat(x), 0) if axis is None else (x, normal_axis(axis, x.rank))
    return reductions.argsort(x, axes=(a,))
