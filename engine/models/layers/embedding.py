"""Vectors for the numbers of things: words, classes."""

from __future__ import annotations

from engine.models.fields import REQUIRED, Field, Options, count
from engine.models.layer import Call, Layer, Signals
from engine.models.signal import Misfit, Signal
from engine.models.weights import Weight, weight_field


def _output(options: Options, signals: Signals) -> Signal:
    (x,) = signals
    if x.dtype != "int":
        hint = 'give the input integers: {"shape": [...], "dtype": "int"}'
        raise Misfit(f"expects integers, gets real numbers {x.shape}", hint)
    return Signal((*x.shape, options["units"]))


def _weights(options: Options, signals: Signals) -> tuple[Weight, ...]:
    return (Weight("table", (options["size"], options["units"]), options["table"]),)


def _lower(call: Call) -> None:
    size = call.options["size"]
    # Without this, -1 would be the last row.
    call.line(f'assert all(0 <= {call.x} and {call.x} < {size}), "{call.name} takes integers from 0 to {size - 1}"')
    call.result(f"{call.weights['table']}[{call.x}]")


EMBEDDING = Layer(
    "embedding",
    "A row of a table for every integer.",
    _output,
    _lower,
    (
        Field("size", count(), REQUIRED, "the number of rows: the integers are from 0 to `size` - 1."),
        Field("units", count(), REQUIRED, "the length of a row."),
        weight_field("table", "uniform", "the rows (size, units)."),
    ),
    _weights,
    formula="table[x]",
    shapes="(...) of integers → (..., units)",
    conventions="The table begins uniform between -0.05 and 0.05 as in Keras; PyTorch's begins normal with standard "
    'deviation 1: `{"init": {"name": "normal", "std": 1}}`. An integer that is out of range, or negative, is refused.',
)
