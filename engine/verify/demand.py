"""Which elements of every value are needed for some elements of the outputs, so that only these are computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.graph.recipes import steps
from engine.graph.types import Array, Shape
from engine.graph.values import Graph, Node, Value
from engine.primitives.sliding import taken, windows

Demand = Mapping[Value, Array]
"""A mask of the shape of the value; a value that is missing is not needed at all."""


def demand(graph: Graph, needed: Sequence[Array]) -> Demand:
    """What is needed of every value, constants and inputs included, for the `needed` elements of each output.

    Of constants with a recipe, and of what they are made of, everything.
    """
    masks: dict[Value, Array] = {}

    def add(value: Value, mask: Array) -> None:
        if np.any(mask):
            before = masks.get(value)
            masks[value] = np.asarray(mask, dtype=bool) if before is None else before | mask

    for output, mask in zip(graph.outputs, needed, strict=True):
        add(output, np.broadcast_to(mask, output.shape))
    for node in reversed(graph.nodes):
        wanted = [masks.get(v) for v in node.outputs]
        if any(mask is not None for mask in wanted):
            for value, mask in zip(node.inputs, _inputs(node, wanted), strict=True):
                add(value, mask)
    for node in steps(list(masks)):
        for value in (*node.inputs, *node.outputs):
            masks[value] = np.ones(value.shape, dtype=bool)
    return masks


def _inputs(node: Node, wanted: Sequence[Array | None]) -> list[Array]:
    """The elements of each input that the wanted elements of the outputs are made of."""
    everything = [np.ones(v.shape, dtype=bool) for v in node.inputs]
    mask = wanted[0]
    if len(wanted) != 1 or mask is None:
        return everything
    name, kind = node.primitive.name, node.primitive.kind
    if kind == "elementwise" or name in ("broadcast_to", "cast"):
        return [_gathered(mask, v.shape) for v in node.inputs]
    if name == "sum":
        axes = node.params["axes"]
        kept = tuple(1 if axis in axes else n for axis, n in enumerate(node.inputs[0].shape))
        return [np.broadcast_to(mask.reshape(kept), node.inputs[0].shape)]
    if name == "overlap_add":
        return [windows.value(mask, **taken(node))]
    if name == "matmul" and all(v.rank >= 2 for v in node.inputs):
        a, b = node.inputs
        rows = np.broadcast_to(mask.any(axis=-1, keepdims=True), (*mask.shape[:-1], a.shape[-1]))
        columns = np.broadcast_to(mask.any(axis=-2, keepdims=True), (*mask.shape[:-2], b.shape[-2], mask.shape[-1]))
        return [_gathered(rows, a.shape), _gathered(columns, b.shape)]
    if kind == "linear" and all(v.type.dtype == "real" for v in node.inputs) and name in MOVING:
        return _moved(node, mask)
    return everything


MOVING = frozenset(
    ["reshape", "transpose", "strided", "unstrided", "windows", "flip", "concatenate", "stack", "element"]
)
"""Every element of their results is an element of an input, or 0."""


def _gathered(mask: Array, shape: Shape) -> Array:
    """A mask of a result brought to the shape of an input that was broadcast to it."""
    extra = mask.ndim - len(shape)
    folded: Array = np.any(mask, axis=tuple(range(extra))) if extra else mask
    axes = tuple(axis for axis, n in enumerate(shape) if n == 1 and folded.shape[axis] != 1)
    return np.asarray(np.any(folded, axis=axes, keepdims=True) if axes else folded)


def _moved(node: Node, mask: Array) -> list[Array]:
    """Numbers instead of elements go through the operation, and those that arrive where it is wanted are needed."""
    labels, first = [], 1
    for value in node.inputs:
        labels.append(np.arange(first, first + value.type.size, dtype=np.float64).reshape(value.shape))
        first += value.type.size
    arrived = np.zeros(first, dtype=bool)
    results: Any = node.primitive.value(*labels, **node.params)
    arrived[np.asarray(results)[mask].astype(np.int64)] = True
    found, start = [], 1
    for value in node.inputs:
        found.append(arrived[start : start + value.type.size].reshape(value.shape))
        start += value.type.size
    return found
