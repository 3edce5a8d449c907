"""Structural primitives: reshaping, moving, slicing and joining.  All are linear; each states its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch, TypeMismatch
from engine.graph.build import constant, emit
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import register
from engine.graph.types import Array, Shape, Type, describe, promote
from engine.graph.values import Node, Value
from engine.primitives.arithmetic import cast
from engine.primitives.record import linear, sum_to, with_batch

Slices = tuple[tuple[int, int, int], ...]
"""One (start, count, step) per axis, all resolved against the shape."""


def _reshape_types(x: Type, *, shape: Shape) -> tuple[Type]:
    if prod(shape) != x.size:
        raise ShapeMismatch(f"{x.size} elements of shape {x.shape} do not fill shape {shape}.")
    return (Type(x.dtype, shape),)


reshape: Primitive = linear(
    "reshape",
    _reshape_types,
    lambda x, *, shape: np.reshape(x, shape)[()],
    lambda cotangent, node: reshape(cotangent, shape=node.inputs[0].shape),
    lambda node, inputs, batched, size: [reshape(inputs[0], shape=(size, *node.params["shape"]))],
    nanoseconds=0.05,
)
transpose: Primitive = linear(
    "transpose",
    lambda x, *, axes: (Type(x.dtype, tuple(x.shape[a] for a in axes)),),
    lambda x, *, axes: np.transpose(x, axes),
    lambda cotangent, node: transpose(cotangent, axes=tuple(int(i) for i in np.argsort(node.params["axes"]))),
    lambda node, inputs, batched, size: [transpose(inputs[0], axes=(0, *(a + 1 for a in node.params["axes"])))],
    nanoseconds=0.05,
)


def _broadcast_types(x: Type, *, shape: Shape) -> tuple[Type]:
    tail = shape[len(shape) - len(x.shape) :] if len(shape) >= len(x.shape) else None
    if tail is None or any(m not in (1, n) for m, n in zip(x.shape, tail, strict=True)):
        raise ShapeMismatch(f"{describe(x.shape)} cannot be broadcast to shape {shape}.")
    return (Type(x.dtype, shape),)


def _broadcast_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    (x,), shape = inputs, node.params["shape"]
    missing = len(shape) + 1 - x.rank
    x = reshape(x, shape=(size,) + (1,) * missing + x.shape[1:])
    return [broadcast_to(x, shape=(size, *shape))]


broadcast_to: Primitive = linear(
    "broadcast_to",
    _broadcast_types,
    lambda x, *, shape: np.broadcast_to(x, shape)[()],
    lambda cotangent, node: sum_to(cotangent, node.inputs[0].shape),
    _broadcast_batch,
    nanoseconds=0.05,
)


def _strided_types(x: Type, *, slices: Slices) -> tuple[Type]:
    return (Type(x.dtype, tuple(count for _, count, _ in slices)),)


def as_slices(slices: Slices) -> tuple[slice, ...]:
    """Slices as Python has them."""
    found = []
    for start, count, step in slices:
        stop = start + count * step
        found.append(slice(start, None if stop < 0 else stop, step))
    return tuple(found)


def _strided(x: Any, *, slices: Slices) -> Any:
    return x[as_slices(slices)]


def _unstrided(x: Any, *, shape: Shape, slices: Slices) -> Any:
    x = np.asarray(x)
    result = np.zeros(shape, dtype=x.dtype)
    result[as_slices(slices)] = x
    return result


def _shifted(slices: Slices, size: int) -> Slices:
    return ((0, size, 1), *slices)


strided: Primitive = linear(
    "strided",
    _strided_types,
    _strided,
    lambda cotangent, node: unstrided(cotangent, shape=node.inputs[0].shape, slices=node.params["slices"]),
    lambda node, inputs, batched, size: [strided(inputs[0], slices=_shifted(node.params["slices"], size))],
)
# The transpose of slicing: an array of zeros with x put at the places that the slice reads.
unstrided: Primitive = linear(
    "unstrided",
    lambda x, *, shape, slices: (Type(x.dtype, shape),),
    _unstrided,
    lambda cotangent, node: strided(cotangent, slices=node.params["slices"]),
    lambda node, inputs, batched, size: [
        unstrided(inputs[0], shape=(size, *node.params["shape"]), slices=_shifted(node.params["slices"], size))
    ],
)
flip: Primitive = linear(
    "flip",
    lambda x, *, axes: (x,),
    lambda x, *, axes: np.flip(x, axes),
    lambda cotangent, node: flip(cotangent, **node.params),
    lambda node, inputs, batched, size: [flip(inputs[0], axes=tuple(a + 1 for a in node.params["axes"]))],
)


def _concatenate_types(*types: Type, axis: int) -> tuple[Type]:
    first = types[0]
    for t in types[1:]:
        if len(t.shape) != len(first.shape) or any(
            m != n for a, (m, n) in enumerate(zip(first.shape, t.shape, strict=True)) if a != axis
        ):
            raise ShapeMismatch(f"Shapes {first.shape} and {t.shape} cannot be joined along axis {axis}.")
    size = sum(t.shape[axis] for t in types)
    return (Type(first.dtype, (*first.shape[:axis], size, *first.shape[axis + 1 :])),)


def _concatenate_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), axis, start = cotangents, node.params["axis"], 0
    assert cotangent is not None
    result: list[Value | None] = []
    for value, want in zip(node.inputs, wanted, strict=True):
        part = [(0, n, 1) for n in value.shape]
        part[axis] = (start, value.shape[axis], 1)
        result.append(strided(cotangent, slices=tuple(part)) if want else None)
        start += value.shape[axis]
    return result


concatenate: Primitive = register(
    Primitive(
        name="concatenate",
        infer=_concatenate_types,
        value=lambda *arrays, axis: np.concatenate(arrays, axis=axis),
        vjp=_concatenate_vjp,
        batch=lambda node, inputs, batched, size: emit(
            concatenate,
            [with_batch(v, flag, size) for v, flag in zip(inputs, batched, strict=True)],
            {"axis": node.params["axis"] + 1},
        ),
        whole_arrays=True,
        kind="linear",
        cost=lambda node: node.outputs[0].type.size * 1.0,
    )
)


def _stack_types(*types: Type) -> tuple[Type]:
    first = types[0]
    for t in types[1:]:
        if t.shape != first.shape:
            raise ShapeMismatch(
                f"Elements of shapes {describe(first.shape)} and {describe(t.shape)} cannot be stacked."
            )
    return (Type(first.dtype, (len(types), *first.shape)),)


def _stack(*arrays: Any) -> Any:
    # np.array is several times faster than np.stack on numbers, and would turn objects into floats.
    return np.stack(arrays) if getattr(arrays[0], "dtype", None) == np.dtype(object) else np.array(arrays)


def _stack_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,) = cotangents
    assert cotangent is not None
    return [element(cotangent, index=i) if want else None for i, want in enumerate(wanted)]


# Stacking along a new first axis; other axes are a transpose away.
stack0: Primitive = register(
    Primitive(
        name="stack",
        infer=_stack_types,
        value=_stack,
        vjp=_stack_vjp,
        batch=lambda node, inputs, batched, size: [
            move_axis(
                emit(stack0, [with_batch(v, flag, size) for v, flag in zip(inputs, batched, strict=True)], {})[0], 0, 1
            )
        ],
        whole_arrays=True,
        kind="linear",
        cost=lambda node: node.outputs[0].type.size * 1.0 + len(node.inputs) * 40.0,
    )
)


def _unelement(x: Any, *, index: int, size: int) -> Any:
    x = np.asarray(x)
    result = np.zeros((size, *x.shape), dtype=x.dtype)
    result[index] = x[()]
    return result


def _element_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    x = inputs[0]
    slices = ((0, size, 1), (node.params["index"], 1, 1), *((0, n, 1) for n in x.shape[2:]))
    return [reshape(strided(x, slices=slices), shape=(size, *x.shape[2:]))]


# x[i] for an index known when the graph is built: the commonest index by far, and the cheapest.
element: Primitive = linear(
    "element",
    lambda x, *, index: (Type(x.dtype, x.shape[1:]),),
    lambda x, *, index: x[index],
    lambda cotangent, node: unelement(cotangent, index=node.params["index"], size=node.inputs[0].shape[0]),
    _element_batch,
    nanoseconds=0.05,
)
unelement: Primitive = linear(
    "unelement",
    lambda x, *, index, size: (Type(x.dtype, (size, *x.shape)),),
    _unelement,
    lambda cotangent, node: element(cotangent, index=node.params["index"]),
    lambda node, inputs, batched, size: [move_axis(unelement(inputs[0], **node.params), 0, 1)],
)


def move_axis(x: Value, source: int, target: int) -> Value:
    """x with one axis moved."""
    axes = [a for a in range(x.rank) if a != source]
    axes.insert(target, source)
    return transpose(x, axes=tuple(axes))


def same_dtype(values: Sequence[Value]) -> list[Value]:
    """The values cast to their widest dtype."""
    dtype = promote(*[v.type.dtype for v in values])
    return [cast(v, dtype=dtype) for v in values]


def normal_axis(axis: int, rank: int) -> int:
    """A non-negative axis; `ShapeMismatch` when there is none such."""
    if not -rank <= axis < rank:
        what = "a number has no axes" if rank == 0 else f"there are {rank} axes, {-rank} to {rank - 1}"
        what = "there is one axis, 0 or -1" if rank == 1 else what
        raise ShapeMismatch(f"There is no axis {axis}: {what}.")
    return axis % rank


def normal_axes(axes: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Sorted non-negative axes; None means all; `ShapeMismatch` for unknown or repeated ones."""
    if axes is None:
        return tuple(range(rank))
    given = (axes,) if isinstance(axes, int) else tuple(axes)
    found = tuple(sorted(normal_axis(a, rank) for a in given))
    if len(set(found)) != len(found):
        raise ShapeMismatch(f"Axes {given} name one axis twice.")
    return found


def zeros_of(shape: Shape) -> Value:
    """Real zeros without allocating them at compile time."""
    return broadcast_to(constant(0.0), shape=shape)


def as_indices(array: Array) -> Value:
    """An integer constant."""
    if np.asarray(array).dtype.kind not in "iu":
        raise TypeMismatch("An index must be an integer.")
    return constant(array, "int")
