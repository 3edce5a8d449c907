"""Sliding windows of the language, and pooling over them; the last axis holds channels, leading axes are batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.build import constant
from engine.graph.types import describe
from engine.graph.values import Value
from engine.primitives import sliding, sliding_plain
from engine.primitives.arithmetic import cast, divide
from engine.primitives.function import Axes, Example, Padding, Shape, function
from engine.primitives.functions_copies import pad
from engine.primitives.functions_reduce import TIES, as_real
from engine.primitives.reductions import max_, sum_
from engine.primitives.shape import normal_axis
from engine.primitives.sliding import Numbers, extent, positions

GROUP = "windows"
PADDING = (
    'padding is "valid" (none), "same" (as many positions as elements, divided by the stride; the odd one is added at '
    "the end), a number for both sides, one per axis, or a pair (before, after) per axis."
)
_REAL_ONLY = f"{PADDING} What is added is never counted. Without a stride, windows do not overlap."

_ROW = {"x": [1.0, -2.5, 4.0, 0.5, 3.0]}
_ROWS = {"x": [[1.0, 2.5, 4.0], [0.5, -3.0, -1.0], [2.0, 1.5, 0.25]]}
_SERIES = {"x": [[1.0, -0.5], [2.5, 3.0], [-1.5, 2.0], [0.5, 4.0], [3.5, -2.0]]}
_IMAGE = {"x": [[[1.0], [2.5], [4.0]], [[0.5], [-3.0], [-1.0]], [[2.0], [1.5], [0.25]]]}


def one_per_axis(function: str, name: str, given: Shape, count: int) -> Numbers:
    """A static argument as one positive integer per axis."""
    found = given if isinstance(given, tuple) else (given,) * count
    if len(found) != count:
        axes = "one axis" if count == 1 else f"{count} axes"
        raise ShapeMismatch(f"{function} slides along {axes}, and {name} is {given}.", hint=f"{name}=2")
    if min(found) < 1:
        raise ShapeMismatch(f"The {name} of {function} is at least 1, and {given} was given.")
    return found


@dataclass(frozen=True, slots=True)
class Slide:
    """How windows slide along axes that lie next to each other: one number per axis."""

    function: str
    sizes: Numbers
    strides: Numbers
    dilations: Numbers
    padding: Padding

    def framed(self, lengths: Numbers, causal: bool = False) -> list[tuple[int, int]]:
        """How much is added before and after each axis; `ShapeMismatch` where no window fits."""
        reached = [extent(size, dilation) for size, dilation in zip(self.sizes, self.dilations, strict=True)]
        frame = self._frame(lengths, reached, causal)
        for length, reach, (before, after) in zip(lengths, reached, frame, strict=True):
            if reach > before + length + after:
                more = f", {before} and {after} more with its padding," if before or after else ""
                raise ShapeMismatch(
                    f"{self.function}: a window of {self.sizes} that reaches over {tuple(reached)} elements does not "
                    f"fit: there are {lengths}{more}.",
                    hint='A smaller window, or padding="same".',
                )
        return frame

    def _frame(self, lengths: Numbers, reached: list[int], causal: bool) -> list[tuple[int, int]]:
        padding, count = self.padding, len(lengths)
        if padding == "valid":
            return [(0, 0)] * count
        if padding == "same":
            missing = [
                max((-(-n // stride) - 1) * stride + reach - n, 0) if n else 0
                for n, stride, reach in zip(lengths, self.strides, reached, strict=True)
            ]
            return [(n // 2, n - n // 2) for n in missing]
        if padding == "causal" and causal:
            return [(reach - 1, 0) for reach in reached]
        return self._pairs(count, causal)

    def _pairs(self, count: int, causal: bool) -> list[tuple[int, int]]:
        given: Any = self.padding
        parts = given if isinstance(given, tuple) else (given,) * count
        if count == 1 and len(parts) == 2 and all(isinstance(part, int) for part in parts):
            parts = (parts,)
        pairs = [(part, part) if isinstance(part, int) else part for part in parts]
        if len(pairs) != count or any(not isinstance(p, tuple) or len(p) != 2 or min(p) < 0 for p in pairs):
            words = '"valid", "same" or "causal"' if causal else '"valid" or "same"'
            raise ShapeMismatch(
                f"The padding of {self.function} is {words}, or says how much to add to {count} "
                f"{'axis' if count == 1 else 'axes'}; {given!r} does not.",
                hint='padding="same", padding=1, or one pair (before, after) per axis',
            )
        return pairs

    def taken(self, x: Value, first: int, frame: list[tuple[int, int]], fill: Value | None = None) -> Value:
        """The windows of x along the axes from `first`, framed by zeros or by `fill`."""
        count = len(self.sizes)
        width = ((0, 0),) * first + tuple(frame) + ((0, 0),) * (x.rank - first - count)
        return sliding.windows(
            pad(x, width, fill) if any(map(any, frame)) else x,
            axes=tuple(range(first, first + count)),
            sizes=self.sizes,
            strides=self.strides,
            dilations=self.dilations,
        )


def with_channels(function: str, x: Value, count: int) -> int:
    """The first of the axes that windows slide along, the last of all being the channels."""
    if x.rank < count + 1:
        wanted = "(…, n, channels)" if count == 1 else "(…, height, width, channels)"
        raise ShapeMismatch(
            f"{function} needs an array of shape {wanted}, and x is {describe(x.shape)}.",
            hint="expand_dims(x, -1) has one channel",
        )
    return x.rank - 1 - count


@function(
    GROUP,
    note="Positions take the place of the axes, and the elements of the windows are along new axes at the end; without "
    "an axis, the windows slide along the last ones, as many as there are sizes.",
    examples=(
        Example("windows(x, 3)", _ROW),
        Example("windows(x, 2, stride=2, dilation=2)", _ROW),
        Example("windows(x, (2, 2))", _ROWS),
        Example("windows(x, 2, axis=0)", _ROWS),
        Example("windows(x, (2, 3), stride=(1, 2), axis=(1, 0))", _ROWS),
    ),
    reference=sliding_plain.sliding,
)
def windows(x: Value, size: Shape, stride: Shape = 1, dilation: Shape = 1, axis: Axes = None) -> Value:
    """Sliding windows: all runs of neighbouring elements of a given size along one or several axes."""
    given = axis if isinstance(axis, tuple) else None if axis is None else (axis,)
    count = len(size) if isinstance(size, tuple) else len(given) if given else 1
    if given is None and count > x.rank:
        raise ShapeMismatch(f"windows of size {size} need {count} axes, and x is {describe(x.shape)}.")
    axes = tuple(range(x.rank - count, x.rank)) if given is None else tuple(normal_axis(a, x.rank) for a in given)
    if len(set(axes)) != len(axes) or len(axes) != count or not axes:
        raise ShapeMismatch(f"windows needs one size per axis, each axis once; size is {size} and axis is {axis}.")
    slide = Slide(
        "windows",
        one_per_axis("windows", "size", size, count),
        one_per_axis("windows", "stride", stride, count),
        one_per_axis("windows", "dilation", dilation, count),
        "valid",
    )
    slide.framed(tuple(x.shape[a] for a in axes))
    return sliding.windows(x, axes=axes, sizes=slide.sizes, strides=slide.strides, dilations=slide.dilations)


def _pooled(function: str, count: int, size: Shape, stride: Shape | None, padding: Padding) -> Slide:
    sizes = one_per_axis(function, "size", size, count)
    strides = sizes if stride is None else one_per_axis(function, "stride", stride, count)
    return Slide(function, sizes, strides, (1,) * count, padding)


def _counts(slide: Slide, lengths: Numbers, frame: list[tuple[int, int]]) -> list[Any]:
    """For each axis, how many real elements there are in the windows along it."""
    counts = []
    for n, size, stride, (before, after) in zip(lengths, slide.sizes, slide.strides, frame, strict=True):
        first = np.arange(positions(before + n + after, size, stride, 1)) * stride - before
        counts.append(np.minimum(first + size, n) - np.maximum(first, 0))
        if np.any(counts[-1] < 1):
            raise ShapeMismatch(
                f"{slide.function}: with padding {slide.padding!r}, a window of {slide.sizes} over {lengths} elements "
                "holds none of them.",
                hint='padding="same"',
            )
    return counts


def _max_pool(name: str, count: int, x: Value, size: Shape, stride: Shape | None, padding: Padding) -> Value:
    first = with_channels(name, x, count)
    slide = _pooled(name, count, size, stride, padding)
    frame = slide.framed(x.shape[first:-1])
    if x.type.dtype == "bool":
        x = cast(x, dtype="int")
    # Smaller than every number, so that it is never the largest.
    least = constant(-np.inf) if x.type.dtype == "real" else constant(-(2**63), "int")
    slid = slide.taken(x, first, frame, least if any(map(any, frame)) else None)
    _counts(slide, x.shape[first:-1], frame)
    return max_(slid, axes=tuple(range(x.rank, x.rank + count)))


def _mean_pool(name: str, count: int, x: Value, size: Shape, stride: Shape | None, padding: Padding) -> Value:
    first = with_channels(name, x, count)
    slide = _pooled(name, count, size, stride, padding)
    frame = slide.framed(x.shape[first:-1])
    total = sum_(slide.taken(as_real(x), first, frame), axes=tuple(range(x.rank, x.rank + count)))
    counts = _counts(slide, x.shape[first:-1], frame)
    number = counts[0]
    for more in counts[1:]:
        number = np.multiply.outer(number, more)
    same = bool(np.all(number == number.flat[0]))
    divisor = constant(float(number.flat[0]) if same else number[..., np.newaxis].astype(np.float64))
    return divide(total, divisor)


@function(
    GROUP,
    kink=TIES,
    note=_REAL_ONLY,
    examples=(
        Example("max_pool1d(x, 2)", _SERIES),
        Example("max_pool1d(x, 3, stride=2, padding='same')", _SERIES),
    ),
    reference=sliding_plain.pooling(1, np.max),
)
def max_pool1d(x: Value, size: Shape, stride: Shape | None = None, padding: Padding = "valid") -> Value:
    """The largest element of every window along the last axis but one, channel by channel."""
    return _max_pool("max_pool1d", 1, x, size, stride, padding)


@function(
    GROUP,
    kink=TIES,
    note=_REAL_ONLY,
    examples=(
        Example("max_pool2d(x, 2, stride=1)", _IMAGE),
        Example("max_pool2d(x, (2, 3), padding='same')", _IMAGE),
        Example("max_pool2d(x, 2, padding=((0, 1), (1, 0)))", _IMAGE),
    ),
    reference=sliding_plain.pooling(2, np.max),
)
def max_pool2d(x: Value, size: Shape, stride: Shape | None = None, padding: Padding = "valid") -> Value:
    """The largest element of every window of height and width, channel by channel."""
    return _max_pool("max_pool2d", 2, x, size, stride, padding)


@function(
    GROUP,
    aliases=("avg_pool1d",),
    note=_REAL_ONLY,
    examples=(Example("mean_pool1d(x, 2)", _SERIES), Example("mean_pool1d(x, 3, stride=2, padding='same')", _SERIES)),
    reference=sliding_plain.pooling(1, np.mean),
)
def mean_pool1d(x: Value, size: Shape, stride: Shape | None = None, padding: Padding = "valid") -> Value:
    """The mean of every window along the last axis but one, channel by channel."""
    return _mean_pool("mean_pool1d", 1, x, size, stride, padding)


@function(
    GROUP,
    aliases=("avg_pool2d",),
    note=_REAL_ONLY,
    examples=(
        Example("mean_pool2d(x, 2, stride=1)", _IMAGE),
        Example("mean_pool2d(x, (2, 3), padding='same')", _IMAGE),
        Example("mean_pool2d(x, 2, padding=1)", _IMAGE),
    ),
    reference=sliding_plain.pooling(2, np.mean),
)
def mean_pool2d(x: Value, size: Shape, stride: Shape | None = None, padding: Padding = "valid") -> Value:
    """The mean of every window of height and width, channel by channel."""
    return _mean_pool("mean_pool2d", 2, x, size, stride, padding)
