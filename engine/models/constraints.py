"""Sets that values are held in, by transforms of free numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.models.fields import Field, Named, Options, Wrong, named, number
from engine.models.initialisers import FINITE


@dataclass(frozen=True, slots=True)
class Constraint:
    """One set of values.

    `text` is the program text of the values that the free numbers of a text stand for, `values` the same as numbers,
    float64 of the same shape; `inverse` gives free numbers for values, and NaN or infinity for what is not in the set.
    """

    name: str
    text: Callable[[str, Options], str]
    values: Callable[[Array, Options], Array]
    inverse: Callable[[Array, Options], Array]
    fields: tuple[Field, ...] = ()
    doc: str = ""


@np.errstate(all="ignore")
def _softplus(free: Array, options: Options) -> Array:
    return np.asarray(np.logaddexp(free, 0.0))


@np.errstate(all="ignore")
def _softplus_inverse(values: Array, options: Options) -> Array:
    return np.asarray(values + np.log(-np.expm1(-values)))


@np.errstate(all="ignore")
def _softmax(free: Array, options: Options) -> Array:
    shifted = np.exp(free - np.max(free, axis=-1, keepdims=True))
    return np.asarray(shifted / np.sum(shifted, axis=-1, keepdims=True))


@np.errstate(all="ignore")
def _softmax_inverse(values: Array, options: Options) -> Array:
    shares = values / np.max(values, axis=-1, keepdims=True)
    return np.asarray(np.log(shares / np.sum(shares, axis=-1, keepdims=True)))


def _span(options: Options) -> float:
    """The largest number that does not lead beyond the upper end when it is added to the lower, rounding included."""
    low, high = options["low"], options["high"]
    span: float = high - low
    while low + span > high:
        span = math.nextafter(span, 0.0)
    return span


@np.errstate(all="ignore")
def _scaled(free: Array, options: Options) -> Array:
    return np.asarray(options["low"] + _span(options) / (1.0 + np.exp(-free)))


@np.errstate(all="ignore")
def _scaled_inverse(values: Array, options: Options) -> Array:
    part = (values - options["low"]) / _span(options)
    return np.asarray(np.log(part) - np.log1p(-part))


CONSTRAINTS: Mapping[str, Constraint] = {
    record.name: record
    for record in (
        Constraint(
            "positive",
            lambda free, options: f"softplus({free})",
            _softplus,
            _softplus_inverse,
            doc="above 0: softplus of free numbers",
        ),
        Constraint(
            "bounded",
            lambda free, options: f"{options['low']!r} + {_span(options)!r}*sigmoid({free})",
            _scaled,
            _scaled_inverse,
            (
                Field("low", number(-FINITE, FINITE), 0.0, "the lower end."),
                Field("high", number(-FINITE, FINITE), 1.0, "the upper end."),
            ),
            "between `low` and `high`: a scaled sigmoid of free numbers",
        ),
        Constraint(
            "simplex",
            lambda free, options: f"softmax({free}, axis=-1)",
            _softmax,
            _softmax_inverse,
            doc="positive with sum 1 along the last axis: softmax of free numbers",
        ),
    )
}
"""All constraints by name."""
_read = named("a constraint", {name: record.fields for name, record in CONSTRAINTS.items()})


def constraint(value: Any) -> Named:
    """Reads a constraint.  Raises `Wrong`."""
    found: Named = _read(value)
    if found.name == "bounded" and not found.options["low"] < found.options["high"]:
        raise Wrong("`low` has to be below `high`.", "low")
    return found
