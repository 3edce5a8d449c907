"""Convolutions of the language: windows times kernel, as one matrix product; the last axis holds channels."""

from __future__ import annotations

from math import prod

from engine.errors import ShapeMismatch
from engine.graph.types import describe
from engine.graph.values import Value
from engine.primitives import sliding_plain
from engine.primitives.contractions import contract, numbers
from engine.primitives.function import Example, Padding, Shape, function
from engine.primitives.functions_windows import GROUP, PADDING, Slide, one_per_axis, with_channels
from engine.primitives.products import matmul
from engine.primitives.shape import reshape, transpose

_SERIES = {"x": [[1.0, -0.5], [2.5, 3.0], [-1.5, 2.0], [0.5, 4.0]]}
_IMAGE = {"x": [[[1.0], [2.5], [4.0]], [[0.5], [-3.0], [-1.0]], [[2.0], [1.5], [0.25]]]}
_KERNEL = [[[0.5], [-1.0]], [[2.0], [0.25]]]
_KERNEL_2D = [[[[0.5]], [[-1.0]]], [[[2.0]], [[0.25]]]]
_DEPTHWISE = [[[0.5, -1.0]], [[2.0, 0.25]]]
_NOTE = (
    f"The kernel is not turned round (cross-correlation). {PADDING} Channels may come in groups that are "
    "convolved by themselves: with as many groups as channels, depthwise."
)


def _convolution(
    name: str,
    count: int,
    x: Value,
    kernel: Value,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    groups: int,
) -> Value:
    first = with_channels(name, x, count)
    _check_channels(name, count, x, kernel, groups)
    x, kernel = numbers(x, kernel)
    slide = Slide(
        name,
        kernel.shape[:count],
        one_per_axis(name, "stride", stride, count),
        one_per_axis(name, "dilation", dilation, count),
        padding,
    )
    slid = slide.taken(x, first, slide.framed(x.shape[first:-1], causal=count == 1))
    # Channels last, so that what is copied for the matrix product lies next to each other.
    offsets = range(x.rank, x.rank + count)
    if groups == 1:
        return contract(slid, kernel, [*offsets, x.rank - 1], range(count + 1))
    return _in_groups(slid, kernel, count, groups)


def _in_groups(slid: Value, kernel: Value, count: int, groups: int) -> Value:
    """A stack of matrix products, one for each group of channels."""
    rank = slid.rank - count
    places, sizes, (own, filters) = slid.shape[: rank - 1], kernel.shape[:count], kernel.shape[count:]
    left = reshape(slid, shape=(*places, groups, own, *sizes))
    left = transpose(left, axes=(rank - 1, *range(rank - 1), *range(rank + 1, rank + 1 + count), rank))
    right = reshape(kernel, shape=(*sizes, own, groups, filters // groups))
    right = transpose(right, axes=(count + 1, *range(count + 1), count + 2))
    length = prod(sizes) * own
    product = matmul(
        reshape(left, shape=(groups, prod(places), length)),
        reshape(right, shape=(groups, length, filters // groups)),
    )
    stacked = reshape(product, shape=(groups, *places, filters // groups))
    return reshape(transpose(stacked, axes=(*range(1, rank), 0, rank)), shape=(*places, filters))


def _check_channels(name: str, count: int, x: Value, kernel: Value, groups: int) -> None:
    sizes = "size" if count == 1 else "height, width"
    if kernel.rank != count + 2:
        raise ShapeMismatch(
            f"The kernel of {name} has the shape ({sizes}, channels, filters), and this one is "
            f"{describe(kernel.shape)}."
        )
    if min(kernel.shape[:count]) < 1:
        raise ShapeMismatch(f"The kernel of {name} has no elements: its shape is {kernel.shape}.")
    channels, own, filters = x.shape[-1], *kernel.shape[count:]
    if groups < 1 or channels % groups or filters % groups:
        raise ShapeMismatch(
            f"{name}: {channels} channels and {filters} filters cannot be divided into {groups} groups: x is "
            f"{x.shape} and the kernel {kernel.shape}."
        )
    if own != channels // groups:
        among = f" in {groups} groups of {channels // groups}" if groups > 1 else ""
        raise ShapeMismatch(
            f"{name}: x is {x.shape} and the kernel {kernel.shape}; x has {channels} channels{among}, and the kernel "
            f"is for {own}.",
            hint=f"A kernel of shape ({sizes}, {channels // groups}, filters); the channels of x are its last axis.",
        )


@function(
    GROUP,
    note=f'{_NOTE} With padding "causal", all is added at the start: no result depends on later elements.',
    examples=(
        Example("conv1d(x, w)", {**_SERIES, "w": _KERNEL}),
        Example("conv1d(x, w, stride=2, padding='same')", {**_SERIES, "w": _KERNEL}),
        Example("conv1d(x, w, padding='causal', dilation=2)", {**_SERIES, "w": _KERNEL}),
        Example("conv1d(x, w, padding=(0, 1), groups=2)", {**_SERIES, "w": _DEPTHWISE}),
    ),
    reference=sliding_plain.convolution(1),
)
def conv1d(
    x: Value, kernel: Value, stride: Shape = 1, padding: Padding = "valid", dilation: Shape = 1, groups: int = 1
) -> Value:
    """Convolution of x (…, n, channels) with a kernel (size, channels/groups, filters): (…, positions, filters)."""
    return _convolution("conv1d", 1, x, kernel, stride, padding, dilation, groups)


@function(
    GROUP,
    note=_NOTE,
    examples=(
        Example("conv2d(x, w)", {**_IMAGE, "w": _KERNEL_2D}),
        Example("conv2d(x, w, stride=2, padding='same')", {**_IMAGE, "w": _KERNEL_2D}),
        Example("conv2d(x, w, padding=(0, 1), dilation=(2, 1))", {**_IMAGE, "w": _KERNEL_2D}),
    ),
    reference=sliding_plain.convolution(2),
)
def conv2d(
    x: Value, kernel: Value, stride: Shape = 1, padding: Padding = "valid", dilation: Shape = 1, groups: int = 1
) -> Value:
    """Convolution of x (…, height, width, channels) with a kernel (height, width, channels/groups, filters)."""
    return _convolution("conv2d", 2, x, kernel, stride, padding, dilation, groups)
