"""Functions that change what sort of number something is, or what its derivative is, and not what it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import LimitExceeded, TypeMismatch
from engine.graph.primitive import Kink, Primitive
from engine.graph.registry import register
from engine.graph.types import Type
from engine.graph.values import Value
from engine.primitives.arithmetic import cast
from engine.primitives.function import Example, function
from engine.primitives.functions_reduce import as_real
from engine.primitives.kinks import trunc
from engine.primitives.record import elementwise

LARGEST = 2.0**62


def _checked(x: float) -> None:
    if x != x:
        raise TypeMismatch("int of NaN: it is no number.", hint="where(isnan(x), 0, x)")
    if not abs(x) <= LARGEST:
        raise LimitExceeded(f"int of {x:.3g}: it does not fit into 64 bits.", hint="floor(x) is a real number")


def _truncated(x: Any) -> Any:
    size = np.abs(x)
    if not np.all(size <= LARGEST):
        worst = np.asarray(x)[~np.asarray(size <= LARGEST)]
        _checked(float(worst.flat[0]))
    return np.asarray(x).astype(np.int64)[()]


def _truncated_precise(mp: Any, x: Any) -> Any:
    _checked(float(x))
    return mp.mpf(int(x))


_TRUNC_KINK = trunc.kink
assert _TRUNC_KINK is not None
# Real numbers as integers; no derivative passes through.
truncated: Primitive = register(
    Primitive(
        name="truncated",
        infer=lambda x: (Type("int", x.shape),),
        value=_truncated,
        vjp=lambda node, cotangents, wanted: [None],
        batch=lambda node, inputs, batched, size: [truncated(inputs[0])],
        precise=_truncated_precise,
        kink=Kink(_TRUNC_KINK.at, _TRUNC_KINK.convention, jump=True),
        kind="elementwise",
        cost=lambda node: node.outputs[0].type.size * 3.0,
        fields={"numbers": "real", "partials": (0.0,), "points": None, "arity": 1},
    )
)

# `overrides`: the derivative is what this says, whatever differences of the function say.
_stop_gradient = elementwise(
    "stop_gradient",
    np.positive,
    (0.0,),
    precise=lambda mp, x: x,
    symbolic=lambda sp, x: x,
    overrides=True,
    nanoseconds=0.6,
    public=False,
)


@function(
    "choice",
    differentiable=False,
    note="By definition: x itself may vary, and witnesses that differentiate by differences see that it does.",
    examples=(
        Example("stop_gradient(x)", {"x": 3.0}, smooth=False, grad={"x": 0.0}),
        Example("stop_gradient(x)", {"x": [1.5, -2.0]}, smooth=False),
    ),
    reference=np.positive,
)
def stop_gradient(x: Value) -> Value:
    """x, taken for a constant when differentiated."""
    return _stop_gradient(x) if x.type.dtype == "real" else x


@function(
    "rounding",
    name="float",
    examples=(Example("float(c)", {"c": [True, False]}), Example("float(7)"), Example("float(x)", {"x": 2.5})),
    reference=lambda x: np.asarray(x, dtype=np.float64),
)
def to_real(x: Value) -> Value:
    """x as real numbers: truth values as 0 and 1."""
    return as_real(x)


@function(
    "rounding",
    name="int",
    differentiable=False,
    domain="|x| <= 2^62",
    kink="derivative 0, also at the jumps at the integers other than 0",
    note="As an integer it can be an index; trunc(x) stays real. NaN and what does not fit into 64 bits are refused.",
    examples=(
        Example("int(x)", {"x": [2.75, -2.75, 0.5]}, smooth=False),
        Example("int(c)", {"c": [True, False]}),
        Example("int(7.0)"),
    ),
    reference=lambda x: np.asarray(x).astype(np.int64),
)
def to_integer(x: Value) -> Value:
    """x without its fractional part, as integers; truth values as 0 and 1."""
    return truncated(x) if x.type.dtype == "real" else cast(x, dtype="int")
