"""The functions that a layer may apply to what it has computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.models.fields import Field, Named, Wrong, named, number

_ELEMENTWISE = ("tanh", "relu", "sigmoid", "gelu", "selu", "silu", "softplus", "softsign", "log_sigmoid", "exp", "sin")
_ALONG = ("softmax", "log_softmax")
_SLOPES: Mapping[str, tuple[Field, ...]] = {
    "leaky_relu": (Field("slope", number(), 0.01, "the slope below 0."),),
    "elu": (Field("alpha", number(0.0, above=True), 1.0, "how far it goes below 0."),),
}
ACTIVATIONS: Mapping[str, tuple[Field, ...]] = {
    "linear": (),
    **dict.fromkeys((*_ELEMENTWISE, *_ALONG), ()),
    **_SLOPES,
}
"""All activations by name, with their options."""
_read = named("an activation", ACTIVATIONS)


def activation(value: Any) -> Named:
    """Reads an activation; null is `linear`."""
    found = _read("linear" if value is None else value)
    if not isinstance(found, Named):
        raise Wrong("This has to be the name of an activation.")
    return found


def applied(chosen: Named, text: str) -> str:
    """The text of an activation of the value of `text`, along the last axis where it has one."""
    if chosen.name == "linear":
        return text
    if chosen.name in _ALONG:
        return f"{chosen.name}({text}, axis=-1)"
    if chosen.name in _SLOPES:
        return f"{chosen.name}({text}, {next(iter(chosen.options.values()))!r})"
    return f"{chosen.name}({text})"
