"""The arrays of a layer: what they begin as, what holds them, and what they cost the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.types import Array, Shape
from engine.models.fields import Field, Named, Wrong, flag, maybe, named, number, read_fields
from engine.models.initialisers import INITIALISERS, Fans

_initialiser = named("an initialiser", {name: record.fields for name, record in INITIALISERS.items()})
_FINITE = 1e150


@dataclass(frozen=True, slots=True)
class Constraint:
    """Values that are held in a set by a transform of free numbers: `text` writes it, `inverse` undoes it.

    `inverse` gives NaN for what is not in the set.
    """

    name: str
    fields: tuple[Field, ...]
    doc: str

    def text(self, free: str, options: Mapping[str, Any]) -> str:
        """The program text of the values that the free numbers `free` stand for."""
        if self.name == "positive":
            return f"softplus({free})"
        if self.name == "simplex":
            return f"softmax({free}, axis=-1)"
        return f"{options['low']!r} + {_span(options)!r}*sigmoid({free})"

    def values(self, free: Array, options: Mapping[str, Any]) -> Array:
        """The same as numbers."""
        with np.errstate(all="ignore"):
            if self.name == "positive":
                return np.asarray(np.logaddexp(free, 0.0))
            if self.name == "simplex":
                shifted = np.exp(free - np.max(free, axis=-1, keepdims=True))
                return np.asarray(shifted / np.sum(shifted, axis=-1, keepdims=True))
            return np.asarray(options["low"] + _span(options) / (1.0 + np.exp(-free)))

    def inverse(self, values: Array, options: Mapping[str, Any]) -> Array:
        """Free numbers that stand for these values."""
        with np.errstate(all="ignore"):
            if self.name == "positive":
                return np.asarray(values + np.log(-np.expm1(-values)))
            if self.name == "simplex":
                shares = values / np.max(values, axis=-1, keepdims=True)
                return np.asarray(np.log(shares / np.sum(shares, axis=-1, keepdims=True)))
            part = (values - options["low"]) / _span(options)
            return np.asarray(np.log(part) - np.log1p(-part))


def _span(options: Mapping[str, Any]) -> float:
    """The largest number that does not lead beyond the upper end when it is added to the lower, rounding included."""
    low, high = options["low"], options["high"]
    span: float = high - low
    while low + span > high:
        span = math.nextafter(span, 0.0)
    return span


CONSTRAINTS: Mapping[str, Constraint] = {
    record.name: record
    for record in (
        Constraint("positive", (), "above 0: softplus of free numbers"),
        Constraint(
            "bounded",
            (
                Field("low", number(-_FINITE, _FINITE), 0.0, "the lower end."),
                Field("high", number(-_FINITE, _FINITE), 1.0, "the upper end."),
            ),
            "between `low` and `high`: a scaled sigmoid of free numbers",
        ),
        Constraint("simplex", (), "positive with sum 1 along the last axis: softmax of free numbers"),
    )
}
"""All constraints by name."""
_read_constraint = named("a constraint", {name: record.fields for name, record in CONSTRAINTS.items()})


def _constraint(value: Any) -> Named:
    found: Named = _read_constraint(value)
    if found.name == "bounded" and not found.options["low"] < found.options["high"]:
        raise Wrong("`low` has to be below `high`.", "low")
    return found


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a definition says about one array of a layer.

    `l1` and `l2` are factors of sum(|w|) and sum(w^2), which are added to the loss, as in Keras.
    """

    init: Named
    l1: float = 0.0
    l2: float = 0.0
    constraint: Named | None = None
    trainable: bool = True


FIELDS = (
    Field("init", _initialiser, None, "the initialiser."),
    Field("l1", number(0.0), 0.0, "a factor of sum(abs(w)), added to the loss."),
    Field("l2", number(0.0), 0.0, "a factor of sum(w^2), added to the loss."),
    Field("constraint", maybe(_constraint), None, "what the values are held to."),
    Field("trainable", flag, True, "whether training changes it."),
)
"""What can be said about any array."""


def weight_field(role: str, init: Any, doc: str, optional: bool = False) -> Field:
    """The option for one array: an initialiser, or an object; `false` leaves it out where it is `optional`."""

    def read(value: Any) -> Chosen | None:
        if optional and value is False:
            return None
        if value is True:
            value = {}
        if isinstance(value, str) or (isinstance(value, dict) and "name" in value):
            value = {"init": value}
        if not isinstance(value, dict):
            what = "the name of an initialiser, an object with `init`, `l1`, `l2`, `constraint`, `trainable`"
            raise Wrong(f"This has to be {what}{', or false' if optional else ''}.")
        given = {name: part for name, part in value.items() if part is not None}
        options, faults = read_fields(role, FIELDS, {"init": init, **given})
        if faults:
            raise Wrong.all_of(faults)
        return Chosen(**options)

    return Field(role, read, True, doc)


@dataclass(frozen=True, slots=True)
class Weight:
    """One array of a layer: its `role` there, its shape, and what was chosen for it.

    `fans` are those of its initialiser, where they do not follow from the shape.  A `state` is not trained by gradients
    but kept by the layer: statistics.  `place` is the pointer to what says all that, within the layer, where it is not
    its role.  From the first to the second of `ones` along the last axis, it begins as 1 instead.
    """

    role: str
    shape: Shape
    chosen: Chosen
    fans: Fans | None = None
    state: bool = False
    place: str = ""
    ones: tuple[int, int] | None = None


def state(role: str, shape: Shape, value: float) -> Weight:
    """A state that begins with the same number everywhere."""
    return Weight(role, shape, Chosen(Named("constant", {"value": value}), trainable=False), state=True)
