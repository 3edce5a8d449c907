"""Sliding windows and their transpose: what convolution and pooling are made of."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.primitive import Primitive
from engine.graph.types import Shape, Type
from engine.graph.values import Node, Value
from engine.primitives.record import linear

Numbers = tuple[int, ...]
"""One per axis along which windows slide."""


def extent(size: int, dilation: int) -> int:
    """How many elements a window reaches over, those between its own included."""
    return (size - 1) * dilation + 1


def positions(length: int, size: int, stride: int, dilation: int) -> int:
    """At how many places a window fits into an axis."""
    return max(0, (length - extent(size, dilation)) // stride + 1)


def disjoint(sizes: Numbers, strides: Numbers, dilations: Numbers) -> bool:
    """Whether windows follow each other along every axis without sharing an element."""
    return all(
        stride >= extent(size, dilation) for size, stride, dilation in zip(sizes, strides, dilations, strict=True)
    )


def _windows_types(x: Type, *, axes: Numbers, sizes: Numbers, strides: Numbers, dilations: Numbers) -> tuple[Type]:
    shape = list(x.shape)
    for axis, size, stride, dilation in zip(axes, sizes, strides, dilations, strict=True):
        shape[axis] = positions(x.shape[axis], size, stride, dilation)
        if not shape[axis]:
            raise ShapeMismatch(
                f"A window that reaches over {extent(size, dilation)} elements does not fit into axis {axis} of "
                f"shape {x.shape}."
            )
    return (Type(x.dtype, (*shape, *sizes)),)


def _windows(x: Any, *, axes: Numbers, sizes: Numbers, strides: Numbers, dilations: Numbers) -> Any:
    # A view: nothing is copied, and numpy marks it as not to be written to.
    reached = [extent(size, dilation) for size, dilation in zip(sizes, dilations, strict=True)]
    every = np.lib.stride_tricks.sliding_window_view(x, reached, axes)
    chosen = [slice(None)] * x.ndim
    for axis, stride in zip(axes, strides, strict=True):
        chosen[axis] = slice(None, None, stride)
    return every[(*chosen, *(slice(None, None, dilation) for dilation in dilations))]


def _overlap_add(x: Any, *, shape: Shape, axes: Numbers, strides: Numbers, dilations: Numbers) -> Any:
    rank = len(shape)
    if prod(x.shape[axis] for axis in axes) < prod(x.shape[rank:]):
        # Positions and offsets play the same part, so that windows can be added one by one if they are few.
        for number, axis in enumerate(axes):
            x = np.swapaxes(x, axis, rank + number)
        strides, dilations = dilations, strides
    # In memory, the axes of the result lie in the order of those of x: others are several times slower to add.
    order = sorted(range(rank), key=lambda axis: -abs(x.strides[axis]))
    result = np.zeros([shape[axis] for axis in order], dtype=x.dtype).transpose(np.argsort(order))
    places = [slice(None)] * rank
    # One element after the other, of all windows at once.
    for offsets in np.ndindex(x.shape[rank:]):
        for axis, offset, stride, dilation in zip(axes, offsets, strides, dilations, strict=True):
            start = offset * dilation
            places[axis] = slice(start, start + (x.shape[axis] - 1) * stride + 1, stride)
        result[tuple(places)] += x[(..., *offsets)]
    return result


def _windows_transpose(cotangent: Value, node: Node) -> Value:
    params = {name: value for name, value in node.params.items() if name != "sizes"}
    return overlap_add(cotangent, shape=node.inputs[0].shape, **params)


def taken(node: Node) -> dict[str, Any]:
    """The parameters of the windows that an `overlap_add` puts back."""
    params = {name: value for name, value in node.params.items() if name != "shape"}
    return {**params, "sizes": node.inputs[0].shape[len(node.params["shape"]) :]}


def _shifted(node: Node) -> dict[str, Any]:
    return {**node.params, "axes": tuple(axis + 1 for axis in node.params["axes"])}


def _overlap_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    return [overlap_add(inputs[0], **{**_shifted(node), "shape": (size, *node.params["shape"])})]


# Windows along some axes: their positions in place of these axes, their elements along new axes at the end.
windows: Primitive = linear(
    "windows",
    _windows_types,
    _windows,
    _windows_transpose,
    lambda node, inputs, batched, size: [windows(inputs[0], **_shifted(node))],
)
# The transpose: zeros of `shape`, to which every window is added where it was taken from.
overlap_add: Primitive = linear(
    "overlap_add",
    lambda x, *, shape, axes, strides, dilations: (Type(x.dtype, shape),),
    _overlap_add,
    lambda cotangent, node: windows(cotangent, **taken(node)),
    _overlap_batch,
)
