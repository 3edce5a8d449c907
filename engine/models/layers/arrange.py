"""Layers that only give another shape to what they take."""

from __future__ import annotations

from math import prod
from typing import Any

from engine.graph.types import Shape
from engine.models.fields import REQUIRED, Field, Options, Wrong, shape
from engine.models.layer import Call, Layer, Signals
from engine.models.signal import Misfit, Signal


def sizes(call: Call) -> str:
    """The text of the shape of the output, with the axis over examples."""
    return f"({', '.join(map(str, (call.examples, *call.output.shape)))},)"


def _reshaped(call: Call) -> None:
    call.result(f"reshape({call.x}, {sizes(call)})")


FLATTEN = Layer(
    "flatten",
    "All numbers of an example in one row.",
    lambda options, signals: Signal((prod(signals[0].shape),), signals[0].dtype),
    _reshaped,
    formula="reshape(x), the last axis running fastest",
    shapes="(a, b, ...) → (a·b·...)",
    conventions="As in Keras and PyTorch; the channels are last, so that what comes out of convolutions stands in the "
    "order of Keras, which is another one than PyTorch's.",
)


def _wanted(value: Any) -> Shape:
    """Sizes, at most one of which is left open as -1."""
    if not isinstance(value, list) or value.count(-1) > 1:
        raise Wrong("This has to be a list of sizes, as [28, 28, 1]; one of them may be -1.")
    found = shape([1 if size == -1 else size for size in value])
    return tuple(-1 if given == -1 else size for given, size in zip(value, found, strict=True))


def _reshape_output(options: Options, signals: Signals) -> Signal:
    (x,) = signals
    wanted: Shape = options["shape"]
    given, known = prod(x.shape), prod(size for size in wanted if size != -1)
    if -1 in wanted and known and given % known == 0:
        wanted = tuple(given // known if size == -1 else size for size in wanted)
    if prod(wanted) != given or -1 in wanted:
        raise Misfit(f"cannot give the shape {list(options['shape'])} to {given:,} numbers: gets {x.shape}")
    return Signal(wanted, x.dtype)


RESHAPE = Layer(
    "reshape",
    "The numbers of an example in another shape.",
    _reshape_output,
    _reshaped,
    (Field("shape", _wanted, REQUIRED, "the shape of one example; one size may be -1, which is what is left."),),
    formula="reshape(x, shape), the last axis running fastest",
    shapes="(...) → shape",
    conventions="As in Keras, the axis over examples is not a part of `shape`.",
)
