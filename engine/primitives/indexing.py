"""Reading and adding at integer positions that may be data: gather and its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.build import constant, emit
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import register
from engine.graph.types import Shape, Type, broadcast
from engine.graph.values import Node, Value
from engine.primitives.record import align, with_batch


def checked_positions(indices: Sequence[Any], shape: Shape) -> tuple[Any, ...]:
    """Index arrays after a check against the leading axes; numpy's own error would not say which index it was."""
    for axis, index in enumerate(indices):
        size = shape[axis]
        if not np.ndim(index) and -size <= index < size:
            continue
        bad = (index < -size) | (index >= size)
        if np.any(bad):
            wrong = int(np.asarray(index)[bad].flat[0]) if np.ndim(index) else int(index)
            raise ShapeMismatch(f"Index {wrong} is out of range for an axis of size {size}.")
    return tuple(indices)


def _gather_types(x: Type, *indices: Type) -> tuple[Type]:
    shape = broadcast(*[i.shape for i in indices])
    if len(indices) > len(x.shape):
        raise ShapeMismatch(f"{len(indices)} indices for {len(x.shape)} axes.")
    return (Type(x.dtype, shape + x.shape[len(indices) :]),)


def _gather(x: Any, *indices: Any) -> Any:
    return x[checked_positions(indices, x.shape)]


def _gather_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    x, *indices = node.inputs
    return [scatter_add(cotangents[0], *indices, shape=x.shape), *[None] * len(indices)]  # type: ignore[arg-type]


def _gather_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    x, *indices = inputs
    rank = max(i.rank for i in (v for v in node.inputs[1:]))
    own = [align(i, flag, rank) for i, flag in zip(indices, batched[1:], strict=True)]
    points = batch_counter(size, rank)
    return [gather(with_batch(x, batched[0], size), points, *own)]


def batch_counter(size: int, rank: int) -> Value:
    """0, 1, … size-1 along a batch axis in front of `rank` axes."""
    return constant(np.arange(size).reshape((size,) + (1,) * rank), "int")


gather: Primitive = register(
    Primitive(
        name="gather",
        infer=_gather_types,
        value=_gather,
        vjp=_gather_vjp,
        batch=_gather_batch,
        whole_arrays=True,
        kind="linear",
        cost=lambda node: node.outputs[0].type.size * 5.0,
    )
)


def _scatter_add(x: Any, *indices: Any, shape: Shape) -> Any:
    x = np.asarray(x)
    result = np.zeros(shape, dtype=x.dtype)
    np.add.at(result, checked_positions(indices, shape), x)
    return result


def _scatter_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    _, *indices = node.inputs
    return [gather(cotangents[0], *indices), *[None] * len(indices)]  # type: ignore[arg-type]


def _scatter_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    x, *indices = inputs
    rank = max(i.rank for i in node.inputs[1:])
    own = [align(i, flag, rank) for i, flag in zip(indices, batched[1:], strict=True)]
    return emit(
        scatter_add,
        [with_batch(x, batched[0], size), batch_counter(size, rank), *own],
        {"shape": (size, *node.params["shape"])},
    )


# Zeros of `shape` with x added at the positions, repeated ones as often as they come.
scatter_add: Primitive = register(
    Primitive(
        name="scatter_add",
        infer=lambda x, *indices, shape: (Type(x.dtype, shape),),
        value=_scatter_add,
        vjp=_scatter_vjp,
        batch=_scatter_batch,
        whole_arrays=True,
        kind="linear",
        cost=lambda node: node.inputs[0].type.size * 10.0 + node.outputs[0].type.size,
    )
)


def take_along(x: Value, index: Value, axis: int) -> Value:
    """x at `index` along one axis, positions of the other axes unchanged; shapes as numpy.take_along_axis."""
    return gather(x, *_along(index, axis, x.rank))


def add_along(x: Value, index: Value, axis: int, shape: Shape) -> Value:
    """The transpose of `take_along`: zeros of `shape` with x added at `index` along one axis."""
    return scatter_add(x, *_along(index, axis, len(shape)), shape=shape)


def _along(index: Value, axis: int, rank: int) -> list[Value]:
    positions = []
    for a in range(rank):
        if a == axis:
            positions.append(index)
        else:
            size = index.shape[a]
            positions.append(constant(np.arange(size).reshape([size if b == a else 1 for b in range(rank)]), "int"))
    return positions
