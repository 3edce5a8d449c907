"""Parts of arrays at positions that may be data: reading one, putting something there, adding to it.

A region has an item for each axis: None takes the next index (an integer of the node's inputs), (start, count, step) is
a slice.  The part has the shape of the indices, if they are arrays, and then of the slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.build import emit
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import register
from engine.graph.types import Shape, Type, broadcast
from engine.graph.values import Node, Value
from engine.primitives.indexing import batch_counter, checked_positions, gather
from engine.primitives.record import align, with_batch
from engine.primitives.shape import as_slices, zeros_of

Region = tuple[tuple[int, int, int] | None, ...]


def _places(indices: Sequence[Any], region: Region, shape: Shape) -> tuple[Any, ...]:
    """What numpy takes as an index, after a check of the integers."""
    if not indices:
        return as_slices(region)  # type: ignore[arg-type]
    sizes = tuple(n for n, item in zip(shape, region, strict=True) if item is None)
    found = iter(checked_positions(indices, sizes))
    return tuple(next(found) if item is None else as_slices((item,))[0] for item in region)


def part_shape(indices: Sequence[Shape], region: Region) -> Shape:
    """The shape of a part, from those of its indices."""
    return broadcast((), *indices) + tuple(item[1] for item in region if item is not None)


def _check_part(x: Type, part: Type, indices: Sequence[Type], region: Region) -> tuple[Type]:
    needed = part_shape([i.shape for i in indices], region)
    if part.shape != needed or part.dtype != x.dtype:
        raise ShapeMismatch(f"A part of shape {needed} cannot be replaced by {part}.")
    return (x,)


def _put(x: Any, part: Any, *indices: Any, region: Region) -> Any:
    if x.dtype == object:
        # numpy would put an array of one object in the place of that object.
        part = np.asarray(part)[()]
    return _put_in_place(np.array(x), part, *indices, region=region)


def _put_in_place(x: Any, part: Any, *indices: Any, region: Region) -> Any:
    x[_places(indices, region, x.shape)] = part
    return x


def _add_in_place(x: Any, part: Any, *indices: Any, region: Region) -> Any:
    places = _places(indices, region, x.shape)
    x[places] = x[places] + part
    return x


def _add_at_in_place(x: Any, part: Any, *indices: Any) -> Any:
    np.add.at(x, checked_positions(indices, x.shape), part)
    return x


def _copied(x: Any) -> Any:
    return np.array(x)


def _put_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (_, part, *indices) = cotangents, node.inputs
    assert cotangent is not None
    # Read first: then the cotangent may be overwritten.
    of_part = read_region(cotangent, *indices, **node.params) if wanted[1] else None
    of_rest = put(cotangent, zeros_of(part.shape), *indices, **node.params) if wanted[0] else None
    return [of_rest, of_part, *[None] * len(indices)]


def _add_region_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), indices = cotangents, node.inputs[2:]
    assert cotangent is not None
    found = read_region(cotangent, *indices, **node.params) if wanted[1] else None
    return [cotangent, found, *[None] * len(indices)]


def _read_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    x, *indices = node.inputs
    (cotangent,) = cotangents
    assert cotangent is not None
    return [add_region(zeros_of(x.shape), cotangent, *indices, **node.params), *[None] * len(indices)]


def _add_at_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), indices = cotangents, node.inputs[2:]
    assert cotangent is not None
    return [cotangent, gather(cotangent, *indices) if wanted[1] else None, *[None] * len(indices)]


def _batched_indices(
    indices: Sequence[Value], flags: Sequence[bool], region: Region, size: int
) -> tuple[list[Value], Region]:
    """Indices and region of an array with a batch axis in front: sliced, or counted where the indices differ."""
    if not any(flags):
        return list(indices), ((0, size, 1), *region)
    rank = max(i.rank - flag for i, flag in zip(indices, flags, strict=True))
    own = [align(i, flag, rank) for i, flag in zip(indices, flags, strict=True)]
    return [batch_counter(size, rank), *own], (None, *region)


def _write_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    x, part = (with_batch(v, flag, size) for v, flag in zip(inputs[:2], batched[:2], strict=True))
    indices, region = _batched_indices(inputs[2:], batched[2:], node.params["region"], size)
    return emit(node.primitive, [x, part, *indices], {"region": region})


def _read_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    indices, region = _batched_indices(inputs[1:], batched[1:], node.params["region"], size)
    return [read_region(with_batch(inputs[0], batched[0], size), *indices, region=region)]


def _add_at_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    x, part = (with_batch(v, flag, size) for v, flag in zip(inputs[:2], batched[:2], strict=True))
    rank = max(i.rank for i in node.inputs[2:])
    own = [align(i, flag, rank) for i, flag in zip(inputs[2:], batched[2:], strict=True)]
    return [add_at(x, part, batch_counter(size, rank), *own)]


def _cost(node: Node) -> float:
    return 0.3 * node.inputs[0].type.size


# x with a part replaced, x[i, 2:5] = part: neither x nor whoever else holds it changes.
put: Primitive = register(
    Primitive(
        name="put",
        infer=lambda x, part, *indices, region: _check_part(x, part, indices, region),
        value=_put,
        in_place=_put_in_place,
        vjp=_put_vjp,
        batch=_write_batch,
        whole_arrays=True,
        kind="linear",
        cost=_cost,
    )
)
# x with something added to a part: x[i, 2:5] += part, no place of which comes twice.
add_region: Primitive = register(
    Primitive(
        name="add_region",
        infer=lambda x, part, *indices, region: _check_part(x, part, indices, region),
        value=lambda x, part, *indices, region: _add_in_place(_copied(x), part, *indices, region=region),
        in_place=_add_in_place,
        vjp=_add_region_vjp,
        batch=_write_batch,
        whole_arrays=True,
        kind="linear",
        cost=_cost,
    )
)
read_region: Primitive = register(
    Primitive(
        name="read_region",
        infer=lambda x, *indices, region: (Type(x.dtype, part_shape([i.shape for i in indices], region)),),
        value=lambda x, *indices, region: x[_places(indices, region, x.shape)],
        vjp=_read_vjp,
        batch=_read_batch,
        whole_arrays=True,
        kind="linear",
        cost=lambda node: node.outputs[0].type.size * 2.0,
    )
)
# x with something added at places along its first axes, as often as they come.
add_at: Primitive = register(
    Primitive(
        name="add_at",
        infer=lambda x, part, *indices: (x,),
        value=lambda x, part, *indices: _add_at_in_place(_copied(x), part, *indices),
        in_place=_add_at_in_place,
        vjp=_add_at_vjp,
        batch=_add_at_batch,
        whole_arrays=True,
        kind="linear",
        cost=lambda node: _cost(node) + 10.0 * node.inputs[1].type.size,
    )
)
