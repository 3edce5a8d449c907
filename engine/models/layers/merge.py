"""Layers that make one array of several."""

from __future__ import annotations

from typing import Any

from engine.models.fields import Field, Options, Wrong
from engine.models.layer import Call, Layer, Signals
from engine.models.signal import Misfit, Signal, require_real

_SEVERAL = (2, 1000)


def _one_shape(options: Options, signals: Signals) -> Signal:
    for signal in signals:
        require_real(signal)
    if len({signal.shape for signal in signals}) > 1:
        raise Misfit(f"expects inputs of one shape, gets {_shapes(signals)}")
    return signals[0]


def _shapes(signals: Signals) -> str:
    return ", ".join(str(signal.shape) for signal in signals)


ADD = Layer(
    "add",
    "The sum of several layers: a residual connection, where one of them is the input of the others.",
    _one_shape,
    lambda call: call.result(" + ".join(call.inputs)),
    inputs=_SEVERAL,
    formula="x1 + x2 + ...",
    shapes="(...), (...), ... → (...)",
    conventions="As in Keras, where shapes may also broadcast; here all are the same.",
    aliases=("residual",),
)

MULTIPLY = Layer(
    "multiply",
    "The product of several layers, number by number: a gate.",
    _one_shape,
    lambda call: call.result("*".join(call.inputs)),
    inputs=_SEVERAL,
    formula="x1*x2*...",
    shapes="(...), (...), ... → (...)",
    conventions="As in Keras, where shapes may also broadcast; here all are the same.",
)


def _axis(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -8 <= value < 8:
        raise Wrong("This has to be the number of an axis: -1 is the last, 0 the first of one example.")
    return value


def _joined(options: Options, signals: Signals) -> Signal:
    first, axis = signals[0], options["axis"]
    if not -first.rank <= axis < first.rank:
        raise Misfit(f"has no axis {axis} to join along, gets {_shapes(signals)}")
    along = axis % first.rank
    beside = {signal.shape[:along] + signal.shape[along + 1 :] for signal in signals}
    if len(beside) > 1 or len({signal.rank for signal in signals}) > 1:
        raise Misfit(f"expects inputs that differ along axis {axis} alone, gets {_shapes(signals)}")
    if len({signal.dtype for signal in signals}) > 1:
        raise Misfit("expects inputs of one kind, gets real numbers and integers")
    length = sum(signal.shape[along] for signal in signals)
    return Signal((*first.shape[:along], length, *first.shape[along + 1 :]), first.dtype)


def _concatenate(call: Call) -> None:
    axis = call.options["axis"]
    # An axis of one example, counted from the last, is the same one in arrays with the axis over examples.
    last = axis if axis < 0 else axis - call.signals[0].rank
    call.result(f"concatenate([{', '.join(call.inputs)}], axis={last})")


CONCATENATE = Layer(
    "concatenate",
    "Several layers side by side, along an axis.",
    _joined,
    _concatenate,
    (Field("axis", _axis, -1, "which axis: -1 is the last, 0 the first of one example."),),
    inputs=_SEVERAL,
    formula="concatenate([x1, x2, ...], axis)",
    shapes="(..., a), (..., b), ... → (..., a + b + ...)",
    conventions="Axes are those of one example; Keras and PyTorch also count the one over examples, so that their axis "
    "1 is 0 here.",
)
