"""Convolution and pooling as nodes of ONNX, which has the channels second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.models.exchange.activations import activated
from engine.models.exchange.sheet import Emission
from engine.primitives.functions_windows import Slide

Emit = Callable[[Emission], str]


def _pads(e: Emission, name: str, strides: Sequence[int], axes: int) -> list[int]:
    """What is added before, along every axis, then what is added after."""
    options, lengths = e.options, e.placed.signals[0].shape[:axes]
    dilations = options.get("dilation", (1,) * axes)
    slide = Slide(name, options["size"], tuple(strides), dilations, options["padding"])
    frame = slide.framed(lengths, axes == 1 and name.startswith("conv"))
    return [before for before, _ in frame] + [after for _, after in frame]


def _first(e: Emission, axes: int) -> str:
    return e.node("Transpose", e.x, part="first", perm=[0, axes + 1, *range(1, axes + 1)])


def _last(e: Emission, made: str, axes: int) -> str:
    return e.node("Transpose", made, part="last", perm=[0, *range(2, axes + 2), 1])


def convolution(axes: int) -> Emit:
    """The emitter of a convolution along so many axes."""

    def emit(e: Emission) -> str:
        options = e.options
        kernel = e.weight("kernel", np.transpose(e.arrays["kernel"], (axes + 1, axes, *range(axes))))
        made = e.node(
            "Conv",
            _first(e, axes),
            kernel,
            *([e.weight("bias")] if "bias" in e.arrays else []),
            kernel_shape=list(options["size"]),
            strides=list(options["stride"]),
            dilations=list(options["dilation"]),
            pads=_pads(e, f"conv{axes}d", options["stride"], axes),
            group=options["groups"],
        )
        return activated(e, _last(e, made, axes), options["activation"])

    return emit


def pooling(kind: str, axes: int) -> Emit:
    """The emitter of a pooling by the largest number, or the mean, along so many axes."""

    def emit(e: Emission) -> str:
        size = e.options["size"]
        stride = size if e.options["stride"] is None else e.options["stride"]
        shared: dict[str, Any] = {
            "kernel_shape": list(size),
            "strides": list(stride),
            "pads": _pads(e, f"{kind}_pool{axes}d", stride, axes),
        }
        x = _first(e, axes)
        if kind == "max":
            return _last(e, e.node("MaxPool", x, **shared), axes)
        return _last(e, e.node("AveragePool", x, count_include_pad=0, **shared), axes)

    return emit


def overall(op: str) -> Emit:
    """The emitter of a reduction over everything but the channels."""
    return lambda e: e.node(op, e.x, axes=list(range(1, e.placed.signals[0].rank)), keepdims=0)
