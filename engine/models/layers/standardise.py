"""Inputs are given mean 0 and standard deviation 1."""

from __future__ import annotations

from engine.models.fields import Options
from engine.models.layer import Call, Layer, Signals
from engine.models.signal import Signal, require_real
from engine.models.weights import state


def _output(options: Options, signals: Signals) -> Signal:
    require_real(signals[0])
    return signals[0]


def _lower(call: Call) -> None:
    call.result(f"({call.x} - {call.weights['mean']})/{call.weights['scale']}")


STANDARDISE = Layer(
    "standardise",
    "Every component of the input is given mean 0 and standard deviation 1, as it has them in the training data.",
    _output,
    _lower,
    (),
    lambda options, signals: tuple(
        state(role, signals[0].shape[-1:], value) for role, value in (("mean", 0.0), ("scale", 1.0))
    ),
    on_input=True,
    formula="(x - mean)/scale",
    shapes="(..., n) → (..., n)",
    conventions="mean and scale are those of the training data, over all axes but the last, found before the first "
    "step; scale is the standard deviation, divided by n as in Keras's Normalization and scikit-learn's "
    "StandardScaler, and 1 for a component that is the same everywhere. PyTorch has no such layer.",
    aliases=("standardize", "normalization"),
)
