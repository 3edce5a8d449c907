"""A layer that is an expression of the language, with parameters of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError, Fault
from engine.graph.types import Shape
from engine.limits import Limits
from engine.models.expressions import Expression, checked, embedded
from engine.models.fields import REQUIRED, Field, Options, Wrong, below, shape
from engine.models.layer import Call, Layer, Signals
from engine.models.names import WHY, is_name
from engine.models.signal import Misfit, Signal
from engine.models.weights import Chosen, Weight, weight_field
from engine.optimise.options import escaped

_MOST_NAME = 40
_MOST_PARAMETERS = 100
_INPUTS = re.compile(r"x[0-9]*")


@dataclass(frozen=True, slots=True)
class _Own:
    """A parameter: its shape, and the rest of what was said about it."""

    shape: Shape
    chosen: Chosen


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong('This has to be an expression, as "a*x^2 + b".')
    return value


def _parameter(name: str, value: Any) -> _Own:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = {"init": {"name": "constant", "value": value}}
    if not isinstance(value, dict):
        raise Wrong('This has to be an object, as {"shape": [3], "init": "zeros"}, or the number it begins with.')
    rest = {key: part for key, part in value.items() if key != "shape"}
    faults: list[Fault] = []
    sizes: Shape = ()
    try:
        sizes = shape(value.get("shape") or [])
    except Wrong as wrong:
        faults += below("/shape", wrong.faults)
    try:
        chosen = weight_field(name, "ones", "").read(rest)
    except Wrong as wrong:
        faults += wrong.faults
    if faults:
        raise Wrong.all_of(faults)
    return _Own(sizes, chosen)


def _parameters(value: Any) -> Mapping[str, _Own]:
    if not isinstance(value, dict) or len(value) > _MOST_PARAMETERS:
        raise Wrong(f"This has to be an object with at most {_MOST_PARAMETERS} parameters by name.")
    found: dict[str, _Own] = {}
    faults: list[Fault] = []
    for name, part in value.items():
        place = f"/{escaped(name)}"
        if not is_name(name, _MOST_NAME):
            faults.append(Fault(place, f"A name of a parameter has {WHY}."))
        elif _INPUTS.fullmatch(name):
            faults.append(Fault(place, f"`{name}` is what an input is called."))
        else:
            try:
                found[name] = _parameter(name, part)
            except Wrong as wrong:
                faults += below(place, wrong.faults)
    if faults:
        raise Wrong.all_of(faults)
    return found


def _names(signals: Signals) -> dict[str, Signal]:
    """The inputs as the expression calls them: x is the first, and x1, x2, ... are all."""
    return {"x": signals[0], **{f"x{k}": signal for k, signal in enumerate(signals, 1)}}


def _output(options: Options, signals: Signals) -> Signal:
    given = _names(signals)
    own = {name: parameter.shape for name, parameter in options["parameters"].items()}
    try:
        found: Expression = checked(options["expr"], given, own, Limits())
        signal = found.signal()
    except EngineError as error:
        raise Misfit(error.detail, error.hint or "", at="expr") from None
    for name in sorted(found.integer & set(given)):
        if given[name].dtype != "int":
            raise Misfit(f"`{name}` is used as an integer, and is real.", at="expr")
    if signal.dtype == "bool":
        raise Misfit("This gives true or false.", "where(condition, 1.0, 0.0) gives numbers", at="expr")
    return signal


def _weights(options: Options, signals: Signals) -> tuple[Weight, ...]:
    return tuple(
        Weight(name, parameter.shape, parameter.chosen, place=f"parameters/{name}")
        for name, parameter in options["parameters"].items()
    )


def _lower(call: Call) -> None:
    names = ["x"] if len(call.inputs) == 1 and "x1" not in call.options["expr"] else list(_names(call.signals))
    own = list(call.options["parameters"])
    given = [call.x, *call.inputs][: len(names)] + [call.weights[name] for name in own]
    call.helpers.append(embedded(call.local("of"), (*names, *own), call.options["expr"]))
    call.result(f"{call.local('of')}({', '.join(given)})")


EXPR = Layer(
    "expr",
    "An expression of the language.",
    _output,
    _lower,
    (
        Field(
            "expr",
            _text,
            REQUIRED,
            "the expression of `x`, which is the first input, or of `x1`, `x2`, ..., which "
            "are all, and of the parameters.",
        ),
        Field(
            "parameters",
            _parameters,
            {},
            "by name: an object with `shape` and what can be said about any array, "
            "`init` and the like; or the number that it begins with.",
        ),
    ),
    _weights,
    inputs=(1, 1000),
    formula="what the expression says",
    shapes="what comes of the expression",
    conventions="As in Keras's Lambda, the first axis of inputs is that over examples, and has to stay: reduce over "
    "axes from 1 on, as in mean(x, axis=-1), or examples are mixed. A parameter has shape () and begins as 1 unless "
    "something else is said. A text is an expression by itself, whatever is made of it.",
)
