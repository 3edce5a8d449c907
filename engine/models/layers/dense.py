"""Fully connected layers, and activations on their own."""

from __future__ import annotations

from engine.models.activations import activation, applied
from engine.models.fields import REQUIRED, Field, Options, count
from engine.models.layer import Call, Layer, Signals
from engine.models.signal import Misfit, Signal, require_real
from engine.models.weights import Weight, weight_field

ACTIVATION = Field("activation", activation, None, "a function of what comes out: a name, or an object with options.")
BIAS = weight_field("bias", "zeros", "the numbers that are added; `false` for none.", optional=True)


def _dense_output(options: Options, signals: Signals) -> Signal:
    (x,) = signals
    require_real(x)
    if not x.rank:
        raise Misfit("expects at least one axis of features, gets one number", "give the input the shape [1]")
    return Signal((*x.shape[:-1], options["units"]))


def _dense_weights(options: Options, signals: Signals) -> tuple[Weight, ...]:
    units = options["units"]
    found = [Weight("kernel", (signals[0].shape[-1], units), options["kernel"])]
    if options["bias"] is not None:
        found.append(Weight("bias", (units,), options["bias"]))
    return tuple(found)


def with_bias(call: Call, text: str) -> str:
    """The text with the bias of the layer added, where it has one."""
    return f"{text} + {call.weights['bias']}" if "bias" in call.weights else text


def _dense(call: Call) -> None:
    call.result(applied(call.options["activation"], with_bias(call, f"{call.x} @ {call.weights['kernel']}")))


DENSE = Layer(
    "dense",
    "Every output is a weighted sum of all inputs along the last axis.",
    _dense_output,
    _dense,
    (
        Field("units", count(), REQUIRED, "the number of outputs."),
        ACTIVATION,
        weight_field("kernel", "glorot_uniform", "the weights (inputs, units)."),
        BIAS,
    ),
    _dense_weights,
    formula="activation(x @ kernel + bias)",
    shapes="(..., inputs) → (..., units)",
    conventions="As in Keras, the kernel has shape (inputs, units); PyTorch's weight is its transpose, and begins as "
    "he_uniform with gain sqrt(1/6), its bias likewise, where this one begins as Glorot's and 0.",
    aliases=("linear",),
)

ACTIVATE = Layer(
    "activation",
    "A function, applied on its own.",
    lambda options, signals: _same(signals),
    lambda call: call.result(applied(call.options["function"], call.x)),
    (Field("function", activation, REQUIRED, "the name of an activation, or an object with options."),),
    formula="function(x)",
    shapes="(...) → (...)",
)


def _same(signals: Signals) -> Signal:
    require_real(signals[0])
    return signals[0]
