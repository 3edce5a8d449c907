"""Functions that rearrange an array: the same numbers, or copies of them, at other places."""

from __future__ import annotations

from math import prod

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph import types
from engine.graph.build import constant
from engine.graph.types import describe
from engine.graph.values import Value
from engine.primitives import shape as structural
from engine.primitives.arithmetic import cast
from engine.primitives.function import Axes, Axis, Example, Shape, function
from engine.primitives.shape import normal_axes, normal_axis, strided

_ROWS = {"x": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}
_ROW = {"x": [1.0, 2.0, 3.0, 4.0]}
_CUBE = {"x": [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]}


def sizes(shape: Shape) -> types.Shape:
    """A shape as a tuple of sizes; `ShapeMismatch` where one is negative."""
    found = shape if isinstance(shape, tuple) else (shape,)
    if any(n < 0 for n in found):
        raise ShapeMismatch(f"A shape has no negative sizes; {found} was given.")
    return found


def flat(x: Value) -> Value:
    """All elements in one row, the last axis running fastest."""
    return structural.reshape(x, shape=(x.type.size,))


def along(x: Value, axis: int, start: int, count: int, step: int = 1) -> Value:
    """A slice of one axis, whole in the others."""
    slices = [(0, n, 1) for n in x.shape]
    slices[axis] = (start, count, step)
    return strided(x, slices=tuple(slices))


@function(
    "shape",
    note="One size may be -1: it is what is left. Sizes are given one by one or as a tuple.",
    examples=(
        Example("reshape(x, (3, 2))", _ROWS),
        Example("reshape(x, 3, -1)", _ROWS),
        Example("reshape(x, -1)", _ROWS),
    ),
    reference=lambda x, *shape: np.reshape(x, shape[0] if len(shape) == 1 else shape),
)
def reshape(x: Value, *shape: Shape) -> Value:
    """The same elements in another shape, the last axis running fastest."""
    wanted = [n for part in shape for n in (part if isinstance(part, tuple) else (part,))]
    if wanted.count(-1) == 1:
        known = prod(n for n in wanted if n != -1)
        if not known or x.type.size % known:
            raise ShapeMismatch(
                f"{x.type.size} elements do not fill shape {tuple(wanted)} for any size in place of -1."
            )
        wanted[wanted.index(-1)] = x.type.size // known
    if any(n < 0 for n in wanted):
        raise ShapeMismatch(f"{tuple(wanted)} is no shape: sizes are not negative, but for a single -1.")
    return structural.reshape(x, shape=tuple(wanted))


@function("shape", aliases=("flatten",), examples=(Example("ravel(x)", _ROWS),), reference=np.ravel)
def ravel(x: Value) -> Value:
    """All elements in one row, the last axis running fastest."""
    return flat(x)


@function(
    "shape",
    examples=(Example("transpose(x)", _ROWS), Example("transpose(x, (2, 0, 1))", _CUBE)),
    reference=np.transpose,
)
def transpose(x: Value, axes: Axes = None) -> Value:
    """Axes in reverse order (the matrix transpose), or in the order given."""
    if axes is None:
        return structural.transpose(x, axes=tuple(reversed(range(x.rank))))
    given = axes if isinstance(axes, tuple) else (axes,)
    order = tuple(normal_axis(a, x.rank) for a in given)
    if sorted(order) != list(range(x.rank)):
        raise ShapeMismatch(f"transpose must name each of the {x.rank} axes once, and axes is {given}.")
    return structural.transpose(x, axes=order)


@function("shape", examples=(Example("swapaxes(x, 0, 2)", _CUBE),), reference=np.swapaxes)
def swapaxes(x: Value, first: int, second: int) -> Value:
    """Two axes exchanged."""
    axes = list(range(x.rank))
    a, b = normal_axis(first, x.rank), normal_axis(second, x.rank)
    axes[a], axes[b] = axes[b], axes[a]
    return structural.transpose(x, axes=tuple(axes))


@function(
    "shape",
    examples=(Example("moveaxis(x, 0, -1)", _CUBE), Example("moveaxis(x, (0, 1), (1, 0))", _CUBE)),
    reference=np.moveaxis,
)
def moveaxis(x: Value, source: Shape, destination: Shape) -> Value:
    """Axes moved to other positions, the others staying in order."""
    given = [tuple(normal_axis(a, x.rank) for a in as_tuple(axes)) for axes in (source, destination)]
    if len(given[0]) != len(given[1]) or any(len(set(axes)) != len(axes) for axes in given):
        raise ShapeMismatch(
            f"moveaxis needs as many destinations as sources, each once; got {source} and {destination}."
        )
    order = [a for a in range(x.rank) if a not in given[0]]
    for target, axis in sorted(zip(given[1], given[0], strict=True)):
        order.insert(target, axis)
    return structural.transpose(x, axes=tuple(order))


def as_tuple(axes: Shape) -> tuple[int, ...]:
    """One or several axes, or sizes, as a tuple."""
    return axes if isinstance(axes, tuple) else (axes,)


@function(
    "shape",
    examples=(Example("broadcast_to(x, (2, 4))", _ROW), Example("broadcast_to(x, 3)", {"x": 2.0})),
    reference=np.broadcast_to,
)
def broadcast_to(x: Value, shape: Shape) -> Value:
    """x repeated so that it has the given shape, by the rules of broadcasting."""
    return structural.broadcast_to(x, shape=sizes(shape))


@function(
    "shape",
    examples=(Example("expand_dims(x, 0)", _ROW), Example("expand_dims(x, (0, -1))", _ROW)),
    reference=np.expand_dims,
)
def expand_dims(x: Value, axis: Shape) -> Value:
    """New axes of size 1 at the given positions of the result."""
    given = as_tuple(axis)
    axes = normal_axes(given, x.rank + len(given))
    rest = iter(x.shape)
    return structural.reshape(x, shape=tuple(1 if a in axes else next(rest) for a in range(x.rank + len(given))))


@function(
    "shape",
    examples=(Example("squeeze(x)", _CUBE), Example("squeeze(x, axis=0)", _CUBE)),
    reference=np.squeeze,
)
def squeeze(x: Value, axis: Axes = None) -> Value:
    """Without its axes of size 1, or without the given ones."""
    axes = normal_axes(axis, x.rank)
    if axis is not None:
        for a in axes:
            if x.shape[a] != 1:
                raise ShapeMismatch(f"Axis {a} of shape {x.shape} has size {x.shape[a]}; only axes of size 1 can go.")
    return structural.reshape(x, shape=tuple(n for a, n in enumerate(x.shape) if a not in axes or n != 1))


@function(
    "shape",
    examples=(Example("flip(x)", _ROWS), Example("flip(x, axis=1)", _ROWS)),
    reference=np.flip,
)
def flip(x: Value, axis: Axes = None) -> Value:
    """In reverse order along all axes, or along the given ones."""
    axes = normal_axes(axis, x.rank)
    return structural.flip(x, axes=axes) if axes else x


@function(
    "shape",
    examples=(
        Example("diff(x)", {"x": [1.0, 4.0, 9.5, 2.0]}),
        Example("diff(x, n=2, axis=0)", {"x": [[1.0], [4.0], [9.0]]}),
    ),
    reference=np.diff,
)
def diff(x: Value, n: int = 1, axis: int = -1) -> Value:
    """Differences of neighbours along an axis, n times over."""
    a = normal_axis(axis, x.rank)
    if n < 0:
        raise ShapeMismatch(f"diff takes differences n times over, and n is {n}.")
    if x.type.dtype == "bool":
        x = cast(x, dtype="int")
    for _ in range(min(n, x.shape[a])):
        count = max(x.shape[a] - 1, 0)
        x = along(x, a, 1, count) - along(x, a, 0, count)
    return x


@function(
    "shape",
    differentiable=False,
    examples=(Example("size(x)", _ROWS), Example("size(x, axis=1)", _ROWS)),
    reference=np.size,
)
def size(x: Value, axis: Axis = None) -> Value:
    """How many elements there are, or how many along an axis; known without computing x."""
    return constant(x.type.size if axis is None else x.shape[normal_axis(axis, x.rank)], "int")


@function("shape", name="len", differentiable=False, examples=(Example("len(x)", _ROWS),), reference=len)
def length(x: Value) -> Value:
    """Size of the first axis; known without computing x."""
    if not x.rank:
        raise ShapeMismatch(f"len needs an array, and its argument is {describe(x.shape)}.")
    return constant(x.shape[0], "int")


@function(
    "shape",
    name="shape",
    differentiable=False,
    examples=(Example("shape(x)", _ROWS),),
    reference=lambda x: np.array(x.shape),
)
def shape_of(x: Value) -> Value:
    """The sizes of all axes as an array of integers; known without computing x."""
    return constant(np.array(x.shape, dtype=np.int64), "int")


@function("shape", differentiable=False, examples=(Example("ndim(x)", _ROWS), Example("ndim(2.5)")), reference=np.ndim)
def ndim(x: Value) -> Value:
    """The number of axes, 0 for a number; known without computing x."""
    return constant(x.rank, "int")
