"""Dropout."""

from __future__ import annotations

from engine.models.fields import Field, Options, number
from engine.models.layer import Call, Layer, Signals
from engine.models.signal import Signal, require_real


def _output(options: Options, signals: Signals) -> Signal:
    require_real(signals[0])
    return signals[0]


def _lower(call: Call) -> None:
    kept = 1.0 - call.options["rate"]
    if not call.training or kept == 1.0:
        call.result(call.x)
        return
    call.result(f"{call.x}*(random.bernoulli({call.seed}, {kept!r}, shape({call.x}))/{kept!r})")


DROPOUT = Layer(
    "dropout",
    "In training, some numbers become 0 and the rest larger.",
    _output,
    _lower,
    (Field("rate", number(0.0, 1.0, below=True), 0.5, "the probability with which a number becomes 0."),),
    formula="x*m/(1 - rate), m is 1 with probability 1 - rate, else 0 (Srivastava et al. 2014); in inference x",
    shapes="(...) → (...)",
    conventions="As in Keras and PyTorch. Which numbers are dropped is a function of the seed, of the place of the "
    "layer among those that draw, and of the place of the number: the same on every machine.",
    random=True,
)
