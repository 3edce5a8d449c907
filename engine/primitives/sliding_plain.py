"""Windows, convolution and pooling as their definitions say, one position after the other: what tests compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import ceil
from typing import Any

import numpy as np

Places = list[tuple[int, int]]
"""Of a window along one axis: each offset in it, with the place of the element there."""


def _along(n: int, size: int, stride: int, dilation: int, padding: Any) -> Iterator[Places]:
    """The windows along an axis of n elements, without what lies in the padding."""
    reach = (size - 1) * dilation + 1
    if padding == "same":
        wanted = ceil(n / stride)
        start, stop = -(max((wanted - 1) * stride + reach - n, 0) // 2), None
    else:
        before, after = (0, 0) if padding == "valid" else (reach - 1, 0) if padding == "causal" else padding
        start, wanted, stop = -before, n + before + after, n + after
    for k in range(wanted):
        first = start + k * stride
        if stop is None or first + reach <= stop:
            places = [(i, first + i * dilation) for i in range(size)]
            yield [(i, place) for i, place in places if 0 <= place < n]


def _each(given: Any, count: int) -> list[Any]:
    return list(given) if isinstance(given, tuple | list | np.ndarray) else [given] * count


def _paddings(padding: Any, count: int) -> list[Any]:
    if count == 1 and isinstance(padding, tuple) and not isinstance(padding[0], tuple):
        return [padding]
    return [(p, p) if isinstance(p, int) else p for p in _each(padding, count)]


def _each_window(shape: Sequence[int], sizes: Any, strides: Any, dilations: Any, padding: Any) -> tuple[Any, list[Any]]:
    """The shape of all positions, and for each of them the places of the elements of its window."""
    count = len(shape)
    lines = [
        list(_along(*line))
        for line in zip(
            shape,
            _each(sizes, count),
            _each(strides, count),
            _each(dilations, count),
            _paddings(padding, count),
            strict=True,
        )
    ]
    return tuple(map(len, lines)), [list(product(*window)) for window in product(*lines)]


def convolution(count: int) -> Callable[..., Any]:
    """`conv1d` or `conv2d`, for one or two axes."""

    def plain(x: Any, kernel: Any, stride: Any = 1, padding: Any = "valid", dilation: Any = 1, groups: int = 1) -> Any:
        sizes, (own, filters) = kernel.shape[:count], kernel.shape[count:]
        lead = x.shape[: x.ndim - count - 1]
        shape, every = _each_window(x.shape[len(lead) : -1], sizes, stride, dilation, padding)
        found = np.zeros((*lead, len(every), filters))
        for position, window in enumerate(every):
            for f, c in product(range(filters), range(own)):
                channel = f // (filters // groups) * own + c
                for places in window:
                    offsets, at = zip(*places, strict=True)
                    found[..., position, f] += x[(..., *at, channel)] * kernel[(*offsets, c, f)]
        return found.reshape((*lead, *shape, filters))

    return plain


def pooling(count: int, reduce: Callable[..., Any]) -> Callable[..., Any]:
    """Pooling over one or two axes by a function of the elements of a window."""

    def plain(x: Any, size: Any, stride: Any = None, padding: Any = "valid") -> Any:
        lead = x.shape[: x.ndim - count - 1]
        stride = size if stride is None else stride
        shape, every = _each_window(x.shape[len(lead) : -1], size, stride, 1, padding)
        rows = []
        for window in every:
            rows.append(reduce([x[(..., *(at for _, at in places), slice(None))] for places in window], axis=0))
        return np.stack(rows, axis=-2).reshape((*lead, *shape, x.shape[-1]))

    return plain


def sliding(x: Any, size: Any, stride: Any = 1, dilation: Any = 1, axis: Any = None) -> Any:
    """Windows along the axes given, or the last ones."""
    count = len(size) if isinstance(size, tuple) else len(axis) if isinstance(axis, tuple) else 1
    axes = list(range(x.ndim - count, x.ndim)) if axis is None else [a % x.ndim for a in _each(axis, count)]
    sizes = _each(size, count)
    shape, every = _each_window([x.shape[a] for a in axes], sizes, stride, dilation, "valid")
    front = np.moveaxis(x, axes, list(range(count)))
    rows = [[front[tuple(at for _, at in places)] for places in window] for window in every]
    rest = front.shape[count:]
    found = np.array(rows).reshape((*shape, *sizes, *rest))
    ends = list(range(x.ndim, x.ndim + count))
    return np.moveaxis(found, list(range(2 * count)), [*axes, *ends])
